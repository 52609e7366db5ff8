"""Progress of long commands: a bar on a terminal, lines in a log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from pipeline.progress import Progress
from pipeline.report.text import clock, console_for

if TYPE_CHECKING:  # slow to import
    from pipeline.archive.items import WorkItem
    from pipeline.archive.night import Progress as NightProgress
    from pipeline.archive.plan import Plan
    from pipeline.records import Recording


@contextmanager
def progress_of_calls(err: TextIO) -> Iterator[NightProgress]:
    """Progress on `err`: a bar on a terminal, else a line per call."""
    console = console_for(err)
    if not console.is_terminal:
        yield _CallLines(err)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[text]}"))
    with Bar(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        yield _CallBar(bar)


class _CallLines:
    """A line per call."""

    def __init__(self, err: TextIO) -> None:
        self._err = err
        self._calls = self._done = 0

    def planned(self, plan: Plan) -> None:
        self._calls = len(plan.todo)

    def done(self, item: WorkItem, recording: Recording) -> None:
        self._done += 1
        state = clock(recording.duration_s) if recording.status == "analysed" else "quarantined"
        self._err.write(f"{self._done}/{self._calls}  {item.path.name}  {state}\n")
        self._err.flush()


class _CallBar:
    """A bar that grows with the files' sizes, so that its forecast holds for calls of any length."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task = bar.add_task("reading files", total=None, text="")
        self._calls = self._done = 0
        self._audio_s = 0.0

    def planned(self, plan: Plan) -> None:
        self._calls = len(plan.todo)
        total = sum(item.bytes for item in plan.todo)
        self._bar.update(self._task, description="analysing", total=total, text=self._text())

    def done(self, item: WorkItem, recording: Recording) -> None:
        self._done += 1
        self._audio_s += recording.duration_s or 0.0
        self._bar.update(self._task, advance=item.bytes, text=self._text())

    def _text(self) -> str:
        return f"{self._done}/{self._calls} calls · {self._audio_s / 60:.1f} min of audio"


@contextmanager
def progress_of_things(err: TextIO, doing: str, things: str) -> Iterator[Progress]:
    """Progress on `err`: a bar on a terminal ("judging ━━━ 3/9 calls"), else a line for every tenth."""
    console = console_for(err)
    if not console.is_terminal:
        yield _ThingLines(err, things)
        return
    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TextColumn(things))
    with Bar(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        yield _ThingBar(bar)


class _ThingLines:
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


class _ThingBar:
    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=None)

    def started(self, total: int) -> None:
        self._bar.update(self._task, total=total)

    def advanced(self, done: int) -> None:
        self._bar.update(self._task, advance=done)
