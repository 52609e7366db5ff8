"""Batches on an existing Dask cluster, whose workers share the archive and the folder of parts.

A task returns where its part is and what became of its calls, never their words. Results are taken and
released as they come: a worker that is lost costs the batch in its hand, and no finished one.
"""

from __future__ import annotations

import logging
import multiprocessing
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.archive.batches import Batch, BatchDone, CallDone, Job, Report, Stopped, carry_out, limits_of
from pipeline.archive.supervised import SupervisedWorker
from pipeline.archive.totals import totals_of
from pipeline.errors import UsageError
from pipeline.records import CallAnalysis, Recording
from pipeline.store.part_files import Part, PartError, part_place, read_part, set_aside

if TYPE_CHECKING:
    from pipeline.archive.items import WorkItem

log = logging.getLogger(__name__)

Make = Callable[[], Callable[[Job], CallAnalysis]]

CONNECT_S = 10
GPU = {"GPU": 1}
"""The resource that a worker offers for each graphics card."""

_of_thread = threading.local()


class DaskWorkers:
    """Hands batches to the workers of the scheduler at `address`, as many at a time as they have threads.

    With `on_gpu`, only workers that offer the resource `GPU` get some, one a card. Raises UsageError where
    the scheduler cannot be reached or has no workers.
    """

    def __init__(self, address: str, make: Make, folder: Path, *, on_gpu: bool = False) -> None:
        self._client = _connected(address)
        self._make, self._folder = make, folder
        self._resources = GPU if on_gpu else {}
        self._stopped = False
        try:
            self.slots = self._count(address)
        except UsageError:
            self._client.close()
            raise

    def _count(self, address: str) -> int:
        """Number of batches that the cluster takes at a time."""
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        if self._resources:
            slots = sum(int(worker["resources"].get("GPU", 0)) for worker in workers)
        else:
            slots = sum(int(worker["nthreads"]) for worker in workers)
        if not slots:
            offers = " that offer the resource GPU" if self._resources else ""
            remedy = f"start some: dask worker {address}" + (" --resources GPU=1" if self._resources else "")
            raise UsageError(f"the Dask scheduler has no workers{offers}", where=address, remedy=remedy)
        return slots

    def carry_out(self, batch: Batch, report: Report) -> BatchDone:
        """Analyse a batch on a worker. What a lost worker had in hand is done by another one.

        A batch with which several workers were lost is left for the next run.
        """
        from distributed import KilledWorker  # noqa: PLC0415 - slow to import

        if self._stopped:
            raise Stopped
        future = self._client.submit(
            on_worker,
            batch,
            self._make,
            self._folder,
            key=f"batch-{batch.name}",
            pure=False,
            resources=self._resources,
        )
        try:
            done: BatchDone = future.result()
        except CancelledError:
            return BatchDone()
        except KilledWorker as error:
            log.warning("left for the next run, workers were lost with it: batch %s; %s", batch.name, error)
            return BatchDone()
        finally:
            future.release()
        items = {item.uri: item for item in batch.items}
        for call in done.calls:
            if call.recording.uri in items:
                report(items[call.recording.uri], call.recording)
        return done

    def stop(self) -> None:
        """Give up the batches in hand; a part that a worker still finishes is loaded by the next run."""
        self._stopped = True
        self._client.cancel(list(self._client.futures), force=True)

    def close(self) -> None:
        """Leave the cluster, which goes on."""
        self._client.close()


def _connected(address: str) -> Any:
    try:
        from distributed import Client  # noqa: PLC0415 - slow to import, and not installed everywhere
    except ImportError:
        remedy = "pip install 'earwitness[dask]'"
        raise UsageError("Dask is not installed", where="workers.scheduler", remedy=remedy) from None
    try:
        return Client(address, timeout=CONNECT_S, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        remedy = "start it with `dask scheduler`, or give its address as tcp://host:port"
        raise UsageError(
            "cannot reach the Dask scheduler", where=address, value=error, remedy=remedy
        ) from error


def on_worker(batch: Batch, make: Make, folder: Path) -> BatchDone:
    """Carry out a batch in a process of the cluster, unless its part is there already."""
    place = part_place(folder, batch.name)
    if place.exists():
        try:
            return _from_part(place)
        except PartError as error:
            log.warning("%s (set aside as %s)", error, set_aside(place).name)
    worker = _worker_of_thread(make)

    def attempt(job: Job, *, alone: bool = False) -> CallAnalysis:
        if alone:
            worker.close()  # a fresh process; what else runs on this machine is not known here
        return worker.do(job, limits_of(job))

    return carry_out(batch, attempt, folder, _unwatched)


def _worker_of_thread(make: Make) -> SupervisedWorker[Job, CallAnalysis]:
    """This thread's child process; another night, with other settings, gets another one."""
    if multiprocessing.current_process().daemon:
        raise UsageError(
            "a Dask worker under a nanny may not start processes",
            remedy="start it with DASK_DISTRIBUTED__WORKER__DAEMON=False, or with --no-nanny",
        )
    key = pickle.dumps(make)
    if getattr(_of_thread, "key", None) != key:
        if former := getattr(_of_thread, "worker", None):
            former.close()
        _of_thread.key, _of_thread.worker = key, SupervisedWorker(make)
    worker: SupervisedWorker[Job, CallAnalysis] = _of_thread.worker
    return worker


def _from_part(place: Path) -> BatchDone:
    """What became of the calls of a part that is there already."""
    calls = tuple(_call_done(one) for one in read_part(place).each())
    return BatchDone(part=place, calls=calls)


def _call_done(part: Part) -> CallDone:
    return CallDone(recording=part.recording, totals=totals_of(part))


def _unwatched(item: WorkItem, recording: Recording) -> None:
    """Progress is told by the night, which gets the results."""
