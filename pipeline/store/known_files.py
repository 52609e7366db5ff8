"""The table of files that were read, read and written in bulk. Owned by `store`."""

from __future__ import annotations

from collections.abc import Collection

import duckdb
import pyarrow as pa

from pipeline.records import KnownFile

KNOWN_FILES = "known_file"

_FORGET = "DELETE FROM known_file WHERE uri IN (SELECT uri FROM replaced)"


def read_known_files(connection: duckdb.DuckDBPyConnection) -> dict[str, KnownFile]:
    """All rows by uri."""
    rows = connection.table(KNOWN_FILES).to_arrow_table().to_pylist()
    known = {}
    for row in rows:
        row["unlike"] = tuple(row["unlike"])
        known[row["uri"]] = KnownFile(**row)
    return known


def put_known_files(connection: duckdb.DuckDBPyConnection, rows: pa.Table, gone: Collection[str]) -> bool:
    """Put `rows` in the place of those of their uris and remove the uris `gone`; says whether any changed.

    To be called in a transaction.
    """
    former = [*rows.column("uri").to_pylist(), *gone]
    if not former:
        return False
    connection.register("replaced", pa.table({"uri": pa.array(former, pa.string())}))
    try:
        connection.execute(_FORGET)
    finally:
        connection.unregister("replaced")
    if rows.num_rows:
        connection.from_arrow(rows).insert_into(KNOWN_FILES)
    return True
