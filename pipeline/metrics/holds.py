"""How often and how long the customer was on hold."""

from __future__ import annotations

from pipeline.metrics.timeline import Measures, Timeline, count


def hold_count(timeline: Timeline) -> Measures:
    """Number of holds."""
    yield count("hold_count", None, float(len(timeline.holds)), "count")


def hold_time(timeline: Timeline) -> Measures:
    """Seconds on hold."""
    yield count("hold_time", None, sum(h.span.duration_s for h in timeline.holds), "s")


def hold_longest(timeline: Timeline) -> Measures:
    """Seconds of the longest hold."""
    longest = max((h.span.duration_s for h in timeline.holds), default=0.0)
    yield count("hold_longest", None, longest, "s", known=bool(timeline.holds))
