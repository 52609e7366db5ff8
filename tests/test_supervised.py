"""Supervised children, with real processes that crash, hang, eat memory and are killed."""

import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
import supervised_jobs as jobs

from pipeline.archive.supervised import (
    Limits,
    StartFailed,
    SupervisedWorker,
    TaskFailed,
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


@pytest.mark.parametrize(("seconds", "done"), [(60, True), (0.1, False)])
def test_a_task_sets_its_own_time_limit_when_it_knows_its_length(worker, seconds, done):
    # It takes a second, of which half would be allowed.
    if done:
        assert worker.do(("granted", seconds), SHORT) == seconds
        return
    with pytest.raises(TaskFailed, match=r"0\.1 s"):
        worker.do(("granted", seconds), PLENTY)


def test_more_time_is_the_task_in_hands_only(worker):
    worker.do(("granted", 60), SHORT)
    with pytest.raises(TaskFailed, match=r"0\.5 s"):
        worker.do(("hang",), SHORT)


def test_another_thread_can_end_a_task(worker):
    worker.do(("pid",), PLENTY)
    threading.Timer(0.3, worker.kill).start()
    with pytest.raises(TaskFailed, match="SIGKILL"):
        worker.do(("hang",), PLENTY)
    assert worker.do(("echo", 1), PLENTY) == 1


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
            return resident_mb(pid) == pytest.approx(both, rel=0.02)

        wait_until(is_sum)  # the one below is still starting
    wait_until(lambda: not psutil.pid_exists(pid))
    assert resident_mb(pid) == 0.0


# --- the parent

PARENT = """
import signal, sys
from concurrent.futures import ThreadPoolExecutor, wait
from supervised_jobs import make
from pipeline.archive.supervised import Limits, SupervisedWorker

LIMITS = Limits(time_s=600, memory_mb=4000, poll_s=0.1)

def ask_to_end(*_):
    raise SystemExit(5)

def use(worker):
    print(*worker.do(("below",), LIMITS), flush=True)
    try:
        worker.do((sys.argv[1],), LIMITS)
    except Exception:
        pass  # ended with the program

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, ask_to_end)
    with SupervisedWorker(make) as one, SupervisedWorker(make) as other, ThreadPoolExecutor(2) as pool:
        done = [pool.submit(use, worker) for worker in (one, other)]
        try:
            wait(done)
        finally:
            while wait(done, timeout=0.2).not_done:
                for worker in (one, other):
                    worker.kill()  # again: a task may have begun in that moment
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
        time.sleep(1)  # until both have begun the task in which they hang
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
