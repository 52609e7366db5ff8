"""What an installed Earwitness must have beside its modules; `make wheel-test` runs this against the wheel."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points, version
from importlib.resources import files
from pathlib import Path

import pytest
from fakes import FakeEngine, Watcher, write_call

import pipeline
from pipeline.archive import night
from pipeline.archive.plan import RunRequest
from pipeline.rules import load_rules
from pipeline.settings import Settings
from pipeline.store import query

PROGRAM = Path(sys.executable).with_name("earwitness")
INSTALLED = "EARWITNESS_INSTALLED" in os.environ


@pytest.mark.skipif(not INSTALLED, reason="make wheel-test runs it")
def test_the_installed_package_is_tested_and_not_the_checkout() -> None:
    assert Path(pipeline.__file__).is_relative_to(sys.prefix)
    assert PROGRAM.exists()
    assert version("earwitness") == pipeline.__version__


@pytest.mark.parametrize(
    ("package", "pattern", "least"),
    [
        ("pipeline.rules", "packs/*.toml", 20),
        ("pipeline.phrases", "en/*.toml", 1),
        ("pipeline.samples", "*.flac", 6),
        ("pipeline.samples", "manifest.csv", 1),
        ("pipeline.audit", "templates/*", 1),
        ("pipeline.report", "templates/*", 2),
        ("schemas", "tables/*.sql", 20),
        ("schemas", "views/*.sql", 15),
        ("schemas", "data/*.csv", 1),
    ],
)
def test_data_files_are_installed(package: str, pattern: str, least: int) -> None:
    assert len(list(Path(str(files(package))).glob(pattern))) >= least


def test_the_nightly_flow_is_registered() -> None:
    (found,) = entry_points(group="earwitness.flows", name="nightly")
    assert found.value == "flows.nightly:start"


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["--version"], f"earwitness {pipeline.__version__}"),
        (["demo", "--help"], "Analyse the sample calls"),
        (["rules", "list"], "recording_disclosure"),
    ],
)
def test_the_program_starts_anywhere(command: list[str], says: str, tmp_path: Path) -> None:
    start = [str(PROGRAM)] if INSTALLED else [sys.executable, "-m", "pipeline.cli"]
    done = subprocess.run([*start, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert says in done.stdout


def test_a_night_runs_with_the_packaged_rules_and_tables(tmp_path: Path) -> None:
    write_call(tmp_path / "in" / "one.wav")
    request = RunRequest(paths=(tmp_path / "in",), db=tmp_path / "calls.duckdb", settings=Settings())
    night.run(request, FakeEngine()(), Watcher())
    assert query(request.db, "SELECT count(*) FROM call_summary").rows == ((1,),)
    assert query(request.db, "SELECT count(*) FROM finding").rows == ((len(load_rules().rules),),)
