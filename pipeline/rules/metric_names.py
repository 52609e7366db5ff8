"""The metrics that rules may name."""

from __future__ import annotations

from functools import cache

from pipeline.metrics import measure
from pipeline.metrics.timeline import Timeline
from pipeline.records import Role
from pipeline.settings import Settings


@cache
def metric_names() -> frozenset[tuple[str, Role | None]]:
    """Name and role of every metric: a call in which nothing happens has them all."""
    nothing = Timeline(
        duration_s=0.0,
        activities=(),
        words=(),
        turns=(),
        holds=(),
        overlaps=(),
        silences=(),
        settings=Settings(),
    )
    return frozenset((metric.name, metric.role) for metric in measure(nothing))
