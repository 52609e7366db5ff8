"""CPU of recognition with shorter inputs and beams only where needed, against faster-whisper's own batches.

    python benchmarks/recognition.py [FOLDER]

The same windows of every channel in FOLDER are recognised both ways, twice each and in turn, with the same
weights, beam size and number of threads (set OMP_NUM_THREADS). Counted are CPU seconds and the words in which
both differ.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import jiwer
from _line import SAMPLES, channels_of, write_result
from faster_whisper import BatchedInferencePipeline
from whisper_normalizer.english import EnglishTextNormalizer

from pipeline.audio.decode import read_audio
from pipeline.audio.search import find_audio
from pipeline.settings import Settings
from pipeline.speech.transcribe import FasterWhisper
from pipeline.weights.voice_activity import load_voice_model
from pipeline.weights.whisper import find_whisper, load_whisper

NORMAL = EnglishTextNormalizer()


def main(folder: Path) -> None:
    """Recognise every call of `folder` both ways."""
    settings = Settings()
    model, voice = load_whisper(find_whisper(settings.asr), settings.asr), load_voice_model()
    ours, usual = FasterWhisper(model, settings.asr), FasterWhisper(model, settings.asr)
    usual._batched = BatchedInferencePipeline(model)  # type: ignore[assignment] # noqa: SLF001
    sums = {"words": 0, "different": 0}
    cpu_s = {"ours": 0.0, "usual": 0.0}
    for path in find_audio([folder]):
        channels = channels_of(read_audio(path, settings.audio).samples, voice, settings)
        heard = {}
        for name, recogniser in (("ours", ours), ("usual", usual), ("usual", usual), ("ours", ours)):
            start = time.process_time()
            with patch("pipeline.speech.thrifty.alike", _all) if name == "usual" else nullcontext():
                heard[name] = [" ".join(w.text for w in one.words) for one in recogniser(channels)]
            cpu_s[name] += time.process_time() - start
        for a, b in zip(heard["usual"], heard["ours"], strict=True):
            words = jiwer.process_words(NORMAL(a) or "-", NORMAL(b) or "-")
            sums["words"] += words.hits + words.substitutions + words.deletions
            sums["different"] += words.substitutions + words.deletions + words.insertions
        print(path.name, sums, {name: round(value, 1) for name, value in cpu_s.items()})
    figures: dict[str, Any] = {
        **sums,
        "cpu_s_usual": round(cpu_s["usual"] / 2, 1),
        "cpu_s_ours": round(cpu_s["ours"] / 2, 1),
        "ours_over_usual": round(cpu_s["ours"] / cpu_s["usual"], 3),
    }
    print(figures)
    print(write_result("recognition", figures, settings))


def _all(durations_s: Sequence[float]) -> list[list[int]]:
    """All windows together, as before."""
    return [list(range(len(durations_s)))] if durations_s else []


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLES)
