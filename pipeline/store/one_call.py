"""Everything that is stored about one call, as records."""

from __future__ import annotations

import json
from typing import Any

from pipeline.errors import UsageError
from pipeline.records import CallAnalysis, Mask, Sound
from pipeline.store.parts import PARTS, Part
from pipeline.store.reading import Connection, ask
from pipeline.store.stored import as_tuples, make

_JSON = frozenset({"extra", "detail", "settings", "role_cues"})
"""Columns that hold JSON."""


def read_call(connection: Connection, recording_id: str) -> CallAnalysis:
    """The analysis of the recording with this id.

    Raises UsageError for a recording that is not stored, and for one in quarantine, of which there is none.
    """
    parts: dict[str, Any] = {part.field: _records(connection, part, recording_id) for part in PARTS}
    if parts["recording"] is None:
        raise UsageError("no such recording", value=recording_id, allowed="the recording_id of a stored one")
    if parts["recording"].status == "quarantined":
        what = "the recording is in quarantine, nothing was found in it"
        raise UsageError(what, where=parts["recording"].uri, value=parts["recording"].error)
    return CallAnalysis(**parts)


def hidden_stretches(connection: Connection, recording_id: str) -> tuple[Mask | Sound, ...]:
    """What of a recording is not to be heard: its masks, and tones that somebody keyed."""
    by_field = {part.field: part for part in PARTS}
    masks = _records(connection, by_field["masks"], recording_id)
    sounds = _records(connection, by_field["sounds"], recording_id)
    return (*masks, *(sound for sound in sounds if sound.kind == "dtmf"))


def rule_titles(connection: Connection) -> dict[str, str]:
    """What each active rule requires, in short, by its id."""
    return dict(ask(connection, "SELECT rule_id, title FROM rule WHERE active").rows)


def _records(connection: Connection, part: Part, recording_id: str) -> Any:
    """A tuple of the part's records; the one record, or None, of a part that has one at most."""
    sql = f"SELECT * FROM {part.table} WHERE recording_id = ? ORDER BY rowid"  # noqa: S608 - our own table names
    table = ask(connection, sql, [recording_id])
    columns = {name: [_value(name, row[at]) for row in table.rows] for at, name in enumerate(table.columns)}
    found = make(part.record, columns)
    return tuple(found) if part.many else next(iter(found), None)


def _value(name: str, value: Any) -> Any:
    if name in _JSON:
        return json.loads(value)
    return as_tuples(value) if isinstance(value, list) else value
