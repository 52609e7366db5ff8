"""Table `legal_hold`: recordings that must not be erased, placed and released by people. Owned by `store`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from pipeline.errors import UsageError
from pipeline.store.erasing import make_current
from pipeline.store.files import brief, locked, put_in_place, working_copy
from pipeline.store.reading import Connection, connect

_THERE = "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'legal_hold'"
_ACTIVE = """
SELECT recording_id, reason, placed_at, placed_by, until
FROM legal_hold
WHERE released_at IS NULL AND (until IS NULL OR until >= ?)
ORDER BY placed_at, recording_id
"""
_RELEASE = """
UPDATE legal_hold SET released_at = now(), released_by = $by
WHERE released_at IS NULL AND recording_id IN (SELECT unnest($ids::VARCHAR[]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalHold:
    """A hold that lasts; `until` is its last day in UTC."""

    recording_id: str
    reason: str
    placed_at: datetime
    placed_by: str
    until: date | None


def active_holds(connection: Connection) -> tuple[LegalHold, ...]:
    """The holds of now, the oldest first."""
    if connection.execute(_THERE).fetchall() == [(0,)]:  # a store that was not written since there are holds
        return ()
    today = datetime.now(UTC).date()
    return tuple(
        LegalHold(recording_id=id_, reason=reason, placed_at=placed_at, placed_by=by, until=until)
        for id_, reason, placed_at, by, until in connection.execute(_ACTIVE, [today]).fetchall()
    )


def place_holds(db: Path, recording_ids: Sequence[str], reason: str, by: str, until: date | None) -> None:
    """Place a hold on recordings and publish. Raises UsageError as `writing`."""
    with _changing(db) as connection:
        rows = [[id_, reason, by, until] for id_ in recording_ids]
        insert = "INSERT INTO legal_hold VALUES (?, ?, now(), ?, ?, NULL, NULL)"
        connection.executemany(insert, rows)


def release_holds(db: Path, recording_ids: Collection[str], by: str) -> None:
    """Release all holds on recordings and publish. Raises UsageError as `writing`."""
    with _changing(db) as connection:
        connection.execute(_RELEASE, {"ids": list(recording_ids), "by": by})


@contextmanager
def _changing(db: Path) -> Iterator[Connection]:
    """A connection to a working copy of a store of this layout, which is published at the end."""
    db = db.resolve()
    with locked(db, "a legal hold"), working_copy(db) as work:
        try:
            make_current(work)
            with closing(connect(work)) as connection:
                yield connection
                connection.execute("CHECKPOINT")
            put_in_place(work, db)
        except (OSError, duckdb.Error) as error:
            raise UsageError("cannot write to the store", where=db, value=brief(error)) from error
