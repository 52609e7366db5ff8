"""The child's side of `pipeline.archive.supervised`: does the tasks that come through the pipe.

It imports nothing heavy itself, so that the numbers of threads are set before numerical libraries are loaded.
"""

from __future__ import annotations

import fcntl
import logging
import logging.handlers
import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The child can take tasks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a task returned, pickled."""

    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What was raised, pickled if that is possible, its type and text, and the traceback."""

    error: bytes | None
    text: str
    trace: str

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """The failure that an exception is."""
        trace = "".join(traceback.format_exception(error)).rstrip()
        return cls(error=_pickled(error), text=f"{type(error).__name__}: {error}", trace=trace)

    def unpacked(self) -> Exception:
        """The exception, or a RuntimeError in its place, with the traceback in a note."""
        error: Exception = RuntimeError(self.text) if self.error is None else pickle.loads(self.error)  # noqa: S301
        error.add_note(f"In the worker process:\n{self.trace}")
        return error


def serve(connection: Connection, make: bytes, threads: int, levels: Mapping[str, int]) -> None:
    """Do tasks until the parent ends; `make` is pickled, `levels` are those of the parent's loggers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted and ends its children
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    os.setpgid(0, 0)
    _end_with_parent()
    os.environ |= dict.fromkeys(_THREADS, str(threads))
    send = _Sender(connection)
    _log_through(send, levels)
    try:
        do = pickle.loads(make)()  # noqa: S301 - from our own parent
    except Exception as error:  # noqa: BLE001 - the parent raises it
        send(Failure.of(error))
        return
    send(Ready())
    while True:
        try:
            task = connection.recv_bytes()
        except EOFError:
            return
        send(_answer(do, task))


def _answer(do: Callable[[Any], Any], task: bytes) -> Result | Failure:
    try:
        return Result(value=pickle.dumps(do(pickle.loads(task))))  # noqa: S301 - from our own parent
    except Exception as error:  # noqa: BLE001 - the parent raises it
        return Failure.of(error)


def _pickled(error: Exception) -> bytes | None:
    """The exception as bytes; None if it does not come out of them again."""
    try:
        data = pickle.dumps(error)
        return data if isinstance(pickle.loads(data), type(error)) else None  # noqa: S301 - just made
    except Exception:  # noqa: BLE001 - any class may refuse in a way of its own; the text stands for it
        return None


def _end_with_parent() -> None:
    """Let the parent's end end this process group, also when it is killed or a task hangs.

    The parent holds the other end of a pipe, at whose end the system sends SIGKILL, without help of the
    interpreter. PR_SET_PDEATHSIG would also end the child with the thread that started it.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(parent.sentinel, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, -os.getpgrp())
        flags = fcntl.fcntl(parent.sentinel, fcntl.F_GETFL)
        fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, flags | os.O_ASYNC)
        if wait([parent.sentinel], 0):  # it ended before
            os._exit(1)
    else:
        threading.Thread(target=_exit_after, args=(parent.sentinel,), daemon=True).start()


def _exit_after(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


class _Sender:
    """Sends messages to the parent; threads of the child may log meanwhile."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def __call__(self, message: object) -> None:
        with self._lock:
            self._connection.send(message)


class _LogHandler(logging.handlers.QueueHandler):
    """Sends log records to the parent, made picklable by the class it extends."""

    def enqueue(self, record: logging.LogRecord) -> None:
        self.queue(record)  # type: ignore[operator] # the sender stands in the queue's place


def _log_through(send: _Sender, levels: Mapping[str, int]) -> None:
    for name, level in levels.items():
        logging.getLogger(name or None).setLevel(level)
    logging.root.addHandler(_LogHandler(send))  # type: ignore[arg-type]
