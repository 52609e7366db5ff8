"""How long the plan of a night takes over an archive in which nothing has changed.

    python benchmarks/planning.py [--files 20000]

Small recordings, each of its own content and some in two files (their sides), are listed in a manifest and
stored as if they had been dealt with. Measured is all that comes before the first analysis: opening the
store, the search, the metadata and the plan. The first plan reads every file, the second none.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import wave
from pathlib import Path
from typing import Any

from _line import write_result

from pipeline.archive.plan import Archive, Plan, RunRequest, Versions, discover, make_plan
from pipeline.records import CallAnalysis, Recording
from pipeline.rules import load_rules
from pipeline.settings import Settings
from pipeline.store import writing

A_FOLDER = 500


def make_archive(folder: Path, files: int) -> None:
    """Recordings of a tenth of a second, and a manifest with a row for each call."""
    rows = ["file,call_ref,agent_id"]
    for number in range(files):
        call, side = (
            (number // 2, "-agent" if number % 2 else "-customer") if number < files // 10 else (number, "")
        )
        path = folder / f"{number // A_FOLDER:04}" / f"call-{call:06}{side}.wav"
        path.parent.mkdir(exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(number.to_bytes(4, "little") * 400)
        os.utime(path, (1.7e9, 1.7e9))
        rows.append(f"{path.relative_to(folder)},ref-{call},a-{call % 40}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def plan_of(order: RunRequest, versions: Versions) -> tuple[Archive, Plan, dict[str, float]]:
    """The plan as a night makes it, and the seconds of each step."""
    start = time.perf_counter()
    archive = discover(order)
    found = time.perf_counter()
    with writing(order.db) as writer:
        known, files = writer.known(), writer.known_files()
        opened = time.perf_counter()
        plan = make_plan(archive, known, versions, order.force, files)
        planned = time.perf_counter()
    seconds = {"discover": found - start, "store": opened - found, "plan": planned - opened}
    return (
        archive,
        plan,
        {name: round(value, 2) for name, value in (seconds | {"all": planned - start}).items()},
    )


def store(order: RunRequest, plan: Plan) -> None:
    """Store what is to be analysed as if it had been."""
    with writing(order.db) as writer:
        for item in plan.todo:
            recording = Recording(
                recording_id=item.recording_id,
                uri=item.uri,
                bytes=item.bytes,
                status="quarantined",
                error="none",
            )
            writer.add(CallAnalysis(recording=recording, call=item.call, files=item.files))
        writer.put_known_files(plan.lesson.files)
        writer.publish()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--files", type=int, default=20_000)
    files = parser.parse_args().files
    rules = load_rules()
    versions = Versions(asr_model="none", rules=rules.version, attribution=rules.role_cues.version)
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "archive"
        archive.mkdir()
        make_archive(archive, files)
        order = RunRequest(paths=(archive,), db=Path(folder) / "calls.duckdb", settings=Settings())
        _, first, first_s = plan_of(order, versions)
        store(order, first)
        found, second, second_s = plan_of(order, versions)
    if second.todo or len(second.unchanged) != len(first.todo) or len(found.found) != files:
        sys.exit("the second plan is not that of an unchanged archive")
    result: dict[str, Any] = {
        "files": files,
        "calls": len(first.todo),
        "first_s": first_s,
        "unchanged_s": second_s,
    }
    print(write_result("planning", result, order.settings).read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
