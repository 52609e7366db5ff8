"""Table `summary`, which view call_summary shows: kept current for the calls that changed.

Owned by `store`, which lends its connection.
"""

from __future__ import annotations

from collections.abc import Collection

import duckdb

import schemas

Changed = Collection[str] | None
"""Recordings by recording_id; None for every one."""
EVERY: Changed = None


def refresh_summary(connection: duckdb.DuckDBPyConnection, changed: Changed) -> None:
    """Compute the rows of the recordings in `changed` again; those that are gone have none afterwards."""
    if changed is not None and not changed:
        return
    (query,) = (one.sql for one in schemas.derived() if one.name == "summary")
    if changed is None:
        connection.execute("CREATE TEMP TABLE changed AS SELECT recording_id FROM recording")
        connection.execute("DELETE FROM summary")
    else:
        create = "CREATE TEMP TABLE changed AS SELECT unnest(?::VARCHAR[]) AS recording_id"
        connection.execute(create, [list(changed)])
        connection.execute("DELETE FROM summary WHERE recording_id IN (FROM changed)")
    connection.execute(f"INSERT INTO summary BY NAME\n{query}")
    connection.execute("DROP TABLE changed")
