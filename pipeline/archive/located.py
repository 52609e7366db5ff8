"""Where the bytes of an archive's file can be read: the file itself, or a local copy of an object."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.archive.object_cache import cache_of
from pipeline.archive.objects import ObjectPath, StoredObject, archive_path, find_object
from pipeline.audio.containers import shown
from pipeline.errors import RecordingError
from pipeline.settings import ArchiveSettings, load


@contextmanager
def located(
    path: Path, settings: ArchiveSettings | None = None, state: tuple[int, str] | None = None
) -> Iterator[Path]:
    """A path from which the bytes at `path` can be read while the context lasts.

    For an object, `state` is the size and the ETag that it has to have (default: those of now), and
    `settings` (default: of the settings file and the environment) say where copies are kept. Raises
    RecordingError for an object that is gone, another one or may not be read, UsageError where its store
    fails. A RecordingError about the copy names the object instead.
    """
    place = archive_path(path)
    if not isinstance(place, ObjectPath):
        yield place
        return
    wanted = find_object(place) if state is None else StoredObject(path=place, bytes=state[0], etag=state[1])
    if wanted is None:
        raise RecordingError("no such object", where=place, remedy="fetch the recording again")
    with cache_of(settings or load().archive).held(wanted) as copy:
        try:
            yield copy
        except RecordingError as error:
            raise type(error)(str(error).replace(shown(copy), str(place))) from None
