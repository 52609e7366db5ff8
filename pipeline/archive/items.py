"""Files of an archive, and the recordings that a run has to deal with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.records import Call, RecordingFile
from pipeline.sealing.seal import Key
from pipeline.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveFile:
    """An audio file with its business facts and the settings that hold for it.

    `bytes` and `modified` are its size and its time of change in ns when it was found. `channel_given` says
    whether its metadata named the agent's channel, which is then in the settings.
    """

    path: Path
    uri: str
    bytes: int
    modified: str
    call: Call
    settings: Settings
    channel_given: bool = False

    @property
    def modified_s(self) -> float | None:
        """When it was last written to, in seconds since 1970; None where that is not known."""
        return int(self.modified) / 1e9 if self.modified else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFile:
    """A file whose bytes are known by their sha256."""

    found: ArchiveFile
    sha256: str

    @property
    def bytes(self) -> int:
        """The file's size."""
        return self.found.bytes

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
        """Whether the file is as it was when it was found."""
        return state_of(self.path) == (self.bytes, self.found.modified)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItem:
    """A recording to deal with: `bytes` is the size of its files, the rest as in `ArchiveFile`.

    `legs` are the files of its sides in the order of channels, for a recording that has them. `sources` are
    the files that are decoded, and `twins` other files with the same bytes. `key` seals what is masked in
    it; the night gives it with the work, so that workers need no master key.
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
    key: Key | None = field(default=None, repr=False)

    @property
    def mix(self) -> Path | None:
        """The file beside the legs that holds both sides."""
        return next((Path(file.uri) for file in self.files if file.part == "mix"), None)


def state_of(path: Path) -> tuple[int, str]:
    """Size and time of change (ns) of a file; 0 and no time where it cannot be seen."""
    try:
        now = path.stat()
    except OSError:
        return 0, ""
    return now.st_size, str(now.st_mtime_ns)


def id_at(sha256: str, uri: str) -> str:
    """The id of a recording that cannot be analysed and has the bytes of another one: by its place too."""
    return hashlib.sha256(f"{sha256}\n{uri}".encode()).hexdigest()
