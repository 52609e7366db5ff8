"""Questions about the recordings that could not be analysed."""

from __future__ import annotations

from pathlib import Path

from pipeline.store.reading import Connection, Table, ask, query


def quarantined(db: Path) -> Table:
    """The view `quarantine`. Raises UsageError for a missing store."""
    return query(db, "FROM quarantine")


def ids_in_quarantine(connection: Connection) -> frozenset[str]:
    """The recordings that could not be analysed, also those that were dropped."""
    rows = ask(connection, "SELECT recording_id FROM recording WHERE status = 'quarantined'").rows
    return frozenset(row[0] for row in rows)
