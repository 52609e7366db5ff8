"""Silence that is no hold, and dead air: long silence that nobody announced.

While the recorder was stopped nothing is known of who spoke: that time is counted by itself. In the time
partition, which must add up to the recording, it is silence.
"""

from __future__ import annotations

from pipeline.metrics.timeline import Measures, Timeline, count
from pipeline.records import Silence, SilenceKind


def silence_time(timeline: Timeline) -> Measures:
    """Seconds of silences longer than `silences.min_s`."""
    yield count("silence_time", None, _seconds(timeline, "silence"), "s")


def recorder_pause_time(timeline: Timeline) -> Measures:
    """Seconds during which the recorder was stopped."""
    yield count("recorder_pause_time", None, _seconds(timeline, "recorder_pause"), "s")


def dead_air_count(timeline: Timeline) -> Measures:
    """Number of unannounced silences longer than `silences.dead_air_s`."""
    yield count("dead_air_count", None, float(len(_dead_air(timeline))), "count")


def dead_air_time(timeline: Timeline) -> Measures:
    """Seconds of dead air."""
    yield count("dead_air_time", None, sum(s.span.duration_s for s in _dead_air(timeline)), "s")


def _dead_air(timeline: Timeline) -> list[Silence]:
    longest_s = timeline.settings.silences.dead_air_s
    silences = [s for s in timeline.silences if s.kind == "silence" and not s.announced]
    return [s for s in silences if s.span.duration_s > longest_s]


def _seconds(timeline: Timeline, kind: SilenceKind) -> float:
    return sum(s.span.duration_s for s in timeline.silences if s.kind == kind)
