"""Interval algebra: half-open spans of time in seconds from the start of the recording."""

from __future__ import annotations

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
        """The common part; empty (false) when there is none."""
        start = max(self.start_s, other.start_s)
        return Span(start, max(start, min(self.end_s, other.end_s)))

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
        """The instant half-way."""
        return (self.start_s + self.end_s) / 2

    def padded(self, by_s: float) -> Span:
        """The span grown by `by_s` seconds at each end."""
        return Span(self.start_s - by_s, self.end_s + by_s)


def union(spans: Iterable[Span], *, bridge_s: float = 0.0) -> tuple[Span, ...]:
    """Sorted, disjoint spans covering the same time; gaps of at most `bridge_s` are closed.

    >>> union([Span(3, 4), Span(0, 1), Span(1, 2)])
    (Span(start_s=0, end_s=2), Span(start_s=3, end_s=4))
    """
    out: list[Span] = []
    for span in sorted(s for s in spans if s):
        if out and span.start_s - out[-1].end_s <= bridge_s:
            out[-1] = out[-1] | span
        else:
            out.append(span)
    return tuple(out)


def intersection(left: Iterable[Span], right: Iterable[Span]) -> tuple[Span, ...]:
    """The time that lies in both, as sorted, disjoint spans."""
    a, b = union(left), union(right)
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
    """Covered time in seconds; time covered twice counts once."""
    return sum(span.duration_s for span in union(spans))


def covered_s(span: Span, by: Iterable[Span]) -> float:
    """Seconds of `span` that lie in `by`, which must be disjoint."""
    covered = 0.0
    for start_s, end_s in by:
        if start_s < span.end_s and end_s > span.start_s:
            covered += max(0.0, min(end_s, span.end_s) - max(start_s, span.start_s))
    return covered
