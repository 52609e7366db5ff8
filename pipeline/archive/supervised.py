"""Tasks in child processes that are watched: one that crashes, hangs or eats memory costs no other.

A pool of the standard library loses every task in hand when a process dies, and does not say which one was at
fault. Here each child has a pipe of its own, and its exit, time and memory are watched.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Generic, Literal, TypeVar

import psutil

from pipeline.archive.supervised_child import Failure, Ready, Result, serve

T = TypeVar("T")
R = TypeVar("R")
Cause = Literal["crashed", "hung", "out_of_memory"]

START_S = 600.0
"""Time limit of a child's start, in which it imports and loads models."""
_EXIT_S = 1.0  # between the end of a child's pipe and that of its process


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one task.

    `time_s` is its time in seconds, `memory_mb` the resident memory of the child with its descendants in
    millions of bytes, and `poll_s` the seconds between two looks at both.
    """

    time_s: float
    memory_mb: float
    poll_s: float = 0.5


class TaskFailed(Exception):  # noqa: N818 - it says what happened to the task
    """A task ended its process, or its process was ended because of a limit; the text is one line."""

    def __init__(self, cause: Cause, message: str) -> None:
        super().__init__(cause, message)
        self.cause: Cause = cause
        self.message = message

    def __str__(self) -> str:
        return self.message


class StartFailed(Exception):  # noqa: N818 - as TaskFailed
    """A child crashed, hung or ran out of memory before it had a task."""


class SupervisedWorker(Generic[T, R]):
    """A child process that does one task at a time; it starts with the first one.

    `make` is called once in the child and returns the function that does tasks. It has to be picklable, as
    tasks and results. `threads` is the number of threads of numerical libraries in the child.
    """

    def __init__(self, make: Callable[[], Callable[[T], R]], *, threads: int = 1) -> None:
        self._child: _Child[T, R] = _Child(make, threads)

    def __enter__(self) -> SupervisedWorker[T, R]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def do(self, task: T, limits: Limits) -> R:
        """The result of a task.

        Raises TaskFailed when it crashes, or is ended because of a limit; the next task gets another process.
        What the task or `make` raises is raised here, with the child's traceback in a note; a RuntimeError
        stands for what cannot be pickled. Raises StartFailed when the child ends before it is ready.
        """
        try:
            self._child.begin(task, limits)
            outcome = _Watch[T, R]().finished([self._child])[0][1]
        except BaseException:
            self._child.end()
            raise
        if outcome.error is not None:
            raise outcome.error
        return outcome.value

    def close(self) -> None:
        """End the child at once, whatever it does."""
        self._child.end()


def in_parallel(
    workers: int,
    make: Callable[[], Callable[[T], R]],
    tasks: Iterable[T],
    limits_of: Callable[[T], Limits],
    alone_again: bool = True,
    *,
    threads: int = 1,
) -> Iterator[tuple[T, R | Exception]]:
    """Each task with its result or error, as they are done by `workers` children.

    An error is TaskFailed or what the task raised. With `alone_again`, a task that ended its child is tried
    once more at the end, when no other child is there to take its memory. Tasks are taken when a child is
    free. Limits are looked at while the caller waits for the next result. All children are ended with the
    iterator. Raises what `make` raises, or StartFailed, when not even a single child can be started.
    """
    children: list[_Child[T, R]] = [_Child(make, threads) for _ in range(workers)]
    suspects: list[T] = []
    rest = iter(tasks)
    try:
        for task, outcome in _together(children, rest, limits_of):
            if outcome.starting or (alone_again and isinstance(outcome.error, TaskFailed)):
                suspects.append(task)
            else:
                yield task, outcome.answer
        for child in children:
            child.end()
        # Tasks are left over if no child could be started beside others.
        for task in chain(suspects, rest):
            yield task, _alone(children[0], task, limits_of(task)).answer
    finally:
        for child in children:
            child.end()


def _together(
    children: Sequence[_Child[T, R]], rest: Iterator[T], limits_of: Callable[[T], Limits]
) -> Iterator[tuple[T, _Outcome[R]]]:
    """Each task with its outcome; a child that cannot be started gets no further task."""
    idle = list(children)
    busy: dict[_Child[T, R], T] = {}
    watch = _Watch[T, R]()
    done: list[tuple[T, _Outcome[R]]] = []
    while True:
        while idle and (pulled := tuple(islice(rest, 1))):
            child = idle.pop()
            child.begin(pulled[0], limits_of(pulled[0]))
            busy[child] = pulled[0]
        # Freed children work again before the caller deals with what they have done.
        yield from done
        if not busy:
            return
        finished = watch.finished(tuple(busy))
        idle += [child for child, outcome in finished if not outcome.starting]
        done = [(busy.pop(child), outcome) for child, outcome in finished]


def _alone(child: _Child[T, R], task: T, limits: Limits) -> _Outcome[R]:
    """The outcome of a task that is tried without others. Raises what prevents the child's start."""
    child.begin(task, limits)
    outcome = _Watch[T, R]().finished([child])[0][1]
    if outcome.starting and outcome.error is not None:
        raise outcome.error
    return outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome(Generic[R]):
    """The result or error of a task; `starting` is an error before the task began."""

    value: R = None  # type: ignore[assignment] # never read beside an error
    error: Exception | None = None
    starting: bool = False

    @property
    def answer(self) -> R | Exception:
        return self.value if self.error is None else self.error


class _Child(Generic[T, R]):
    """A child process, if it is started, with the task that it has."""

    def __init__(self, make: Callable[[], Callable[[T], R]], threads: int) -> None:
        self._make = pickle.dumps(make)
        self._threads = threads
        self._process: SpawnProcess | None = None
        self._identity: psutil.Process | None = None
        self._connection: Connection
        self._ready = False
        self._since = 0.0
        self._task = b""
        self.limits: Limits

    @property
    def pid(self) -> int:
        """The process id of a started child."""
        return self._started().pid or 0

    @property
    def signs(self) -> tuple[Connection, int]:
        """What becomes ready when the child sends something or ends."""
        return self._connection, self._started().sentinel

    def begin(self, task: T, limits: Limits) -> None:
        """Give the child a task, and start it if it is not there or holds more memory than the task may."""
        self._task, self.limits = pickle.dumps(task), limits
        if self._process is not None and (self._has_ended() or self._is_full()):
            self.end()
        if self._process is None:
            self._start()
        else:
            try:
                self._send_task()
            except OSError:  # it has ended just now, without a task
                self.end()
                self._start()

    def news(self) -> _Outcome[R] | None:
        """The outcome of the task, None while there is none."""
        try:
            while self._connection.poll():
                outcome = self._take(self._connection.recv())
                if outcome is not None:
                    return outcome
        except (EOFError, OSError):
            return self._crashed()
        return self._crashed() if self._has_ended() else None

    def beyond_limits(self, used_mb: float) -> _Outcome[R] | None:
        """The outcome of a task that takes too long or too much memory, after which the child is ended."""
        allowed_s = self.limits.time_s if self._ready else START_S
        if time.monotonic() - self._since > allowed_s:
            return self._failed("hung", f"it did not finish within the limit of {allowed_s:g} s")
        if used_mb > self.limits.memory_mb:
            what = f"it took {used_mb:.0f} MB of memory, more than the limit of {self.limits.memory_mb:g} MB"
            return self._failed("out_of_memory", what)
        return None

    def end(self) -> int | None:
        """End the child and its descendants, whatever they do; returns the exit code of a started child."""
        if self._process is None:
            return None
        # The id belongs to the child for as long as it was not waited for.
        if self._identity is not None and self._identity.is_running():
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:  # it has not made its process group yet
                self._process.kill()
        self._process.join()
        code = self._process.exitcode
        self._process.close()
        self._connection.close()
        self._process = self._identity = None
        return code

    def _started(self) -> SpawnProcess:
        if self._process is None:
            raise RuntimeError("the child is not started")
        return self._process

    def _start(self) -> None:
        # Forking would copy the locks of other threads, but not the threads.
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        process = context.Process(
            target=serve, args=(theirs, self._make, self._threads, _log_levels()), daemon=True
        )
        # Ctrl-C reaches all processes of a terminal; a child that is still importing would print a traceback.
        resource_tracker.ensure_running()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            theirs.close()
        self._process, self._ready, self._since = process, False, time.monotonic()
        try:
            self._identity = psutil.Process(process.pid)
        except psutil.NoSuchProcess:
            self._identity = None

    def _send_task(self) -> None:
        self._since = time.monotonic()
        self._connection.send_bytes(self._task)

    def _has_ended(self) -> bool:
        return bool(wait([self._started().sentinel], 0))

    def _is_full(self) -> bool:
        """Whether earlier tasks have left more memory in use than the next may take."""
        return resident_mb([self.pid])[self.pid] > self.limits.memory_mb

    def _take(self, message: object) -> _Outcome[R] | None:
        match message:
            case logging.LogRecord():
                logger = logging.getLogger(message.name)
                if logger.isEnabledFor(message.levelno):
                    logger.handle(message)
            case Ready():
                self._ready = True
                self._send_task()
            case Result(value=value):
                return _unpickled(value)
            case Failure():
                return self._raised(message.unpacked())
        return None

    def _raised(self, error: Exception) -> _Outcome[R]:
        if not self._ready:
            self.end()
            return _Outcome(error=error, starting=True)
        if isinstance(error, MemoryError):
            return self._failed("out_of_memory", f"it could not allocate memory ({error!r})")
        return _Outcome(error=error)

    def _crashed(self) -> _Outcome[R]:
        # From here on a signal does not change the exit code any more.
        wait([self._started().sentinel], _EXIT_S)
        return self._failed("crashed", _exit_text(self.end() or 0))

    def _failed(self, cause: Cause, message: str) -> _Outcome[R]:
        self.end()
        if self._ready:
            return _Outcome(error=TaskFailed(cause, message))
        return _Outcome(error=StartFailed(f"a worker cannot be started: {message}"), starting=True)


class _Watch(Generic[T, R]):
    """Waits for children, and looks at their time and memory now and then."""

    def __init__(self) -> None:
        self._looked = time.monotonic()

    def finished(self, busy: Sequence[_Child[T, R]]) -> list[tuple[_Child[T, R], _Outcome[R]]]:
        """Those of the children that have done their task or failed, at least one, with the outcome."""
        poll_s = min(child.limits.poll_s for child in busy)
        while True:
            wait_s = self._looked + poll_s - time.monotonic()
            wait([sign for child in busy for sign in child.signs], max(0.0, wait_s))
            done = {child: outcome for child in busy if (outcome := child.news())}
            if time.monotonic() - self._looked >= poll_s:
                left = [child for child in busy if child not in done]
                used_mb = resident_mb([child.pid for child in left])
                for child in left:
                    if outcome := child.beyond_limits(used_mb[child.pid]):
                        done[child] = outcome
                self._looked = time.monotonic()
            if done:
                return list(done.items())


def resident_mb(roots: Sequence[int]) -> Mapping[int, float]:
    """Resident memory of each process and its descendants together, in millions of bytes, by process id."""
    children: dict[int, list[psutil.Process]] = defaultdict(list)
    for process in psutil.process_iter(["ppid"]):
        children[process.info["ppid"]].append(process)
    own = {process.pid: process for siblings in children.values() for process in siblings}

    def total(process: psutil.Process) -> int:
        return _resident(process) + sum(map(total, children[process.pid]))

    return {root: total(own[root]) / 1e6 if root in own else 0.0 for root in roots}


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:  # it has ended meanwhile
        return 0


def _unpickled(value: bytes) -> _Outcome[Any]:
    try:
        return _Outcome(value=pickle.loads(value))  # noqa: S301 - from our own child
    except Exception as error:  # noqa: BLE001 - whatever a class does when it is unpickled
        error.add_note("the result of a task cannot be unpickled")
        return _Outcome(error=error)


def _exit_text(code: int) -> str:
    """How a process ended, from its exit code."""
    if code >= 0:
        return f"its process ended itself with exit code {code}"
    name = signal.Signals(-code).name
    text = f"its process was ended by signal {-code} ({name})"
    return f"{text}, as the system does when memory runs out" if name == "SIGKILL" else text


def _log_levels() -> dict[str, int]:
    """The levels that loggers were given, by name; the root's is at the empty name."""
    loggers = logging.root.manager.loggerDict
    levels = {name: one.level for name, one in loggers.items() if isinstance(one, logging.Logger)}
    return {"": logging.root.level} | {name: level for name, level in levels.items() if level}
