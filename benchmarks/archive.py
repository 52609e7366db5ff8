"""Large stores for benchmarks, made of many copies of a few stored calls."""

from __future__ import annotations

from pathlib import Path

import duckdb

from pipeline.store import writing

CHUNK = 5_000
OTHER_WORD_EVERY = 10

COPIES = """
CREATE OR REPLACE TEMP TABLE copies AS
SELECT
    number,
    sha256('copy ' || number) AS recording_id,
    base.recording_id AS base
FROM range({first}, {end}) AS numbers(number)
JOIN (
    SELECT recording_id, row_number() OVER (ORDER BY uri) - 1 AS place, count(*) OVER () AS places
    FROM calls.recording
    WHERE status = 'analysed'
) AS base ON number % places = place
"""
ROWS = """
INSERT INTO {table} BY NAME
SELECT part.* REPLACE ({values})
FROM copies
JOIN calls.{table} AS part ON part.recording_id = copies.base
ORDER BY number, part.rowid
"""
# Words of the calls themselves, in another order, so that phrases and their neighbours change.
OTHER_WORDS = """
CREATE TEMP TABLE other AS
SELECT row_number() OVER (ORDER BY text) - 1 AS place, text FROM (SELECT DISTINCT text FROM calls.word)
"""
OTHER_TEXT = """
CASE
    WHEN hash(number, part.word_index) % {every} = 0
    THEN (SELECT list(text ORDER BY place) FROM other)[1 + (hash(part.word_index, number) % {words})::BIGINT]
    ELSE part.text
END AS text
"""


def make_archive(source: Path, db: Path, calls: int, *, vary: bool) -> None:
    """Store `calls` copies of the analysed calls of the store `source` in the new store `db`.

    With `vary`, every tenth word is replaced, so that stored findings no longer follow from the words.
    """
    with writing(db) as writer:
        writer.publish()
    with duckdb.connect(str(db)) as connection:
        connection.execute(f"ATTACH '{source}' AS calls (READ_ONLY)")
        tables = [
            row[0]
            for row in connection.execute(
                "SELECT DISTINCT table_name FROM duckdb_columns() "
                "WHERE database_name = 'calls' AND column_name = 'recording_id' AND NOT internal "
                "AND table_name IN (SELECT table_name FROM duckdb_tables()) ORDER BY ALL"
            ).fetchall()
        ]
        connection.execute(OTHER_WORDS)
        (words,) = connection.execute("SELECT count(*) FROM other").fetchall()[0]
        for first in range(0, calls, CHUNK):
            connection.execute(COPIES.format(first=first, end=min(calls, first + CHUNK)))
            for table in tables:
                values = ["copies.recording_id AS recording_id"]
                if table == "word" and vary:
                    values.append(OTHER_TEXT.format(every=OTHER_WORD_EVERY, words=words))
                connection.execute(ROWS.format(table=table, values=", ".join(values)))
