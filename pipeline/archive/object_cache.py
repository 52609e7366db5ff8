"""Local copies of objects: a folder with a limit, from which the copies not used for longest are removed."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

from pipeline.archive.objects import StoredObject, download
from pipeline.errors import UsageError
from pipeline.settings import ArchiveSettings

_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,12}")
_PART = ".part-"
_ABANDONED_S = 3600.0
"""A download that nobody holds is removed after this time."""
_SHARE = 16
"""A process may add this part of the limit before it looks again at how much there is."""


def cache_of(settings: ArchiveSettings) -> ObjectCache:
    """The copies of this machine's user, by the settings."""
    folder = settings.cache or default_folder()
    return _cache(folder.expanduser(), int(settings.cache_gb * 1e9))


def default_folder() -> Path:
    """The folder of copies if the settings name none."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "earwitness" / "objects"


@cache
def _cache(folder: Path, max_bytes: int) -> ObjectCache:
    return ObjectCache(folder, max_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Copy:
    path: Path
    bytes: int
    used_at: float


class ObjectCache:
    """Copies of objects in `folder`, together about `max_bytes` at most; only their owner can read them.

    A copy has the name of its object's uri, ETag and size, so that another content is another copy. Processes
    may share the folder: a copy that one of them holds is removed by none, and a process that ends, however,
    holds none. Copies that are held may exceed the limit, and each process adds up to a sixteenth of it
    before it makes room again.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder, self._max_bytes = folder, max_bytes
        self._lock = threading.Lock()
        self._room = 0

    @contextmanager
    def held(self, wanted: StoredObject) -> Iterator[Path]:
        """The copy of an object, fetched where it is not there, and kept while the context lasts.

        Raises RecordingError and UsageError as `download`, UsageError where the folder cannot be written.
        """
        place = self._place(wanted)
        with _locked(place, wanted.bytes) or self._fetched(wanted, place):
            with suppress(OSError):
                os.utime(place)
            yield place
        if wanted.bytes > self._max_bytes:
            place.unlink(missing_ok=True)

    def _place(self, wanted: StoredObject) -> Path:
        name = hashlib.sha256(f"{wanted.path}\n{wanted.etag}\n{wanted.bytes}".encode()).hexdigest()
        suffix = wanted.path.suffix
        return self._folder / name[:2] / (name + (suffix if _SUFFIX.fullmatch(suffix) else ""))

    def _fetched(self, wanted: StoredObject, place: Path) -> BinaryIO:
        """The new copy, open and held."""
        try:
            for folder in (self._folder, place.parent):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.chmod(0o700)
            self._make_room(wanted.bytes)
            handle, name = tempfile.mkstemp(prefix=_PART, dir=place.parent)  # mode 0600
            file = os.fdopen(handle, "w+b")
        except OSError as error:
            raise self._not_writable(error) from None
        try:
            fcntl.flock(file, fcntl.LOCK_SH)
            download(wanted, file)
            file.flush()
            Path(name).replace(place)
        except BaseException as error:
            file.close()
            Path(name).unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise self._not_writable(error) from None
            raise
        return file

    def _not_writable(self, error: OSError) -> UsageError:
        return UsageError(
            "cannot keep copies of objects",
            where=self._folder,
            value=error.strerror,
            remedy="make room or give the right to write there, or name another folder with archive.cache",
        )

    def _make_room(self, needed: int) -> None:
        """Remove copies, those not used for longest first, until `needed` bytes more are within the limit."""
        with self._lock:
            if needed <= self._room:
                self._room -= needed
                return
            spare = self._max_bytes // _SHARE
            copies = sorted(self._copies(), key=lambda copy: copy.used_at)
            excess = sum(copy.bytes for copy in copies) + needed + spare - self._max_bytes
            for copy in copies:
                abandoned = copy.path.name.startswith(_PART) and time.time() - copy.used_at > _ABANDONED_S
                if abandoned or (excess > 0 and not copy.path.name.startswith(_PART)):
                    excess -= copy.bytes if _removed(copy.path) else 0
            self._room = spare

    def _copies(self) -> Iterator[_Copy]:
        for folder in self._folder.iterdir():
            with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
                for entry in entries:
                    with suppress(FileNotFoundError):
                        found = entry.stat(follow_symlinks=False)
                        yield _Copy(path=Path(entry.path), bytes=found.st_size, used_at=found.st_mtime)


def _locked(place: Path, size: int) -> BinaryIO | None:
    """The copy, open and held; None where there is none of this size."""
    try:
        file = place.open("rb")
    except OSError:
        return None
    fcntl.flock(file, fcntl.LOCK_SH)
    # Whoever removes a copy holds it alone: what still has its name now cannot be removed any more.
    with suppress(OSError):
        mine = os.fstat(file.fileno())
        if os.path.samestat(mine, place.stat()) and mine.st_size == size:
            return file
    file.close()
    return None


def _removed(place: Path) -> bool:
    """Whether a copy that nobody holds was removed."""
    try:
        with place.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            place.unlink()
    except OSError:
        return False
    return True
