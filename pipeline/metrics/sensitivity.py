"""Counts of holds, dead air and interruptions at other thresholds than those in the settings."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.metrics.timeline import PARTIES, Measures, Timeline, count

STRETCHES_S = (3.0, 5.0, 10.0)
"""Thresholds for the length of a hold or dead air, in seconds."""
OVERLAPS_S = (0.2, 0.5, 1.0)
"""Thresholds for the simultaneous speech of an interruption, in seconds."""


def hold_count_at(timeline: Timeline) -> Measures:
    """Number of holds of at least 3, 5 and 10 s, also of those shorter than `holds.min_s`."""
    lengths = [hold.span.duration_s for hold in (*timeline.short_holds, *timeline.holds)]
    for threshold_s in STRETCHES_S:
        name = f"hold_count_at_{threshold_s:g}s"
        yield count(name, None, _at_least(lengths, threshold_s), "count")


def dead_air_count_at(timeline: Timeline) -> Measures:
    """Number of unannounced silences longer than 3, 5 and 10 s; undefined below `silences.min_s`."""
    lengths = [s.span.duration_s for s in timeline.silences if s.kind == "silence" and not s.announced]
    for threshold_s in STRETCHES_S:
        known = timeline.settings.silences.min_s <= threshold_s
        name = f"dead_air_count_at_{threshold_s:g}s"
        yield count(name, None, float(sum(s > threshold_s for s in lengths)), "count", known=known)


def interruption_count_at(timeline: Timeline) -> Measures:
    """Number of interruptions by the role with at least 0.2, 0.5 and 1 s of simultaneous speech."""
    known = timeline.roles_known and timeline.overlaps_known
    for threshold_s in OVERLAPS_S:
        kept = timeline.settings.overlaps.min_s <= threshold_s
        for role in PARTIES:
            lengths = [
                o.end_s - o.start_s
                for o in timeline.overlaps
                if o.kind == "interruption" and o.by_role == role
            ]
            name = f"interruption_count_at_{threshold_s:g}s"
            yield count(name, role, _at_least(lengths, threshold_s), "count", known=known and kept)


def _at_least(lengths_s: Iterable[float], threshold_s: float) -> float:
    return float(sum(length_s >= threshold_s - 1e-9 for length_s in lengths_s))
