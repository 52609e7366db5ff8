"""What is known of an archive's files from former nights, so that unchanged ones are not opened."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.archive.items import ArchiveFile, SeenFile
from pipeline.archive.located import located
from pipeline.audio import likeness
from pipeline.audio.decode import recording_id
from pipeline.audio.likeness import Outline
from pipeline.records import KnownFile

SETTLED_S = 2.0
"""A file that changed less than this before it is read is not remembered.

Another change could leave its size and its time as they are: file systems count time in steps of up to two
seconds (FAT). Git calls such files "racily clean".
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """Rows to remember, new or changed, and the uris of files that are gone."""

    files: tuple[KnownFile, ...] = ()
    gone: tuple[str, ...] = ()


NO_LESSON = Lesson()


class FileMemory:
    """Answers questions about files from what is `known` by uri, and opens a file where that is not enough.

    A row counts while the file's size and its time of change (or its ETag) are those of the row.
    """

    def __init__(self, known: Mapping[str, KnownFile]) -> None:
        self._stored = known
        self._current: dict[str, KnownFile] = {}
        self._not_kept: set[str] = set()

    def identify(self, found: ArchiveFile) -> SeenFile:
        """The file with its sha256. Raises RecordingError when it has to be read and cannot be.

        Raises UsageError where the store of an object fails as a whole, as `outline` and `same_sound` do.
        """
        known = self._stored.get(found.uri)
        if known is None or (known.bytes, known.modified) != (found.bytes, found.modified):
            if found.modified_s is not None and time.time() - found.modified_s < SETTLED_S:
                self._not_kept.add(found.uri)
            with _bytes_of(found) as path:
                sha256 = recording_id(path)
            known = KnownFile(uri=found.uri, bytes=found.bytes, modified=found.modified, sha256=sha256)
        self._current[found.uri] = known
        return SeenFile(found=found, sha256=known.sha256)

    def outline(self, file: SeenFile) -> Outline | None:
        """What the header of a file says, as `likeness.outline`."""
        known = self._current[file.uri]
        audio = file.found.settings.audio
        # How a headerless file is read is a setting, which may be another one tomorrow.
        lasting = file.path.suffix.lower().removeprefix(".") not in audio.raw
        if lasting and known.channels is not None:
            return _outline(known)
        with _bytes_of(file.found) as path:
            outline = likeness.outline(path, audio)
        if lasting:
            self._current[file.uri] = replace(
                known,
                channels=outline.channels if outline is not None else 0,
                duration_s=outline.duration_s if outline is not None else 0.0,
                lossless=outline.lossless if outline is not None else False,
            )
        return outline

    def same_sound(self, one: SeenFile, other: SeenFile) -> bool:
        """Whether two files hold the same call, as `likeness.same_sound`."""
        known = self._current[one.uri]
        if other.sha256 in known.unlike:
            return False
        with _bytes_of(one.found) as first, _bytes_of(other.found) as second:
            same = likeness.same_sound(first, second, one.found.settings.audio)
        if not same:
            self._current[one.uri] = replace(known, unlike=(*known.unlike, other.sha256))
        return same

    def lesson(self, gone: Collection[str]) -> Lesson:
        """What to remember of the files that were identified; `gone` are uris without a file."""
        files = (row for uri, row in self._current.items() if uri not in self._not_kept)
        return Lesson(
            files=tuple(row for row in files if row != self._stored.get(row.uri)),
            gone=tuple(uri for uri in gone if uri in self._stored),
        )


def _bytes_of(found: ArchiveFile) -> AbstractContextManager[Path]:
    return located(found.path, found.settings.archive, (found.bytes, found.modified))


def _outline(known: KnownFile) -> Outline | None:
    if not known.channels:
        return None
    return Outline(channels=known.channels, duration_s=known.duration_s or 0.0, lossless=bool(known.lossless))
