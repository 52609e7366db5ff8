"""What a night has to do: which files there are, what is known about them, what is stored already."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from pipeline import ALGORITHM
from pipeline.archive.metadata import Metadata, read_metadata
from pipeline.audio.decode import find_audio, recording_id
from pipeline.errors import RecordingError, UsageError
from pipeline.records import Call, Pairs
from pipeline.settings import Settings
from pipeline.store import StoredState
from pipeline.store.stored_settings import assess_fingerprint, audio_fingerprints

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """What else an analysis depends on: the recogniser's weights and the rules."""

    asr_model: str
    rules: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What to do: analyse the audio in `paths` into `db`; `force` also what is stored already.

    `refresh_hours` is the time, in hours, in which no more than that outdated calls are analysed again; None
    leaves them as they are.
    """

    paths: tuple[Path, ...]
    db: Path
    settings: Settings
    metadata: Path | None = None
    force: bool = False
    refresh_hours: float | None = None

    def __post_init__(self) -> None:
        """Raise UsageError for a time budget that is none."""
        if self.refresh_hours is not None and not self.refresh_hours > 0:
            raise UsageError("bad time budget", value=self.refresh_hours, allowed="more than 0 hours")


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
class Archive:
    """The files found; `problems` says in one line each what is amiss with their metadata."""

    found: tuple[ArchiveFile, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItem:
    """A recording to deal with: `bytes` is its file's size, the rest as in `ArchiveFile`."""

    path: Path
    uri: str
    recording_id: str
    bytes: int
    call: Call
    settings: Settings
    channel_given: bool = False


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
    `outdated`, also a part of these two and oldest first, would be heard differently by the recogniser or
    with the audio settings of now.
    `duplicates` have the content of another file in the plan. `unreadable` cannot even be read, so that no
    row can be stored for them.
    """

    todo: tuple[WorkItem, ...] = ()
    recheck: tuple[WorkItem, ...] = ()
    unchanged: tuple[WorkItem, ...] = ()
    refresh: tuple[WorkItem, ...] = ()
    outdated: tuple[WorkItem, ...] = ()
    duplicates: tuple[str, ...] = ()
    unreadable: tuple[Quarantined, ...] = ()


def discover(order: RunRequest) -> Archive:
    """The audio files of an order with their business facts.

    A folder's metadata is the manifest at its root, a single file's the one beside it, unless the order
    names one. Raises UsageError for a path that does not exist, a folder without audio and metadata that
    cannot be read.
    """
    by_channel = _settings_by_channel(order.settings)
    found: dict[str, ArchiveFile] = {}
    problems: dict[str, None] = {}
    for path in order.paths:
        files = find_audio([path])
        metadata = _metadata(path, order)
        problems.update(dict.fromkeys(metadata.problems))
        if path.is_dir():
            problems.update(dict.fromkeys(metadata.unmatched(files)))
        for file in files:
            facts = metadata.for_file(file)
            uri = _uri(file)
            found.setdefault(
                uri,
                ArchiveFile(
                    path=file,
                    uri=uri,
                    call=facts.to_call(),
                    settings=by_channel[facts.agent_channel],
                    channel_given=facts.agent_channel is not None,
                ),
            )
    return Archive(found=tuple(found.values()), problems=tuple(problems))


def _metadata(path: Path, order: RunRequest) -> Metadata:
    root = path if path.is_dir() else path.parent
    return read_metadata(root, order.metadata, order.settings.metadata)


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
    """The absolute path as text that can be stored even where its bytes are not UTF-8."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - links stay as the archive has them
    return os.fsencode(absolute.as_posix()).decode("utf-8", "backslashreplace")


def make_plan(
    archive: Archive, known: Mapping[str, StoredState], versions: Versions, force: bool = False
) -> Plan:
    """What to do about each file, given what is `known` by recording_id.

    A recording is analysed that is not stored, or of which the metadata gives other facts about the audio
    than it was analysed with. One is assessed again, without its audio, when the rules, the assess settings
    or the algorithm are others. One that another recogniser or other audio settings were used for only
    counts as outdated: a new release or setting never analyses an archive again by itself. What is in
    quarantine stays there. `force` analyses everything. Reads every file once, for its sha256.
    """
    items: dict[str, WorkItem] = {}
    duplicates: list[str] = []
    unreadable: list[Quarantined] = []
    for found in archive.found:
        try:
            item = _identify(found)
        except RecordingError as error:
            unreadable.append(Quarantined(uri=found.uri, reason=str(error)))
            continue
        first = items.setdefault(item.recording_id, item)
        if first is not item:
            duplicates.append(f"the same recording twice: {item.uri}; {first.uri} is taken")
    stored = () if force else tuple(i for i in items.values() if _is_heard(i, known))
    heard = {item.recording_id for item in stored}
    unchanged = tuple(item for item in stored if _is_current(item, known[item.recording_id], versions))
    current = {item.recording_id for item in unchanged}
    return Plan(
        todo=tuple(item for item in items.values() if item.recording_id not in heard),
        recheck=tuple(item for item in stored if item.recording_id not in current),
        unchanged=unchanged,
        refresh=tuple(i for i in stored if i.call != Call() or i.uri != known[i.recording_id].uri),
        outdated=_oldest_first((i for i in stored if _is_outdated(i, known, versions)), known),
        duplicates=tuple(duplicates),
        unreadable=tuple(unreadable),
    )


def _identify(found: ArchiveFile) -> WorkItem:
    try:
        size = found.path.stat().st_size
    except OSError as error:
        raise RecordingError("cannot read the file", where=found.uri, value=error.strerror) from None
    return WorkItem(
        path=found.path,
        uri=found.uri,
        recording_id=recording_id(found.path),
        bytes=size,
        call=found.call,
        settings=found.settings,
        channel_given=found.channel_given,
    )


def _is_heard(item: WorkItem, known: Mapping[str, StoredState]) -> bool:
    """Whether it is stored, analysed with the facts about its audio that the metadata gives now."""
    stored = known.get(item.recording_id)
    if stored is None:
        return False
    if stored.status == "quarantined":
        return True
    channel = item.settings.audio.agent_channel
    return not (
        _new(item.call.holds, stored.holds)
        or _new(item.call.pauses, stored.pauses)
        or (item.channel_given and channel != stored.agent_channel)
    )


def _is_current(item: WorkItem, stored: StoredState, versions: Versions) -> bool:
    """Whether what was heard is also assessed as it would be now."""
    wanted = (_fingerprints(item.settings)[1], ALGORITHM, versions.rules)
    assessed = (stored.assess_hash, stored.algorithm, stored.rules_version)
    return stored.status == "quarantined" or assessed == wanted


def _is_outdated(item: WorkItem, known: Mapping[str, StoredState], versions: Versions) -> bool:
    """Whether the audio would be heard differently by the recogniser or with the audio settings of now."""
    stored = known[item.recording_id]
    heard = stored.audio_hash in _fingerprints(item.settings)[0] and stored.asr_model == versions.asr_model
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
