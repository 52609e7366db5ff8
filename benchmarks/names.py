"""Names that the recogniser writes right, with and without the names of the metadata.

    python benchmarks/names.py FOLDER

FOLDER has calls with their truth beside them or in `truth/` (`turns` with `text`). The names of a call are
its capitalised words that are first names of the lexicon, or that follow one. It is recognised three times:
without names, with its own names, and with names of the other calls, none of which may be written then.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from _line import calls_in, channels_of, write_result

from pipeline.audio.decode import read_audio
from pipeline.rules import load_rules
from pipeline.settings import Settings
from pipeline.speech.activity import ChannelActivity
from pipeline.speech.transcribe import FasterWhisper
from pipeline.weights.voice_activity import load_voice_model
from pipeline.weights.whisper import find_whisper, load_whisper

_WORD = re.compile(r"[A-Za-z']+")


def main(folder: Path) -> None:
    """Measure, print and write."""
    settings, voice = Settings(), load_voice_model()
    recogniser = FasterWhisper(load_whisper(find_whisper(settings.asr), settings.asr), settings.asr)
    first_names = load_rules().lexicon.first_names
    calls = [(path, _names(truth, first_names)) for path, truth in calls_in(folder)]
    counts = {"said": 0, "right_without": 0, "right_with": 0, "invented": 0, "others_given": 0}
    for path, names in calls:
        channels = channels_of(read_audio(path, settings.audio).samples, voice, settings)
        others = sorted({name for _, some in calls for name in some} - set(names))
        plain, own = (_written(recogniser, channels, given) for given in ([], sorted(names)))
        foreign = _written(recogniser, channels, others)
        counts["said"] += sum(names.values())
        counts["right_without"] += sum(min(plain.get(n.lower(), 0), said) for n, said in names.items())
        counts["right_with"] += sum(min(own.get(n.lower(), 0), said) for n, said in names.items())
        counts["invented"] += sum(max(0, foreign.get(n.lower(), 0) - plain.get(n.lower(), 0)) for n in others)
        counts["others_given"] += len(others)
    print(counts)
    write_result("names", counts, settings)


def _names(truth: dict[str, Any], first_names: frozenset[str]) -> dict[str, int]:
    """How often each name is said."""
    out: dict[str, int] = {}
    for turn in truth["turns"]:
        words = _WORD.findall(turn["text"])
        for at, word in enumerate(words):
            known = word[0].isupper() and word.lower() in first_names
            follows = at and words[at - 1] in out and word[0].isupper() and word.isalpha()
            if known or follows:
                out[word] = out.get(word, 0) + 1
    return out


def _written(
    recogniser: FasterWhisper, channels: tuple[ChannelActivity, ...], names: list[str]
) -> dict[str, int]:
    """How often each word is recognised."""
    out: dict[str, int] = {}
    for channel in recogniser(channels, names):
        for word in channel.words:
            for text in _WORD.findall(word.text.lower().removesuffix("'s")):
                out[text] = out.get(text, 0) + 1
    return out


if __name__ == "__main__":
    main(Path(sys.argv[1]))
