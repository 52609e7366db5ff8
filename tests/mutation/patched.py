"""Mutants in running code: a pytest session collects the tests of a target once, and forks for each mutant.

The child gives the changed functions their new code, or the changed constant its new value, and runs the tests
that call them until one fails. What changes more (a class body, a default) is left to a fresh process.
"""

from __future__ import annotations

import ast
import gc
import importlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest
from mutants import Mutant

NOT_PATCHED = 77
Place = tuple[str, int]
"""A function, by its file and first line."""


class Patched:
    """A pytest plugin that runs the collected tests on each mutant instead of once."""

    def __init__(
        self, root: Path, mutants: list[Mutant], report: Callable[[Mutant, str, float], None]
    ) -> None:
        self.root, self.mutants, self.report = root, mutants, report
        self.files = {str(root / mutant.module) for mutant in mutants}
        self.left: list[Mutant] = []
        """The mutants that could not be tried."""
        self.called: dict[str, set[Place]] = {}
        self.seconds: dict[str, float] = {}
        self.failed = False
        self.in_child = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            if self.in_child:
                os._exit(1)
            self.failed = True
            print(report.longreprtext, flush=True)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        started = time.monotonic()
        self._without_fault(session.items)
        if self.failed:
            sys.exit("the tests fail without a mutant")
        whole_s = time.monotonic() - started
        if self._try(None, session.items, 10 + 3 * whole_s) != "survived":
            self.failed = True
            sys.exit("the tests fail in a fork without a mutant")
        print(f"{whole_s:5.1f} s for {len(session.items)} tests, {len(self.mutants)} mutants", flush=True)
        for mutant in self.mutants:
            started = time.monotonic()
            result = self._try(mutant, session.items, 10 + 3 * whole_s)
            if result is None:
                self.left.append(mutant)
            else:
                self.report(mutant, result, time.monotonic() - started)
        return True

    def _without_fault(self, items: list[pytest.Item]) -> None:
        """Run all tests, and note which functions each of them calls."""
        for item, following in zip(items, [*items[1:], None], strict=True):
            called = self.called.setdefault(item.nodeid, set())

            def note(frame: FrameType, event: str, _: Any, called: set[Place] = called) -> None:
                code = frame.f_code
                if event == "call" and code.co_filename in self.files:
                    called.add((code.co_filename, code.co_firstlineno))

            started = time.monotonic()
            sys.setprofile(note)
            try:
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            finally:
                sys.setprofile(None)
            self.seconds[item.nodeid] = time.monotonic() - started

    def _try(self, mutant: Mutant | None, items: list[pytest.Item], limit_s: float) -> str | None:
        pid = os.fork()
        if not pid:
            self._in_child(mutant, items)
        until = time.monotonic() + limit_s
        while time.monotonic() < until:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                return None if code == NOT_PATCHED else "survived" if code == 0 else "killed"
            time.sleep(0.005)
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return "timeout"

    def _in_child(self, mutant: Mutant | None, items: list[pytest.Item]) -> None:
        code = 1
        try:
            os.setsid()
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            self.in_child = True
            places = self._places(mutant)
            chosen = [item for item in items if not places or self.called[item.nodeid] & places]
            if not chosen:  # perhaps it is called on import
                os._exit(NOT_PATCHED)
            chosen.sort(key=lambda item: self.seconds[item.nodeid])
            for item in chosen:
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            code = 0
        finally:
            os._exit(code)

    def _places(self, mutant: Mutant | None) -> set[Place]:
        """Patch the program; where that fails, the mutant is not tried here."""
        try:
            places = patch(mutant, self.root) if mutant else set()
        except Exception:  # noqa: BLE001 - a constant whose new value raises is one
            places = None
        if places is None:
            os._exit(NOT_PATCHED)
        return places


def patch(mutant: Mutant, root: Path) -> set[Place] | None:
    """Put the mutant into the program in memory: the functions that changed, none for a constant.

    None where that cannot be done.
    """
    path = str(root / mutant.module)
    source = Path(path).read_text(encoding="utf-8")
    old, new = (compile(text, path, "exec") for text in (source, mutant.applied(source)))
    before, after = dict(functions_of(old)), dict(functions_of(new))
    changed = [place for place in before if before[place] != after.get(place)]
    module = importlib.import_module(
        mutant.module.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    )
    if not changed:
        return set() if patch_constant(mutant, source, new, vars(module)) else None
    live = [f for f in gc.get_objects() if type(f) is FunctionType and f.__code__.co_filename == path]
    patched = [
        f for f in live for place in changed if (f.__code__.co_name, f.__code__.co_firstlineno) == place
    ]
    if not patched or outside(old, changed) != outside(new, changed):
        return None
    try:
        for function in patched:
            function.__code__ = after[function.__code__.co_name, function.__code__.co_firstlineno]
    except ValueError:  # it uses other variables from around it
        return None
    return {(path, line) for _, line in changed}


def functions_of(code: CodeType) -> Iterator[tuple[tuple[str, int], CodeType]]:
    """The functions and methods of a module by name and line, without those within functions."""
    for part in code.co_consts:
        if isinstance(part, CodeType):
            if is_class(part):
                yield from functions_of(part)
            else:
                yield (part.co_name, part.co_firstlineno), part


def is_class(code: CodeType) -> bool:
    return "__qualname__" in code.co_names and not code.co_flags & 2  # CO_NEWLOCALS


def outside(code: CodeType, changed: list[tuple[str, int]]) -> tuple[Any, ...]:
    """What a module or class does itself."""
    consts = tuple(
        outside(part, changed) if isinstance(part, CodeType) and is_class(part) else part
        for part in code.co_consts
        if not (isinstance(part, CodeType) and (part.co_name, part.co_firstlineno) in changed)
    )
    return code.co_code, consts


def patch_constant(mutant: Mutant, source: str, new: CodeType, names: dict[str, Any]) -> bool:
    """Give a module's constant its new value wherever it was imported; no other constant may rest on it."""
    tree = ast.parse(source)
    own = [
        s for s in tree.body if isinstance(s, ast.Assign) and s.lineno <= mutant.line <= (s.end_lineno or 0)
    ]
    if len(own) != 1:
        return False
    assigned = {n.id for target in own[0].targets for n in ast.walk(target) if isinstance(n, ast.Name)}
    if any(used_at_import(statement, assigned) for statement in tree.body if statement is not own[0]):
        return False
    scratch = {
        "__name__": names["__name__"],
        "__file__": names["__file__"],
        "__package__": names["__package__"],
    }
    exec(new, scratch)
    for name in assigned:
        value = names[name]
        for module in list(sys.modules.values()):
            held = vars(module) if module and hasattr(module, "__dict__") else {}
            if str(held.get("__name__", "")).startswith("pipeline") and held.get(name) is value:
                held[name] = scratch[name]
    return True


def used_at_import(statement: ast.stmt, names: set[str]) -> bool:
    """Whether a statement of a module reads one of the names when it is imported, not when it is called."""
    if isinstance(statement, ast.FunctionDef):
        parts: list[ast.AST | None] = [
            *statement.decorator_list,
            *statement.args.defaults,
            *statement.args.kw_defaults,
        ]
    elif isinstance(statement, ast.ClassDef):
        return any(used_at_import(part, names) for part in statement.body) or any(
            isinstance(n, ast.Name) and n.id in names for d in statement.decorator_list for n in ast.walk(d)
        )
    else:
        parts = [statement]
    return any(isinstance(n, ast.Name) and n.id in names for part in parts if part for n in ast.walk(part))
