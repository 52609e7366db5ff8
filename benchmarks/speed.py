"""Time of the whole pipeline compared with the recogniser alone on the same channels, in one run.

    python benchmarks/speed.py [FOLDER]

Each call is analysed. Then each of its channels is recognised by faster-whisper alone, as its documentation
shows (whole channel, word times, no voice detection), with the same weights and beam size. The figure is the
ratio of the two times, because seconds differ between machines and between runs.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from _line import SAMPLES, write_result

from pipeline.analyse import analyse
from pipeline.archive.night import find_engine
from pipeline.audio.decode import read_audio
from pipeline.audio.search import find_audio
from pipeline.records import Call
from pipeline.settings import Settings
from pipeline.weights.whisper import find_whisper, load_whisper


def main(folder: Path) -> None:
    """Time every call of `folder` both ways."""
    settings = Settings()
    engine = find_engine(settings)
    models = engine.load()
    bare = load_whisper(find_whisper(settings.asr), settings.asr)
    seconds, line_s, bare_s = 0.0, 0.0, 0.0
    for path in find_audio([folder]):
        start = time.perf_counter()
        audio = read_audio(path, settings.audio)
        analyse(audio, call=Call(), models=models, rules=engine.rules, settings=settings)
        line = time.perf_counter() - start
        start = time.perf_counter()
        for channel in audio.samples:
            segments, _ = bare.transcribe(
                channel, language="en", beam_size=settings.asr.beam_size, word_timestamps=True
            )
            list(segments)
        alone = time.perf_counter() - start
        duration_s = audio.recording.duration_s or 0.0
        seconds, line_s, bare_s = seconds + duration_s, line_s + line, bare_s + alone
        print(
            f"{path.name:42s}{duration_s:6.0f} s  line {line / duration_s:.3f}  bare {alone / duration_s:.3f}"
        )
    figures = {
        "calls_s": round(seconds, 1),
        "line_over_bare_recogniser": round(line_s / bare_s, 3),
        "real_time_factor_line": round(line_s / seconds, 3),
        "real_time_factor_bare_recogniser": round(bare_s / seconds, 3),
    }
    print(figures)
    print(write_result("speed", figures, settings))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLES)
