"""The plan of a night: files found, their metadata, what is stored of them, and what to do about each."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from pipeline import ALGORITHM, AUDIO_ALGORITHM
from pipeline.archive.failures import is_worth_a_try
from pipeline.archive.files import group_files
from pipeline.archive.folders import Inside, look_into
from pipeline.archive.items import ArchiveFile, SeenFile, WorkItem
from pipeline.archive.memory import NO_LESSON, FileMemory, Lesson
from pipeline.archive.metadata import CallMetadata, Metadata, read_metadata
from pipeline.archive.objects import ObjectPath, archive_path
from pipeline.errors import RecordingError, UsageError
from pipeline.notices import grouped
from pipeline.records import Call, KnownFile, Pairs
from pipeline.settings import Settings
from pipeline.store import StoredState
from pipeline.store.stored_settings import assess_fingerprint, audio_fingerprints

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """Versions that an analysis depends on besides settings: recogniser, rules, and cues for roles."""

    asr_model: str
    rules: str
    attribution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What to do: analyse the audio in `paths` into `db`; `force` also what is stored already.

    `refresh_hours` is the time, in hours, in which no more than that outdated calls are analysed again; None
    leaves them as they are. `name` tells others who is writing to the store.
    """

    paths: tuple[Path, ...]
    db: Path
    settings: Settings
    metadata: Path | None = None
    force: bool = False
    refresh_hours: float | None = None
    name: str = "a run"

    def __post_init__(self) -> None:
        """Raise UsageError for a time budget that is not positive."""
        if self.refresh_hours is not None and not self.refresh_hours > 0:
            raise UsageError("bad time budget", value=self.refresh_hours, allowed="more than 0 hours")


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """The files found; `problems` has a line for each fault in them or their metadata.

    `waiting` are files, by uri, that were written to a moment ago. `searched` are the uris of the folders
    that were searched, `unread` those of folders in them that could not be.
    """

    found: tuple[ArchiveFile, ...]
    problems: tuple[str, ...]
    waiting: tuple[str, ...] = ()
    searched: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    def gone(self, uris: Iterable[str]) -> tuple[str, ...]:
        """Those of `uris` that lie in the folders that were searched and were not found there."""
        there = {file.uri for file in self.found} | set(self.waiting)
        searched, unread = (
            tuple(f"{one.rstrip('/')}/" for one in these) for these in (self.searched, self.unread)
        )
        return tuple(
            uri
            for uri in uris
            if uri not in there and uri.startswith(searched) and not uri.startswith(unread)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A recording that could not be analysed, and why in one line."""

    uri: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do about each file.

    `todo` is to be analysed, `recheck` only assessed again, from what is stored. `unchanged` is assessed as
    it would be now. Of `refresh`, a part of these two, the place or the business facts may be new.
    `outdated`, also a part of these two and oldest first, was analysed with another recogniser, other audio
    settings, other methods or other cues for roles.
    `duplicates` says in one line each which files were found now to belong to a recording under another
    name; `merged` counts all of these. `unreadable` cannot even be read, so that no row can be stored for
    them. `waiting` are files that are still being written, `dropped` recordings in quarantine that a person
    has given up. `lesson` is what to remember of the files.
    """

    todo: tuple[WorkItem, ...] = ()
    recheck: tuple[WorkItem, ...] = ()
    unchanged: tuple[WorkItem, ...] = ()
    refresh: tuple[WorkItem, ...] = ()
    outdated: tuple[WorkItem, ...] = ()
    duplicates: tuple[str, ...] = ()
    merged: int = 0
    unreadable: tuple[Quarantined, ...] = ()
    waiting: tuple[str, ...] = ()
    dropped: tuple[WorkItem, ...] = ()
    lesson: Lesson = NO_LESSON


def discover(order: RunRequest) -> Archive:
    """The audio files of an order with their business facts.

    A folder's metadata is the manifest at its root, a single file's the one beside it, unless the order
    names one. Raises UsageError for a path that does not exist, a folder or a prefix without audio, a bucket
    that cannot be listed, and a metadata file that was named and is not there.
    """
    by_channel = _settings_by_channel(order.settings)
    found: dict[str, ArchiveFile] = {}
    waiting: dict[str, None] = {}
    problems: dict[str, None] = {}
    searched: dict[str, None] = {}
    unread: dict[str, None] = {}
    for path in map(archive_path, order.paths):
        inside = look_into(path, order.settings)
        files = inside.found.files
        metadata = _metadata(inside, order)
        problems.update(dict.fromkeys(grouped(inside.found.skipped)))
        problems.update(dict.fromkeys(metadata.problems))
        problems.update(dict.fromkeys(metadata.notes))
        if inside.is_folder:
            problems.update(dict.fromkeys(metadata.unmatched(files)))
            searched[_uri(path)] = None
            unread.update(dict.fromkeys(_uri(folder) for folder in inside.found.unread))
        for file in files:
            uri = _uri(file)
            size, modified = inside.files.state(file)
            if not isinstance(file, ObjectPath) and _is_fresh(modified, order.settings.archive.settle_s):
                waiting[uri] = None
                continue
            if uri in found:
                continue
            found[uri] = _archive_file(file, size, modified, metadata.for_file(file), by_channel)
    return Archive(
        found=tuple(found.values()),
        problems=tuple(problems),
        waiting=tuple(waiting),
        searched=tuple(searched),
        unread=tuple(unread),
    )


def _archive_file(
    path: Path, size: int, modified: str, facts: CallMetadata, by_channel: Mapping[int | None, Settings]
) -> ArchiveFile:
    return ArchiveFile(
        path=path,
        uri=_uri(path),
        bytes=size,
        modified=modified,
        call=facts.to_call(),
        settings=by_channel[facts.agent_channel],
        channel_given=facts.agent_channel is not None,
    )


def _is_fresh(modified: str, settle_s: float) -> bool:
    """Whether a file with this time of change (ns) was written to in the last `settle_s` seconds."""
    return settle_s > 0 and modified != "" and time.time() - int(modified) / 1e9 < settle_s


def _metadata(inside: Inside, order: RunRequest) -> Metadata:
    named = archive_path(order.metadata) if order.metadata is not None else None
    return read_metadata(inside.root, named, order.settings.metadata, inside.files)


def _settings_by_channel(settings: Settings) -> Mapping[int | None, Settings]:
    """The settings of a call by the agent's channel that its metadata gives."""
    left = settings.audio.model_copy(update={"agent_channel": "left"})
    right = settings.audio.model_copy(update={"agent_channel": "right"})
    return {
        None: settings,
        0: settings.model_copy(update={"audio": left}),
        1: settings.model_copy(update={"audio": right}),
    }


def _uri(path: Path) -> str:
    """The absolute path as text that can be stored even where its bytes are not UTF-8; an object's uri."""
    if isinstance(path, ObjectPath):
        return str(path)
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - links stay as the archive has them
    return os.fsencode(absolute.as_posix()).decode("utf-8", "backslashreplace")


def make_plan(
    archive: Archive,
    known: Mapping[str, StoredState],
    versions: Versions,
    force: bool = False,
    known_files: Mapping[str, KnownFile] = MappingProxyType({}),
) -> Plan:
    """What to do about each file, given what is `known` by recording_id and of files by uri.

    A recording is analysed that is not stored, or of which the metadata gives other facts about the audio
    than it was analysed with. One is assessed again, without its audio, when the rules, the assess settings
    or the algorithm are others. One analysed with another recogniser, other audio settings, other methods or
    other cues for roles only counts as outdated: a new release or setting never analyses an archive again by
    itself. A recording stays in quarantine until a person or a change of what its failure depends on
    says otherwise. A file is read once, for its sha256, and again when its size or its time of change is
    another. With `force` every file is read and every recording is analysed that nobody has dropped.
    """
    memory = FileMemory({} if force else known_files)
    seen: list[SeenFile] = []
    unreadable: list[Quarantined] = []
    for found in archive.found:
        try:
            seen.append(memory.identify(found))
        except RecordingError as error:
            unreadable.append(Quarantined(uri=found.uri, reason=str(error)))
    files = group_files(seen, known, memory, force)
    items = {item.recording_id: item for item in files.items}
    given_up = {id_ for id_, state in known.items() if state.choice == "drop"} & items.keys()
    dropped = tuple(items.pop(id_) for id_ in sorted(given_up))
    stored = () if force else tuple(i for i in items.values() if _is_heard(i, known))
    heard = {item.recording_id for item in stored}
    unchanged = tuple(item for item in stored if _is_current(item, known[item.recording_id], versions))
    current = {item.recording_id for item in unchanged}
    return Plan(
        todo=tuple(item for item in items.values() if item.recording_id not in heard),
        recheck=tuple(item for item in stored if item.recording_id not in current),
        unchanged=unchanged,
        refresh=tuple(i for i in stored if _may_have_moved(i, known[i.recording_id])),
        outdated=_oldest_first((i for i in stored if _is_outdated(i, known, versions)), known),
        duplicates=files.notes,
        merged=files.merged,
        unreadable=tuple(unreadable),
        waiting=archive.waiting,
        dropped=dropped,
        lesson=memory.lesson(archive.gone(known_files)),
    )


def _may_have_moved(item: WorkItem, stored: StoredState) -> bool:
    """Whether the place, the files or the business facts of a stored recording may be others now."""
    return item.call != Call() or item.uri != stored.uri or item.files != stored.files


def _is_heard(item: WorkItem, known: Mapping[str, StoredState]) -> bool:
    """Whether it is stored and was analysed with the facts about its audio that the metadata gives now."""
    stored = known.get(item.recording_id)
    if stored is None:
        return False
    if stored.status == "quarantined":
        return not is_worth_a_try(stored, item.settings)
    channel = item.settings.audio.agent_channel
    return not (
        _new(item.call.holds, stored.holds)
        or _new(item.call.pauses, stored.pauses)
        or (item.channel_given and channel != stored.agent_channel)
    )


def _is_current(item: WorkItem, stored: StoredState, versions: Versions) -> bool:
    """Whether the stored findings are those that the current rules and settings would give."""
    wanted = (_fingerprints(item.settings)[1], ALGORITHM, versions.rules)
    assessed = (stored.assess_hash, stored.algorithm, stored.rules_version)
    return stored.status == "quarantined" or assessed == wanted


def _is_outdated(item: WorkItem, known: Mapping[str, StoredState], versions: Versions) -> bool:
    """Whether the present recogniser, audio settings, methods or cues for roles could give other results."""
    stored = known[item.recording_id]
    wanted = (versions.asr_model, versions.attribution, AUDIO_ALGORITHM)
    used = (stored.asr_model, stored.attribution_version, stored.audio_algorithm)
    heard = stored.audio_hash in _fingerprints(item.settings)[0] and used == wanted
    return stored.status == "analysed" and not heard


@lru_cache(maxsize=8)
def _fingerprints(settings: Settings) -> tuple[frozenset[str], str]:
    """The fingerprints of calls that were heard as with these settings, and that of the assess settings."""
    values = settings.analysis_values()
    return audio_fingerprints(values), assess_fingerprint(values)


def _oldest_first(items: Iterable[WorkItem], known: Mapping[str, StoredState]) -> tuple[WorkItem, ...]:
    """In the order in which they were analysed."""
    return tuple(sorted(items, key=lambda i: (known[i.recording_id].analysed_at or _LONG_AGO, i.uri)))


def _new(given: Pairs | None, stored: Pairs | None) -> bool:
    """Whether metadata gives times of holds or pauses that the stored analysis did not know."""
    return given is not None and given != stored
