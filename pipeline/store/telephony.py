"""What an import of telephony events asks the store: which call is meant, and what is heard in it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime

from pipeline.records import Pairs, TelephonyEvent
from pipeline.store.reading import Connection, ask

_NAMED = """
SELECT
    recording.recording_id,
    name,
    call.started_at,
    recording.duration_s
FROM recording
LEFT JOIN call ON call.recording_id = recording.recording_id
CROSS JOIN unnest([
    call.call_ref,
    regexp_extract(recording.uri, '[^/]*$'),
    regexp_replace(regexp_extract(recording.uri, '[^/]*$'), '\\.[^.]*$', ''),
    recording.recording_id
]) AS names (name)
WHERE recording.status = 'analysed' AND name IN (SELECT unnest($names::VARCHAR[]))
"""
_SOUNDS = """
SELECT recording_id, start_s, end_s
FROM sound
WHERE kind IN ('music', 'cut') AND recording_id IN (SELECT unnest($ids::VARCHAR[]))
ORDER BY recording_id, start_s
"""
_HOLDS = """
SELECT recording_id, start_s, end_s
FROM hold
WHERE recording_id IN (SELECT unnest($ids::VARCHAR[]))
ORDER BY recording_id, start_s
"""
_TOLD = "FROM telephony_event WHERE recording_id IN (SELECT unnest($ids::VARCHAR[])) ORDER BY rowid"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedCall:
    """A stored call: when it began and how long it lasts; both may be unknown."""

    recording_id: str
    started_at: datetime | None
    duration_s: float | None


def calls_by_name(connection: Connection, names: Collection[str]) -> dict[str, tuple[TimedCall, ...]]:
    """The analysed calls that each of the `names` means: a call_ref, a file's name, its stem, or an id."""
    out: dict[str, dict[str, TimedCall]] = {}
    for id_, name, started_at, duration_s in ask(connection, _NAMED, {"names": list(names)}).rows:
        call = TimedCall(recording_id=id_, started_at=started_at, duration_s=duration_s)
        out.setdefault(name, {})[id_] = call
    return {name: tuple(calls.values()) for name, calls in out.items()}


def heard_pauses(connection: Connection, recording_ids: Collection[str]) -> dict[str, tuple[Pairs, Pairs]]:
    """By recording_id: stretches of music and cuts, and holds, each as starts and ends in seconds."""
    values = {"ids": list(recording_ids)}
    sounds: dict[str, list[tuple[float, float]]] = {}
    holds: dict[str, list[tuple[float, float]]] = {}
    for found, sql in ((sounds, _SOUNDS), (holds, _HOLDS)):
        for id_, start_s, end_s in ask(connection, sql, values).rows:
            found.setdefault(id_, []).append((start_s, end_s))
    return {id_: (tuple(sounds.get(id_, ())), tuple(holds.get(id_, ()))) for id_ in recording_ids}


def told_before(connection: Connection, recording_ids: Collection[str]) -> list[TelephonyEvent]:
    """What the telephone system told of these recordings already."""
    table = ask(connection, _TOLD, {"ids": list(recording_ids)})
    names = {field.name for field in fields(TelephonyEvent)}
    return [
        TelephonyEvent(
            **{name: value for name, value in zip(table.columns, row, strict=True) if name in names}
        )
        for row in table.rows
    ]
