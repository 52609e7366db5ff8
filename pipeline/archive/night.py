"""A night: find the recordings, analyse those that are new or changed, store them, batch by batch.

The steps are plain functions; `run` puts them in order. The Prefect flow runs the same steps as tasks.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Protocol

from pipeline.analyse import Models, analyse
from pipeline.archive.items import SeenFile, WorkItem, id_at
from pipeline.archive.plan import (
    Archive,
    Plan,
    Quarantined,
    RunRequest,
    Versions,
    discover,
    make_plan,
)
from pipeline.archive.recheck import RecheckRequest, recheck_calls
from pipeline.audio.decode import read_audio
from pipeline.audio.fingerprints import Tracks
from pipeline.audio.legs import read_legs
from pipeline.errors import RecordingError, UsageError
from pipeline.progress import UNWATCHED
from pipeline.records import Call, CallAnalysis, KnownFile, Recording
from pipeline.rules import RuleSet, load_rules
from pipeline.rules.sentence_model import Embed
from pipeline.settings import Settings
from pipeline.speech.transcribe import FasterWhisper
from pipeline.store import StoredState, Writer, check_writable, writing
from pipeline.store.scorecard import scored_rules
from pipeline.weights.diarization import DiarizerOnDemand, find_speaker_weights
from pipeline.weights.sentences import EmbedOnDemand, required_weights
from pipeline.weights.voice_activity import load_voice_model
from pipeline.weights.whisper import find_whisper, load_whisper

log = logging.getLogger(__name__)

DISCLOSURE = "recording_disclosure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Counts over analysed calls; `audio_s` is their length, `analysis_s` the time they took."""

    analysed: int = 0
    audio_s: float = 0.0
    analysis_s: float = 0.0
    holds: int = 0
    disclosure_fails: int = 0
    quarantined: tuple[Quarantined, ...] = ()

    @classmethod
    def of(cls, analyses: Sequence[CallAnalysis]) -> Totals:
        """The counts of some calls."""
        good = [a for a in analyses if a.recording.status == "analysed"]
        bad = [a.recording for a in analyses if a.recording.status == "quarantined"]
        findings = [f for a in good for f in a.findings]
        return cls(
            analysed=len(good),
            audio_s=sum(a.recording.duration_s or 0.0 for a in good),
            analysis_s=sum(a.run.wall_s for a in good if a.run is not None),
            holds=sum(len(a.holds) for a in good),
            disclosure_fails=sum(f.rule_id == DISCLOSURE and f.verdict == "fail" for f in findings),
            quarantined=tuple(Quarantined(uri=r.uri, reason=r.error or "") for r in bad),
        )

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            analysed=self.analysed + other.analysed,
            audio_s=self.audio_s + other.audio_s,
            analysis_s=self.analysis_s + other.analysis_s,
            holds=self.holds + other.holds,
            disclosure_fails=self.disclosure_fails + other.disclosure_fails,
            quarantined=self.quarantined + other.quarantined,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NightSummary:
    """How a night went; `wall_s` is the time from finding the files to the last publication.

    Of the calls in `totals`, `renewed` were outdated before. `outdated` calls are left, among those that
    were `rechecked` or `unchanged`.
    """

    db: Path
    totals: Totals
    unreadable: tuple[Quarantined, ...]
    rechecked: int
    unchanged: int
    renewed: int = 0
    outdated: int = 0
    duplicates: tuple[str, ...]
    problems: tuple[str, ...]
    merged: int = 0
    """Files that belong to a recording under another name."""
    waiting: tuple[str, ...] = ()
    """Files that are still being written, by uri."""
    replaced: int = 0
    """Recordings whose file was replaced by a longer one."""
    wall_s: float
    new_ids: tuple[str, ...]
    """Recordings dealt with now, by recording_id."""
    all_ids: tuple[str, ...]
    """The same with those that were stored already."""

    @property
    def found(self) -> int:
        """Number of audio files."""
        return len(self.all_ids) + self.merged + len(self.unreadable) + len(self.waiting)

    @property
    def real_time_factor(self) -> float | None:
        """Time spent on the calls / their length; None without any."""
        return self.totals.analysis_s / self.totals.audio_s if self.totals.audio_s else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The models and rules of a night. `load` takes seconds and is called only if there is work."""

    asr_model: str
    rules: RuleSet
    load: Callable[[], Models]
    embed: Embed | None = None
    """For the gate, also of calls that are only rechecked; None where it is off."""

    @property
    def versions(self) -> Versions:
        """The versions that results depend on besides settings."""
        return Versions(
            asr_model=self.asr_model,
            rules=self.rules.version,
            attribution=self.rules.role_cues.version,
        )


class Progress(Protocol):
    """Receives the progress of a night."""

    def planned(self, plan: Plan) -> None:
        """The work is known."""

    def done(self, item: WorkItem, analysis: CallAnalysis) -> None:
        """A recording was analysed or quarantined."""


def find_engine(settings: Settings) -> Engine:
    """The weights and rules that `settings` mean; UsageError if they are not there."""
    rules = load_rules(settings.rules.packs)
    weights = find_whisper(settings.asr)
    speakers = find_speaker_weights(settings.diarization)
    asr_model = f"{weights.name}@{weights.sha256[:12]}"
    embed = EmbedOnDemand(required_weights()) if settings.rules.meaning else None

    def load() -> Models:
        return Models(
            voice=load_voice_model(),
            transcribe=FasterWhisper(load_whisper(weights, settings.asr), settings.asr),
            diarize=DiarizerOnDemand(speakers, settings.diarization),
            asr_model=asr_model,
            diarization_model=speakers.name,
            embed=embed,
        )

    return Engine(asr_model=asr_model, rules=rules, load=load, embed=embed)


def check(order: RunRequest) -> None:
    """Raise the UsageError that `run(order, …)` would raise before it analyses anything."""
    discover(order)
    check_writable(order.db)


def pending(order: RunRequest, engine: Engine) -> Plan:
    """The plan that `run` would carry out. Raises UsageError as `run` does."""
    with writing(order.db) as writer:
        archive, known, files = discover(order), writer.known(), writer.known_files()
        return make_plan(archive, known, engine.versions, order.force, files)


def analyse_batch(
    items: Sequence[WorkItem], models: Models, rules: RuleSet, progress: Progress
) -> tuple[CallAnalysis, ...]:
    """Each recording analysed, or quarantined with the reason; one bad recording spoils no other.

    One whose files changed meanwhile is still being written: it is left out, for the next run.
    """
    analyses: list[CallAnalysis] = []
    for item in items:
        analysis = _analyse_one(item, models, rules)
        if not all(file.is_unchanged() for file in item.sources):
            log.info("%s is still being written", item.uri)
            continue
        if analysis.recording.status == "quarantined":
            analysis = replace(analysis, files=item.files[:1] if item.twins else item.files)
            analyses += [_same_fault(analysis, twin) for twin in item.twins]
        else:
            analysis = replace(analysis, files=item.files)
        analyses.append(analysis)
        progress.done(item, analysis)
    return tuple(analyses)


def _same_fault(analysis: CallAnalysis, twin: SeenFile) -> CallAnalysis:
    """A file with the bytes of one that cannot be analysed, in quarantine under its own name."""
    reason = (analysis.recording.error or "").replace(analysis.recording.uri, twin.uri)
    recording_id = id_at(twin.sha256, twin.uri)
    recording = replace(analysis.recording, recording_id=recording_id, uri=twin.uri, error=reason)
    return CallAnalysis(recording=recording, call=twin.found.call, files=(twin.as_part("whole"),))


def _analyse_one(item: WorkItem, models: Models, rules: RuleSet) -> CallAnalysis:
    recording = Recording(recording_id=item.recording_id, uri=item.uri, bytes=item.bytes)
    try:
        start = time.perf_counter()
        if item.legs:
            audio = read_legs(item.legs, item.settings.audio, uri=item.uri)
        else:
            audio = read_audio(item.path, item.settings.audio, uri=item.uri)
        recording = audio.recording
        decode_s = time.perf_counter() - start
        return analyse(
            audio, call=item.call, models=models, rules=rules, settings=item.settings, decode_s=decode_s
        )
    except UsageError:
        raise
    except RecordingError as error:
        return _quarantine(recording, item.call, str(error))
    except Exception as error:  # a fault of ours with one call must not cost the others
        log.exception("cannot analyse %s", item.uri)
        return _quarantine(recording, item.call, f"{type(error).__name__}: {error}")


def _quarantine(recording: Recording, call: Call, reason: str) -> CallAnalysis:
    reason = " ".join(reason.split())
    kept = replace(recording, status="quarantined", error=reason, analysed_at=datetime.now(UTC))
    return CallAnalysis(recording=kept, call=call)


def load(writer: Writer, analyses: Sequence[CallAnalysis]) -> Totals:
    """Store a batch; what the store refuses goes to quarantine, without the facts it may have refused.

    A recording takes the place of a shorter one that was at its path before.
    """
    stored = []
    for analysis in analyses:
        try:
            writer.add(analysis)
            stored.append(analysis)
        except RecordingError as error:
            log.exception("cannot store %s", analysis.recording.uri)
            stored.append(_quarantine(_bare(analysis.recording), Call(), str(error)))
            writer.add(stored[-1])
    return Totals.of(stored)


def _bare(recording: Recording) -> Recording:
    return Recording(recording_id=recording.recording_id, uri=recording.uri, bytes=recording.bytes)


def refresh(writer: Writer, items: Sequence[WorkItem]) -> tuple[int, tuple[str, ...]]:
    """Update place and business facts of stored recordings. Returns the number changed and the failures."""
    changed = 0
    problems = []
    for item in items:
        try:
            files = writer.update_files(item.recording_id, item.files)
            changed += writer.update_call(item.recording_id, item.uri, item.call) or files
        except RecordingError as error:
            problems.append(str(error))
    return changed, tuple(problems)


def recheck(writer: Writer, order: RunRequest, engine: Engine, items: Sequence[WorkItem]) -> tuple[str, ...]:
    """Recheck stored recordings without their audio, and publish. Returns a line for each failure."""
    writer.publish()  # what is judged is read from the published store
    ids = [item.recording_id for item in items]
    request = RecheckRequest(
        db=order.db, rules=engine.rules, settings=order.settings, only=ids, embed=engine.embed
    )
    log.info("rechecking %d stored calls", len(ids))
    done = recheck_calls(writer, request, UNWATCHED)
    writer.publish()
    return tuple(f"not rechecked: {uri}: {reason}" for uri, reason in done.failed)


def publish(writer: Writer) -> None:
    """Let readers see what was stored so far."""
    writer.publish()


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The steps of a night; the flow puts its tasks in their place. `clock` gives seconds."""

    discover: Callable[[RunRequest], Archive] = discover
    plan: Callable[[Archive, Mapping[str, StoredState], Versions, bool, Mapping[str, KnownFile]], Plan] = (
        make_plan
    )
    analyse: Callable[[Sequence[WorkItem], Models, RuleSet, Progress], tuple[CallAnalysis, ...]] = (
        analyse_batch
    )
    load: Callable[[Writer, Sequence[CallAnalysis]], Totals] = load
    publish: Callable[[Writer], None] = publish
    clock: Callable[[], float] = time.monotonic


def run(order: RunRequest, engine: Engine, progress: Progress, steps: Steps = Steps()) -> NightSummary:
    """Carry out an order.

    Every batch of `store.batch_calls` recordings is published when it is done, so an interrupted night
    keeps what it finished. Raises UsageError, with what was published untouched.
    """
    start = time.perf_counter()
    archive = steps.discover(order)
    with writing(order.db) as writer:
        known, files = writer.known(), writer.known_files()
        work = steps.plan(archive, known, engine.versions, order.force, files)
        renewable = () if order.refresh_hours is None else work.outdated
        progress.planned(replace(work, todo=work.todo + renewable))
        rules_changed = writer.put_rules(scored_rules(engine.rules))
        learned = writer.put_known_files(work.lesson.files, work.lesson.gone)
        changed, problems = refresh(writer, work.refresh)
        if work.recheck:
            problems += recheck(writer, order, engine, work.recheck)
        runner = _BatchRunner(writer, order, engine, progress, steps)
        runner.expect(work)
        runner.run(work.todo)
        renewed = runner.run(renewable, order.refresh_hours)
        if not (work.todo or renewed) and (changed or rules_changed or learned or not order.db.exists()):
            steps.publish(writer)
    outcome = Outcome(work=work, renewed=renewed, runner=runner)
    return outcome.summary(order.db, archive.problems + problems, time.perf_counter() - start)


class _BatchRunner:
    """Analyses, stores and publishes recordings batch by batch; models are loaded for the first batch."""

    def __init__(
        self, writer: Writer, order: RunRequest, engine: Engine, progress: Progress, steps: Steps
    ) -> None:
        self._writer, self._order, self._engine = writer, order, engine
        self._present: frozenset[str] = frozenset()
        self._progress, self._steps = progress, steps
        self._models: Models | None = None
        self.totals = Totals()
        self.waiting: tuple[WorkItem, ...] = ()
        self.ids: tuple[str, ...] = ()
        self.replaced = 0

    def expect(self, work: Plan) -> None:
        """Recordings that are in the archive are not taken for former ones."""
        every = (*work.todo, *work.recheck, *work.unchanged)
        self._present = frozenset(item.recording_id for item in every)

    def run(self, items: Sequence[WorkItem], hours: float | None = None) -> tuple[WorkItem, ...]:
        """Analyse and store `items` in order; no batch starts after `hours`. Returns the items done."""
        settings, steps = self._order.settings, self._steps
        end = math.inf if hours is None else steps.clock() + 3600 * hours
        done: tuple[WorkItem, ...] = ()
        for batch in batches(items, settings.store.batch_calls):
            if steps.clock() >= end:
                break
            self._models = self._models or self._engine.load()
            models = replace(self._models, tracks=Tracks(self._writer.hold_tracks()))
            analyses = steps.analyse(batch, models, self._engine.rules, self._progress)
            self.totals += steps.load(self._writer, analyses)
            self._account_for(batch, analyses)
            self._writer.learn_tracks(settings.sounds.known_after)
            steps.publish(self._writer)
            done += batch
        return done

    def _account_for(self, batch: Sequence[WorkItem], analyses: Sequence[CallAnalysis]) -> None:
        """Note what became of a batch, and remove what its recordings have taken the place of."""
        done = {analysis.recording.uri for analysis in analyses}
        self.waiting += tuple(item for item in batch if item.uri not in done)
        self.ids += tuple(analysis.recording.recording_id for analysis in analyses)
        for analysis in analyses:
            if analysis.recording.status == "analysed":
                self.replaced += len(self._writer.replace_former(analysis.recording, self._present))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of a night; `renewed` are the outdated calls that were analysed again."""

    work: Plan
    renewed: tuple[WorkItem, ...]
    runner: _BatchRunner

    def summary(self, db: Path, problems: tuple[str, ...], wall_s: float) -> NightSummary:
        """The night in figures: every file found is counted once, outdated calls also among the others."""
        work, runner = self.work, self.runner
        waiting = {item.recording_id for item in runner.waiting}
        renewed = {item.recording_id for item in self.renewed}
        rechecked, unchanged = (
            tuple(item.recording_id for item in items if item.recording_id not in renewed)
            for items in (work.recheck, work.unchanged)
        )
        new_ids = runner.ids
        planned = [i.recording_id for i in (*work.todo, *self.renewed) if i.recording_id not in waiting]
        return NightSummary(
            db=db,
            totals=runner.totals,
            unreadable=work.unreadable,
            rechecked=len(rechecked),
            unchanged=len(unchanged),
            renewed=len(renewed),
            outdated=len(work.outdated) - len(renewed),
            duplicates=self._new_parts(),
            problems=problems,
            # Files with equal bytes that turned out to be broken are listed each.
            merged=work.merged
            - (len(new_ids) - len(planned))
            - sum(len(i.files) - 1 for i in runner.waiting),
            waiting=work.waiting + tuple(file.uri for i in runner.waiting for file in i.files),
            replaced=runner.replaced,
            wall_s=wall_s,
            new_ids=new_ids,
            all_ids=new_ids + rechecked + unchanged,
        )

    def _new_parts(self) -> tuple[str, ...]:
        """The lines on files that belong to another one; not of those that are in quarantine each."""
        broken = {one.uri for one in self.runner.totals.quarantined}
        twins = {twin.uri for item in self.work.todo for twin in item.twins} & broken
        return tuple(line for line in self.work.duplicates if not any(uri in line for uri in twins))


def batches(items: Sequence[WorkItem], size: int) -> Iterator[tuple[WorkItem, ...]]:
    """`items` in order, `size` at a time."""
    rest = iter(items)
    while batch := tuple(islice(rest, size)):
        yield batch
