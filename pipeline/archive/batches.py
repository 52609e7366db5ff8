"""Batches: calls that are handed out together, analysed one by one, and put on disk as one part."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Protocol

from pipeline.analyse import Models, analyse
from pipeline.archive.failures import tried_with
from pipeline.archive.items import SeenFile, WorkItem, id_at
from pipeline.archive.supervised import Limits, TaskFailed
from pipeline.archive.supervised_child import grant
from pipeline.archive.totals import Totals
from pipeline.audio.decode import read_audio
from pipeline.audio.fingerprints import Tracks
from pipeline.audio.legs import read_legs
from pipeline.errors import RecordingError, TooLongError, UsageError
from pipeline.masking.hide import hidden, hidden_call
from pipeline.records import Audio, CallAnalysis, FailureKind, HoldTrack, Recording, in_quarantine
from pipeline.rules import RuleSet
from pipeline.settings import Settings
from pipeline.store.part_files import check_storable, write_part

log = logging.getLogger(__name__)

DECODED_PER_S = 1e6
"""Bytes of a file that are decoded in a second, at the least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A recording to analyse, and the hold music that is known."""

    item: WorkItem
    tracks: tuple[HoldTrack, ...] = ()

    def __str__(self) -> str:
        return self.item.uri


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Recordings whose results are put on disk together."""

    items: tuple[WorkItem, ...]
    tracks: tuple[HoldTrack, ...] = ()

    @cached_property
    def name(self) -> str:
        """The name of the part with all of these recordings."""
        return _name_of(item.recording_id for item in self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallDone:
    """What became of one recording, with its share in the counts of the night."""

    recording: Recording
    totals: Totals


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchDone:
    """The part of a batch, None where none of its calls could be read yet, and what became of each call."""

    part: Path | None = None
    calls: tuple[CallDone, ...] = ()


class Stopped(Exception):  # noqa: N818 - not an error
    """The run is being ended; the call in hand is not done."""


class Attempt(Protocol):
    """Analyses one recording. Raises TaskFailed where it costs its process, Stopped at the run's end.

    `alone` asks for no other recording beside it.
    """

    def __call__(self, job: Job, *, alone: bool = False) -> CallAnalysis:
        """The recording analysed, or in quarantine with the reason."""
        ...


Report = Callable[[WorkItem, Recording], None]
"""Receives each recording that is analysed or in quarantine."""


def batches(items: Sequence[WorkItem], size: int) -> Iterator[tuple[WorkItem, ...]]:
    """`items` in order, `size` at a time."""
    rest = iter(items)
    while batch := tuple(islice(rest, size)):
        yield batch


def batch_size(calls: int, most: int, slots: int) -> int:
    """Size of the batches of `calls` recordings: at most `most`, and smaller where `slots` would be idle.

    >>> batch_size(8, 16, 2), batch_size(1000, 16, 4), batch_size(3, 16, 1)
    (2, 16, 3)
    """
    return most if slots <= 1 else max(1, min(most, calls // (2 * slots)))


def carry_out(batch: Batch, attempt: Attempt, folder: Path, report: Report) -> BatchDone:
    """Analyse each recording of a batch, and put the results in `folder` as one part.

    One bad recording spoils no other: it is in quarantine with the reason. One that costs its process is
    tried once more alone. One whose files changed meanwhile is still being written: it is left out, for the
    next run. What is done when the run is ended is kept. Raises UsageError where the part cannot be written.
    """
    analyses: list[CallAnalysis] = []
    suspects: list[WorkItem] = []

    def keep(item: WorkItem, analysis: CallAnalysis) -> None:
        if not all(file.is_unchanged() for file in item.sources):
            log.info("%s is still being written", item.uri)
            return
        analyses.extend(_with_files(item, analysis))
        report(item, analysis.recording)

    try:
        for item in batch.items:
            try:
                keep(item, attempt(Job(item=item, tracks=batch.tracks)))
            except TaskFailed:
                suspects.append(item)
        for item in suspects:
            keep(item, _alone(Job(item=item, tracks=batch.tracks), attempt))
    except Stopped:
        log.info("stopped after %d of %d calls of a batch", len(analyses), len(batch.items))
        return put_on_disk(folder, analyses)
    return put_on_disk(folder, analyses, batch.name)


def _alone(job: Job, attempt: Attempt) -> CallAnalysis:
    """The second attempt on a recording that has cost its process."""
    try:
        return attempt(job, alone=True)
    except TaskFailed as failure:
        item = job.item
        recording = Recording(recording_id=item.recording_id, uri=item.uri, bytes=item.bytes)
        what = {"crashed": "its analysis crashed", "hung": "its analysis hung"}
        error = RecordingError(
            what.get(failure.cause, "its analysis ran out of memory"),
            where=item.uri,
            value=failure.message,
            remedy="listen to it, then `earwitness quarantine retry` or `drop`",
        )
        return _failed(item, recording, str(error), failure.cause)


def _with_files(item: WorkItem, analysis: CallAnalysis) -> list[CallAnalysis]:
    """The analysis with the files it is of; copies of a file that cannot be analysed are listed each."""
    if analysis.recording.status != "quarantined":
        return [replace(analysis, files=item.files)]
    alone = replace(analysis, files=item.files[:1] if item.twins else item.files)
    return [alone, *(_same_fault(analysis, twin) for twin in item.twins)]


def _same_fault(analysis: CallAnalysis, twin: SeenFile) -> CallAnalysis:
    """A file with the bytes of one that cannot be analysed, in quarantine under its own name."""
    reason = (analysis.recording.error or "").replace(analysis.recording.uri, twin.uri)
    recording_id = id_at(twin.sha256, twin.uri)
    recording = replace(analysis.recording, recording_id=recording_id, uri=twin.uri, error=reason)
    return CallAnalysis(recording=recording, call=twin.found.call, files=(twin.as_part("whole"),))


def analyse_one(item: WorkItem, models: Models, rules: RuleSet) -> CallAnalysis:
    """A recording analysed, or in quarantine with the reason. Raises UsageError for what ends the run."""
    recording = Recording(recording_id=item.recording_id, uri=item.uri, bytes=item.bytes)
    try:
        start = time.perf_counter()
        audio = _read(item)
        recording = audio.recording
        grant(time_limit_s(item.settings, audio.recording.duration_s or 0.0))
        decode_s = time.perf_counter() - start
        analysis = analyse(
            audio, call=item.call, models=models, rules=rules, settings=item.settings, decode_s=decode_s
        )
        # Clear words do not leave the worker.
        return hidden(analysis, item.key, item.settings.metadata.keep)
    except (UsageError, MemoryError):
        raise
    except TooLongError as error:
        return _failed(item, recording, str(error), "too_long")
    except RecordingError as error:
        return _failed(item, recording, str(error), "file")
    except Exception as error:  # a fault of ours with one call must not cost the others
        log.exception("cannot analyse %s", item.uri)
        return _failed(item, recording, f"{type(error).__name__}: {error}", "program")


def _failed(item: WorkItem, recording: Recording, reason: str, kind: FailureKind) -> CallAnalysis:
    call = hidden_call(item.call, item.settings.metadata.keep)
    return in_quarantine(recording, reason, call, kind, tried_with(kind, item.settings))


def _read(item: WorkItem) -> Audio:
    if item.legs:
        return read_legs(item.legs, item.settings.audio, uri=item.uri, mix=item.mix)
    return read_audio(item.path, item.settings.audio, uri=item.uri)


def time_limit_s(settings: Settings, audio_s: float) -> float:
    """Seconds that the analysis of `audio_s` seconds of sound may take."""
    return settings.workers.base_s + settings.workers.per_audio_s * audio_s


def limits_of(job: Job) -> Limits:
    """Limits of the analysis of a recording; it sets its own limit of time when it knows its length."""
    workers = job.item.settings.workers
    return Limits(
        time_s=workers.base_s + job.item.bytes / DECODED_PER_S, memory_mb=workers.memory_mb, poll_s=1.0
    )


class Analyser:
    """Analyses one recording after another with the same models."""

    def __init__(self, models: Models, rules: RuleSet) -> None:
        self._models, self._rules = models, rules

    def __call__(self, job: Job) -> CallAnalysis:
        """The recording analysed, or in quarantine with the reason."""
        models = replace(self._models, tracks=Tracks(job.tracks))
        return analyse_one(job.item, models, self._rules)


def put_on_disk(folder: Path, analyses: Sequence[CallAnalysis], name: str | None = None) -> BatchDone:
    """Write finished calls as a part; what has no place in the store is put in quarantine instead.

    The part is named after its recordings if no name is given.
    """
    if not analyses:
        return BatchDone()
    name = name or _name_of(analysis.recording.recording_id for analysis in analyses)
    try:
        path = write_part(folder, name, analyses)
    except (ValueError, TypeError):  # a value that no column takes; which call has it?
        analyses = tuple(_storable(analysis) for analysis in analyses)
        path = write_part(folder, name, analyses)
    return BatchDone(part=path, calls=tuple(_done(analysis) for analysis in analyses))


def _done(analysis: CallAnalysis) -> CallDone:
    return CallDone(recording=analysis.recording, totals=Totals.of([analysis]))


def _storable(analysis: CallAnalysis) -> CallAnalysis:
    """The analysis, or what is left of it where a value has no place in the store."""
    try:
        check_storable(analysis)
    except (ValueError, TypeError) as error:
        log.exception("cannot store %s", analysis.recording.uri)
        reason = f"the store refuses a value: {analysis.recording.uri}; got {str(error)!r}"
        recording = analysis.recording
        bare = Recording(recording_id=recording.recording_id, uri=recording.uri, bytes=recording.bytes)
        return in_quarantine(bare, reason)
    return analysis


def _name_of(recording_ids: Iterable[str]) -> str:
    """The name of the part with these recordings."""
    return hashlib.sha256("\n".join(sorted(recording_ids)).encode()).hexdigest()[:24]
