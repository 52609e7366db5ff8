"""Number and length of the holds of a call."""

from __future__ import annotations

from pipeline.metrics.timeline import Measures, Timeline, count


def hold_count(timeline: Timeline) -> Measures:
    """Number of holds."""
    yield count("hold_count", None, float(len(timeline.holds)), "count")


def hold_time(timeline: Timeline) -> Measures:
    """Total time on hold in seconds."""
    yield count("hold_time", None, sum(h.span.duration_s for h in timeline.holds), "s")


def hold_longest(timeline: Timeline) -> Measures:
    """Length of the longest hold in seconds; undefined without a hold."""
    longest = max((h.span.duration_s for h in timeline.holds), default=0.0)
    yield count("hold_longest", None, longest, "s", known=bool(timeline.holds))
