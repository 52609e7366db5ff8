"""Files of an archive, and the recordings that a run has to deal with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pipeline.records import Call, RecordingFile
from pipeline.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveFile:
    """An audio file with its business facts and the settings that hold for it.

    `channel_given` says whether its metadata named the agent's channel, which is then in the settings.
    """

    path: Path
    uri: str
    call: Call
    settings: Settings
    channel_given: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFile:
    """A file that was read: the sha256 of its bytes, its size, and when it was last written to."""

    found: ArchiveFile
    sha256: str
    bytes: int
    modified_ns: int

    @property
    def uri(self) -> str:
        """The file's uri."""
        return self.found.uri

    @property
    def path(self) -> Path:
        """The file's path."""
        return self.found.path

    def as_part(self, part: str, leg_index: int | None = None) -> RecordingFile:
        """The file as a part of a recording."""
        return RecordingFile(uri=self.uri, sha256=self.sha256, part=part, leg_index=leg_index)  # type: ignore[arg-type]

    def is_unchanged(self) -> bool:
        """Whether the file is as it was when it was read."""
        try:
            now = self.path.stat()
        except OSError:
            return False
        return (now.st_size, now.st_mtime_ns) == (self.bytes, self.modified_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItem:
    """A recording to deal with: `bytes` is the size of its files, the rest as in `ArchiveFile`.

    `legs` are the files of its sides in the order of channels, for a recording that has them. `sources` are
    the files that are decoded, and `twins` other files with the same bytes.
    """

    path: Path
    uri: str
    recording_id: str
    bytes: int
    call: Call
    settings: Settings
    channel_given: bool = False
    legs: tuple[Path, ...] = ()
    files: tuple[RecordingFile, ...] = ()
    sources: tuple[SeenFile, ...] = ()
    twins: tuple[SeenFile, ...] = ()

    @property
    def mix(self) -> Path | None:
        """The file beside the legs that holds both sides."""
        return next((Path(file.uri) for file in self.files if file.part == "mix"), None)


def id_at(sha256: str, uri: str) -> str:
    """The id of a recording that cannot be analysed and has the bytes of another one: by its place too."""
    return hashlib.sha256(f"{sha256}\n{uri}".encode()).hexdigest()
