"""Calls whose time is over by the settings of section `retention`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipeline.retention.erase import Request, erase
from pipeline.retention.places import Places
from pipeline.settings import RetentionSettings
from pipeline.store import reading
from pipeline.store.erasing import ages, with_same_files
from pipeline.store.legal_holds import active_holds

REASON = "the time set in section retention is over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Recordings to erase, their numbers by queue (None for calls without one), and how many are held."""

    recording_ids: tuple[str, ...] = ()
    by_queue: Mapping[str | None, int]
    held: int = 0


def find_due(places: Places, settings: RetentionSettings, now: datetime | None = None) -> Due:
    """The calls whose time is over at `now`, by default the present. Raises UsageError without a store."""
    now = now or datetime.now(UTC)
    with reading(places.db) as connection:
        held = {hold.recording_id for hold in active_holds(connection)}
        old = {
            recording_id: queue
            for recording_id, queue, since in ages(connection)
            if _is_over(settings.queues.get(queue or "", settings.days), since, now)
        }
        # What was made of a file of a held recording is the held call too.
        kept = set(with_same_files(connection, held))
    due = [recording_id for recording_id in old if recording_id not in kept]
    by_queue: dict[str | None, int] = {}
    for recording_id in due:
        by_queue[old[recording_id]] = by_queue.get(old[recording_id], 0) + 1
    return Due(recording_ids=tuple(due), by_queue=by_queue, held=len(old) - len(due))


def _is_over(days: int, since: datetime, now: datetime) -> bool:
    return days > 0 and since + timedelta(days=days) < now


def apply_retention(places: Places, settings: RetentionSettings) -> int:
    """Erase the calls whose time is over. Returns their number. Raises UsageError as `erase`."""
    if not (settings.days or any(settings.queues.values())) or not places.db.is_file():
        return 0
    due = find_due(places, settings)
    if not due.recording_ids:
        return 0
    erasure, _ = erase(places, due.recording_ids, Request(cause="retention", reason=REASON))
    return len(erasure.recordings)
