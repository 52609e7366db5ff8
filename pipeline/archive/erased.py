"""What a night does about calls that were erased, and about those whose time is over."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace

from pipeline.archive.plan import RunRequest
from pipeline.archive.totals import NightSummary
from pipeline.errors import EarwitnessError
from pipeline.retention.due import apply_retention
from pipeline.retention.places import places_of
from pipeline.retention.settle import settle
from pipeline.retention.tombstones import tombstones_of


def erased_files(order: RunRequest) -> Container[str]:
    """The SHA-256 of files that are left alone. Raises UsageError where the master key is missing."""
    return tombstones_of(places_of(order.db, order.settings))


def settle_first(order: RunRequest) -> tuple[str, ...]:
    """Carry erasures to their end before anything is written; a line for each that there was."""
    done = settle(places_of(order.db, order.settings))
    lines = []
    if done.completed:
        lines.append(f"completed an erasure of {done.completed} recordings that was interrupted")
    if done.again:
        lines.append(f"erased {done.again} recordings again that were back, as from a backup")
    return tuple(lines)


def erase_due(order: RunRequest, summary: NightSummary) -> NightSummary:
    """Erase the calls whose time is over; where that fails, the night keeps what it did and says so."""
    try:
        erased = apply_retention(places_of(order.db, order.settings), order.settings.retention)
    except EarwitnessError as error:
        return replace(summary, problems=(*summary.problems, f"calls are kept longer than set: {error}"))
    return replace(summary, expired=erased)
