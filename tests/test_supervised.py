"""Supervised children, with real processes that crash, hang, eat memory and are killed."""

import logging
import os
import pickle
import signal
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import psutil
import pytest
import supervised_jobs as jobs

from pipeline.archive.supervised import (
    Limits,
    StartFailed,
    SupervisedWorker,
    TaskFailed,
    in_parallel,
    resident_mb,
)

PLENTY = Limits(time_s=60, memory_mb=4000, poll_s=0.1)
SHORT = Limits(time_s=0.5, memory_mb=4000, poll_s=0.1)
SMALL = Limits(time_s=60, memory_mb=250, poll_s=0.05)


@pytest.fixture
def worker():
    with SupervisedWorker(jobs.make) as one:
        yield one


def ended(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def wait_until(condition):
    """Waits for what has to come; the deadline only keeps a failing test from hanging."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.05)


# --- one worker


def test_a_task_is_done_in_another_process(worker):
    assert worker.do(("echo", {"a": (1, 2)}), PLENTY) == {"a": (1, 2)}
    assert worker.do(("pid",), PLENTY) != os.getpid()


def test_many_tasks_are_done_by_one_process(worker):
    assert len({worker.do(("pid",), PLENTY) for _ in range(50)}) == 1


def test_long_messages_pass(worker):
    assert worker.do(("echo", b"x" * 5_000_000), PLENTY) == b"x" * 5_000_000
    assert len(worker.do(("bytes", 30_000_000), PLENTY)) == 30_000_000


@pytest.mark.parametrize(
    ("task", "limits", "cause", "named"),
    [
        (("segfault",), PLENTY, "crashed", "SIGSEGV"),
        (("exit", 3), PLENTY, "crashed", "exit code 3"),
        (("exit", 0), PLENTY, "crashed", "exit code 0"),
        (("quit", 4), PLENTY, "crashed", "exit code 4"),
        (("hang",), SHORT, "hung", "0.5 s"),
        (("hang_in_c",), SHORT, "hung", "0.5 s"),
        (("allocate", 400), SMALL, "out_of_memory", "250 MB"),
        (("allocate_below", 400), SMALL, "out_of_memory", "250 MB"),
        (("too_much",), PLENTY, "out_of_memory", "asked for all of it"),
    ],
)
def test_a_task_that_ends_its_process_is_named_and_the_next_is_done(worker, task, limits, cause, named):
    before = worker.do(("pid",), PLENTY)
    with pytest.raises(TaskFailed) as caught:
        worker.do(task, limits)
    assert (caught.value.cause, named in str(caught.value)) == (cause, True)
    assert "\n" not in str(caught.value)
    assert worker.do(("pid",), PLENTY) != before
    assert ended(before)


def test_a_task_within_its_limits_is_done(worker):
    worker.do(("keep", 50), SMALL)
    assert worker.do(("echo", 1), SMALL) == 1


def test_memory_that_earlier_tasks_left_is_not_the_next_ones_fault(worker):
    first = worker.do(("keep", 400), PLENTY)
    assert worker.do(("pid",), SMALL) != first


def test_the_time_of_the_start_is_not_the_first_tasks(worker):
    # A child imports for longer than this.
    assert worker.do(("echo", 1), Limits(time_s=0.05, memory_mb=4000, poll_s=0.01)) == 1


def test_an_exception_keeps_its_type_and_the_process_goes_on(worker):
    before = worker.do(("pid",), PLENTY)
    with pytest.raises(KeyError, match="colour") as caught:
        worker.do(("fail", "colour"), PLENTY)
    assert any("supervised_jobs.py" in note and "in fail" in note for note in caught.value.__notes__)
    assert worker.do(("pid",), PLENTY) == before


@pytest.mark.parametrize(
    ("task", "text"),
    [("awkward", "AwkwardError: one and two"), ("like_a_function", "LambdaError: with a lambda")],
)
def test_an_exception_that_cannot_be_sent_is_told_in_words(worker, task, text):
    with pytest.raises(RuntimeError, match=text) as caught:
        worker.do((task,), PLENTY)
    assert any("supervised_jobs.py" in note for note in caught.value.__notes__)
    assert worker.do(("echo", 1), PLENTY) == 1


@pytest.mark.parametrize(("task", "text"), [("lambda", "lambda"), ("broken", "not from these bytes")])
def test_a_result_that_cannot_be_sent_is_an_error_of_its_task(worker, task, text):
    with pytest.raises(Exception, match=text):
        worker.do((task,), PLENTY)
    assert worker.do(("echo", 1), PLENTY) == 1


def test_a_process_that_ended_between_two_tasks_is_replaced(worker):
    first = worker.do(("die_after_answer",), PLENTY)
    wait_until(lambda: ended(first))
    assert worker.do(("echo", 1), PLENTY) == 1


def test_what_prevents_the_start_is_raised():
    with SupervisedWorker(jobs.make_failing) as failing:
        for _ in range(2):
            with pytest.raises(ValueError, match="no weights"):
                failing.do(("echo", 1), PLENTY)
    with SupervisedWorker(jobs.make_crashing) as crashing, pytest.raises(StartFailed, match="exit code 7"):
        crashing.do(("echo", 1), PLENTY)


def test_close_ends_the_process_and_all_below_it(worker):
    pids = worker.do(("below",), PLENTY)
    worker.close()
    worker.close()
    wait_until(lambda: all(map(ended, pids)))


def test_a_hung_task_is_ended_with_all_below_it(worker):
    pids = worker.do(("below",), PLENTY)
    with pytest.raises(TaskFailed):
        worker.do(("hang_in_c",), SHORT)
    wait_until(lambda: all(map(ended, pids)))


def test_log_records_come_to_the_parent(worker, caplog):
    with caplog.at_level(logging.INFO, logger="jobs.child"):
        worker.do(("tell", "this", logging.INFO), PLENTY)
        worker.do(("tell", "that", logging.DEBUG), PLENTY)
        worker.do(("tell_from_a_thread",), PLENTY)
    assert [record.getMessage() for record in caplog.records] == ["said this", "said below"]
    assert {record.name for record in caplog.records} == {"jobs.child"}


@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_threads_holds_for_libraries(threads):
    with SupervisedWorker(jobs.make, threads=threads) as worker:
        assert worker.do(("threads",), PLENTY) == (threads, str(threads))


def test_a_failure_can_be_sent_on():
    failed = pickle.loads(pickle.dumps(TaskFailed("hung", "too long")))
    assert (failed.cause, str(failed)) == ("hung", "too long")


def test_memory_counts_descendants_and_no_ended_process():
    with SupervisedWorker(jobs.make) as worker:
        pid, below = worker.do(("below",), PLENTY)

        def is_sum():
            both = sum(psutil.Process(one).memory_info().rss / 1e6 for one in (pid, below))
            return resident_mb([pid])[pid] == pytest.approx(both, rel=0.02)

        wait_until(is_sum)  # the one below is still starting
    wait_until(lambda: not psutil.pid_exists(pid))
    assert resident_mb([pid]) == {pid: 0.0}


# --- several workers


def limits_of(task):
    return {"hang": SHORT, "hang_in_c": SHORT, "allocate": SMALL}.get(task[0], PLENTY)


def told(tasks, make=jobs.make, workers=2, **options):
    """What became of each task, in the order of the tasks."""
    results = list(in_parallel(workers, make, tasks, limits_of, **options))
    assert sorted(task for task, _ in results) == sorted(tasks)
    by_task = dict(results)
    return [by_task[task] for task in tasks]


def test_all_sound_tasks_are_done_beside_those_that_end_their_process():
    sound = [("echo", number) for number in range(9)]
    bad = [("segfault",), ("hang",), ("allocate", 400), ("fail", "x")]
    tasks = [*sound[:3], bad[0], *sound[3:5], bad[1], bad[2], *sound[5:], bad[3]]
    results = dict(zip(tasks, told(tasks), strict=True))
    assert [results[task] for task in sound] == list(range(9))
    assert [results[task].cause for task in bad[:3]] == ["crashed", "hung", "out_of_memory"]
    assert isinstance(results[bad[3]], KeyError)


def test_a_task_that_ended_its_process_is_tried_again_without_others(tmp_path):
    make = partial(jobs.make_noted, tmp_path)
    tasks = [("below",), ("alone_only", str(tmp_path)), *[("echo", number) for number in range(5)]]
    results = dict(in_parallel(2, make, tasks, limits_of))
    # At the first try the other worker lives, so the task ends its process; at the second it is alone.
    assert results[tasks[1]] == "alone"


def test_it_is_not_tried_again_if_that_is_not_wanted(tmp_path):
    make = partial(jobs.make_noted, tmp_path)
    assert told([("segfault",)], make, 1, alone_again=False)[0].cause == "crashed"
    assert len(list(tmp_path.iterdir())) == 1
    assert told([("segfault",)], make, 1)[0].cause == "crashed"
    assert len(list(tmp_path.iterdir())) == 3


def test_a_process_is_started_only_after_one_that_ended(tmp_path):
    make = partial(jobs.make_noted, tmp_path)
    told([("echo", number) for number in range(40)] + [("fail", "x")], make)
    assert len(list(tmp_path.iterdir())) == 2


def test_no_more_processes_than_tasks(tmp_path):
    assert told([("echo", 1)], partial(jobs.make_noted, tmp_path), 4) == [1]
    assert len(list(tmp_path.iterdir())) == 1
    assert told([], partial(jobs.make_noted, tmp_path), 4) == []


def test_tasks_are_taken_when_a_worker_is_free():
    taken = []

    def tasks():
        for number in range(10):
            taken.append(number)
            yield ("echo", number)

    with closing(in_parallel(2, jobs.make, tasks(), limits_of)) as results:
        next(results)
        assert len(taken) <= 4


def test_a_worker_that_cannot_start_ends_all():
    with pytest.raises(ValueError, match="no weights"):
        list(in_parallel(2, jobs.make_failing, [("echo", n) for n in range(9)], limits_of))
    with pytest.raises(StartFailed, match="exit code 7"):
        list(in_parallel(2, jobs.make_crashing, [("echo", n) for n in range(9)], limits_of))


def test_an_error_of_the_list_of_tasks_is_raised_and_ends_the_children():
    def tasks():
        yield ("below",)
        raise OSError("no list")

    with pytest.raises(OSError, match="no list"):
        list(in_parallel(1, jobs.make, tasks(), limits_of))
    assert psutil.Process().children(recursive=True) == no_workers()


def test_children_end_with_the_iterator():
    results = in_parallel(2, jobs.make, [("below",), ("hang",)], lambda _: PLENTY)
    pids = next(results)[1]
    results.close()
    wait_until(lambda: all(map(ended, pids)))
    assert psutil.Process().children(recursive=True) == no_workers()


def no_workers():
    """The processes below this one that are no workers: the standard library's tracker."""
    below = psutil.Process().children(recursive=True)
    return [one for one in below if "resource_tracker" in "".join(one.cmdline())]


# --- the parent

PARENT = """
import signal, sys
from supervised_jobs import make
from pipeline.archive.supervised import Limits, in_parallel

def limits_of(task):
    return Limits(time_s=600, memory_mb=4000, poll_s=0.1)

def ask_to_end(*_):
    raise SystemExit(5)

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, ask_to_end)
    for task, result in in_parallel(2, make, [("below",), ("below",), (sys.argv[1],), (sys.argv[1],)], limits_of):
        print(*result, flush=True)
"""


@pytest.fixture
def parent(tmp_path):
    """Starts a program whose two workers have each started a process and now hang; and their four ids."""
    started = []

    def start(how):
        script = tmp_path / "parent.py"
        script.write_text(PARENT)
        paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])
        process = subprocess.Popen(
            [sys.executable, str(script), how],
            env=os.environ | {"PYTHONPATH": paths},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        pids = [int(pid) for _ in range(2) for pid in process.stdout.readline().split()]
        assert len(pids) == 4
        return process, pids

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("how", ["hang", "hang_in_c"])
def test_a_parent_that_is_killed_leaves_no_process_behind(parent, how):
    process, pids = parent(how)
    assert not any(map(ended, pids))
    process.kill()
    wait_until(lambda: all(map(ended, pids)))


def test_a_parent_that_is_asked_to_end_ends_its_children(parent):
    process, pids = parent("hang_in_c")
    process.terminate()
    assert process.wait(30) == 5
    wait_until(lambda: all(map(ended, pids)))


def test_an_interrupt_from_the_terminal_shows_the_parents_traceback_only(parent):
    process, pids = parent("hang")
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert errors.count("Traceback") == 1
    assert errors.rstrip().endswith("KeyboardInterrupt")
    wait_until(lambda: all(map(ended, pids)))


def test_an_interrupt_does_not_reach_a_task(worker):
    worker.do(("interrupt_group",), PLENTY)
    assert worker.do(("echo", 1), PLENTY) == 1
