"""The store as files: the lock, the working copy, and putting a finished copy in the store's place.

Owned by `store`; the only other one that knows about the files beside the store.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from pipeline.errors import UsageError
from pipeline.permissions import STORE_MODE

_FICLONE = 0x40049409  # Linux: share the blocks of another file


@contextmanager
def locked(db: Path, holder: str = "a run") -> Iterator[str | None]:
    """Hold the lock beside `db`; the system gives it back however the process ends.

    `holder` names who has it to others that want it. Gives the name of the one before, if that was killed.

    Raises UsageError when another process has it, when the folder cannot be written, and when its file
    system has no locks, as some network shares.
    """
    try:
        file = beside(db, ".lock").open("a+")
    except OSError as error:
        raise unwritable(db, error) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            remedy = "wait for its end or give another file"
            what = "another run is writing to the store"
            raise UsageError(what, where=db, value=_holder(file), remedy=remedy) from None
        except OSError as error:
            what = "the file system of the store has no file locks"
            remedy = "put --db on a local disk"
            raise UsageError(what, where=db, value=error.strerror, remedy=remedy) from None
        died = _holder(file)
        file.truncate(0)
        since = datetime.now(UTC).isoformat(sep=" ", timespec="seconds")
        file.write(f"{holder}, process {os.getpid()} on {os.uname().nodename}, since {since}")
        file.flush()
        try:
            yield died
        finally:
            file.truncate(0)


def _holder(file: TextIO) -> str | None:
    """Who has the lock, in their own words."""
    file.seek(0)
    return file.read() or None


@contextmanager
def working_copy(db: Path) -> Iterator[Path]:
    """A copy of `db`, or the path for one if there is no `db` yet; gone at the end."""
    work = beside(db, ".work")
    # Left over by a crash, or ours at the end: in both cases nothing in them was published.
    anew = beside(work, ".new")
    leavings = (work, beside(work, ".wal"), beside(db, ".new"), anew, beside(anew, ".wal"))
    try:
        try:
            for path in leavings:
                path.unlink(missing_ok=True)
            if db.exists():
                _copy(db, work)
        except OSError as error:
            raise unwritable(db, error) from error
        yield work
    finally:
        for path in leavings:
            path.unlink(missing_ok=True)


def put_in_place(work: Path, db: Path) -> None:
    """Make `db` what `work` is, at once and on disk; who has the former `db` open keeps it.

    Raises OSError, with `db` as it was.
    """
    new = beside(db, ".new")
    _copy(work, new)
    if db.exists():
        shutil.copymode(db, new)
    else:
        new.chmod(STORE_MODE)
    new.replace(db)
    sync_folder(db.parent)


def beside(path: Path, suffix: str) -> Path:
    """The file beside `path` whose name has `suffix` added."""
    return path.with_name(path.name + suffix)


def unwritable(db: Path, error: Exception) -> UsageError:
    """The error for a store that cannot be written."""
    remedy = "give a path in an existing folder you may write to"
    if "set lock" in str(error):  # DuckDB has a lock of its own
        remedy = "put --db on a local disk, or end the program that has the file open"
    return UsageError("cannot write the store", where=db, value=brief(error), remedy=remedy)


def brief(error: Exception) -> str:
    """The message without the excerpt of the SQL that DuckDB adds."""
    return str(error).partition("\n\nLINE ")[0]


def _copy(source: Path, target: Path) -> None:
    """Copy a file, sharing blocks where the file system can; the bytes are on disk at return."""
    with source.open("rb") as reader, target.open("wb") as writer:
        try:
            fcntl.ioctl(writer, _FICLONE, reader.fileno())
        except OSError:  # btrfs and XFS can, others cannot
            shutil.copyfileobj(reader, writer, 1 << 20)
            writer.flush()
        os.fsync(writer.fileno())


def sync_folder(folder: Path) -> None:
    """Put a renaming on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
