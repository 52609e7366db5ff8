"""Finds by how much the telephone system's clock differs from the recording's, from holds that are heard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from pipeline.records import Pairs
from pipeline.spans import Span, union

MAX_OFFSET_S = 10.0
"""Clocks of one site differ by less, in seconds; more would match holds with the music of others."""
SAME_S = 1.0
"""A told edge this close to an edge of music or a cut, in seconds, is the same."""
SAME_IN_SPEECH_S = 2.0
"""The same for edges of heard holds, which begin with the last word before and end with the first after."""
GAP_S = 2.0
"""Hold music may pause for this long, in seconds."""

Edge = tuple[str, float]
"""`start` or `end`, and its time in seconds."""


def clock_offset(told: Sequence[tuple[float, float | None]], sounds: Pairs, holds: Pairs) -> float | None:
    """Seconds to add to told times so that they fit what is heard; None where that cannot be known.

    `told` are holds by the telephone system's clock, an end None where none was told; `sounds` are stretches
    of music and cuts. Their edges are sharp; those of heard `holds`, whose start is early and whose end is
    late, are taken only where there is neither music nor cut. Two edges have to agree (within `SAME_S` or
    `SAME_IN_SPEECH_S`), or there is one that differs by `SAME_S` at most. The median of all that agree is
    the offset, so that what is early and what is late cancel.
    """
    told_edges = [edge for pair in told for edge in _edges(pair)]
    heard = [
        edge for span in union((Span(*pair) for pair in sounds), bridge_s=GAP_S) for edge in _edges(span)
    ]
    within_s = SAME_S if heard else SAME_IN_SPEECH_S
    if not heard:
        heard = [edge for pair in holds for edge in _edges(pair)]
    differences = sorted(
        (heard_s - told_s for kind, told_s in told_edges for other, heard_s in heard if kind == other),
        key=abs,
    )
    candidates = [difference for difference in differences if abs(difference) <= MAX_OFFSET_S]
    votes = [_matches(told_edges, heard, offset_s, within_s) for offset_s in candidates]
    matches = max(votes, key=len, default=[])
    if not matches:
        return None
    if len(matches) < 2 and abs(matches[0]) > SAME_S:
        return None
    return round(median(matches), 2)


def _edges(pair: tuple[float, float | None]) -> Iterator[Edge]:
    start_s, end_s = pair
    yield "start", start_s
    if end_s is not None:
        yield "end", end_s


def _matches(told: Sequence[Edge], heard: Sequence[Edge], offset_s: float, within_s: float) -> list[float]:
    """For each told edge that is heard at this offset, the difference to the nearest heard one."""
    out = []
    for kind, at_s in told:
        nearest = min(
            (s - at_s for other, s in heard if other == kind), key=lambda d: abs(d - offset_s), default=None
        )
        if nearest is not None and abs(nearest - offset_s) <= within_s:
            out.append(nearest)
    return out
