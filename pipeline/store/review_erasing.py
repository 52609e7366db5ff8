"""Erasing recordings from reviews.sqlite: drawn findings, judgements and who heard them."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.store.review_log import BUSY_S

_TABLES = ("item", "judgement", "access")
_IDS = "recording_id IN (SELECT value FROM json_each(?))"


def count_reviews(path: Path, recording_ids: Collection[str]) -> int:
    """The number of rows about recordings."""
    if not path.exists():
        return 0
    with _opened(path) as connection:
        queries = [f"SELECT count(*) FROM {table} WHERE {_IDS}" for table in _TABLES]  # noqa: S608
        return sum(connection.execute(sql, [_json(recording_ids)]).fetchall()[0][0] for sql in queries)


def notes_about(path: Path, recording_ids: Collection[str]) -> frozenset[str]:
    """What reviewers wrote about recordings."""
    if not path.exists():
        return frozenset()
    sql = f"SELECT note FROM judgement WHERE note <> '' AND {_IDS}"  # noqa: S608 - our own names
    with _opened(path) as connection:
        return frozenset(row[0] for row in connection.execute(sql, [_json(recording_ids)]).fetchall())


def erase_reviews(path: Path, recording_ids: Collection[str]) -> None:
    """Delete the rows about recordings, and their bytes from the file.

    Raises UsageError while another program uses the file.
    """
    if not path.exists():
        return
    with _opened(path) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("BEGIN IMMEDIATE")
        for table in _TABLES:
            connection.execute(f"DELETE FROM {table} WHERE {_IDS}", [_json(recording_ids)])  # noqa: S608
        connection.execute("COMMIT")
        connection.execute("VACUUM")
        ((busy, _, _),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if busy:
            raise sqlite3.OperationalError("another program reads the file")


def notes_that_stay(path: Path, values: Sequence[str]) -> frozenset[str]:
    """Those of `values` that rows of the file still hold."""
    if not path.exists():
        return frozenset()
    sql = "SELECT coalesce(note, '') || ' ' || coalesce(reviewer, '') FROM judgement"
    with _opened(path) as connection:
        texts = [row[0] for row in connection.execute(sql).fetchall()]
        texts += [" ".join(row) for row in connection.execute("SELECT request, made_by FROM draw").fetchall()]
    return frozenset(value for value in values if any(value in text for text in texts))


def _json(recording_ids: Collection[str]) -> str:
    return "[" + ",".join(f'"{one}"' for one in recording_ids) + "]"


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)) as connection:
            yield connection
    except sqlite3.Error as error:
        remedy = "end the review application, then run the command again"
        raise UsageError(
            "cannot erase from the file of reviews", where=path, value=str(error), remedy=remedy
        ) from error
