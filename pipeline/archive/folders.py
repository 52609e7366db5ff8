"""The recordings below a folder or a prefix, and the small files beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.archive.items import state_of
from pipeline.archive.located import located
from pipeline.archive.objects import ObjectPath, StoredObject, find_object, list_objects
from pipeline.audio.containers import AUDIO_SUFFIXES, OTHER_SUFFIXES, is_known, unread_remedy
from pipeline.audio.search import Found, search
from pipeline.errors import RecordingError, UsageError
from pipeline.settings import ArchiveSettings, AudioSettings, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The files of an archive by their paths; `listed` are the objects below `prefix`, so far as it is one."""

    settings: ArchiveSettings = ArchiveSettings()
    prefix: ObjectPath | None = None
    listed: Mapping[Path, StoredObject] = field(default_factory=dict)

    def has(self, path: Path) -> bool:
        """Whether there is a file."""
        return self._object(path) is not None if isinstance(path, ObjectPath) else path.is_file()

    def read(self, path: Path) -> bytes:
        """The bytes of a file. Raises OSError, or RecordingError and UsageError as `located`."""
        if not isinstance(path, ObjectPath):
            return path.read_bytes()
        found = self._object(path)
        state = (found.bytes, found.etag) if found is not None else None
        with located(path, self.settings, state) as copy:
            return copy.read_bytes()

    def state(self, path: Path) -> tuple[int, str]:
        """Size, and time of change (ns) or ETag; 0 and nothing where it cannot be seen."""
        found = self.listed.get(path)
        return (found.bytes, found.etag) if found is not None else state_of(path)

    def _object(self, path: ObjectPath) -> StoredObject | None:
        if self.prefix is not None and path.is_relative_to(self.prefix):
            return self.listed.get(path)
        return find_object(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """What was found at a path: `root` is where its manifest lies, `is_folder` whether it was searched."""

    found: Found
    files: Files
    root: Path
    is_folder: bool


def look_into(path: Path, settings: Settings) -> Inside:
    """The recordings at `path`, a file, a folder, an object or a prefix.

    Raises UsageError for a path that does not exist, a folder or a prefix without audio, and a bucket that
    cannot be listed.
    """
    if isinstance(path, ObjectPath):
        return _in_bucket(path, settings)
    is_folder = path.is_dir()
    return Inside(
        found=search([path], settings.audio),
        files=Files(settings=settings.archive),
        root=path if is_folder else path.parent,
        is_folder=is_folder,
    )


def _in_bucket(path: ObjectPath, settings: Settings) -> Inside:
    listed = {one.path: one for one in list_objects(path)}
    if not listed and path.key and find_object(path) is not None:
        files = Files(settings=settings.archive)
        return Inside(found=Found(files=(path,)), files=files, root=path.parent, is_folder=False)
    found = _recordings(path, listed.values(), settings.audio)
    files = Files(settings=settings.archive, prefix=path, listed=listed)
    return Inside(found=found, files=files, root=path, is_folder=True)


def _recordings(prefix: ObjectPath, objects: Iterable[StoredObject], settings: AudioSettings) -> Found:
    """The recordings among objects, as `search` finds them in folders; hidden names are passed over."""
    audio: list[Path] = []
    skipped: list[str] = []
    for one in objects:
        path = one.path
        if any(part.startswith(".") for part in path.relative_to(prefix).parts):
            continue
        if is_known(path, settings):
            audio.append(path)
        elif path.suffix.lower() in OTHER_SUFFIXES:
            what = f"a recording in a format that is not read ({path.suffix.lower()})"
            skipped.append(str(UsageError(what, where=path, remedy=unread_remedy(path))))
    if not audio:
        suffixes = " ".join(sorted(AUDIO_SUFFIXES))
        value = "; ".join(skipped[:2]) or None
        raise UsageError("no audio below the prefix", where=prefix, value=value, allowed=suffixes)
    return Found(files=tuple(sorted(audio)), skipped=tuple(skipped))


def read_text_file(files: Files, path: Path) -> bytes:
    """The bytes of a metadata file. Raises UsageError where it cannot be read."""
    try:
        return files.read(path)
    except (OSError, RecordingError) as error:
        value = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError("cannot read the metadata file", where=path, value=value) from None
