"""Who speaks when in a clip, as lanes to draw above its words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.audit.evidence import FindingCase
from pipeline.spans import Span, intersection

LANES: Mapping[str, str] = {"agent": "A", "customer": "C", "ivr": "S", "unknown": "?"}
"""Roles in the order of their lanes, with the letter that names them."""
TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120)
MOST_TICKS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something in a lane; `x` and `width` are per cent of the clip's length."""

    kind: str
    x: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """The marks of one role."""

    letter: str
    role: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lanes:
    """What is drawn of a clip: lanes, ticks, and cuts where pauses are left out; places are in per cent.

    A tick is a place with its instant in the recording, in seconds. `evidence` is where the words that
    decided are; empty while the verdict is hidden.
    """

    lanes: tuple[Lane, ...]
    ticks: tuple[tuple[float, float], ...]
    cuts: tuple[float, ...]
    evidence: tuple[Mark, ...]


def lanes_of(case: FindingCase, parts: Sequence[Span], *, shown: bool) -> Lanes:
    """The lanes of a clip that consists of these parts of a recording."""
    length_s = sum(part.duration_s for part in parts) or 1.0
    speech: dict[str, list[Span]] = {}
    for activity in case.activities:
        speech.setdefault(activity.role, []).append(activity.span)
    found = tuple(
        Lane(letter=letter, role=role, marks=_marks(role, speech.get(role, ()), parts, length_s))
        for role, letter in LANES.items()
        if role in {"agent", "customer"} or any(intersection(speech.get(role, ()), parts))
    )
    decided = [case.span] if shown and case.span and not case.missing else []
    return Lanes(
        lanes=found,
        ticks=_ticks(parts, length_s),
        cuts=_cuts(parts, length_s),
        evidence=_marks("evidence", decided, parts, length_s),
    )


def _marks(kind: str, spans: Iterable[Span], parts: Sequence[Span], length_s: float) -> tuple[Mark, ...]:
    marks = []
    spans = tuple(spans)
    before_s = 0.0
    for part in parts:
        marks += [
            Mark(
                kind=kind,
                x=round(100 * (before_s + span.start_s - part.start_s) / length_s, 3),
                width=round(100 * span.duration_s / length_s, 3),
            )
            for span in intersection(spans, [part])
        ]
        before_s += part.duration_s
    return tuple(marks)


def _cuts(parts: Sequence[Span], length_s: float) -> tuple[float, ...]:
    places, before_s = [], 0.0
    for part in parts[:-1]:
        before_s += part.duration_s
        places.append(round(100 * before_s / length_s, 3))
    return tuple(places)


def _ticks(parts: Sequence[Span], length_s: float) -> tuple[tuple[float, float], ...]:
    """Whole seconds of the recording, as many as can be read."""
    step = next((step for step in TICKS_S if length_s / step <= MOST_TICKS), TICKS_S[-1])
    ticks, before_s = [], 0.0
    for part in parts:
        first = -int(-part.start_s // step) * step
        while first < part.end_s:
            ticks.append((round(100 * (before_s + first - part.start_s) / length_s, 3), float(first)))
            first += step
        before_s += part.duration_s
    return tuple(ticks)
