"""Whole tables of a store, for programs that read them elsewhere, with what their columns mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

import schemas
from pipeline.store.reading import Connection, ask

_OF_THE_PROGRAM = frozenset({"meta", "schema_migration", "part", "known_file", "legal_hold", "sealed_text"})
"""Tables in which the program keeps its own accounts."""
_BATCH_ROWS = 100_000


def tables_to_share() -> tuple[str, ...]:
    """The tables that hold calls, findings and what they are judged by."""
    return tuple(one.name for one in schemas.tables() if one.name not in _OF_THE_PROGRAM)


def column_comments(connection: Connection, table: str) -> dict[str, str]:
    """The comment on each column of a table, with its unit."""
    sql = "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index"
    return dict(ask(connection, sql, [table]).rows)


@contextmanager
def table_batches(connection: Connection, table: str) -> Iterator[pa.RecordBatchReader]:
    """The rows of a table in the order in which they are stored, in batches.

    The rows of a recording lie together.
    """
    # A cursor of its own: its answer must not be closed by the next question.
    cursor = connection.cursor()
    try:
        yield cursor.table(table).to_arrow_reader(_BATCH_ROWS)
    finally:
        cursor.close()
