"""A night: find the recordings, analyse those that are new or changed, store them, batch by batch.

The steps are plain functions; `run` puts them in order. The Prefect flow runs the same steps as tasks.
"""

from __future__ import annotations

import contextvars
import logging
import math
import threading
import time
from collections.abc import Callable, Container, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from pipeline.archive.batches import Batch, BatchDone, Report, batch_size, batches
from pipeline.archive.engine import Engine, find_engine
from pipeline.archive.erased import erase_due, erased_files, settle_first
from pipeline.archive.items import WorkItem
from pipeline.archive.keys import Keys
from pipeline.archive.loader import Loader, load, publish
from pipeline.archive.mask_stored import mask_stored
from pipeline.archive.places import InProcess, Place
from pipeline.archive.plan import Archive, Plan, RunRequest, Versions, discover, make_plan
from pipeline.archive.recheck import RecheckRequest, recheck_calls
from pipeline.archive.totals import NightSummary, Totals
from pipeline.errors import EarwitnessError, RecordingError
from pipeline.masking.hide import hidden_call
from pipeline.progress import UNWATCHED
from pipeline.records import KnownFile, Recording
from pipeline.stages import Stages
from pipeline.store import Refused, StoredState, Writer, check_writable, writing
from pipeline.store.merge import merge_reviews
from pipeline.store.part_files import parts_folder
from pipeline.store.review_log import ReviewLog, beside_store
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

STOP_AGAIN_S = 0.5
MASKED_A_NIGHT = 2_000
"""Most calls stored in clear that a night masks before its own work; their words take about 1 ms each."""

P = ParamSpec("P")
T = TypeVar("T")


class Progress(Protocol):
    """Receives the progress of a night."""

    def planned(self, plan: Plan) -> None:
        """The work is known."""

    def done(self, item: WorkItem, recording: Recording) -> None:
        """A recording was analysed or quarantined."""


def check(order: RunRequest) -> None:
    """Raise the UsageError that `run(order, …)` would raise before it analyses anything."""
    discover(order)
    check_writable(order.db)


def pending(order: RunRequest, engine: Engine) -> Plan:
    """The plan that `run` would carry out. Raises UsageError as `run` does."""
    with writing(order.db) as writer:
        archive, known, files = discover(order), writer.known(), writer.known_files()
        return make_plan(archive, known, engine.versions, order.force, files, erased_files(order))


def transcribe_and_measure(place: Place, batch: Batch, report: Report) -> BatchDone:
    """Analyse the recordings of a batch and put the results on disk, see `batches.carry_out`."""
    return place.carry_out(batch, report)


def refresh(writer: Writer, items: Sequence[WorkItem]) -> tuple[int, tuple[str, ...]]:
    """Update place and business facts of stored recordings. Returns the number changed and the failures."""
    changed = 0
    problems = []
    for item in items:
        try:
            files = writer.update_files(item.recording_id, item.files)
            call = hidden_call(item.call, item.settings.metadata.keep)
            changed += writer.update_call(item.recording_id, item.uri, call) or files
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


def take_reviews(writer: Writer, order: RunRequest) -> tuple[str, ...]:
    """Bring what people judged into the store; a line where that fails, which costs the night nothing."""
    log = ReviewLog(order.settings.store.reviews or beside_store(order.db))
    try:
        merge_reviews(writer, log)
    except EarwitnessError as error:
        return (f"judgements stay where they are: {error}",)
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The steps of a night; the flow puts its tasks in their place. `clock` gives seconds."""

    discover: Callable[[RunRequest], Archive] = discover
    plan: Callable[
        [Archive, Mapping[str, StoredState], Versions, bool, Mapping[str, KnownFile], Container[str]], Plan
    ] = make_plan
    analyse: Callable[[Place, Batch, Report], BatchDone] = transcribe_and_measure
    load: Callable[[Writer, Sequence[Path]], tuple[Refused, ...]] = load
    publish: Callable[[Writer], None] = publish
    clock: Callable[[], float] = time.monotonic


def run(
    order: RunRequest,
    engine: Engine,
    progress: Progress,
    steps: Steps = Steps(),
    place: Place | None = None,
) -> NightSummary:
    """Carry out an order, in this process if no other place is given.

    Every batch of `store.batch_calls` recordings is on disk when it is done, and published when that is worth
    it: an interrupted night keeps what it finished. Raises UsageError, with what was published untouched.
    """
    place = place or InProcess(engine.load, engine.rules, parts_of(order))
    with closing(place):
        return erase_due(order, _run(order, engine, progress, steps, place))


def _run(order: RunRequest, engine: Engine, progress: Progress, steps: Steps, place: Place) -> NightSummary:
    stages = Stages()
    with stages("discover"):
        archive = steps.discover(order)
    settled = settle_first(order)
    with writing(order.db, order.name) as writer:
        loader = _loader(writer, order, steps, stages)
        problems = archive.problems + settled + loader.take_leftovers()
        with stages("plan"):
            known, files = writer.known(), writer.known_files()
            work = steps.plan(archive, known, engine.versions, order.force, files, erased_files(order))
        problems += _mask_stored(writer, order, engine)
        renewable = () if order.refresh_hours is None else work.outdated
        progress.planned(replace(work, todo=work.todo + renewable))
        writer.put_rules(scored_rules(engine.rules))
        writer.put_known_files(work.lesson.files, work.lesson.gone)
        _, failed = refresh(writer, work.refresh)
        with stages("recheck"):
            failed += recheck(writer, order, engine, work.recheck) if work.recheck else ()
        runner = _BatchRunner(loader, order, place, progress, steps)
        runner.keys.open_for((*work.todo, *renewable))
        result = Result(work=work, runner=runner, problems=problems + failed)
        try:
            runner.expect(work)
            runner.run(work.todo)
            result = replace(result, renewed=runner.run(renewable, order.refresh_hours))
        except BaseException as error:
            _keep_finished(order, loader, result, engine, error)
            raise
        return _end(order, loader, result, engine)


def _mask_stored(writer: Writer, order: RunRequest, engine: Engine) -> tuple[str, ...]:
    """Mask calls that an earlier release stored in clear; a line where many are left for later."""
    if order.settings.masking.profile == "off" or not writer.unmasked():
        return ()
    log.info("masking calls that are stored in clear")
    done = mask_stored(writer, order.db, order.settings, engine.load_names(), UNWATCHED, most=MASKED_A_NIGHT)
    if not done.left:
        return ()
    return (f"{done.left} stored calls are not masked yet; `earwitness migrate` does it at once",)


def _loader(writer: Writer, order: RunRequest, steps: Steps, stages: Stages) -> Loader:
    return Loader(
        writer=writer,
        folder=parts_of(order),
        publish_s=60 * order.settings.store.publish_min,
        known_after=order.settings.sounds.known_after,
        stages=stages,
        load=steps.load,
        publish=steps.publish,
    )


def parts_of(order: RunRequest) -> Path:
    """The folder of finished calls that are not in the store yet."""
    return parts_folder(order.db.resolve(), order.settings.store.parts)


def _end(order: RunRequest, loader: Loader, result: Result, engine: Engine) -> NightSummary:
    """Publish the rest with the record of the night."""
    loader.load_rest()
    result = replace(result, problems=result.problems + take_reviews(loader.writer, order))
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
    """Hands batches out to a place, and takes what is finished."""

    def __init__(
        self, loader: Loader, order: RunRequest, place: Place, progress: Progress, steps: Steps
    ) -> None:
        self.loader, self._order, self._place = loader, order, place
        self._progress, self._steps = progress, steps
        self._lock = threading.Lock()
        self.waiting: tuple[WorkItem, ...] = ()
        self.ids: tuple[str, ...] = ()
        self.come_to = 0
        self.keys = Keys(loader.writer, order.db)

    def expect(self, work: Plan) -> None:
        """Recordings that are in the archive are not taken for former ones."""
        every = (*work.todo, *work.recheck, *work.unchanged)
        self.loader.present = frozenset(item.recording_id for item in every)

    def run(self, items: Sequence[WorkItem], hours: float | None = None) -> tuple[WorkItem, ...]:
        """Analyse `items` in order; no batch starts after `hours`. Returns the items done.

        When it is interrupted, or a batch cannot be put on disk, what the others have finished is kept.
        """
        clock = self._steps.clock
        end = math.inf if hours is None else clock() + 3600 * hours
        size = batch_size(len(items), self._order.settings.store.batch_calls, self._place.slots)
        rest = batches(items, size)
        done: tuple[WorkItem, ...] = ()
        with self._hands() as hands:
            going: dict[Future[BatchDone], Batch] = {}
            try:
                while True:
                    while len(going) < max(1, self._place.slots) and (hours is None or clock() < end):
                        given = next(rest, None)
                        if given is None:
                            break
                        batch = Batch(
                            items=self.keys.given_to(given), tracks=self.loader.writer.hold_tracks()
                        )
                        # A copy of the context, by which Prefect knows which flow a task belongs to.
                        context = contextvars.copy_context()
                        future = hands.submit(
                            context.run, self._steps.analyse, self._place, batch, self._report
                        )
                        going[future] = batch
                    if not going:
                        return done
                    for future in wait(going, return_when=FIRST_COMPLETED).done:
                        batch = going.pop(future)
                        self._take(batch, future.result())
                        done += batch.items
            except BaseException:
                self._place.stop()
                while wait(going, timeout=STOP_AGAIN_S).not_done:
                    self._place.stop()  # a call may have begun in that moment
                for future, batch in going.items():
                    if not future.cancelled() and future.exception() is None:
                        self._take(batch, future.result())
                raise

    def _hands(self) -> Executor:
        slots = self._place.slots
        return ThreadPoolExecutor(slots, thread_name_prefix="batch") if slots else _Inline()

    def _report(self, item: WorkItem, recording: Recording) -> None:
        with self._lock:
            self._progress.done(item, recording)

    def _take(self, batch: Batch, done: BatchDone) -> None:
        """Note what became of a batch, and load it when it is time."""
        uris = {call.recording.uri for call in done.calls}
        self.waiting += tuple(item for item in batch.items if item.uri not in uris)
        self.ids += tuple(call.recording.recording_id for call in done.calls)
        self.come_to += len(batch.items)
        self.loader.finished(done)


class _Inline(Executor):
    """Does at once, in this thread, what it is given."""

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """A future that is done."""
        future: Future[T] = Future()
        future.set_result(function(*args, **kwargs))
        return future


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
            dropped=len(work.dropped),
            erased=len(work.erased),
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
