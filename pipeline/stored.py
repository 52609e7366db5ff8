"""Stored calls read back in bulk, with what they need to be judged again.

The rows of a recording lie together in each table, in the order in which recordings were stored. Calls are
therefore read in that order, a batch at a time, each table by the range of its row numbers.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import pyarrow as pa

from pipeline.records import Analysis, Call, Recording
from pipeline.rejudged import JUDGED
from pipeline.rows import Row
from pipeline.store import Connection, reading

NEEDED = {
    "activity": "activities",
    "sound": "sounds",
    "word": "words",
    "turn": "turns",
    "hold": "holds",
    "transfer": "transfers",
    "overlap": "overlaps",
    "silence": "silences",
    "metric": "metrics",
    "fitness": "fitness",
    "tone": "tone",
    "tone_curve": "tone_curve",
    "personal_data": "personal_data",
}
"""Tables that are read as records, with the field of Analysis they fill."""
_Record = TypeVar("_Record")
_Value = TypeVar("_Value")
_RECORDS = {name: get_args(hint)[0] for name, hint in get_type_hints(Analysis).items() if get_args(hint)}

_ORDER = """
CREATE OR REPLACE TEMP TABLE batch AS
SELECT recording_id, (row_number() OVER (ORDER BY first_word, recording_id) - 1) // $size AS number
FROM recording
JOIN analysis USING (recording_id)
LEFT JOIN (SELECT recording_id, min(rowid) AS first_word FROM word GROUP BY recording_id) USING (recording_id)
WHERE status = 'analysed' AND ($everything OR recording_id IN (SELECT unnest($only::VARCHAR[])))
"""
_BOUNDS = """
SELECT number, min({table}.rowid), max({table}.rowid)
FROM {table} JOIN batch USING (recording_id)
GROUP BY number
"""
_ROWS = """
FROM {table}
WHERE rowid BETWEEN $first AND $last AND recording_id IN (SELECT unnest($ids::VARCHAR[]))
ORDER BY rowid
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Recordings that are read together, and by table the numbers of the first and last of their rows."""

    recording_ids: tuple[str, ...]
    bounds: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCall:
    """A call as it is stored, without its run and findings.

    `rows` are those of the tables in `JUDGED`, without recording_id.
    """

    analysis: Analysis
    settings_hash: str
    rows: Mapping[str, tuple[Row, ...]]


@contextmanager
def reading_in_bulk(db: Path) -> Iterator[Connection]:
    """A connection as `reading` gives it, that uses one core: processes share the work, not threads."""
    with reading(db) as connection:
        connection.execute("SET threads = 1")
        yield connection


def batches(connection: Connection, size: int, only: Collection[str] | None = None) -> Iterator[Batch]:
    """All analysed recordings, or those of `only` (recording_ids), `size` at a time."""
    values = {"size": size, "everything": only is None, "only": list(only or ())}
    connection.execute(_ORDER, values)
    bounds: dict[int, dict[str, tuple[int, int]]] = {}
    for table in ("recording", "call", "analysis", *NEEDED, "finding"):
        for number, first, last in connection.execute(_BOUNDS.format(table=table)).fetchall():
            bounds.setdefault(number, {})[table] = first, last
    for number in sorted(bounds):
        rows = connection.execute("SELECT recording_id FROM batch WHERE number = ?", [number]).fetchall()
        yield Batch(recording_ids=tuple(row[0] for row in rows), bounds=bounds[number])


def count_analysed(connection: Connection) -> int:
    """Number of analysed recordings."""
    sql = "SELECT count(*) FROM recording JOIN analysis USING (recording_id) WHERE status = 'analysed'"
    return int(connection.execute(sql).fetchall()[0][0])


def stored_settings(connection: Connection) -> dict[str, dict[str, Any]]:
    """The settings that calls were analysed with, by their fingerprint."""
    sql = "SELECT settings_hash, any_value(settings) FROM analysis GROUP BY settings_hash"
    return {fingerprint: json.loads(values) for fingerprint, values in connection.execute(sql).fetchall()}


def verdict_schemas(connection: Connection) -> dict[str, pa.Schema]:
    """Columns and types of the tables that a judgement fills."""
    tables = (*JUDGED, "verdict_history")
    return {table: connection.table(table).limit(0).to_arrow_table().schema for table in tables}


def read_batch(connection: Connection, batch: Batch) -> tuple[StoredCall, ...]:
    """The recordings of a batch, in its order."""
    columns = {table: _read(connection, table, batch) for table in batch.bounds}
    ids = {table: read.pop("recording_id") for table, read in columns.items()}
    columns["recording"]["recording_id"] = ids["recording"]
    recordings = dict(zip(ids["recording"], make(Recording, columns["recording"]), strict=True))
    calls = dict(zip(ids["call"], _calls(columns["call"]), strict=True))
    hashes = dict(zip(ids["analysis"], columns["analysis"]["settings_hash"], strict=True))
    parts = {
        part: _by_id(ids[table], make(_RECORDS[part], columns[table]))
        for table, part in NEEDED.items()
        if table in columns
    }
    rows = {
        table: _by_id(ids[table], zip(*columns[table].values(), strict=True))
        for table in JUDGED
        if table in columns
    }
    return tuple(
        StoredCall(
            analysis=Analysis(
                recording=recordings[id_],
                call=calls[id_],
                **{part: tuple(found[id_]) for part, found in parts.items() if id_ in found},
            ),
            settings_hash=hashes[id_],
            rows={table: tuple(rows[table].get(id_, ())) if table in rows else () for table in JUDGED},
        )
        for id_ in batch.recording_ids
    )


def make(record: type[_Record], columns: Mapping[str, Sequence[Any]]) -> list[_Record]:
    """A record of each row. Columns that are no fields are left out.

    The constructor of a frozen record sets field by field; to fill the slots column by column takes a
    fifth of the time, and reading words is a large part of a recheck.
    """
    names = [field.name for field in fields(record)]  # type: ignore[arg-type]
    made = [object.__new__(record) for _ in columns[names[0]]]
    for name in names:
        deque(map(getattr(record, name).__set__, made, columns[name]), maxlen=0)
    return made


def _read(connection: Connection, table: str, batch: Batch) -> dict[str, list[Any]]:
    """The batch's rows of a table as lists, by column."""
    first, last = batch.bounds[table]
    values = {"first": first, "last": last, "ids": list(batch.recording_ids)}
    found = connection.sql(_ROWS.format(table=table), params=values).to_arrow_table()
    return {name: found.column(name).to_pylist() for name in found.column_names}


def _calls(columns: Mapping[str, Sequence[Any]]) -> list[Call]:
    return make(
        Call,
        {
            **columns,
            "jurisdictions": [tuple(places) for places in columns["jurisdictions"]],
            "extra": [json.loads(extra) for extra in columns["extra"]],
        },
    )


def _by_id(ids: Sequence[str], values: Iterable[_Value]) -> dict[str, list[_Value]]:
    out: dict[str, list[_Value]] = {}
    for id_, value in zip(ids, values, strict=True):
        out.setdefault(id_, []).append(value)
    return out
