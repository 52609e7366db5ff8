"""Faults put into the program one by one: do its tests notice?

    python tests/mutation/run.py [--count 300] [--seed 1] [--only pipeline/metrics ...] [--survivors]

Draws mutants by a seed, runs each against the tests that `targets.toml` names for its module, and prints those
that survive. Most are put into running code (`patched.py`); the others take a fresh process each, `--processes`
at a time. Results are kept in `out/mutants.jsonl`: a run that was stopped goes on, and a mutant is tried once as
long as its module and its tests stay the same.
"""

from __future__ import annotations

import argparse
import compileall
import hashlib
import importlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from mutants import Mutant, all_mutants

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "out" / "mutants.jsonl"
COPIED = ("pipeline", "flows", "schemas", "tests", "pyproject.toml")
# Imported once, before the processes fork; `pipeline` itself never is.
PRELOADED = (
    "duckdb", "hypothesis.strategies", "jellyfish", "jinja2", "numpy", "pyarrow.compute", "pydantic", "pytest",
    "rapidfuzz", "rich.progress", "scipy.signal", "scipy.ndimage", "scipy.spatial.distance", "typer", "xdist",
)  # fmt: skip
OPTIONS = (
    "-q",
    "-x",
    "-p",
    "no:cacheprovider",
    "-m",
    "not slow and not real",
    "--hypothesis-profile=mutants",
)
SLOWER = 3.0
"""A mutant that takes this many times as long as the program itself, and 10 s, hangs: it is killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Modules, as patterns of paths, and the test files that are theirs."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Running:
    """A child process that tries a mutant in a copy of the checkout."""

    mutant: Mutant
    slot: Path
    until: float
    started: float


def read_targets() -> list[Target]:
    values = tomllib.loads((Path(__file__).parent / "targets.toml").read_text(encoding="utf-8"))
    return [Target(modules=tuple(t["modules"]), tests=tuple(t["tests"])) for t in values["target"]]


def modules_of(target: Target) -> list[str]:
    """The modules of a target that exist, as paths below the root."""
    paths = sorted({path for pattern in target.modules for path in ROOT.glob(pattern)})
    return [str(path.relative_to(ROOT)) for path in paths]


def target_of(module: str, targets: list[Target]) -> Target:
    return next(t for t in targets if any(fnmatch(module, pattern) for pattern in t.modules))


def make_slot(folder: Path) -> Path:
    """A copy of the checkout, compiled, in which modules are changed."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.duckdb"))
        else:
            shutil.copy2(source, folder / name)
    compileall.compile_dir(str(folder / "pipeline"), quiet=2)
    return folder


def enter(slot: Path) -> None:
    """From here on, this process works in the copy at `slot` and imports the program from there."""
    os.chdir(slot)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(slot), os.environ.get("PYTHONPATH", "")])
    sys.path[:0] = [str(slot), str(slot / "tests")]
    import pipeline  # noqa: PLC0415

    assert str(pipeline.__file__).startswith(str(slot)), pipeline.__file__


def fork_tests(slot: Path, tests: tuple[str, ...], *, keep_bytecode: bool) -> int:
    """Run tests in a child process that sees the copy at `slot`; its exit code is pytest's."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        with (slot / "log.txt").open("w") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        sys.dont_write_bytecode = not keep_bytecode
        enter(slot)
        import pytest  # noqa: PLC0415

        os._exit(int(pytest.main([*OPTIONS, *tests])))
    except BaseException as error:  # noqa: BLE001 - an import that fails is a mutant noticed
        print(repr(error), flush=True)
        os._exit(2)


def baseline_s(slot: Path, target: Target) -> float:
    """Seconds that the tests of a target take in a fresh process without a fault; they must pass."""
    started = time.monotonic()
    _, status = os.waitpid(fork_tests(slot, target.tests, keep_bytecode=True), 0)
    if os.waitstatus_to_exitcode(status) != 0:
        log = (slot / "log.txt").read_text()
        sys.exit(f"the tests fail without a mutant: {' '.join(target.tests)}\n{log}")
    return time.monotonic() - started


def digest_of(tests: tuple[str, ...]) -> str:
    """Changes with the tests and with what they share."""
    shared = sorted(path for path in (ROOT / "tests").glob("*.py") if not path.name.startswith("test_"))
    shared += sorted((ROOT / "tests" / "data" / "golden").glob("*/*.json"))
    texts = [path.read_bytes() for path in (*shared, *(ROOT / name for name in tests))]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()[:12]


def known_results() -> dict[str, str]:
    if not RESULTS.exists():
        return {}
    rows = [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()]
    return {row["key"]: row["result"] for row in rows}


def survived(mutants: list[Mutant]) -> list[Mutant]:
    """The mutants that survived when they were last tried, whatever the tests were then."""
    last = {key.partition("-")[0]: result for key, result in known_results().items()}
    sources = {m.module: (ROOT / m.module).read_text(encoding="utf-8") for m in mutants}
    return [mutant for mutant in mutants if last.get(mutant.key(sources[mutant.module])) == "survived"]


def write_module(slot: Path, module: str, text: str) -> None:
    (slot / module).write_text(text, encoding="utf-8")
    for compiled in (slot / module).parent.glob(f"__pycache__/{Path(module).stem}.*.pyc"):
        compiled.unlink()


def start(slot: Path, mutant: Mutant, target: Target, limit_s: float) -> tuple[int, Running]:
    source = (ROOT / mutant.module).read_text(encoding="utf-8")
    write_module(slot, mutant.module, mutant.applied(source))
    pid = fork_tests(slot, target.tests, keep_bytecode=False)
    now = time.monotonic()
    return pid, Running(mutant=mutant, slot=slot, until=now + limit_s, started=now)


def finished(running: dict[int, Running]) -> list[tuple[Running, str]]:
    """The children that ended, or took too long, with their result."""
    out = []
    for pid, child in list(running.items()):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if not ended and time.monotonic() < child.until:
            continue
        if ended:
            code = os.waitstatus_to_exitcode(status)
            result = "survived" if code == 0 else "killed"
        else:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            result = "timeout"
        del running[pid]
        source = (ROOT / child.mutant.module).read_text(encoding="utf-8")
        write_module(child.slot, child.mutant.module, source)
        out.append((child, result))
    return out


def try_patched(
    slot: Path, target: Target, mutants: list[Mutant], kept: Callable[[Mutant, str, float], None]
) -> list[Mutant]:
    """Try mutants in forks of one pytest session; those that need a fresh process are given back.

    The session runs in a process of its own, which knows the program from the slot alone.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        enter(slot)
        import patched  # noqa: PLC0415
        import pytest  # noqa: PLC0415

        with os.fdopen(writing, "w") as out:

            def tell(mutant: Mutant, result: str, seconds: float) -> None:
                print(json.dumps([mutants.index(mutant), result, seconds]), file=out, flush=True)

            session = patched.Patched(slot, mutants, tell)
            pytest.main([*OPTIONS, "-s", "-W", "ignore", *target.tests], plugins=[session])
            os._exit(int(session.failed))
    os.close(writing)
    left = dict(enumerate(mutants))
    with os.fdopen(reading) as told:
        for line in told:
            at, result, seconds = json.loads(line)
            kept(left.pop(at), result, seconds)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
        sys.exit(f"the tests fail without a mutant: {' '.join(target.tests)}")
    return list(left.values())


def try_all(drawn: list[tuple[Mutant, str]], targets: list[Target], processes: int) -> dict[str, str]:
    """The result of each mutant by its key; those that are known are not tried."""
    results = known_results()
    todo = {mutant: key for mutant, key in drawn if key not in results}
    print(f"{len(drawn)} mutants, {len(drawn) - len(todo)} of them tried before", flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, RESULTS.open("a", encoding="utf-8") as file:
        slots = [make_slot(Path(folder) / str(i)) for i in range(processes)]

        def keep(mutant: Mutant, result: str, seconds: float) -> None:
            results[todo[mutant]] = result
            row = {"key": todo[mutant], "result": result, "mutant": str(mutant), "seconds": round(seconds, 1)}
            print(json.dumps(row), file=file, flush=True)
            if result == "survived":
                print(f"survived  {mutant}", flush=True)

        for target in targets:
            own = [mutant for mutant in todo if target_of(mutant.module, targets) is target]
            if own:
                print(" ".join(target.tests), flush=True)
                try_fresh(slots, target, try_patched(slots[0], target, own, keep), keep)
    return results


def try_fresh(
    slots: list[Path], target: Target, mutants: list[Mutant], keep: Callable[[Mutant, str, float], None]
) -> None:
    """Try mutants in processes of their own, one for each slot at a time."""
    if not mutants:
        return
    limit_s = 10 + SLOWER * max(baseline_s(slot, target) for slot in slots)
    print(f"{(limit_s - 10) / SLOWER:5.1f} s in a fresh process, {len(mutants)} mutants", flush=True)
    todo, free = list(mutants), list(slots)
    running: dict[int, Running] = {}
    while todo or running:
        while todo and free:
            pid, child = start(free.pop(), todo.pop(0), target, limit_s)
            running[pid] = child
        for child, result in finished(running):
            free.append(child.slot)
            keep(child.mutant, result, time.monotonic() - child.started)
        time.sleep(0.02)


def report(drawn: list[tuple[Mutant, str]], results: dict[str, str]) -> None:
    """Killed and drawn by folder, and the survivors, as Markdown."""
    rooms: dict[str, list[str]] = {}
    for mutant, key in drawn:
        rooms.setdefault(str(Path(mutant.module).parent), []).append(results[key])
    print("\n| where | mutants | killed |\n|---|---|---|")
    for room, outcomes in [*sorted(rooms.items()), ("all", [results[key] for _, key in drawn])]:
        killed = sum(outcome != "survived" for outcome in outcomes)
        print(f"| {room} | {len(outcomes)} | {killed} ({100 * killed / len(outcomes):.0f} %) |")
    print("\nSurvivors:\n")
    for mutant, key in sorted(drawn, key=lambda pair: (pair[0].module, pair[0].start)):
        if results[key] == "survived":
            print(f"- {mutant}")


def main() -> None:
    """Draw, try, report."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--count", type=int, default=300, help="how many mutants are drawn")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only", nargs="+", default=[""], help="modules whose path begins like this")
    options.add_argument("--processes", type=int, default=2)
    options.add_argument(
        "--survivors", action="store_true", help="draw only from those that survived when last tried"
    )
    chosen = options.parse_args()
    targets = read_targets()
    modules = dict.fromkeys(
        m for target in targets for m in modules_of(target) if m.startswith(tuple(chosen.only))
    )
    found = all_mutants(iter(modules), ROOT)
    if chosen.survivors:
        found = survived(found)
    mutants = random.Random(chosen.seed).sample(found, min(chosen.count, len(found)))
    digests = {target: digest_of(target.tests) for target in targets}
    drawn = []
    for mutant in mutants:
        source = (ROOT / mutant.module).read_text(encoding="utf-8")
        drawn.append((mutant, f"{mutant.key(source)}-{digests[target_of(mutant.module, targets)]}"))
    print(f"{len(found)} possible mutants in {len(modules)} modules, seed {chosen.seed}")
    for name in PRELOADED:
        importlib.import_module(name)
    report(drawn, try_all(drawn, targets, chosen.processes))


if __name__ == "__main__":
    main()
