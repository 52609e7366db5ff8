"""The store as its readers see it: read-only connections and the answers to queries.

Owned by `store`, whose names these are to everybody else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import duckdb

from pipeline.errors import UsageError
from pipeline.store.files import brief
from pipeline.store.layout import check_readable, layout_of

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    # Nothing leaves the machine: DuckDB would otherwise fetch extensions by itself.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}

STORAGE_VERSION = "v1.4.0"
"""Of new files: DuckDB 1.4 and later, and the tools that are built on them, can read them."""

Connection: TypeAlias = duckdb.DuckDBPyConnection
Values: TypeAlias = Sequence[object] | Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A query's answer: `types` are DuckDB's names, one per column; times are in UTC."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@contextmanager
def reading(db: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to the published store that reaches no other file and no network.

    Connections of one process share what the first of them opened: to see a later publication, close
    them all first. Raises UsageError when `db` is missing, no DuckDB file, or a store of another layout.
    """
    with opened(db) as connection:
        check_readable(db, layout_of(connection))
        yield connection


@contextmanager
def opened(db: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """As `reading`, whatever the layout."""
    try:
        if not db.is_file():
            raise UsageError("there is no store", where=db, remedy="analyse some recordings into it first")
        connection = connect(db.resolve(), read_only=True)
    except (OSError, duckdb.Error) as error:
        remedy = "see that it is an earwitness store that you may read"
        raise UsageError("cannot open the store", where=db, value=brief(error), remedy=remedy) from error
    try:
        yield connection
    finally:
        connection.close()


def query(db: Path, sql: str, values: Values = ()) -> Table:
    """The answer to `sql` on the published store, as `ask` gives it.

    Raises UsageError also for a missing store.
    """
    with reading(db) as connection:
        return ask(connection, sql, values)


def ask(connection: Connection, sql: str, values: Values = ()) -> Table:
    """The answer to `sql`; the last one's if there are several statements.

    `values` stand for the parameters (`?`, or `$name`) in `sql`, which is then a single statement. Raises
    UsageError with DuckDB's message for wrong SQL; nothing can be written.
    """
    try:
        cursor = connection.execute(sql, values) if values else connection.execute(sql)
        # DuckDB gives None where there is no statement.
        if cursor is None or cursor.description is None:
            raise UsageError("no SQL statement", value=sql, remedy="write for example FROM call_summary")
        return Table(
            columns=tuple(column[0] for column in cursor.description),
            types=tuple(str(column[1]) for column in cursor.description),
            rows=tuple(cursor.fetchall()),
        )
    except duckdb.Error as error:
        raise UsageError(brief(error)) from error


def connect(path: Path, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """A connection that shows times in UTC, whatever the machine's zone is."""
    # Without external access a name in SQL is no file and no Python variable either.
    config = _CONFIG | {"enable_external_access": not read_only}
    if not read_only:
        config["storage_compatibility_version"] = STORAGE_VERSION
    connection = duckdb.connect(str(path), read_only=read_only, config=config)
    connection.execute("SET TimeZone = 'UTC'")
    return connection
