"""Where batches are analysed: in this process, or in child processes that are watched."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Protocol

import psutil

from pipeline.analyse import Models
from pipeline.archive.batches import (
    Analyser,
    Batch,
    BatchDone,
    Job,
    Report,
    Stopped,
    carry_out,
    limits_of,
)
from pipeline.archive.dask_workers import DaskWorkers
from pipeline.archive.engine import Engine, find_engine
from pipeline.archive.plan import Versions
from pipeline.archive.supervised import SupervisedWorker, TaskFailed
from pipeline.errors import UsageError
from pipeline.records import CallAnalysis
from pipeline.rules import RuleSet
from pipeline.settings import Settings

WORKER_MB = 1600.0
"""Memory of a process that analyses calls of usual length, in millions of bytes."""
SYSTEM_MB = 1000.0
"""Memory that is left to the system and the writer of the store, in millions of bytes."""
_CGROUP = Path("/sys/fs/cgroup/memory.max")


class Place(Protocol):
    """Takes `slots` batches at a time."""

    @property
    def slots(self) -> int:
        """Number of batches that are carried out at the same time; 0 where it is done by the caller."""

    def carry_out(self, batch: Batch, report: Report) -> BatchDone:
        """Analyse a batch and put it on disk, see `batches.carry_out`; called by a thread a slot."""

    def stop(self) -> None:
        """Let every call in hand end now; what is finished is still put on disk."""

    def close(self) -> None:
        """Give all processes back."""


class InProcess:
    """Analyses calls in this process, one after the other; one that crashes ends the run."""

    slots = 0

    def __init__(self, load: Callable[[], Models], rules: RuleSet, folder: Path) -> None:
        self._load, self._rules, self._folder = load, rules, folder
        self._analyser: Analyser | None = None

    def carry_out(self, batch: Batch, report: Report) -> BatchDone:
        """Analyse a batch; the models are loaded for the first one."""
        return carry_out(batch, self._attempt, self._folder, report)

    def stop(self) -> None:
        """Nothing runs beside the caller."""

    def close(self) -> None:
        """No process was started."""

    def _attempt(self, job: Job, *, alone: bool = False) -> CallAnalysis:  # noqa: ARG002 - always alone
        self._analyser = self._analyser or Analyser(self._load(), self._rules)
        try:
            return self._analyser(job)
        except MemoryError as error:
            raise TaskFailed("out_of_memory", f"it could not allocate memory ({error!r})") from error


class LocalWorkers:
    """Analyses calls in `count` child processes, one call at a time in each.

    A call that crashes, hangs or takes too much memory costs its process, and no other call.
    """

    def __init__(self, make: Callable[[], Callable[[Job], CallAnalysis]], count: int, folder: Path) -> None:
        self.slots = count
        self._folder = folder
        self._workers = tuple(SupervisedWorker[Job, CallAnalysis](make) for _ in range(count))
        self._free: queue.SimpleQueue[SupervisedWorker[Job, CallAnalysis]] = queue.SimpleQueue()
        for worker in self._workers:
            self._free.put(worker)
        self._turns = _Turns()
        self._stopped = False

    def carry_out(self, batch: Batch, report: Report) -> BatchDone:
        """Analyse a batch in a free child."""
        worker = self._free.get()

        def attempt(job: Job, *, alone: bool = False) -> CallAnalysis:
            with self._turns.alone() if alone else self._turns.shared():
                if alone:
                    for each in self._workers:  # all are without a call; a lone one may have all the memory
                        each.close()
                return self._attempt(worker, job)

        try:
            return carry_out(batch, attempt, self._folder, report)
        finally:
            self._free.put(worker)

    def _attempt(self, worker: SupervisedWorker[Job, CallAnalysis], job: Job) -> CallAnalysis:
        if self._stopped:
            raise Stopped
        try:
            return worker.do(job, limits_of(job))
        except Exception:
            if self._stopped:  # that is why it failed
                raise Stopped from None
            raise

    def stop(self) -> None:
        """Kill the children; their calls are not done."""
        self._stopped = True
        for worker in self._workers:
            worker.kill()

    def close(self) -> None:
        """End the children; to be called when no thread uses them."""
        for worker in self._workers:
            worker.close()


class _Turns:
    """Lets holders go together, or one alone."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._together = 0
        self._one = False

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Wait until nobody is or wants to be alone, and go together with others."""
        with self._changed:
            self._changed.wait_for(lambda: not self._one)
            self._together += 1
        try:
            yield
        finally:
            with self._changed:
                self._together -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until all others are through, and go alone."""
        with self._changed:
            self._changed.wait_for(lambda: not self._one)
            self._one = True
            self._changed.wait_for(lambda: self._together == 0)
        try:
            yield
        finally:
            with self._changed:
                self._one = False
                self._changed.notify_all()


def make_analyser(settings: Settings, versions: Versions) -> Analyser:
    """Load models and rules in a child process.

    Raises UsageError if they are not those of `versions`, which the night is planned with.
    """
    engine = find_engine(settings)
    if engine.versions != versions:
        raise UsageError(
            "a worker has other models or rules than the night",
            value=engine.versions,
            allowed=str(versions),
            remedy="install the same release and the same rule packs on all machines",
        )
    return Analyser(engine.load(), engine.rules)


def find_place(settings: Settings, engine: Engine, folder: Path) -> Place:
    """Where the settings want calls to be analysed; parts come in `folder`.

    Raises UsageError where a Dask cluster is wanted and cannot be used.
    """
    workers = settings.workers
    count = default_workers() if workers.count is None else workers.count
    make = partial(make_analyser, settings, engine.versions)
    if workers.scheduler:
        return DaskWorkers(workers.scheduler, make, folder, on_gpu=settings.asr.device == "cuda")
    if count:
        return LocalWorkers(make, count, folder)
    return InProcess(engine.load, engine.rules, folder)


def default_workers() -> int:
    """Number of processes that the cores and the memory of this machine allow, at least 1."""
    memory_mb = psutil.virtual_memory().total / 1e6
    with suppress(OSError, ValueError):  # "max" where there is no limit
        memory_mb = min(memory_mb, int(_CGROUP.read_text()) / 1e6)
    return workers_for(len(os.sched_getaffinity(0)), memory_mb)


def workers_for(cores: int, memory_mb: float) -> int:
    """Number of processes for a machine with `memory_mb` millions of bytes, at least 1.

    >>> workers_for(4, 16_000), workers_for(16, 8_000), workers_for(2, 1_000)
    (4, 4, 1)
    """
    return max(1, min(cores, int((memory_mb - SYSTEM_MB) // WORKER_MB)))
