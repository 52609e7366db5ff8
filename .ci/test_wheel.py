"""Builds the wheel, installs it without its dependencies and runs some tests against it.

The environment is a new one that sees the packages of the one this runs in, but not the checkout, so that
what the wheel lacks is missing there.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("pipeline", "flows", "schemas")
TESTS = ("test_installed.py", "test_packs.py", "test_scorecard.py", "test_golden_metrics.py")


def build(folder: Path) -> Path:
    """The wheel, which has every tracked file of the three packages."""
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT)
    (wheel,) = folder.glob("earwitness-*.whl")
    tracked = subprocess.run(
        ["git", "ls-files", *PACKAGES], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    missing = set(tracked) - set(ZipFile(wheel).namelist())
    if missing:
        sys.exit(f"{wheel.name} lacks {', '.join(sorted(missing))}")
    return wheel


def install(wheel: Path, folder: Path) -> Path:
    """The Python of a new environment with the wheel; other packages come from this one."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        wheel,
    )
    # Only now, or pip would take the checkout for an installed version.
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def run(*command: object, cwd: Path | None = None) -> None:
    """Run a command, which must succeed, without the caller's PYTHONPATH."""
    env = {"PATH": "/usr/bin:/bin", "HOME": str(Path.home()), "EARWITNESS_INSTALLED": "1"}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=env, check=False)
    if done.returncode:
        sys.exit(f"failed: {' '.join(map(str, command))}")


def main() -> None:
    """Build, install, test."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = build(folder / "dist")
        python = install(wheel, folder / "env")
        shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
        options = ("-q", "-p", "no:cacheprovider", "-m", "not slow and not real")
        run(python, "-m", "pytest", *options, *TESTS, cwd=folder / "tests")
        print(f"{wheel.name} works as installed")


if __name__ == "__main__":
    main()
