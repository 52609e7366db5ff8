"""The file of wrapped keys, one a recording. It lies outside the store, which keeps what is deleted."""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.sealing.seal import new_key, unwrap, wrap

_HEAD = b"earwitness keys 1\n"


class KeyFile:
    """Makes, finds and destroys the keys of recordings; the file has mode 0600 from its first byte.

    A line is a recording and its wrapped key. A new key is appended and is on disk before it is given out; a
    last line that a crash cut off belongs to a key that nothing was sealed with, and is dropped. A key is
    destroyed by a new file in the former's place. One process writes at a time.
    """

    def __init__(self, path: Path, master: bytes) -> None:
        """Read the file where there is one.

        Raises UsageError for one that is no file of keys or that others than its owner may read.
        """
        self._path, self._master = path, master
        self._wrapped, self._whole = _read(path)

    def __contains__(self, recording_id: str) -> bool:
        return recording_id in self._wrapped

    def make(self, recording_id: str) -> bytes:
        """The key of a recording, made where it has none. Raises UsageError for another master key."""
        return self.make_all([recording_id])[recording_id]

    def make_all(self, recording_ids: Iterable[str]) -> dict[str, bytes]:
        """The keys of some recordings, made where they have none; all are on disk at once."""
        wanted = list(dict.fromkeys(recording_ids))
        new = {id_: wrap(new_key(), self._master, id_) for id_ in wanted if id_ not in self._wrapped}
        if new:
            if not self._whole:
                self._rewrite(self._wrapped)
            with os.fdopen(os.open(self._path, os.O_WRONLY | os.O_APPEND), "ab") as file:
                _write(file.fileno(), b"".join(_line(*each) for each in new.items()))
            self._wrapped |= new
        return {id_: self.find(id_) for id_ in wanted}

    def find(self, recording_id: str) -> bytes:
        """The key of a recording. Raises UsageError where it was destroyed or never made."""
        wrapped = self._wrapped.get(recording_id)
        if wrapped is None:
            raise UsageError(
                "no key for the sealed text", value=recording_id, allowed="recordings with a key"
            )
        return unwrap(wrapped, self._master, recording_id)

    def destroy(self, recording_id: str) -> bool:
        """Take a key out of the file for good; false where there was none.

        Blocks of the former file may stay on the disk, where only the disk's encryption protects them.
        """
        if recording_id not in self._wrapped:
            return False
        self._rewrite({other: key for other, key in self._wrapped.items() if other != recording_id})
        return True

    def _rewrite(self, wrapped: Mapping[str, bytes]) -> None:
        beside = self._path.with_name(self._path.name + ".new")
        beside.unlink(missing_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            _write(file.fileno(), _HEAD + b"".join(_line(*each) for each in wrapped.items()))
        beside.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._wrapped, self._whole = dict(wrapped), True


def _line(recording_id: str, wrapped: bytes) -> bytes:
    return f"{recording_id} {base64.b64encode(wrapped).decode()}\n".encode()


def _write(handle: int, data: bytes) -> None:
    """All of the data, on the disk."""
    while data:
        data = data[os.write(handle, data) :]
    os.fsync(handle)


def _read(path: Path) -> tuple[dict[str, bytes], bool]:
    """The wrapped keys, and whether the file is there and ends with a whole line."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read()
    except FileNotFoundError:
        return {}, False
    except OSError as error:
        raise UsageError("cannot read the file of keys", where=path, value=error.strerror) from None
    if mode & 0o077:
        raise UsageError("others may read the keys", where=path, value=oct(mode), remedy=f"chmod 600 {path}")
    if not content.startswith(_HEAD):
        raise UsageError("not a file of keys", where=path, remedy="restore it from its backup")
    lines = content.removeprefix(_HEAD).split(b"\n")
    try:
        pairs = [line.decode("ascii").split(" ") for line in lines[:-1]]
        keys = {recording_id: base64.b64decode(key, validate=True) for recording_id, key in pairs}
    except ValueError:
        raise UsageError("a damaged file of keys", where=path, remedy="restore it from its backup") from None
    return keys, not lines[-1]
