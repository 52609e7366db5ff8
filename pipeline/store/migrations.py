"""Bringing a store of an earlier release to the layout of this one.

The numbered SQL files in `schemas/migrations` are applied to a copy of the store, each in a transaction of
its own that also writes the ledger (table schema_migration). The finished copy is put in the store's place
once. Whatever ends the process before that leaves the store as it was.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb

import schemas
from pipeline import __version__
from pipeline.errors import UsageError
from pipeline.rounding import decimals_of
from pipeline.setting_stages import fingerprint_of
from pipeline.store.files import brief, put_in_place
from pipeline.store.layout import CURRENT, Layout, apply_schema
from pipeline.store.reading import connect
from pipeline.store.rewriting import write_anew
from pipeline.store.summary import EVERY, refresh_summary

Report = Callable[[str], None]
"""Called with a line before each step of a migration."""

_RENAMED = MappingProxyType({"fitness": "audio_quality"})
"""Tables whose name another layout changes, for the count of rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """A migration that was carried out: the layouts before and after, and how many recordings came along."""

    before: Layout
    after: Layout
    recordings: int


def migrate_copy(db: Path, work: Path, before: Layout, report: Report) -> Migrated:
    """Bring `work`, a copy of the store `db`, to the layout of now and put it in the place of `db`.

    Raises UsageError, with `db` as it was, when a statement fails, rows are missing afterwards or the disk
    refuses.
    """
    try:
        connection = connect(work)
        try:
            rows = _count_rows(connection)
            for migration in schemas.migrations():
                if migration.version > before.version:
                    report(f"migration {migration.version:04}: {migration.name.replace('_', ' ')}")
                    _apply(connection, migration)
            apply_schema(connection)
            refresh_summary(connection, EVERY)
            _check_rows(db, rows, _count_rows(connection))
            report("writing the migrated copy")
            connection.execute("CHECKPOINT")
        finally:
            connection.close()
        write_anew(work)
        report("putting the migrated copy in place")
        put_in_place(work, db)
    except (OSError, duckdb.Error) as error:
        remedy = "the store is as it was; make room or correct the cause, then run it again"
        raise UsageError("cannot migrate the store", where=db, value=brief(error), remedy=remedy) from error
    return Migrated(before=before, after=CURRENT, recordings=rows.get("recording", 0))


def _apply(connection: duckdb.DuckDBPyConnection, migration: schemas.Migration) -> None:
    """Carry out one migration and enter it in the ledger, all or nothing."""
    connection.begin()
    try:
        for statement in duckdb.extract_statements(migration.sql):
            connection.execute(statement)
        if migration.version in _FURTHER:
            _FURTHER[migration.version](connection)
        connection.execute("UPDATE meta SET schema_version = ?", [migration.version])
        ledger = "INSERT INTO schema_migration VALUES (?, ?, now(), ?)"
        connection.execute(ledger, [migration.version, migration.name, __version__])
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _count_rows(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """The number of rows of each table that holds facts about calls."""
    names = [row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
    reference = {"meta", "schema_migration", *(data.table for data in schemas.data())}
    counts = {}
    for name in names:
        if name not in reference:
            sql = f"SELECT count(*) FROM {name}"  # noqa: S608 - names that the database gave
            counts[_RENAMED.get(name, name)] = int(connection.execute(sql).fetchall()[0][0])
    return counts


def _check_rows(db: Path, before: Mapping[str, int], after: Mapping[str, int]) -> None:
    lost = [name for name, rows in before.items() if after.get(name) != rows]
    if lost:
        remedy = "the store is as it was; please report this fault"
        raise UsageError("the migration would lose rows", where=db, value=", ".join(lost), remedy=remedy)


def _rename_settings(connection: duckdb.DuckDBPyConnection) -> None:
    """Migration 3: stored settings get the names of release 0.2.0 and their fingerprints follow.

    The fingerprint is that of JSON text as Python writes it, which SQL cannot make.
    """
    distinct = "SELECT settings_hash, any_value(settings) FROM analysis GROUP BY settings_hash"
    update = "UPDATE analysis SET settings_hash = ?, settings = ? WHERE settings_hash = ?"
    renamed = {
        hash_: _as_in_0_2_0(json.loads(text)) for hash_, text in connection.execute(distinct).fetchall()
    }
    for hash_, values in renamed.items():
        text = json.dumps(values, ensure_ascii=False)
        connection.execute(update, [fingerprint_of(values), text, hash_])


def _as_in_0_2_0(values: dict[str, Any]) -> dict[str, Any]:
    """Settings of release 0.1.0 under the names of 0.2.0, without those that are not stored any more."""
    out = {("quality" if section == "fitness" else section): inner for section, inner in values.items()}
    if "sounds" in out:
        out["sounds"] = {name: value for name, value in out["sounds"].items() if name != "known_after"}
    if "rules" in out:
        rules = {name: value for name, value in out["rules"].items() if name != "second_look_similarity"}
        out["rules"] = {("meaning" if name == "second_look" else name): v for name, v in rules.items()}
    return out


_DOUBLES = "SELECT column_name FROM duckdb_columns() WHERE table_name = ? AND data_type = 'DOUBLE'"


def _make_lean(connection: duckdb.DuckDBPyConnection) -> None:
    """Migration 3: tables with many rows a recording lose their keys, and numbers the digits nobody needs.

    The tables keep their definition otherwise; their rows stay in order.
    """
    tables = "SELECT table_name, sql FROM duckdb_tables() WHERE list_contains(?, table_name)"
    for name, sql in connection.execute(tables, [list(_LEAN)]).fetchall():
        columns = connection.execute(_DOUBLES, [name]).fetchall()
        numbers = [f"round({column}, {decimals_of(column)}) AS {column}" for (column,) in columns]
        values = f"* REPLACE ({', '.join(numbers)})" if numbers else "*"
        key = re.search(r",\s*PRIMARY KEY\s*\(([^)]*)\)", sql)
        connection.execute(_renamed(sql.replace(key[0], "") if key else sql, name))
        for column in key[1].split(",") if key else ():
            connection.execute(f"ALTER TABLE {name}_3 ALTER {column} SET NOT NULL")
        connection.execute(f"INSERT INTO {name}_3 SELECT {values} FROM {name} ORDER BY rowid")  # noqa: S608
        connection.execute(f"DROP TABLE {name}")
        connection.execute(f"ALTER TABLE {name}_3 RENAME TO {name}")
    for name in ("recording", "analysis", "verdict_history"):
        columns = connection.execute(_DOUBLES, [name]).fetchall()
        numbers = [f"{column} = round({column}, {decimals_of(column)})" for (column,) in columns]
        connection.execute(f"UPDATE {name} SET {', '.join(numbers)}")  # noqa: S608 - our own names


def _renamed(sql: str, name: str) -> str:
    """The SQL that made the table `name`, for one of the name that it has during the migration."""
    return re.sub(rf"CREATE TABLE \"?{name}\"?", f"CREATE TABLE {name}_3", sql, count=1)


def _to_0_2_0(connection: duckdb.DuckDBPyConnection) -> None:
    _rename_settings(connection)
    _make_lean(connection)


_LEAN = (
    *("activity", "sound", "word", "turn", "hold", "overlap", "silence", "metric", "finding"),
    *("audio_quality", "transfer", "personal_data", "tone", "tone_curve", "tone_rise"),
)
_FURTHER: Mapping[int, Callable[[duckdb.DuckDBPyConnection], None]] = MappingProxyType({3: _to_0_2_0})
"""Steps that SQL cannot express, by the number of the migration."""
