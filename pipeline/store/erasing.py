"""Erasing recordings: the rows of all tables, and the bytes of the file.

DuckDB keeps the bytes and the statistics of deleted rows, also after a checkpoint. A store without some
recordings is therefore a new file, to which the rows that stay are copied.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import duckdb

from pipeline.errors import UsageError
from pipeline.store.files import beside, brief
from pipeline.store.layout import apply_schema
from pipeline.store.reading import Connection, connect
from pipeline.store.review_rows import INTERVAL, intervals_of
from pipeline.store.rewriting import write_anew
from pipeline.store.summary import refresh_summary

_TABLES = """
SELECT table_name FROM duckdb_columns()
WHERE column_name = 'recording_id' AND NOT internal
    AND table_name IN (SELECT table_name FROM duckdb_tables())
ORDER BY table_name
"""
_TEXTS = """
SELECT table_name, list(column_name) FROM duckdb_columns()
WHERE data_type IN ('VARCHAR', 'JSON', 'VARCHAR[]') AND NOT internal
    AND table_name IN (SELECT table_name FROM duckdb_tables())
GROUP BY table_name ORDER BY table_name
"""
_AMONG = "recording_id IN (SELECT unnest($ids::VARCHAR[]))"
_VALUES = f"""
SELECT uri FROM recording WHERE {_AMONG}
UNION SELECT error FROM recording WHERE {_AMONG}
UNION SELECT uri FROM recording_file WHERE {_AMONG}
UNION SELECT call_ref FROM call WHERE {_AMONG}
UNION SELECT customer_ref FROM call WHERE {_AMONG}
UNION SELECT agent_name FROM call WHERE {_AMONG}
UNION SELECT quote FROM finding WHERE {_AMONG}
UNION SELECT old_quote FROM verdict_history WHERE {_AMONG}
UNION SELECT new_quote FROM verdict_history WHERE {_AMONG}
UNION SELECT note FROM review WHERE {_AMONG}
"""  # noqa: S608 - our own names
_EXTRA = f"SELECT extra FROM call WHERE {_AMONG}"  # noqa: S608 - our own names
_SUMS = f"SELECT DISTINCT sha256 FROM recording_file WHERE {_AMONG}"  # noqa: S608 - our own names
_SAME_FILES = f"""
SELECT DISTINCT recording_id FROM recording_file
WHERE sha256 IN (SELECT sha256 FROM recording_file WHERE {_AMONG})
"""  # noqa: S608 - our own names
_KNOWN_FILES = f"""
DELETE FROM known_file WHERE uri IN (SELECT uri FROM recording_file WHERE {_AMONG})
    OR sha256 IN (SELECT sha256 FROM recording_file WHERE {_AMONG})
    OR uri IN (SELECT uri FROM recording WHERE {_AMONG})
    OR list_contains($ids, sha256)
"""  # noqa: S608 - our own names
_AGES = """
SELECT recording_id, queue, coalesce(started_at, analysed_at)
FROM recording LEFT JOIN call USING (recording_id)
ORDER BY recording_id
"""
_CUSTOMER = "SELECT recording_id FROM call WHERE customer_ref = ? ORDER BY recording_id"


def of_customer(connection: Connection, customer_ref: str) -> tuple[str, ...]:
    """The recordings of a customer."""
    return tuple(row[0] for row in connection.execute(_CUSTOMER, [customer_ref]).fetchall())


def with_same_files(connection: Connection, recording_ids: Collection[str]) -> tuple[str, ...]:
    """The recordings with all others that were made of one of their files."""
    rows = connection.execute(_SAME_FILES, {"ids": list(recording_ids)}).fetchall()
    return tuple(sorted({*recording_ids, *(row[0] for row in rows)}))


def file_sums(connection: Connection, recording_ids: Collection[str]) -> tuple[str, ...]:
    """The SHA-256 of the recordings' files, in hex digits."""
    return tuple(sorted(row[0] for row in connection.execute(_SUMS, {"ids": list(recording_ids)}).fetchall()))


def ids_and_sums(connection: Connection) -> Iterator[tuple[str, str | None]]:
    """Every recording_id in the store with the sums of its files, a pair each."""
    sql = "SELECT recording_id, sha256 FROM recording LEFT JOIN recording_file USING (recording_id)"
    yield from connection.execute(sql).fetchall()


def values_of(connection: Connection, recording_ids: Collection[str]) -> frozenset[str]:
    """Texts in the rows of recordings that may say who called: names, references, quotes and notes."""
    ids = {"ids": list(recording_ids)}
    found = {row[0] for row in connection.execute(_VALUES, ids).fetchall() if row[0]}
    for (extra,) in connection.execute(_EXTRA, ids).fetchall():
        found |= {str(value) for value in json.loads(extra).values() if value is not None}
    return frozenset(found)


def count_rows(connection: Connection, recording_ids: Collection[str]) -> dict[str, int]:
    """The number of rows of recordings by table, without tables that have none."""
    counts = {}
    for (table,) in connection.execute(_TABLES).fetchall():
        sql = f"SELECT count(*) FROM {table} WHERE {_AMONG}"  # noqa: S608 - our own table names
        counts[table] = int(connection.execute(sql, {"ids": list(recording_ids)}).fetchall()[0][0])
    return {table: rows for table, rows in counts.items() if rows}


def write_without(db: Path, work: Path, recording_ids: Collection[str]) -> None:
    """Make `work`, a copy of the store `db`, one that never had the recordings.

    Raises UsageError when the disk or DuckDB refuses.
    """
    try:
        with closing(connect(work)) as connection:
            connection.begin()
            delete_everything_of(connection, recording_ids)
            connection.commit()
            connection.execute("CHECKPOINT")
        write_anew(work)
    except (OSError, duckdb.Error) as error:
        remedy = "the store is as it was; make room or correct the cause, then run it again"
        raise UsageError("cannot rewrite the store", where=db, value=brief(error), remedy=remedy) from error


def delete_everything_of(connection: Connection, recording_ids: Collection[str]) -> None:
    """Delete the rows of recordings from all tables, and bring what is derived up to date."""
    ids = {"ids": list(recording_ids)}
    connection.execute(_KNOWN_FILES, ids)
    for (table,) in connection.execute(_TABLES).fetchall():
        connection.execute(f"DELETE FROM {table} WHERE {_AMONG}", ids)  # noqa: S608 - our own table names
    refresh_summary(connection, list(recording_ids))
    connection.execute(f"DELETE FROM {INTERVAL}")  # noqa: S608 - our own table names
    rows = [list(asdict(one).values()) for one in intervals_of(connection)]
    if rows:
        names = ", ".join(asdict(intervals_of(connection)[0]))
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO {INTERVAL} ({names}) VALUES ({marks})", rows)  # noqa: S608


def make_current(work: Path) -> None:
    """Give a working copy the tables of now, which a store of the same layout may lack."""
    with closing(connect(work)) as connection:
        apply_schema(connection)


def texts_that_stay(work: Path, values: Sequence[str]) -> frozenset[str]:
    """Those of `values` that rows of the database `work` hold, as a whole or inside a longer text."""
    found: set[str] = set()
    with closing(connect(work, read_only=True)) as connection:
        for table, columns in connection.execute(_TEXTS).fetchall():
            text = " || chr(10) || ".join(f"coalesce({column}::VARCHAR, '')" for column in columns)
            sql = f"""
            SELECT DISTINCT value FROM (SELECT unnest($values::VARCHAR[]) AS value)
            WHERE EXISTS (SELECT 1 FROM {table} WHERE contains({text}, value))
            """  # noqa: S608 - our own table names
            left = [value for value in values if value not in found]
            if left:
                found |= {row[0] for row in connection.execute(sql, {"values": left}).fetchall()}
    return frozenset(found)


def spill_of(work: Path) -> Path:
    """The folder in which DuckDB puts what does not fit into memory."""
    return beside(work, ".tmp")


def rows_left(work: Path, recording_ids: Collection[str]) -> Mapping[str, int]:
    """The rows of recordings that a database file still has, by table."""
    with closing(connect(work, read_only=True)) as connection:
        return count_rows(connection, recording_ids)


def ages(connection: Connection) -> Iterator[tuple[str, str | None, datetime]]:
    """recording_id, queue, and start of every recording; its analysis where the start is not known."""
    yield from connection.execute(_AGES).fetchall()
