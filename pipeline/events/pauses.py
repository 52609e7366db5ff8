"""Recorder pauses: the recorder was stopped for a while, as when a card number is given."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pipeline.records import Sound
from pipeline.spans import Span, intersection, union


def recorder_pauses(sounds: Sequence[Sound], channels: int, given: Sequence[Span] | None) -> tuple[Span, ...]:
    """The stretches in which the recorder was stopped: as given, or else where all channels are cut."""
    if given is not None:
        return union(given)
    cuts = [union(s.span for s in sounds if s.kind == "cut" and s.channel == i) for i in range(channels)]
    return reduce(intersection, cuts) if cuts else ()
