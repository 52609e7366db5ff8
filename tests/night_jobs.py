"""What the workers of the tests' nights do, and a night that is killed; other processes import this module."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from fakes import FakeEngine, Watcher

from pipeline import settings
from pipeline.archive import loader, night, plan
from pipeline.archive.batches import Analyser, Job
from pipeline.archive.places import LocalWorkers
from pipeline.archive.signals import termination_interrupts
from pipeline.errors import UsageError
from pipeline.records import CallAnalysis
from pipeline.store import files, part_files
from pipeline.store.writer import Writer


def make(notes: Path | None = None) -> Callable[[Job], CallAnalysis]:
    """Analyses with fake models; a call whose file says so costs its process. Notes each call in a file."""
    analyser = Analyser(FakeEngine()().load(), FakeEngine()().rules)

    def do(job: Job) -> CallAnalysis:
        what = job.item.path.stem.partition("-")[0]
        if notes is not None:
            with (notes / job.item.path.name).open("a") as file:
                file.write(f"{os.getpid()}\n")
        if what == "once" and notes is not None:
            if len((notes / job.item.path.name).read_text().splitlines()) == 1:
                os.kill(os.getpid(), signal.SIGKILL)
        elif what in FAULTS:
            FAULTS[what]()
        return analyser(job)

    return do


def _crash() -> None:
    faulthandler.disable()
    ctypes.string_at(0)


def _eat() -> None:
    block = bytearray(900_000_000)
    block[::4096] = b"x" * len(block[::4096])
    time.sleep(60)


FAULTS: dict[str, Callable[[], None]] = {
    "crash": _crash,
    "hang": partial(time.sleep, 600),
    "memory": _eat,
    "slow": partial(time.sleep, 0.5),
}


def die() -> None:
    """End this process as a power failure would."""
    os.kill(os.getpid(), signal.SIGKILL)


def dies(function: Callable[..., Any], when: str, nth: int = 1) -> Callable[..., Any]:
    """`function`, with the end of the process before or after its nth call."""
    calls = 0

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if when == "before" and calls == nth:
            die()
        result = function(*args, **kwargs)
        if when == "after" and calls == nth:
            die()
        return result

    return wrapped


PLACES: dict[str, tuple[Any, str]] = {
    "discover": (plan, "discover"),
    "plan": (plan, "make_plan"),
    "batch": (night, "transcribe_and_measure"),
    "part": (part_files, "_appear"),
    "load": (loader, "load"),
    "publish": (loader, "publish"),
    "copy": (files, "_copy"),
    "place": (files, "put_in_place"),
    "remove": (loader, "remove_parts"),
    "forget": (Writer, "forget_parts"),
}
"""Named steps of a night, by the functions that take them."""


def run_and_die(archive: str, db: str, where: str, when: str, nth: str = "1") -> None:
    """A night of batches of two calls that are all published, killed at a step."""
    owner, name = PLACES[where]
    setattr(owner, name, dies(getattr(owner, name), when, int(nth)))
    if where in {"copy", "place"}:  # the writer has it by its name
        sys.modules["pipeline.store.writer"].put_in_place = files.put_in_place  # type: ignore[attr-defined]
    steps = night.Steps(
        discover=plan.discover,
        plan=plan.make_plan,
        analyse=night.transcribe_and_measure,
        load=loader.load,
        publish=loader.publish,
    )
    night.run(order_of(Path(archive), Path(db)), FakeEngine()(), Watcher(), steps)


def order_of(archive: Path, db: Path, *overrides: str) -> plan.RunRequest:
    """Batches of two calls, each published at once."""
    given = ["store.batch_calls=2", "store.publish_min=0.000001", "archive.settle_s=0", *overrides]
    return plan.RunRequest(paths=(archive,), db=db, settings=settings.load(overrides=given, environ={}))


def run_with_workers(archive: str, db: str, notes: str, count: str) -> None:
    """A night in child processes."""
    order = order_of(Path(archive), Path(db))
    place = LocalWorkers(partial(make, Path(notes)), int(count), night.parts_of(order))
    with termination_interrupts():
        night.run(order, FakeEngine()(), Watcher(), place=place)


def run_limited(archive: str, db: str, most_bytes: str) -> None:
    """A night on a system that lets no file grow beyond a size."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(most_bytes), int(most_bytes)))
    try:
        night.run(order_of(Path(archive), Path(db)), FakeEngine()(), Watcher())
    except UsageError as error:
        sys.exit(sys.stderr.write(f"{error}\n") and 2)


if __name__ == "__main__":
    {"die": run_and_die, "limited": run_limited, "workers": run_with_workers}[sys.argv[1]](*sys.argv[2:])
