"""The course of a voice over the call: where it climbs most, which may be where the call turned."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.records import TonePoint, ToneRise
from pipeline.settings import ToneSettings
from pipeline.spans import Span

SMOOTHING_S = 15.0
"""Points so close are averaged: a single lively sentence is no turn of the call."""


def find_rise(points: Sequence[TonePoint], settings: ToneSettings) -> ToneRise | None:
    """The greatest climb of one speaker's smoothed activation within `rise_within_s`.

    From the middle of the window where it is lowest to that where it is highest; None where it climbs by
    less than `min_rise`, or where activation is not known.
    """
    course = _smooth(points)
    climbs = [
        (high - low, -(end_s - start_s), start_s, end_s, low, high)
        for i, (start_s, low) in enumerate(course)
        for end_s, high in course[i + 1 :]
        if end_s - start_s <= settings.rise_within_s
    ]
    if not climbs:
        return None
    climb, _, start_s, end_s, low, high = max(climbs)
    if climb < settings.min_rise:
        return None
    first = points[0]
    return ToneRise(speaker=first.speaker, role=first.role, start_s=start_s, end_s=end_s, low=low, high=high)


def _smooth(points: Sequence[TonePoint]) -> list[tuple[float, float]]:
    """Time in seconds and mean activation around it, weighted by voiced time."""
    known = [
        (Span(point.start_s, point.end_s).middle_s, point.activation, point.voiced_s)
        for point in points
        if point.activation is not None
    ]
    course = []
    for at_s, _, _ in known:
        near = [(value, weight) for time_s, value, weight in known if abs(time_s - at_s) <= SMOOTHING_S]
        course.append((at_s, sum(v * w for v, w in near) / sum(w for _, w in near)))
    return course
