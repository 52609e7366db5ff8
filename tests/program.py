"""The program in a process of its own, kept from the network."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

GUARD = Path(__file__).parent / "data" / "guard"


@dataclass(frozen=True, kw_only=True)
class DemoRun:
    """A run of `earwitness demo`: `prefect_home` keeps Prefect's database, `attempts` lists hosts tried."""

    db: Path
    prefect_home: Path
    returncode: int
    stdout: str
    stderr: str
    attempts: list[str]


def guarded(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a process whose attempts to leave this machine fail and are recorded."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "EARWITNESS_"))
    }
    if cache := os.environ.get("EARWITNESS_CACHE"):
        kept["EARWITNESS_CACHE"] = cache
    path = os.pathsep.join(filter(None, [str(GUARD), os.environ.get("PYTHONPATH")]))
    return kept | {"PYTHONPATH": path, "GUARD_LOG": str(folder / "attempts")} | more


def attempts(folder: Path) -> list[str]:
    """What processes in that environment tried."""
    log = folder / "attempts"
    return log.read_text().splitlines() if log.exists() else []


def earwitness(*args: object, env: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """The program in a process of its own."""
    command = [sys.executable, "-m", "pipeline.cli", *map(str, args)]
    return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, check=False)
