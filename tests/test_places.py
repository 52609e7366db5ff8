"""Batches in child processes: what costs its process costs no other call, and nothing finished is lost."""

import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import night_jobs
import psutil
import pytest
from fakes import FakeEngine, Watcher, write_call

from pipeline.archive import night
from pipeline.archive.batches import Batch, batch_size
from pipeline.archive.failures import tried_with
from pipeline.archive.places import InProcess, LocalWorkers, find_place, limits_of, workers_for
from pipeline.archive.plan import discover, make_plan
from pipeline.errors import UsageError
from pipeline.settings import Settings
from pipeline.store import query

LIMITS = ("workers.base_s=8", "workers.memory_mb=700")


@pytest.fixture
def archive(tmp_path):
    folder = tmp_path / "archive"
    for number in range(9):
        write_call(folder / f"good-{number}.wav", seed=number)
    return folder


@pytest.fixture
def notes(tmp_path):
    (tmp_path / "notes").mkdir()
    return tmp_path / "notes"


def go(order, notes, count=2, progress=None):
    place = LocalWorkers(partial(night_jobs.make, notes), count, night.parts_of(order))
    return night.run(order, FakeEngine()(), progress or Watcher(), place=place)


def tries(notes, name):
    """How often a call was begun."""
    return len((notes / name).read_text().splitlines())


def test_a_crash_a_hang_and_too_much_memory_cost_three_of_twelve_calls(archive, tmp_path, notes):
    for seed, name in enumerate(("crash", "hang", "memory"), 20):
        write_call(archive / f"{name}-1.wav", seed=seed)
    order = night_jobs.order_of(archive, tmp_path / "calls.duckdb", *LIMITS)
    summary = go(order, notes)
    assert (summary.totals.analysed, len(summary.totals.quarantined)) == (9, 3)
    rows = query(order.db, "SELECT failure_kind, error FROM quarantine ORDER BY failure_kind").rows
    assert [row[0] for row in rows] == ["crashed", "hung", "out_of_memory"]
    assert [part in row[1] for part, row in zip(("SIGSEGV", "limit of 8", "700 MB"), rows, strict=True)] == [
        True
    ] * 3
    assert [tries(notes, f"{name}-1.wav") for name in ("crash", "hang", "memory")] == [2, 2, 2]
    assert all(tries(notes, f"good-{number}.wav") == 1 for number in range(9))
    assert query(order.db, "SELECT found, analysed, quarantined FROM night").rows == ((12, 9, 3),)


def test_a_call_that_costs_its_process_once_is_analysed(archive, tmp_path, notes):
    write_call(archive / "once-1.wav", seed=30)
    summary = go(night_jobs.order_of(archive, tmp_path / "calls.duckdb"), notes)
    assert (summary.totals.analysed, summary.totals.quarantined) == (10, ())
    assert tries(notes, "once-1.wav") == 2


def test_the_result_is_that_of_one_process(archive, tmp_path, notes):
    here, there = (night_jobs.order_of(archive, tmp_path / name) for name in ("one.duckdb", "two.duckdb"))
    night.run(here, FakeEngine()(), Watcher())
    watcher = Watcher()
    go(there, notes, progress=watcher)
    sql = "SELECT recording_id, rule_id, verdict, start_s FROM finding ORDER BY ALL"
    assert query(here.db, sql).rows == query(there.db, sql).rows != ()
    assert sorted(watcher.seen) == [(f"good-{number}.wav", "analysed") for number in range(9)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminated"])
def test_an_interrupted_night_keeps_each_finished_call_and_leaves_no_process(
    archive, tmp_path, notes, number
):
    for seed in range(4):
        write_call(archive / f"slow-{seed}.wav", seed=40 + seed)
    db = tmp_path / "calls.duckdb"
    process = start("workers", archive, db, notes, 2)
    wait_until(lambda: len(list(notes.iterdir())) >= 7)
    process.send_signal(number)
    process.wait(60)
    begun = {file.name for file in notes.iterdir()}
    stored = {row[0].rpartition("/")[2] for row in query(db, "SELECT uri FROM recording").rows}
    # At most the one that each of the two workers had in hand is missing.
    assert stored <= begun
    assert len(begun - stored) <= 2, process.stderr.read()
    assert query(db, "SELECT outcome, found = 13 FROM night").rows == (("interrupted", True),)
    assert below(process) == []
    summary = go(night_jobs.order_of(archive, db), notes)
    assert summary.totals.analysed == 13 - len(stored)


def test_a_killed_night_leaves_no_process_behind(archive, tmp_path, notes):
    write_call(archive / "hang-1.wav", seed=41)
    process = start("workers", archive, tmp_path / "calls.duckdb", notes, 2)
    wait_until((notes / "hang-1.wav").exists)
    children = below(process)
    assert children
    process.kill()
    wait_until(partial(none_alive, children))


def test_what_prevents_all_workers_ends_the_night(archive, tmp_path):
    order = night_jobs.order_of(archive, tmp_path / "calls.duckdb")

    with pytest.raises(UsageError, match="no weights"):
        night.run(order, FakeEngine()(), Watcher(), place=LocalWorkers(no_weights, 2, night.parts_of(order)))
    assert not order.db.exists()


def no_weights():
    raise UsageError("no weights")


def test_a_suspect_is_tried_again_when_no_other_call_is_in_hand(archive, tmp_path, notes):
    write_call(archive / "crash-1.wav", seed=42)
    for number in range(4):
        write_call(archive / f"slow-{number}.wav", seed=43 + number)
    order = night_jobs.order_of(archive, tmp_path / "calls.duckdb")
    at_once: list[int] = []

    class Watching(LocalWorkers):
        busy = 0

        def _attempt(self, worker, job):
            self.busy += 1
            if job.item.path.stem == "crash-1":
                at_once.append(self.busy)
            try:
                return super()._attempt(worker, job)
            finally:
                self.busy -= 1

    place = Watching(partial(night_jobs.make, notes), 3, night.parts_of(order))
    night.run(order, FakeEngine()(), Watcher(), place=place)
    assert at_once[1:] == [1]


@pytest.mark.parametrize(
    ("cores", "memory_mb", "expected"),
    [(8, 64_000, 8), (8, 4_200, 2), (8, 4_199, 1), (1, 64_000, 1), (2, 500, 1)],
)
def test_workers_for_a_machine(cores, memory_mb, expected):
    assert workers_for(cores, memory_mb) == expected


@pytest.mark.parametrize(
    ("calls", "slots", "expected"),
    [(1000, 2, 16), (64, 2, 16), (63, 2, 15), (8, 2, 2), (3, 4, 1), (3, 1, 16)],
)
def test_small_nights_have_small_batches(calls, slots, expected):
    assert batch_size(calls, 16, slots) == expected


def test_the_place_is_chosen_by_the_settings(tmp_path):
    engine = FakeEngine()()
    here = find_place(Settings.model_validate({"workers": {"count": 0}}), engine, tmp_path)
    assert isinstance(here, InProcess)
    three = find_place(Settings.model_validate({"workers": {"count": 3}}), engine, tmp_path)
    assert isinstance(three, LocalWorkers)
    assert three.slots == 3
    with pytest.raises(UsageError, match="cannot reach the Dask scheduler"):
        find_place(Settings.model_validate({"workers": {"scheduler": "nonsense://x"}}), engine, tmp_path)


def test_the_limit_of_time_grows_with_the_file(archive, tmp_path):
    order = night_jobs.order_of(archive, tmp_path / "calls.duckdb", *LIMITS)
    job = first_batch(order).items[0]
    limits = limits_of(night_jobs.Job(item=job))
    assert limits.time_s == pytest.approx(8 + job.bytes / 1e6)
    assert limits.memory_mb == 700


def first_batch(order):
    work = make_plan(discover(order), {}, FakeEngine()().versions)
    return Batch(items=work.todo)


def test_a_part_is_named_by_its_calls(archive, tmp_path):
    order = night_jobs.order_of(archive, tmp_path / "calls.duckdb")
    batch = first_batch(order)
    assert batch.name == Batch(items=batch.items[::-1]).name
    assert batch.name != Batch(items=batch.items[1:]).name


# --- when a recording in quarantine is tried again


@pytest.mark.parametrize(
    ("kind", "change", "again"),
    [
        ("too_long", {"audio": {"max_hours": 7}}, True),
        ("too_long", {"workers": {"base_s": 7}}, False),
        ("hung", {"workers": {"base_s": 7}}, True),
        ("hung", {"workers": {"memory_mb": 7}}, False),
        ("out_of_memory", {"workers": {"memory_mb": 7}}, True),
        ("out_of_memory", {"audio": {"max_hours": 7}}, False),
        ("crashed", {"workers": {"memory_mb": 7}}, False),
        ("file", {"audio": {"max_hours": 7}, "workers": {"memory_mb": 7, "base_s": 7}}, False),
    ],
)
def test_what_a_failure_depends_on(kind, change, again):
    assert (tried_with(kind, Settings()) != tried_with(kind, Settings.model_validate(change))) is again


@pytest.mark.parametrize(
    ("kind", "again"), [("crashed", True), ("program", True), ("hung", True), ("file", False)]
)
def test_another_release_helps_against_faults_of_ours(kind, again, monkeypatch):
    before = tried_with(kind, Settings())
    monkeypatch.setattr("pipeline.archive.failures.__version__", "9.9.9")
    assert (tried_with(kind, Settings()) != before) is again


def test_a_recording_that_is_too_long_is_tried_again_under_a_higher_limit(archive, tmp_path):
    db = tmp_path / "calls.duckdb"
    write_call(archive / "long.wav", seed=50, seconds=8)
    limit = 5 / 3600
    short = night_jobs.order_of(archive, db, f"audio.max_hours={limit}")
    first = night.run(short, FakeEngine()(), Watcher())
    assert (first.totals.analysed, len(first.totals.quarantined)) == (9, 1)
    assert "too long" in first.totals.quarantined[0].reason
    assert night.run(short, FakeEngine()(), Watcher()).totals.analysed == 0
    again = night.run(night_jobs.order_of(archive, db, "audio.max_hours=0.01"), FakeEngine()(), Watcher())
    assert (again.totals.analysed, again.unchanged) == (1, 9)
    assert query(db, "FROM quarantine").rows == ()


# --- helpers


def start(*args):
    script = Path(night_jobs.__file__)
    paths = os.pathsep.join([str(script.parent), str(script.parents[1])])
    return subprocess.Popen(
        [sys.executable, str(script), *map(str, args)],
        env=os.environ | {"PYTHONPATH": paths},
        stderr=subprocess.PIPE,
        text=True,
    )


def alive(process):
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def none_alive(processes):
    return not any(map(alive, processes))


def below(process):
    try:
        return [one for one in psutil.Process(process.pid).children(recursive=True) if alive(one)]
    except psutil.NoSuchProcess:
        return []


def wait_until(condition):
    """Waits for what has to come; the deadline only keeps a failing test from hanging."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it does not happen"
        threading.Event().wait(0.05)
