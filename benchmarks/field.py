"""Prints which kinds of recordings, metadata and file systems found in the field give their correct result.

Each kind is a folder with inputs, and an `expected.json` in it or in `tests/data/field/KIND`:

    {"right": "what is right, in words",
     "steps": [{"analyse": ["archive"]}, {"copy": ["full.wav.src", "archive/call.wav"]}],
     "settings": ["audio.raw.raw=s16le 8000 2"],
     "checks": [{"sql": "SELECT count(*) FROM recording", "rows": [[1]]}, {"says": "regular expression"},
                {"exit": 0}]}

`steps` are one run over the folder unless given; a run with `"without_locks": "ENOLCK"` meets a file system
without locks. `checks` look at the store, at what the last run wrote and at its exit code.

    python benchmarks/field.py FOLDER              # a table of all kinds in FOLDER
    python benchmarks/field.py FOLDER --only legs  # kinds whose names contain the text
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

EXPECTED = "expected.json"
KNOWN = Path(__file__).parents[1] / "tests" / "data" / "field"
_WITHOUT_LOCKS = """
import errno, fcntl, os, sys
code = getattr(errno, sys.argv.pop(1))
def flock(*_):
    raise OSError(code, os.strerror(code))
fcntl.flock = flock
from pipeline.cli import main
main()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a kind: its name, what is right, and in one line each what is not."""

    kind: str
    right: str
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A run of the program: its exit code and all that it wrote."""

    code: int
    text: str


def analyse(paths: Sequence[Path], db: Path, settings: Sequence[str], without_locks: str | None) -> Ran:
    """Run `earwitness analyse`."""
    program = ["-c", _WITHOUT_LOCKS, without_locks] if without_locks else ["-m", "pipeline.cli"]
    options = [part for one in settings for part in ("--set", one)]
    command = [sys.executable, *program, "analyse", *map(str, paths), "--db", str(db), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return Ran(code=done.returncode, text=done.stdout + done.stderr)


def expected_of(folder: Path) -> dict[str, Any] | None:
    """What is right for a kind; None where nothing is known."""
    for place in (folder / EXPECTED, KNOWN / folder.name / EXPECTED):
        if place.is_file():
            expected: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
            return expected
    return None


def run_kind(folder: Path, expected: Mapping[str, Any]) -> Outcome:
    """Carry out the steps of a kind on a copy of its folder, and check what came out."""
    with tempfile.TemporaryDirectory() as place:
        copy, db = Path(place) / folder.name, Path(place) / "calls.duckdb"
        shutil.copytree(folder, copy, symlinks=True)
        ran = Ran(code=0, text="")
        for step in expected.get("steps", [{"analyse": ["."]}]):
            if "copy" in step:
                source, target = (copy / name for name in step["copy"])
                target.chmod(0o644)
                shutil.copyfile(source, target)
            else:
                paths = [copy / name for name in step["analyse"]]
                ran = analyse(paths, db, expected.get("settings", ()), step.get("without_locks"))
        faults = tuple(fault for check in expected["checks"] for fault in _faults(check, ran, db))
    return Outcome(kind=folder.name, right=expected["right"], faults=faults)


def _faults(check: Mapping[str, Any], ran: Ran, db: Path) -> Iterator[str]:
    """A line for a check that fails."""
    if "exit" in check and ran.code != check["exit"]:
        yield f"exit code {ran.code}, not {check['exit']}"
    if "says" in check and not re.search(check["says"], ran.text):
        yield f"does not say: {check['says']}"
    if "sql" not in check:
        return
    try:
        with duckdb.connect(str(db), read_only=True) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            rows = [[_plain(value) for value in row] for row in connection.execute(check["sql"]).fetchall()]
    except duckdb.Error as error:
        rows = [[str(error).splitlines()[0]]]
    if rows != check["rows"]:
        yield f"{check['sql']}: {rows}, not {check['rows']}"


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | None) else str(value)


def main() -> None:
    """Print the table; end with exit code 1 if a kind is not right."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="kinds whose names contain this")
    arguments = parser.parse_args()
    folders = [
        one for one in sorted(arguments.folder.iterdir()) if one.is_dir() and arguments.only in one.name
    ]
    wrong = 0
    for folder in folders:
        expected = expected_of(folder)
        if expected is None:
            sys.stdout.write(f"{folder.name:26} –      nothing is known of it\n")  # noqa: RUF001 - a dash
            continue
        outcome = run_kind(folder, expected)
        wrong += bool(outcome.faults)
        sys.stdout.write(f"{outcome.kind:26} {'WRONG' if outcome.faults else 'right'}  {outcome.right}\n")
        sys.stdout.writelines(f"{'':33} {fault}\n" for fault in outcome.faults)
        sys.stdout.flush()
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
