"""The DuckDB file: writing, publishing and reading of stored calls.

One process writes, any number of processes read. The writer works on a copy beside the published file and
publishes by renaming a finished copy over it. A reader therefore sees one complete publication and never
waits, and a crash does not change the published file. The layout is defined in `schemas`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb

from pipeline.errors import UsageError
from pipeline.store.files import beside, locked, unwritable, working_copy
from pipeline.store.layout import CURRENT, Layout, check_migratable, check_not_newer, layout_of
from pipeline.store.migrations import Migrated, Report, migrate_copy
from pipeline.store.reading import Connection, Table, Values, ask, opened, query, reading
from pipeline.store.state import StoredState
from pipeline.store.writer import Refused, Writer

__all__ = [
    "Connection",
    "Migrated",
    "Refused",
    "StoredState",
    "Table",
    "Values",
    "Writer",
    "ask",
    "check_writable",
    "migrate",
    "query",
    "reading",
    "with_layout_of_now",
    "writing",
]


@contextmanager
def writing(db: Path) -> Iterator[Writer]:
    """A writer on the store `db`, which is made at the first `publish()` if it is missing.

    A store of an earlier release is migrated and published first, with a line on standard error. Apart
    from that, nothing changes without `publish()`. Raises UsageError if another process writes, if the folder
    cannot be written, or if the file is not a store that this release can write.
    """
    db = db.resolve()
    layout = _check_ours(db)
    with locked(db), working_copy(db) as work:
        if layout is not None and layout.is_older:
            _announce(db, layout)
            migrate_copy(db, work, layout, lambda _: None)
        try:
            writer = Writer(db, work)
        except duckdb.Error as error:
            raise unwritable(db, error) from error
        with closing(writer):
            yield writer


def migrate(db: Path, report: Report) -> Migrated | None:
    """Bring the store `db` to the layout of this release; None if it has it already.

    `report` is called with a line before each step. Raises UsageError, with the store as it was, when it is
    missing, not a store, from a later release or one that is too old, or when it cannot be written.
    """
    db = db.resolve()
    layout = _check_ours(db)
    if layout is None:
        raise UsageError("there is no store", where=db, remedy="analyse some recordings into it first")
    if not layout.is_older:
        return None
    with locked(db):
        layout = _check_ours(db)  # another process may have migrated it in the meantime
        if layout is None or not layout.is_older:
            return None
        report(f"copying {db} ({layout})")
        with working_copy(db) as work:
            return migrate_copy(db, work, layout, report)


def with_layout_of_now(db: Path) -> None:
    """Migrate the store `db` with a line on standard error if it is from an earlier release.

    For commands that read before they write. Raises UsageError as `migrate`.
    """
    layout = _check_ours(db.resolve())
    if layout is not None and layout.is_older:
        _announce(db, layout)
        migrate(db, lambda _: None)


def _announce(db: Path, layout: Layout) -> None:
    sys.stderr.write(f"earwitness: migrating the store {db} from {layout} to {CURRENT}\n")


def check_writable(db: Path) -> None:
    """Raise the UsageError that `writing(db)` would raise, without a copy of the store."""
    db = db.resolve()
    _check_ours(db)
    with locked(db):
        try:
            tempfile.TemporaryFile(dir=db.parent).close()
        except OSError as error:
            raise unwritable(db, error) from error


def _check_ours(db: Path) -> Layout | None:
    """The layout of the store `db`, None if it is missing.

    Raises UsageError unless this release can write or migrate it and no other program writes to it.
    """
    try:
        folder, missing, unfinished = db.is_dir(), not db.exists(), beside(db, ".wal").exists()
    except OSError as error:
        raise unwritable(db, error) from error
    if folder:
        raise UsageError("the store is a folder", where=db, allowed="a file")
    if missing:
        return None
    if unfinished:
        remedy = "end it, then open and close the file once with DuckDB"
        raise UsageError("another program has not finished writing to the store", where=db, remedy=remedy)
    with opened(db) as connection:
        layout = layout_of(connection)
    if layout is None:
        raise UsageError("a database of another program", where=db, remedy="give another file")
    check_not_newer(db, layout)
    check_migratable(db, layout)
    return layout
