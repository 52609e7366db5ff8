"""What many tests share: the sample calls, analysed once with the real models by the real program."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import settings
from program import DemoRun, attempts, earwitness, guarded

from pipeline.settings import Settings
from pipeline.speech.transcribe import FasterWhisper
from pipeline.weights.whisper import find_whisper, load_whisper

# How fast a machine is says nothing about the program. What passes once passes again: new examples are tried
# by `make explore`.
settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=500)
settings.load_profile("same")


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory) -> DemoRun:
    """The demo, run once for all tests."""
    folder = tmp_path_factory.mktemp("demo")
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
def demo_db(demo_run) -> Path:
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
