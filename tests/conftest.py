"""What many tests share: the sample calls, analysed once with the real models by the real program.

`make test` runs the tests in two processes. Tests that need the same expensive fixture run in one of them,
and such groups start first, so that neither process is left with a long one at the end.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from program import DemoRun, attempts, earwitness, guarded

from pipeline.settings import Settings
from pipeline.speech.transcribe import FasterWhisper
from pipeline.weights.whisper import find_whisper, load_whisper

# How fast a machine is says nothing about the program. What passes once passes again: new examples are tried
# by `make explore`.
settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=500)
# A fault must be noticed, not explained.
settings.register_profile(
    "mutants", deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate), max_examples=50
)
settings.load_profile("same")


def group_of(item: pytest.Item) -> str | None:
    """What an expensive fixture of the test is called: the demo, the recogniser, or one of its module's."""
    info = getattr(item, "_fixtureinfo", None)
    fixtures: dict[str, Sequence[Any]] = info.name2fixturedefs if info else {}
    for name in ("demo_run", "recogniser"):
        if name in fixtures:
            return name
    scoped = [name for name, found in sorted(fixtures.items()) if found[-1].scope == "module"]
    params = getattr(getattr(item, "callspec", None), "params", {})
    chosen = [f"{params[name]}" for name in scoped if name in params]
    module = item.path.stem
    return "-".join((module, *chosen)) if scoped or item.get_closest_marker("real") else None


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {}
    for item in items:
        group = group_of(item)
        if group is not None:
            item.add_marker(pytest.mark.xdist_group(group))
        real = item.get_closest_marker("real") is not None
        ranks[item] = (group not in ("demo_run", "recogniser"), not real, group is None)
    items.sort(key=lambda item: ranks[item])  # stable: within a rank as in the files


@contextmanager
def once_for_all_processes(folder: Path) -> Iterator[None]:
    """Others that come to the same `folder` wait until this process is through."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run_demo(folder: Path) -> DemoRun:
    home = folder / "prefect"
    run = earwitness("demo", env=guarded(folder, PREFECT_HOME=str(home)), cwd=folder)
    return DemoRun(
        db=folder / "demo.duckdb",
        prefect_home=home,
        returncode=run.returncode,
        stdout=run.stdout,
        stderr=run.stderr,
        attempts=attempts(folder),
    )


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> DemoRun:
    """The demo, run once for all tests of all processes."""
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "demo"
    done = folder / "run.json"
    with once_for_all_processes(folder):
        if done.exists():
            values = json.loads(done.read_text())
            return DemoRun(**values | {name: Path(values[name]) for name in ("db", "prefect_home")})
        run = run_demo(folder)
        done.write_text(json.dumps(asdict(run), default=str))
    return run


@pytest.fixture(scope="session")
def demo_db(demo_run: DemoRun) -> Path:
    """The store with the analysed sample calls; not to be written."""
    assert demo_run.returncode == 0, demo_run.stderr
    return demo_run.db


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of the sample calls."""
    return Path(str(files("pipeline.samples")))


@pytest.fixture(scope="session")
def recogniser() -> FasterWhisper:
    """The real recogniser with the packaged weights."""
    settings = Settings().asr
    return FasterWhisper(load_whisper(find_whisper(settings), settings), settings)
