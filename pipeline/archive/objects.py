"""Objects of a bucket (`s3://bucket/key`): their places, and how they are listed and fetched.

An object is what its uri, its size and its ETag say. Nothing here writes to a bucket.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pipeline.archive.object_access import bucket_store, explained
from pipeline.errors import RecordingError, UsageError

if TYPE_CHECKING:
    from obstore import ObjectMeta

_SCHEME = "s3:"
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")
_CHUNK = 1 << 20


class ObjectPath(type(Path())):  # type: ignore[misc]
    """The place of an object or of a prefix; it has a name, a suffix and a parent as any path.

    Its bytes are not in the file system: `located` says where they can be read.
    """

    __slots__ = ()

    def __str__(self) -> str:
        return f"{_SCHEME}//{'/'.join(self.parts[1:])}"

    def __fspath__(self) -> str:
        return str(self)

    def absolute(self) -> ObjectPath:
        """The same place."""
        return self

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return str(self.parts[1])

    @property
    def key(self) -> str:
        """The key of the object, or the prefix without a slash at its end; empty for the whole bucket."""
        return "/".join(self.parts[2:])


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object as it was found: its size in bytes and its ETag, with the quotes that belong to it."""

    path: ObjectPath
    bytes: int
    etag: str


def archive_path(path: Path | str) -> Path:
    """The path, as an ObjectPath where it names a bucket. Raises UsageError for a name that none has.

    `s3:/bucket`, which is what pathlib makes of `s3://bucket`, counts as well.

    >>> str(archive_path(Path("s3://calls/2026/a.wav"))), str(archive_path("calls/a.wav"))
    ('s3://calls/2026/a.wav', 'calls/a.wav')
    """
    text = str(path)
    if not text.startswith(f"{_SCHEME}/"):
        return Path(path)
    found = ObjectPath(f"{_SCHEME}/{text.removeprefix(_SCHEME).strip('/')}")
    if len(found.parts) < 2 or not _BUCKET.fullmatch(found.bucket):
        # The value is not repeated: it may have a password in it.
        allowed = "s3://bucket/prefix, the bucket in letters, digits, dots and hyphens"
        remedy = "keys and passwords go into AWS_* variables or a profile, never into the address"
        raise UsageError("not the address of a bucket", allowed=allowed, remedy=remedy)
    return found


def list_objects(folder: ObjectPath) -> tuple[StoredObject, ...]:
    """All objects below `folder`, in the order of their keys. Raises UsageError where that is not possible."""
    with _explained(folder, listing=True):
        store = bucket_store(folder.bucket)
        pages = store.list(prefix=folder.key or None)
        return tuple(_stored(folder.bucket, found) for page in pages for found in page)


def find_object(path: ObjectPath) -> StoredObject | None:
    """The object as it is now, None where there is none.

    Raises RecordingError where access to it is denied, UsageError where the store fails as a whole.
    """
    with _explained(path):
        try:
            return _stored(path.bucket, bucket_store(path.bucket).head(path.key))
        except FileNotFoundError:
            return None


def download(wanted: StoredObject, file: BinaryIO) -> None:
    """Write the bytes of an object to `file`.

    Raises RecordingError where the object is gone, is another one by now or may not be read, UsageError where
    the store fails as a whole.
    """
    path = wanted.path
    with _explained(path):
        got = bucket_store(path.bucket).get(path.key, options={"if_match": wanted.etag})
        size, etag = got.meta["size"], got.meta["e_tag"]
        received = 0
        if (size, etag) == (wanted.bytes, wanted.etag):
            for chunk in got.stream(min_chunk_size=_CHUNK):
                received += file.write(chunk)
    if (received, etag) != (wanted.bytes, wanted.etag):
        what, remedy = "the object is not the one that was found", "it is read by the next run"
        value = f"{received if etag == wanted.etag else size} bytes, ETag {etag}"
        allowed = f"{wanted.bytes} bytes, ETag {wanted.etag}"
        raise RecordingError(what, where=path, value=value, allowed=allowed, remedy=remedy)


def _stored(bucket: str, found: ObjectMeta) -> StoredObject:
    path = ObjectPath(f"{_SCHEME}/{bucket}/{found['path']}")
    etag = found["e_tag"]
    if not etag:
        remedy = "use a store that gives them, or copy the recordings to a folder"
        raise UsageError("the object store gives no ETags", where=path, remedy=remedy)
    return StoredObject(path=path, bytes=found["size"], etag=etag)


@contextmanager
def _explained(path: ObjectPath, *, listing: bool = False) -> Iterator[None]:
    """Put the errors of the store into words."""
    from obstore.exceptions import BaseError  # noqa: PLC0415 - slow to import, and only needed for buckets

    try:
        yield
    except (BaseError, OSError) as error:
        # `from None`: the text of the cause may name keys.
        raise explained(error, str(path), listing=listing) from None
