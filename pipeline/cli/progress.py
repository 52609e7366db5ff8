"""Progress of a recheck or spot check, on a terminal or in a log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from pipeline.progress import Progress


@contextmanager
def progress(err: TextIO, doing: str, things: str) -> Iterator[Progress]:
    """Show progress on `err`: a bar on a terminal ("judging ━━━ 3/9 calls"), else a line per tenth."""
    console = Console(file=err, highlight=False)
    if not console.is_terminal:
        yield _Lines(err, things)
        return
    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TextColumn(things))
    with Bar(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        yield _Bar(bar)


class _Lines:
    def __init__(self, err: TextIO, things: str) -> None:
        self._err = err
        self._things = things
        self._total = self._done = 0

    def started(self, total: int) -> None:
        self._total = total

    def advanced(self, done: int) -> None:
        tenths = 10 * self._done // max(1, self._total)
        self._done += done
        if 10 * self._done // max(1, self._total) > tenths:
            self._err.write(f"{self._done}/{self._total} {self._things}\n")
            self._err.flush()


class _Bar:
    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=None)

    def started(self, total: int) -> None:
        self._bar.update(self._task, total=total)

    def advanced(self, done: int) -> None:
        self._bar.update(self._task, advance=done)
