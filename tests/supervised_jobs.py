"""Work for the children in test_supervised.py, which import this module."""

import ctypes
import faulthandler
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

KEPT = []


class AwkwardError(Exception):
    """Cannot be made again from its bytes."""

    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")


class LambdaError(Exception):
    """Holds what cannot be pickled."""

    def __init__(self):
        super().__init__("with a lambda")
        self.held = lambda: None


class Broken:
    """Becomes bytes, but does not come out of them."""

    def __reduce__(self):
        return (_refuse, ())


def _refuse():
    raise ValueError("not from these bytes")


def make():
    return do


def make_noted(folder):
    """A worker that leaves a file with its process id for every start."""
    (Path(folder) / str(os.getpid())).touch()
    return do


def make_failing():
    raise ValueError("no weights")


def make_crashing():
    os._exit(7)


def do(task):
    name, *values = task
    return JOBS[name](*values)


def segfault():
    faulthandler.disable()
    ctypes.string_at(0)


def hang():
    time.sleep(600)


def hang_in_c():
    """Hangs with the interpreter's lock held, so that no other thread of the process runs."""
    ctypes.PyDLL(None).pause()


def allocate(megabytes):
    block = bytearray(megabytes * 1_000_000)
    block[::4096] = b"x" * len(block[::4096])
    time.sleep(60)


def keep(megabytes):
    block = bytearray(megabytes * 1_000_000)
    block[::4096] = b"x" * len(block[::4096])
    KEPT.append(block)
    return os.getpid()


def allocate_below(megabytes):
    """Takes the memory in a process below the worker."""
    script = (
        f"import time; b = bytearray({megabytes} * 10**6); b[::4096] = b'x' * len(b[::4096]); time.sleep(60)"
    )
    subprocess.run([sys.executable, "-c", script], check=False)


def too_much():
    raise MemoryError("asked for all of it")


def alone_only(folder):
    """Ends its process unless it is the only one."""
    others = {int(file.name) for file in Path(folder).iterdir()} - {os.getpid()}
    if any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in others):
        os._exit(9)
    return "alone"


def fail(text):
    raise KeyError(text)


def awkward():
    raise AwkwardError("one", "two")


def like_a_function():
    raise LambdaError


def tell(text, level):
    logging.getLogger("jobs.child").log(level, "said %s", text)
    return text


def tell_from_a_thread():
    thread = threading.Thread(target=tell, args=("below", logging.WARNING))
    thread.start()
    thread.join()


def numbers_of_threads():
    import torch  # noqa: PLC0415 - after the number of threads is set

    return torch.get_num_threads(), os.environ["OPENBLAS_NUM_THREADS"]


def die_after_answer():
    """Returns, and ends the process while it has no task."""
    threading.Timer(0.2, os._exit, args=(3,)).start()
    return os.getpid()


def below():
    """Starts a process below the worker and returns both ids."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    return os.getpid(), process.pid


JOBS = {
    "echo": lambda value: value,
    "pid": os.getpid,
    "segfault": segfault,
    "exit": os._exit,
    "quit": sys.exit,
    "hang": hang,
    "hang_in_c": hang_in_c,
    "allocate": allocate,
    "allocate_below": allocate_below,
    "keep": keep,
    "too_much": too_much,
    "alone_only": alone_only,
    "fail": fail,
    "awkward": awkward,
    "like_a_function": like_a_function,
    "lambda": lambda: lambda: None,
    "broken": Broken,
    "tell": tell,
    "tell_from_a_thread": tell_from_a_thread,
    "threads": numbers_of_threads,
    "die_after_answer": die_after_answer,
    "below": below,
    "bytes": bytes,
    "interrupt_group": lambda: os.killpg(0, signal.SIGINT),
}
