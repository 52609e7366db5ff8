"""A night on a real Dask cluster: a scheduler and two worker processes on this machine."""

import json
import os
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import night_jobs
import psutil
import pytest
from fakes import FakeEngine, Watcher, write_call
from test_places import alive, wait_until

from pipeline.archive import night
from pipeline.archive.dask_workers import DaskWorkers, on_worker
from pipeline.archive.plan import discover, make_plan
from pipeline.errors import UsageError
from pipeline.store import query

pytest.importorskip("distributed")

TESTS = Path(night_jobs.__file__).parent
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)]),
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "30 s",
}


class Cluster:
    """A scheduler and its workers, each a process of its own."""

    def __init__(self, folder):
        self._processes = []
        self._file = folder / "scheduler.json"
        self._run("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(self._file))
        wait_until(self._is_up)
        self.address = json.loads(self._file.read_text())["address"]
        self.workers = []

    def add_worker(self, *options):
        process = self._run("worker", self.address, "--nthreads", "1", *options)
        self.workers.append(process)
        return process

    def end(self):
        for process in reversed(self._processes):
            below = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            process.kill()
            process.wait(30)
            wait_until(lambda below=below: not [one for one in below if alive(one)])

    def _run(self, *command):
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *command, "--no-dashboard"],
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._processes.append(process)
        return process

    def _is_up(self):
        try:
            return bool(json.loads(self._file.read_text())["address"])
        except (OSError, ValueError, KeyError):
            return False


@pytest.fixture
def cluster(tmp_path):
    one = Cluster(tmp_path)
    yield one
    one.end()


@pytest.fixture
def archive(tmp_path):
    folder = tmp_path / "archive"
    for number in range(8):
        write_call(folder / f"slow-{number}.wav", seed=number)
    (tmp_path / "notes").mkdir()
    return folder


def go(order, place):
    return night.run(order, FakeEngine()(), Watcher(), place=place)


def place_on(cluster, order, notes, slots):
    """The cluster's workers, when all of them are there."""
    make = partial(night_jobs.make, notes)

    def all_there():
        try:
            found = DaskWorkers(cluster.address, make, night.parts_of(order))
        except UsageError:
            return False
        found.close()
        return found.slots == slots

    wait_until(all_there)
    return DaskWorkers(cluster.address, make, night.parts_of(order))


def tries(notes):
    return {file.name: len(file.read_text().splitlines()) for file in notes.iterdir()}


def test_two_workers_do_each_call_once_and_a_lost_one_costs_its_batch_only(cluster, archive, tmp_path):
    write_call(archive / "crash-1.wav", seed=20)
    order, notes = night_jobs.order_of(archive, tmp_path / "calls.duckdb"), tmp_path / "notes"
    lost = cluster.add_worker("--no-nanny")
    cluster.add_worker("--no-nanny")
    place = place_on(cluster, order, notes, 2)

    def lose():
        wait_until(lambda: len(tries(notes)) >= 4)
        lost.send_signal(signal.SIGKILL)

    killer = threading.Thread(target=lose)
    killer.start()
    summary = go(order, place)
    killer.join()
    assert (summary.found, summary.totals.analysed, len(summary.totals.quarantined)) == (9, 8, 1)
    assert query(order.db, "SELECT failure_kind FROM quarantine").rows == (("crashed",),)
    again = [name for name, times in tries(notes).items() if name != "crash-1.wav" and times > 1]
    assert len(again) <= 2  # what the lost worker had in hand: a batch
    assert tries(notes)["crash-1.wav"] in {2, 3, 4}


def test_a_cluster_without_workers_or_with_ones_that_may_not_start_processes(cluster, archive, tmp_path):
    order, notes = night_jobs.order_of(archive, tmp_path / "calls.duckdb"), tmp_path / "notes"
    with pytest.raises(UsageError, match=r"no workers: tcp.*start some: dask worker"):
        DaskWorkers(cluster.address, partial(night_jobs.make, notes), night.parts_of(order))
    with pytest.raises(UsageError, match="no workers that offer the resource GPU"):
        DaskWorkers(cluster.address, night_jobs.make, night.parts_of(order), on_gpu=True)
    cluster.add_worker("--nanny")
    with pytest.raises(UsageError, match="DASK_DISTRIBUTED__WORKER__DAEMON=False"):
        go(order, place_on(cluster, order, notes, 1))
    assert not order.db.exists()


def test_a_batch_whose_part_is_there_is_not_run_again(archive, tmp_path):
    order, notes = night_jobs.order_of(archive, tmp_path / "calls.duckdb"), tmp_path / "notes"
    work = make_plan(discover(order), {}, FakeEngine()().versions)
    batch = night.Batch(items=work.todo[:2])
    make = partial(night_jobs.make, notes)
    first = on_worker(batch, make, night.parts_of(order))
    assert on_worker(batch, make, night.parts_of(order)) == first
    assert set(tries(notes).values()) == {1}
    first.part.write_bytes(b"damaged")
    assert on_worker(batch, make, night.parts_of(order)).part == first.part
    assert set(tries(notes).values()) == {2}


def test_no_scheduler_is_one_line(tmp_path):
    with pytest.raises(UsageError, match=r"cannot reach the Dask scheduler: tcp://127\.0\.0\.1:9"):
        DaskWorkers("tcp://127.0.0.1:9", night_jobs.make, tmp_path)
