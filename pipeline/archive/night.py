"""A night: find the recordings, analyse those that are new or changed, store them, batch by batch.

The steps are plain functions; `run` puts them in order. The Prefect flow runs the same steps as tasks.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Protocol

from pipeline.analyse import Models, analyse
from pipeline.archive.engine import Engine, find_engine
from pipeline.archive.items import SeenFile, WorkItem, id_at
from pipeline.archive.loader import Loader, load, publish
from pipeline.archive.plan import Archive, Plan, RunRequest, Versions, discover, make_plan
from pipeline.archive.recheck import RecheckRequest, recheck_calls
from pipeline.archive.totals import NightSummary, Totals
from pipeline.audio.decode import read_audio
from pipeline.audio.fingerprints import Tracks
from pipeline.audio.legs import read_legs
from pipeline.errors import RecordingError, UsageError
from pipeline.progress import UNWATCHED
from pipeline.records import CallAnalysis, KnownFile, Recording, in_quarantine
from pipeline.rules import RuleSet
from pipeline.stages import Stages
from pipeline.store import Refused, StoredState, Writer, check_writable, writing
from pipeline.store.part_files import parts_folder
from pipeline.store.scorecard import scored_rules

__all__ = [
    "Engine",
    "NightSummary",
    "RunRequest",
    "Steps",
    "Totals",
    "check",
    "find_engine",
    "pending",
    "run",
]

log = logging.getLogger(__name__)


class Progress(Protocol):
    """Receives the progress of a night."""

    def planned(self, plan: Plan) -> None:
        """The work is known."""

    def done(self, item: WorkItem, analysis: CallAnalysis) -> None:
        """A recording was analysed or quarantined."""


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
            audio = read_legs(item.legs, item.settings.audio, uri=item.uri, mix=item.mix)
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
        return in_quarantine(recording, str(error), item.call)
    except Exception as error:  # a fault of ours with one call must not cost the others
        log.exception("cannot analyse %s", item.uri)
        return in_quarantine(recording, f"{type(error).__name__}: {error}", item.call)


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
    load: Callable[[Writer, Sequence[Path]], tuple[Refused, ...]] = load
    publish: Callable[[Writer], None] = publish
    clock: Callable[[], float] = time.monotonic


def run(order: RunRequest, engine: Engine, progress: Progress, steps: Steps = Steps()) -> NightSummary:
    """Carry out an order.

    Every batch of `store.batch_calls` recordings is on disk when it is done, and published when that is worth
    it: an interrupted night keeps what it finished. Raises UsageError, with what was published untouched.
    """
    stages = Stages()
    with stages("discover"):
        archive = steps.discover(order)
    with writing(order.db) as writer:
        loader = _loader(writer, order, steps, stages)
        problems = archive.problems + loader.take_leftovers()
        with stages("plan"):
            known, files = writer.known(), writer.known_files()
            work = steps.plan(archive, known, engine.versions, order.force, files)
        renewable = () if order.refresh_hours is None else work.outdated
        progress.planned(replace(work, todo=work.todo + renewable))
        writer.put_rules(scored_rules(engine.rules))
        writer.put_known_files(work.lesson.files, work.lesson.gone)
        _, failed = refresh(writer, work.refresh)
        with stages("recheck"):
            failed += recheck(writer, order, engine, work.recheck) if work.recheck else ()
        runner = _BatchRunner(loader, order, engine, progress, steps)
        result = Result(work=work, runner=runner, problems=problems + failed)
        try:
            runner.expect(work)
            runner.run(work.todo)
            result = replace(result, renewed=runner.run(renewable, order.refresh_hours))
        except BaseException as error:
            _keep_finished(order, loader, result, engine, error)
            raise
        return _end(order, loader, result, engine)


def _loader(writer: Writer, order: RunRequest, steps: Steps, stages: Stages) -> Loader:
    return Loader(
        writer=writer,
        folder=parts_folder(order.db.resolve(), order.settings.store.parts),
        publish_s=60 * order.settings.store.publish_min,
        known_after=order.settings.sounds.known_after,
        stages=stages,
        load=steps.load,
        publish=steps.publish,
    )


def _end(order: RunRequest, loader: Loader, result: Result, engine: Engine) -> NightSummary:
    """Publish the rest with the record of the night."""
    loader.load_rest()
    summary = result.summary(order.db, loader.stages.wall_s())
    night = summary.as_night(
        engine.versions,
        order.settings.fingerprint(),
        loader.stages,
        publications=loader.publications + 1,
    )
    loader.writer.put_night(night)
    loader.publish_now()
    return summary


def _keep_finished(
    order: RunRequest, loader: Loader, result: Result, engine: Engine, error: BaseException
) -> None:
    """Publish what a night finished before it was ended; it stays in parts where even that fails."""
    if not (loader.has_unpublished or loader.publications):
        return
    try:
        loader.load_rest()
        summary = result.summary(order.db, loader.stages.wall_s())
        night = summary.as_night(
            engine.versions,
            order.settings.fingerprint(),
            loader.stages,
            outcome="interrupted" if not isinstance(error, Exception) else "failed",
            left=result.left,
            publications=loader.publications + 1,
        )
        loader.writer.put_night(night)
        loader.publish_now()
    except Exception:  # the first error is the one to tell
        log.exception("cannot publish what was finished; it stays in %s", loader.folder)


class _BatchRunner:
    """Analyses recordings batch by batch; models are loaded for the first batch."""

    def __init__(
        self, loader: Loader, order: RunRequest, engine: Engine, progress: Progress, steps: Steps
    ) -> None:
        self.loader, self._order, self._engine = loader, order, engine
        self._progress, self._steps = progress, steps
        self._models: Models | None = None
        self.waiting: tuple[WorkItem, ...] = ()
        self.ids: tuple[str, ...] = ()
        self.come_to = 0

    def expect(self, work: Plan) -> None:
        """Recordings that are in the archive are not taken for former ones."""
        every = (*work.todo, *work.recheck, *work.unchanged)
        self.loader.present = frozenset(item.recording_id for item in every)

    def run(self, items: Sequence[WorkItem], hours: float | None = None) -> tuple[WorkItem, ...]:
        """Analyse `items` in order; no batch starts after `hours`. Returns the items done."""
        settings, steps = self._order.settings, self._steps
        end = math.inf if hours is None else steps.clock() + 3600 * hours
        done: tuple[WorkItem, ...] = ()
        for batch in batches(items, settings.store.batch_calls):
            if steps.clock() >= end:
                break
            self._models = self._models or self._engine.load()
            models = replace(self._models, tracks=Tracks(self.loader.writer.hold_tracks()))
            analyses = steps.analyse(batch, models, self._engine.rules, self._progress)
            self.loader.finished(analyses)
            self._account_for(batch, analyses)
            done += batch
        return done

    def _account_for(self, batch: Sequence[WorkItem], analyses: Sequence[CallAnalysis]) -> None:
        """Note what became of a batch."""
        done = {analysis.recording.uri for analysis in analyses}
        self.waiting += tuple(item for item in batch if item.uri not in done)
        self.ids += tuple(analysis.recording.recording_id for analysis in analyses)
        self.come_to += len(batch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of a night; `renewed` are the outdated calls that were analysed again."""

    work: Plan
    runner: _BatchRunner
    problems: tuple[str, ...]
    renewed: tuple[WorkItem, ...] = ()

    @property
    def left(self) -> int:
        """Number of new recordings that the night did not come to."""
        return max(0, len(self.work.todo) - self.runner.come_to)

    def summary(self, db: Path, wall_s: float) -> NightSummary:
        """The night in figures: every file found is counted once, outdated calls also among the others."""
        work, runner = self.work, self.runner
        waiting = {item.recording_id for item in runner.waiting}
        renewed = {item.recording_id for item in self.renewed}
        rechecked, unchanged = (
            tuple(item.recording_id for item in items if item.recording_id not in renewed)
            for items in (work.recheck, work.unchanged)
        )
        new_ids = runner.ids
        todo = work.todo[: len(work.todo) - self.left]
        planned = [i.recording_id for i in (*todo, *self.renewed) if i.recording_id not in waiting]
        return NightSummary(
            db=db,
            totals=runner.loader.totals,
            unreadable=work.unreadable,
            rechecked=len(rechecked),
            unchanged=len(unchanged),
            renewed=len(renewed),
            outdated=len(work.outdated) - len(renewed),
            duplicates=self._new_parts(),
            problems=self.problems,
            # Files with equal bytes that turned out to be broken are listed each.
            merged=work.merged
            - (len(new_ids) - len(planned))
            - sum(len(i.files) - 1 for i in runner.waiting),
            waiting=work.waiting + tuple(file.uri for i in runner.waiting for file in i.files),
            replaced=runner.loader.replaced,
            wall_s=wall_s,
            new_ids=new_ids,
            all_ids=new_ids + rechecked + unchanged,
        )

    def _new_parts(self) -> tuple[str, ...]:
        """The lines on files that belong to another one; not of those that are in quarantine each."""
        broken = {one.uri for one in self.runner.loader.totals.quarantined}
        twins = {twin.uri for item in self.work.todo for twin in item.twins} & broken
        return tuple(line for line in self.work.duplicates if not any(uri in line for uri in twins))


def batches(items: Sequence[WorkItem], size: int) -> Iterator[tuple[WorkItem, ...]]:
    """`items` in order, `size` at a time."""
    rest = iter(items)
    while batch := tuple(islice(rest, size)):
        yield batch
