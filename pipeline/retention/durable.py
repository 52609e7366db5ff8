"""Small files that outlive a crash: replaced as a whole, or grown by whole lines."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.store.files import beside, sync_folder

MODE = 0o600


def replace_file(path: Path, content: bytes) -> None:
    """Make `content` the file's content at once, on disk at return. Raises UsageError if the disk refuses."""
    new = beside(path, ".new")
    try:
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error


def add_lines(path: Path, lines: Sequence[bytes]) -> None:
    """Append lines, on disk at return; a last line that a crash cut off is dropped before.

    Raises UsageError if the disk refuses.
    """
    if not lines:
        return
    try:
        made = not path.exists()
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, MODE), "r+b") as file:
            content = file.read()
            file.seek(content.rfind(b"\n") + 1)
            file.truncate()
            file.write(b"".join(line + b"\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        if made:
            sync_folder(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error


def whole_lines(path: Path) -> tuple[bytes, ...]:
    """The lines of a file without one that was cut off; none where there is no file.

    Raises UsageError where it cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise UsageError("cannot read the file", where=path, value=error.strerror) from error
    return tuple(content.split(b"\n")[:-1])


def remove_file(path: Path) -> None:
    """Remove a file if it is there, on disk at return."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError("cannot write the file", where=path, value=error.strerror, remedy="make room")
