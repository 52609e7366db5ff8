"""Formats of NIST's evaluations: RTTM (who speaks when) and CTM (words). Channels count from 1."""

from __future__ import annotations

from pipeline import __version__
from pipeline.export.words import file_id, one_line
from pipeline.records import CallAnalysis


def rttm(analysis: CallAnalysis) -> str:
    """A line for each stretch of speech, named for the role; overlapping speech has a line a speaker.

    The stretches are those of table `activity`, from which all times of speech are measured, in order of
    their starts. Times are seconds with 3 decimals.
    """
    name = file_id(analysis)
    lines = [
        f"SPEAKER {name} {one.channel + 1} {one.start_s:.3f} {one.end_s - one.start_s:.3f}"
        f" <NA> <NA> {one.role} <NA> <NA>"
        for one in sorted(analysis.activities, key=lambda one: (one.start_s, one.channel))
        if f"{one.end_s - one.start_s:.3f}" != "0.000"  # scorers refuse stretches without length
    ]
    return "".join(f"{line}\n" for line in lines)


def ctm(analysis: CallAnalysis) -> str:
    """A line for each word: file, channel, start and length in seconds, word, probability (0 to 1)."""
    name = file_id(analysis)
    lines = [f";; earwitness {__version__}: file channel start duration word confidence"]
    for word in sorted(analysis.words, key=lambda word: (word.channel, word.start_s, word.word_index)):
        text = one_line(word.text).replace(" ", "_")
        times = f"{word.start_s:.3f} {word.end_s - word.start_s:.3f}"
        lines.append(f"{name} {word.channel + 1} {times} {text} {word.probability:.3f}")
    return "".join(f"{line}\n" for line in lines)
