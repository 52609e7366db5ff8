"""Silence outside holds, and dead air, which is a long silence that nobody announced.

The time in which the recorder was stopped is counted separately, because it is unknown who spoke. In the time
partition, which has to add up to the duration, it counts as silence.
"""

from __future__ import annotations

from pipeline.metrics.timeline import Measures, Timeline, count
from pipeline.records import Silence, SilenceKind


def silence_time(timeline: Timeline) -> Measures:
    """Total length in seconds of the silences longer than `silences.min_s`."""
    yield count("silence_time", None, _seconds(timeline, "silence"), "s")


def recorder_pause_time(timeline: Timeline) -> Measures:
    """Time in seconds in which the recorder was stopped."""
    yield count("recorder_pause_time", None, _seconds(timeline, "recorder_pause"), "s")


def dead_air_count(timeline: Timeline) -> Measures:
    """Number of unannounced silences longer than `silences.dead_air_s`."""
    yield count("dead_air_count", None, float(len(_dead_air(timeline))), "count")


def dead_air_time(timeline: Timeline) -> Measures:
    """Total length in seconds of the dead air."""
    yield count("dead_air_time", None, sum(s.span.duration_s for s in _dead_air(timeline)), "s")


def _dead_air(timeline: Timeline) -> list[Silence]:
    longest_s = timeline.settings.silences.dead_air_s
    silences = [s for s in timeline.silences if s.kind == "silence" and not s.announced]
    return [s for s in silences if s.span.duration_s > longest_s]


def _seconds(timeline: Timeline, kind: SilenceKind) -> float:
    return sum(s.span.duration_s for s in timeline.silences if s.kind == kind)
