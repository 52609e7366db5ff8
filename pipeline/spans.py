"""Interval algebra: half-open spans of time in seconds from the start of the recording."""

# ruff: noqa: FURB136 - spans are compared by the million, and min and max take twice the time

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple


class Span(NamedTuple):
    """A half-open stretch of time ``[start_s, end_s)`` in seconds.

    >>> Span(1.0, 3.0) & Span(2.0, 5.0)
    Span(start_s=2.0, end_s=3.0)
    >>> bool(Span(1.0, 2.0) & Span(2.0, 3.0))
    False
    >>> 3.0 in Span(1.0, 3.0)
    False
    """

    start_s: float
    end_s: float

    def __bool__(self) -> bool:
        return self.end_s > self.start_s

    def __and__(self, other: Span) -> Span:
        """The common part; an empty span, which is false, if there is none."""
        start, end = self
        other_start, other_end = other
        start = start if start > other_start else other_start
        end = end if end < other_end else other_end
        return Span(start, end if end > start else start)

    def __or__(self, other: Span) -> Span:
        """The shortest span that covers both."""
        return Span(min(self.start_s, other.start_s), max(self.end_s, other.end_s))

    def __contains__(self, time_s: float) -> bool:  # type: ignore[override] # a span is no collection
        return self.start_s <= time_s < self.end_s

    @property
    def duration_s(self) -> float:
        """Length in seconds, never negative."""
        return max(0.0, self.end_s - self.start_s)

    @property
    def middle_s(self) -> float:
        """The instant halfway between start and end, in seconds."""
        return (self.start_s + self.end_s) / 2

    def padded(self, by_s: float) -> Span:
        """The span extended by `by_s` seconds at each end."""
        return Span(self.start_s - by_s, self.end_s + by_s)


def union(spans: Iterable[Span], *, bridge_s: float = 0.0) -> tuple[Span, ...]:
    """Sorted, disjoint spans that cover the same time; gaps of at most `bridge_s` seconds are closed.

    >>> union([Span(3, 4), Span(0, 1), Span(1, 2)])
    (Span(start_s=0, end_s=2), Span(start_s=3, end_s=4))
    """
    out: list[Span] = []
    for span in sorted([span for span in spans if span[1] > span[0]]):
        if not out or span[0] - out[-1][1] > bridge_s:
            out.append(span)
        elif span[1] > out[-1][1]:
            out[-1] = Span(out[-1][0], span[1])
    return tuple(out)


def intersection(left: Iterable[Span], right: Iterable[Span]) -> tuple[Span, ...]:
    """The time that lies in both arguments, as sorted, disjoint spans."""
    a = union(left)
    b = union(right) if a else ()
    out: list[Span] = []
    i = j = 0
    while i < len(a) and j < len(b):
        if common := a[i] & b[j]:
            out.append(common)
        if a[i].end_s <= b[j].end_s:
            i += 1
        else:
            j += 1
    return tuple(out)


def difference(left: Iterable[Span], right: Iterable[Span]) -> tuple[Span, ...]:
    """The time in `left` that is not in `right`, as sorted, disjoint spans."""
    cuts = union(right)
    out: list[Span] = []
    for span in union(left):
        start = span.start_s
        for cut in cuts:
            if cut.end_s <= start:
                continue
            if cut.start_s >= span.end_s:
                break
            if cut.start_s > start:
                out.append(Span(start, cut.start_s))
            start = max(start, cut.end_s)
        if start < span.end_s:
            out.append(Span(start, span.end_s))
    return tuple(out)


def complement(spans: Iterable[Span], within: Span) -> tuple[Span, ...]:
    """The time of `within` that no span covers."""
    return difference((within,), spans)


def total_s(spans: Iterable[Span]) -> float:
    """The covered time in seconds; time covered twice counts once."""
    return sum(span.duration_s for span in union(spans))


def covered_s(span: Span, by: Iterable[Span]) -> float:
    """Seconds of `span` that lie in `by`; the spans of `by` must be disjoint."""
    from_s, to_s = span
    covered = 0.0
    for start_s, end_s in by:
        common_s = (end_s if end_s < to_s else to_s) - (start_s if start_s > from_s else from_s)
        if common_s > 0:
            covered += common_s
    return covered


class Cover:
    """The time covered by spans, for many queries: a query visits only the spans that it overlaps.

    >>> Cover([Span(2.0, 4.0), Span(0.0, 1.0)]).seconds_in(0.5, 3.0)
    1.5
    """

    def __init__(self, spans: Iterable[Span]) -> None:
        self._spans = union(spans)
        self._ends_s = [span.end_s for span in self._spans]

    def seconds_in(self, start_s: float, end_s: float) -> float:
        """Seconds covered between `start_s` and `end_s`."""
        covered = 0.0
        for at in range(bisect_right(self._ends_s, start_s), len(self._spans)):
            from_s, to_s = self._spans[at]
            if from_s >= end_s:
                break
            covered += (to_s if to_s < end_s else end_s) - (from_s if from_s > start_s else start_s)
        return covered
