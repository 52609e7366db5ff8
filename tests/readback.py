"""What is in a store, read back as records."""

from __future__ import annotations

import json
import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import duckdb
from builders import (
    a_fingerprint,
    a_hold,
    a_silence,
    a_transfer,
    an_analysis,
    an_id,
    an_overlap,
    found,
    measured,
    say,
    sound,
)

from pipeline.records import AnalysisRun, Call, CallAnalysis, Recording, Sealed
from pipeline.store import query, reading
from pipeline.store.parts import CHILDREN as _PARTS
from pipeline.store.parts import PARTS

CHILDREN: dict[str, type] = {part.field: part.record for part in _PARTS}
TABLES = {part.field: part.table for part in PARTS}
JSON_FIELDS = {"extra", "settings", "detail", "role_cues"}

TALK = an_analysis(
    turns=[say("agent", 0, 2, "one moment please"), say("customer", 2, 3, "sure")],
    sounds=(sound("music", 4, 9),),
    fingerprints=(a_fingerprint(4, 9),),
    holds=(a_hold(3, 10),),
    transfers=(a_transfer(30, None),),
    overlaps=(an_overlap("agent", 1, 2),),
    silences=(a_silence(20, 32),),
    metrics=(measured("talk_time", 2, role="agent"),),
    findings=(found("greeting", "pass"), found("closing", "fail", detail={"status": "absent"})),
)


def read(connection: duckdb.DuckDBPyConnection, table: str, record: type, recording_id: str) -> list[Any]:
    """The rows of a recording as records."""
    sql = f"FROM {table} WHERE recording_id = ?"
    relation = connection.execute(sql, [recording_id])
    names = [column[0] for column in relation.description]
    keep = {field.name for field in fields(record)}
    rows = [dict(zip(names, map(python_value, names, row), strict=True)) for row in relation.fetchall()]
    return [record(**{name: value for name, value in row.items() if name in keep}) for row in rows]


def python_value(name: str, value: Any) -> Any:
    if name in JSON_FIELDS:
        return json.loads(value)
    return tuple(python_value("", item) for item in value) if isinstance(value, list) else value


def read_analysis(connection: duckdb.DuckDBPyConnection, recording_id: str) -> CallAnalysis:
    """All that is stored of a recording."""
    (recording,) = read(connection, "recording", Recording, recording_id)
    (call,) = read(connection, "call", Call, recording_id)
    runs = read(connection, "analysis", AnalysisRun, recording_id)
    parts = {
        part: tuple(read(connection, TABLES[part], record, recording_id)) for part, record in CHILDREN.items()
    }
    sealed = read(connection, "sealed_text", Sealed, recording_id)
    return CallAnalysis(
        recording=recording,
        call=call,
        run=runs[0] if runs else None,
        sealed=sealed[0] if sealed else None,
        **parts,
    )


def unordered(analysis: CallAnalysis) -> CallAnalysis:
    """With the rows of each table in an order that does not depend on the table's."""
    parts: dict[str, Any] = {part: tuple(sorted(getattr(analysis, part), key=repr)) for part in CHILDREN}
    return replace(analysis, **parts)


def read_published(db: Path, name: str = "one") -> CallAnalysis:
    with reading(db) as connection:
        return unordered(read_analysis(connection, an_id(name)))


def count(db: Path, table: str) -> int:
    return int(query(db, f"SELECT count(*) FROM {table}").rows[0][0])


def copy_store(db: Path, to: Path) -> None:
    """Copy a store with the keys of its sealed text."""
    for suffix in ("", ".keys", ".master"):
        shutil.copy(db.with_name(db.name + suffix), to.with_name(to.name + suffix))


def files_beside(db: Path) -> list[str]:
    return sorted(path.name for path in db.parent.iterdir())


def row_of(db: Path, sql: str) -> dict[str, Any]:
    """The only row of an answer, by column."""
    table = query(db, sql)
    assert len(table.rows) == 1
    return dict(zip(table.columns, table.rows[0], strict=True))
