"""Nights that end as by a power failure, at each step, and go on: every call once, none half."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import night_jobs
import pytest
from fakes import FakeEngine, Watcher, write_call
from test_places import start

from pipeline.archive import night
from pipeline.errors import UsageError
from pipeline.store import query
from pipeline.store.part_files import waiting_parts

STEPS = [
    *[(step, when, 1) for step in night_jobs.PLACES for when in ("before", "after")],
    # In the middle of a night: batches were published, others are to come.
    *[(step, "after", 2) for step in ("batch", "part", "load", "publish", "remove")],
    ("copy", "before", 3),
]


@pytest.fixture
def archive(tmp_path):
    folder = tmp_path / "archive"
    for number in range(6):
        write_call(folder / f"{number}.wav", seed=number, seconds=1)
    return folder


def stored(db):
    """Ids of the recordings that readers see."""
    return {row[0] for row in query(db, "SELECT recording_id FROM recording").rows} if db.exists() else set()


def in_parts(order):
    return len(waiting_parts(night.parts_of(order)))


def check_whole(db, calls):
    """Each recording is there once, with all of its rows."""
    sql = """
        SELECT count(*), count(DISTINCT recording_id), sum((findings > 0)::INT), sum((words = 2)::INT)
        FROM recording
        LEFT JOIN (SELECT recording_id, count(*) AS findings FROM finding GROUP BY ALL) USING (recording_id)
        LEFT JOIN (SELECT recording_id, count(*) AS words FROM word GROUP BY ALL) USING (recording_id)
    """
    assert query(db, sql).rows == ((calls, calls, calls, calls),)
    assert query(db, "SELECT count(*), count(DISTINCT recording_id) FROM call_summary").rows == (
        (calls, calls),
    )


@pytest.mark.parametrize(("step", "when", "nth"), STEPS)
def test_a_night_goes_on_where_it_was_killed(archive, tmp_path, step, when, nth):
    db = tmp_path / "calls.duckdb"
    order = night_jobs.order_of(archive, db)
    assert forked(night_jobs.run_and_die, archive, db, step, when, nth) == -signal.SIGKILL
    seen = stored(db)
    left = in_parts(order)
    watcher = Watcher()
    summary = night.run(order, FakeEngine()(), watcher)
    assert seen <= stored(db)
    check_whole(db, 6)
    assert summary.found == 6
    # No batch that was on disk is analysed again.
    assert len(watcher.seen) <= 6 - max(len(seen), 2 * left)
    assert in_parts(order) == 0
    assert leavings(db) == []


def forked(function, *args):
    """The exit code of a process that has all that this one has imported."""
    process = multiprocessing.get_context("fork").Process(target=function, args=tuple(map(str, args)))
    process.start()
    process.join(60)
    return process.exitcode


def leavings(db):
    kept = {"archive", db.name, *(f"{db.name}{suffix}" for suffix in (".lock", ".keys", ".master"))}
    return [path.name for path in db.parent.iterdir() if path.name not in kept]


@pytest.mark.slow
def test_25_kills_at_random(archive, tmp_path):
    chosen = random.Random(7)
    db = tmp_path / "calls.duckdb"
    for number in range(6, 60):
        write_call(archive / f"{number}.wav", seed=number, seconds=1)
    (tmp_path / "notes").mkdir()
    counts = [0]
    for _ in range(25):
        process = start("workers", archive, db, tmp_path / "notes", 2)
        try:
            process.wait(chosen.uniform(4, 12))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        counts.append(len(stored(db)))
    assert counts == sorted(counts)
    order = night_jobs.order_of(archive, db)
    night.run(order, FakeEngine()(), Watcher())
    check_whole(db, 60)
    assert in_parts(order) == 0
    begun = [len(file.read_text().splitlines()) for file in (tmp_path / "notes").iterdir()]
    assert max(begun) <= 3


def test_readers_never_wait_and_never_see_less(archive, tmp_path):
    db = tmp_path / "calls.duckdb"
    order = night_jobs.order_of(archive, db)
    night.run(order, FakeEngine()(), Watcher())
    for number in range(6, 18):
        write_call(archive / f"{number}.wav", seed=number, seconds=1)
    readers = [reader(db) for _ in range(5)]
    try:
        for one in readers:
            assert one.stdout.readline() == "6\n"
        night.run(order, FakeEngine()(), Watcher())
    finally:
        for one in readers:
            one.send_signal(signal.SIGTERM)
    for one in readers:
        counts = [6, *map(int, one.communicate(timeout=60)[0].split())]
        assert counts == sorted(counts)
        assert len(counts) > 3
        assert one.returncode == -signal.SIGTERM


READER = """
import sys
from pathlib import Path
from pipeline.store import query
while True:
    sql = "SELECT count(*), sum(words) FROM (SELECT count(*) AS words FROM word GROUP BY recording_id)"
    calls, words = query(Path(sys.argv[1]), sql).rows[0]
    assert words == 2 * calls, "half a call"
    print(calls, flush=True)
"""


def reader(db):
    return subprocess.Popen(
        [sys.executable, "-c", READER, str(db)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_damaged_part_is_set_aside_and_its_calls_are_analysed_again(archive, tmp_path):
    db = tmp_path / "calls.duckdb"
    order = night_jobs.order_of(archive, db)
    assert forked(night_jobs.run_and_die, archive, db, "load", "before") == -signal.SIGKILL
    (part,) = waiting_parts(night.parts_of(order))
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 0xFF
    part.write_bytes(content)
    summary = night.run(order, FakeEngine()(), Watcher())
    assert summary.totals.analysed == 6
    assert [line for line in summary.problems if "damaged part" in line and "unreadable" in line]
    check_whole(db, 6)
    assert [path.name.endswith(".part.unreadable") for path in night.parts_of(order).iterdir()] == [True]


def test_a_full_disk_is_one_line_and_the_store_stays_as_it_was(archive, tmp_path):
    db = tmp_path / "calls.duckdb"
    order = night_jobs.order_of(archive, db)
    night.run(order, FakeEngine()(), Watcher())
    before = db.read_bytes()
    write_call(archive / "new.wav", seed=9, seconds=1)
    process = start("limited", archive, db, len(before) - 1)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert len(errors.splitlines()) == 1
    assert "File too large" in errors
    assert db.read_bytes() == before
    assert night.run(order, FakeEngine()(), Watcher()).totals.analysed == 1


def test_finished_calls_that_cannot_be_put_down_end_the_night_in_one_line(archive, tmp_path):
    db = tmp_path / "calls.duckdb"
    (tmp_path / "file").touch()
    order = night_jobs.order_of(archive, db, f"store.parts={tmp_path / 'file'}")
    with pytest.raises(UsageError, match=r"cannot write finished calls: .*store\.parts") as caught:
        night.run(order, FakeEngine()(), Watcher())
    assert "\n" not in str(caught.value)
    assert not db.exists()


def test_an_archive_that_goes_away_in_the_middle_leaves_the_rest_for_the_next_night(archive, tmp_path):
    class Unplugs(Watcher):
        def done(self, item, recording):
            super().done(item, recording)
            if len(self.seen) == 2:
                archive.rename(tmp_path / "elsewhere")

    db = tmp_path / "calls.duckdb"
    order = night_jobs.order_of(archive, db)
    summary = night.run(order, FakeEngine()(), Unplugs())
    assert (summary.found, summary.totals.analysed, len(summary.waiting)) == (6, 2, 4)
    assert query(db, "SELECT found, analysed, waiting, quarantined FROM night").rows == ((6, 2, 4, 0),)
    (tmp_path / "elsewhere").rename(archive)
    assert night.run(order, FakeEngine()(), Watcher()).totals.analysed == 4
    check_whole(db, 6)
