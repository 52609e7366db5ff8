"""Silence that is no hold, and dead air: long silence that nobody announced."""

from __future__ import annotations

from pipeline.metrics.timeline import Measures, Timeline, plain
from pipeline.records import Silence


def silence_time(timeline: Timeline) -> Measures:
    """Seconds of silences longer than `silences.min_s`."""
    yield plain("silence_time", None, sum(s.span.duration_s for s in timeline.silences), "s")


def dead_air_count(timeline: Timeline) -> Measures:
    """Number of unannounced silences longer than `silences.dead_air_s`."""
    yield plain("dead_air_count", None, float(len(_dead_air(timeline))), "count")


def dead_air_time(timeline: Timeline) -> Measures:
    """Seconds of dead air."""
    yield plain("dead_air_time", None, sum(s.span.duration_s for s in _dead_air(timeline)), "s")


def _dead_air(timeline: Timeline) -> list[Silence]:
    longest_s = timeline.settings.silences.dead_air_s
    return [s for s in timeline.silences if not s.announced and s.span.duration_s > longest_s]
