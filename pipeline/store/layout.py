"""The layout of a store's tables: which one a file has, whether this release reads it, and making it.

Owned by `store`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

import schemas
from pipeline import __version__
from pipeline.errors import UsageError

_COMMENTS = "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'call_summary'"
_WITHOUT_LEDGER = {2: "0.1.0"}
"""Releases whose stores have no table schema_migration, by layout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The number of a store's layout and the release that gave it; None where no ledger says."""

    version: int
    release: str | None

    def __str__(self) -> str:
        return f"layout {self.version}" + (f" (release {self.release})" if self.release else "")

    @property
    def is_older(self) -> bool:
        """Whether the store needs a migration."""
        return self.version < schemas.VERSION


CURRENT = Layout(version=schemas.VERSION, release=__version__)


def layout_of(connection: duckdb.DuckDBPyConnection) -> Layout | None:
    """The layout of an open database; None for one of another program."""
    try:
        sql = "SELECT schema_version FROM meta WHERE program = 'earwitness'"
        rows = connection.execute(sql).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        return None
    if not rows:
        return None
    version = int(rows[0][0])
    try:
        sql = "SELECT program_version FROM schema_migration ORDER BY version DESC, applied_at DESC LIMIT 1"
        ledger = connection.execute(sql).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        ledger = []
    release = ledger[0][0] if ledger else _WITHOUT_LEDGER.get(version)
    return Layout(version=version, release=release)


def check_readable(db: Path, layout: Layout | None) -> None:
    """Raise UsageError for a store of another layout; a database of another program passes."""
    if layout is None:
        return
    if layout.is_older:
        check_migratable(db, layout)
        remedy = f"run `earwitness migrate --db {db}`"
        raise UsageError("the store is from an earlier release", where=db, value=str(layout), remedy=remedy)
    check_not_newer(db, layout)


def check_migratable(db: Path, layout: Layout) -> None:
    """Raise UsageError for a store that is older than the migrations of this release."""
    if not layout.is_older:
        return
    oldest = schemas.migrations()[0].version - 1
    if layout.version < oldest:
        remedy = "analyse into a new file, or use the release that wrote this one"
        raise UsageError(
            "the store is too old to migrate",
            where=db,
            value=str(layout),
            allowed=f"layout {oldest} or later",
            remedy=remedy,
        )


def check_not_newer(db: Path, layout: Layout) -> None:
    """Raise UsageError for a store that a later release wrote."""
    if layout.version > schemas.VERSION:
        raise UsageError(
            "the store was written by a later release",
            where=db,
            value=str(layout),
            allowed=f"up to {CURRENT}",
            remedy="use the release that wrote it, or a later one",
        )


def apply_schema(connection: duckdb.DuckDBPyConnection) -> bool:
    """Make missing tables, replace the views and fill the reference data, in one transaction.

    Says whether the SQL of this release has done so before, so that table `summary` is what it would be now.
    """
    if _has_sql_of_now(connection):
        return True
    connection.begin()
    for table in schemas.tables():
        connection.execute(table.sql)
    for data in schemas.data():
        connection.execute(f"DELETE FROM {data.table}")  # noqa: S608 - our own table names
        connection.read_csv(str(data.path), all_varchar=True).insert_into(data.table)
    for view in schemas.views():
        connection.execute(view.sql)
    for column, comment in connection.execute(_COMMENTS).fetchall():
        text = comment.replace("'", "''")
        connection.execute(f"COMMENT ON COLUMN summary.{column} IS '{text}'")
    values = [schemas.VERSION, schemas.fingerprint()]
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('earwitness', ?, ?)", values)
    ledger = "INSERT OR IGNORE INTO schema_migration VALUES (?, 'new_store', now(), ?)"
    connection.execute(ledger, [schemas.VERSION, __version__])
    connection.commit()
    return False


def _has_sql_of_now(connection: duckdb.DuckDBPyConnection) -> bool:
    tables = connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'meta'").fetchall()
    if tables == [(0,)]:
        return False
    return connection.execute("SELECT sql_fingerprint FROM meta").fetchall() == [(schemas.fingerprint(),)]
