"""A conversation with the store: questions on one read-only connection, and what can be asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from pipeline.errors import UsageError
from pipeline.store.files import brief
from pipeline.store.reading import Connection, Table, ask, reading

T = TypeVar("T")

BATCH_ROWS = 50_000
"""Rows of an answer that are in memory together when it goes to a file."""
_AGAIN_S = 0.1
"""A query that had not begun when it was interrupted is interrupted again after so long."""

_RELATIONS = """
SELECT table_name, comment, 'table' FROM duckdb_tables() WHERE NOT internal
UNION ALL SELECT view_name, comment, 'view' FROM duckdb_views() WHERE NOT internal ORDER BY 1
"""
_COLUMNS = """
SELECT table_name, column_name, data_type, comment FROM duckdb_columns() WHERE NOT internal
ORDER BY table_name, column_index
"""
_FUNCTIONS = """
SELECT function_name, any_value(description) FROM duckdb_functions()
WHERE function_name SIMILAR TO '[a-z][a-z0-9_]*' GROUP BY ALL ORDER BY 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column with DuckDB's type and its comment, which names the unit."""

    name: str
    type: str
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A table or a view."""

    name: str
    kind: str
    comment: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The first rows of an answer, and the number of all its rows."""

    table: Table
    rows: int


class Asking:
    """Answers questions one after the other. Ctrl-C stops the question that is being answered."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # Signals reach only the main thread, and that waits in DuckDB for as long as a query runs there.
        self._worker = ThreadPoolExecutor(1)

    @cached_property
    def relations(self) -> dict[str, Relation]:
        """Tables and views by name."""
        columns: dict[str, list[Column]] = {}
        for relation, name, kind, comment in ask(self._connection, _COLUMNS).rows:
            columns.setdefault(relation, []).append(Column(name=name, type=kind, comment=comment or ""))
        return {
            name: Relation(name=name, kind=kind, comment=comment or "", columns=tuple(columns[name]))
            for name, comment, kind in ask(self._connection, _RELATIONS).rows
        }

    @cached_property
    def functions(self) -> dict[str, str]:
        """The functions of DuckDB's SQL with what they do."""
        return {name: description or "" for name, description in ask(self._connection, _FUNCTIONS).rows}

    def show(self, statement: str, most: int) -> Shown:
        """The answer to one statement, of which at most `most` rows are kept.

        Raises UsageError with DuckDB's message for wrong SQL, KeyboardInterrupt when it was stopped.
        """
        return self._run(statement, lambda cursor: _first_rows(cursor, most))

    def to_file(self, statement: str, write: Callable[[tuple[str, ...], Iterator[Any]], T]) -> T:
        """What `write` makes of the columns' names and of all rows, which it gets one by one."""
        return self._run(statement, lambda cursor: write(_names(cursor), _rows(cursor)))

    def to_arrow(self, statement: str, write: Callable[[Any], T]) -> T:
        """What `write` makes of the answer as a pyarrow RecordBatchReader."""
        return self._run(statement, lambda cursor: write(cursor.to_arrow_reader(BATCH_ROWS)))

    def _run(self, statement: str, work: Callable[[Connection], T]) -> T:
        running = self._worker.submit(lambda: work(self._connection.execute(statement)))
        try:
            return running.result()
        except KeyboardInterrupt:
            while not running.done():
                self._connection.interrupt()
                wait([running], timeout=_AGAIN_S)
            raise
        except duckdb.Error as error:
            raise UsageError(brief(error)) from error


@contextmanager
def asking(db: Path) -> Iterator[Asking]:
    """A conversation with the published store. Raises UsageError as `reading` does."""
    with reading(db) as connection:
        yield Asking(connection)


def statements_of(text: str) -> tuple[str, ...]:
    """The statements in `text`. Raises UsageError with DuckDB's message if one is wrong."""
    try:
        return tuple(one.query for one in duckdb.extract_statements(text))
    except duckdb.Error as error:
        raise UsageError(brief(error)) from error


def is_complete(text: str) -> bool:
    """Whether `text` ends with the semicolon of a statement, and not with one in a string or a comment.

    >>> is_complete("SELECT 1;"), is_complete("SELECT ';"), is_complete("SELECT 1; -- one")
    (True, False, True)
    """
    # DuckDB counts bytes.
    data = text.encode()
    last = [start for start, kind in duckdb.tokenize(text) if kind != duckdb.token_type.comment][-1:]
    return any(data[start:].lstrip().startswith(b";") for start in last)


def _first_rows(cursor: Connection, most: int) -> Shown:
    rows = cursor.fetchmany(most)
    count = len(rows)
    while more := len(cursor.fetchmany(BATCH_ROWS)):
        count += more
    types = tuple(str(column[1]) for column in cursor.description)
    return Shown(table=Table(columns=_names(cursor), types=types, rows=tuple(rows)), rows=count)


def _names(cursor: Connection) -> tuple[str, ...]:
    return tuple(column[0] for column in cursor.description)


def _rows(cursor: Connection) -> Iterator[Any]:
    while rows := cursor.fetchmany(BATCH_ROWS):
        yield from rows
