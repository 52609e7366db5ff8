"""Stored calls read back in bulk, with what a recheck needs.

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
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.records import Call, CallAnalysis, Recording, Sealed, TonePoint
from pipeline.store.parts import ASSESSED, CHILDREN, HISTORY
from pipeline.store.reading import Connection, reading
from pipeline.store.rows import ID, Row

_CURVE = "tone_curve"
_LATER = {_CURVE, "fingerprint", "tone_rise", "finding", "recording_file"}
NEEDED = tuple(part for part in CHILDREN if part.table not in _LATER)
"""The tables that are always read."""
_SEALED = "sealed_text"
_TABLES = ("recording", "call", "analysis", *(part.table for part in NEEDED), "finding", _SEALED)
_RUN_COLUMNS = ("algorithm", "settings_hash", "rules_version", "gate")

ToneCurves = Mapping[str, tuple[TonePoint, ...]]
_Record = TypeVar("_Record")
_Value = TypeVar("_Value")

_ORDER = """
CREATE OR REPLACE TEMP TABLE batch AS
SELECT recording_id, (row_number() OVER (ORDER BY first_word, recording_id) - 1) // $size AS number
FROM recording
JOIN analysis USING (recording_id)
LEFT JOIN (SELECT recording_id, min(rowid) AS first_word FROM word GROUP BY recording_id) USING (recording_id)
WHERE status = 'analysed' AND ($everything OR recording_id IN (SELECT unnest($only::VARCHAR[])))
"""
_BOUNDS = """
SELECT number, min({table}.rowid), max({table}.rowid), count(*)
FROM {table} JOIN batch USING (recording_id)
GROUP BY number
"""
# A plain scan is in the order of row numbers.
_ROWS = "FROM {table} WHERE rowid BETWEEN $first AND $last"
_ROWS_AMONG_OTHERS = f"{_ROWS} AND recording_id IN (SELECT unnest($ids::VARCHAR[])) ORDER BY rowid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The numbers of the first and last of `rows` rows; rows of others may lie between them."""

    first: int = 0
    last: int = -1
    rows: int = 0

    @property
    def alone(self) -> bool:
        """Whether there are no other rows between them."""
        return self.rows == self.last - self.first + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Recordings that are read together, and by table where their rows are."""

    recording_ids: tuple[str, ...]
    bounds: Mapping[str, Bounds]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCall:
    """A call as it is stored, masked and without its run, tone curve and findings.

    `rows` are those of the tables in `ASSESSED`, without recording_id.
    """

    analysis: CallAnalysis
    algorithm: int
    settings_hash: str
    rules_version: str
    gate: str | None
    rule_versions: Mapping[str, str]
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
    bounds: dict[int, dict[str, Bounds]] = {}
    for table in (*_TABLES, _CURVE):
        for number, first, last, rows in connection.execute(_BOUNDS.format(table=table)).fetchall():
            bounds.setdefault(number, {})[table] = Bounds(first=first, last=last, rows=rows)
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
    tables = (*(part.table for part in ASSESSED), HISTORY)
    return {table: connection.table(table).limit(0).to_arrow_table().schema for table in tables}


def read_batch(connection: Connection, batch: Batch) -> tuple[StoredCall, ...]:
    """The recordings of a batch, in its order."""
    tables = {table: _read(connection, table, batch) for table in _TABLES}
    extra = [json.loads(text) for text in tables["call"].columns["extra"]]
    recordings = tables["recording"].one_each(make(Recording, tables["recording"].columns))
    calls = tables["call"].one_each(make(Call, tables["call"].columns | {"extra": extra}))
    runs = tables["analysis"].one_each(
        list(zip(*(tables["analysis"].columns[name] for name in _RUN_COLUMNS), strict=True))
    )
    versions = tables["finding"].grouped(tables["finding"].pairs("rule_id", "rule_version"))
    rows = {part.table: tables[part.table].grouped(tables[part.table].rows()) for part in ASSESSED}
    parts = {
        part.field: tables[part.table].grouped(make(part.record, tables[part.table].columns))
        for part in NEEDED
    }
    sealed = tables[_SEALED].grouped(make(Sealed, tables[_SEALED].columns))
    out = []
    for id_ in batch.recording_ids:
        known: dict[str, Any] = {part: found.get(id_, ()) for part, found in parts.items()}
        known["sealed"] = next(iter(sealed.get(id_, ())), None)
        out.append(
            StoredCall(
                analysis=CallAnalysis(recording=recordings[id_], call=calls[id_], **known),
                algorithm=runs[id_][0],
                settings_hash=runs[id_][1],
                rules_version=runs[id_][2],
                gate=runs[id_][3],
                rule_versions=dict(versions.get(id_, ())),
                rows={table: found.get(id_, ()) for table, found in rows.items()},
            )
        )
    return tuple(out)


def read_tone_curves(connection: Connection, batch: Batch) -> ToneCurves:
    """The tone curves of a batch by recording_id; they are long and only measures need them."""
    table = _read(connection, _CURVE, batch)
    return table.grouped(make(TonePoint, table.columns))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """Rows of a table by column; `runs` are the rows `[first, end)` of each recording."""

    columns: dict[str, list[Any]]
    runs: tuple[tuple[str, int, int], ...]

    def rows(self) -> list[Row]:
        """Row by row, without recording_id."""
        columns = (values for name, values in self.columns.items() if name != ID)
        return list(zip(*columns, strict=True))

    def pairs(self, first: str, second: str) -> list[tuple[Any, Any]]:
        """Two columns side by side."""
        return list(zip(self.columns[first], self.columns[second], strict=True))

    def grouped(self, values: Sequence[_Value]) -> dict[str, tuple[_Value, ...]]:
        """The `values`, one per row, grouped by recording."""
        out: dict[str, tuple[_Value, ...]] = {}
        for id_, first, end in self.runs:
            out[id_] = (*out.get(id_, ()), *values[first:end])
        return out

    def one_each(self, values: Iterable[_Value]) -> dict[str, _Value]:
        """`values`, one a recording."""
        return dict(zip((id_ for id_, _, _ in self.runs), values, strict=True))


def _read(connection: Connection, table: str, batch: Batch) -> _Rows:
    """The batch's rows of a table."""
    bounds = batch.bounds.get(table, Bounds())
    values: dict[str, Any] = {"first": bounds.first, "last": bounds.last}
    sql = _ROWS
    if not bounds.alone:
        sql, values["ids"] = _ROWS_AMONG_OTHERS, list(batch.recording_ids)
    found = connection.sql(sql.format(table=table), params=values).to_arrow_table()
    encoded = pc.run_end_encode(found.column(ID).combine_chunks())
    ends = encoded.run_ends.to_pylist()
    runs = tuple(zip(encoded.values.to_pylist(), [0, *ends], ends, strict=False))
    columns = {
        name: _values(found.column(name)) for name in found.column_names if name != ID or table == "recording"
    }
    return _Rows(columns=columns, runs=runs)


def _values(column: pa.ChunkedArray) -> list[Any]:
    values: list[Any] = column.to_pylist()
    if pa.types.is_list(column.type):
        return [as_tuples(value) for value in values]
    return values


def as_tuples(value: Any) -> Any:
    """Lists, also nested ones, as the tuples that records hold."""
    return tuple(map(as_tuples, value)) if isinstance(value, list) else value
