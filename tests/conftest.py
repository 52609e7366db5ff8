"""What many tests share: the sample calls, analysed once with the real models by the real program.

`make test` runs the tests in two processes. Tests that need the same expensive fixture run in one of them,
and such groups start first, so that neither process is left with a long one at the end.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from program import DemoRun, attempts, earwitness, guarded
from xdist.scheduler import LoadScopeScheduling

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


DEMO = frozenset({"test_accuracy", "test_flow", "test_notebooks"})
WHOLE = frozenset({"test_compose", "test_composed_times", "test_diarize", "test_mono", "test_transcribe"})
"""Modules whose fixtures take seconds to make."""


class Grouped(LoadScopeScheduling):
    """Gives tests to processes one by one, but tests that share something expensive together."""

    def _split_scope(self, nodeid: str) -> str:
        module = Path(nodeid.split("::", maxsplit=1)[0]).stem
        return "demo" if module in DEMO else module if module in WHOLE else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Grouped:
    # Groups by marks (`--dist loadgroup`) do nothing with pytest 9.2 and pytest-xdist 3.8.
    return Grouped(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The demo first, other tests that need it last: by then it has run."""

    def rank(item: pytest.Item) -> tuple[int, bool]:
        needs_demo = "demo_run" in getattr(item, "fixturenames", ())
        place = 0 if item.path.stem in DEMO else 2 if needs_demo else 1
        return place, item.get_closest_marker("real") is None

    items.sort(key=rank)


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
