"""What people see: the table of calls, a night's report, its progress. Nothing here computes a measure."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, TextIO

from rich import box
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table as Grid

if TYPE_CHECKING:  # what is shown is made elsewhere, and slow to import
    from pipeline.archive.night import NightSummary, Progress
    from pipeline.archive.plan import Plan, WorkItem
    from pipeline.records import CallAnalysis
    from pipeline.store import Table

WIDTH = 100
"""Columns of a table that goes to a file or a pipe, and the most on a terminal."""

UNKNOWN = "–"  # noqa: RUF001 - a dash, as people write it
_PERMISSIONS = {
    "granted": "asked",
    "refused": "refused",
    "not_awaited": "not awaited",
    "not_asked": "not asked",
    "not_determinable": "asked?",
}

CALLS_SQL = """
SELECT call_summary.*, held.permissions, held.thanks
FROM call_summary
LEFT JOIN (
    SELECT
        recording_id,
        list(permission ORDER BY hold_index) AS permissions,
        list(thanked ORDER BY hold_index) AS thanks
    FROM hold
    GROUP BY recording_id
) AS held ON held.recording_id = call_summary.recording_id
WHERE call_summary.recording_id IN ({ids})
ORDER BY call_summary.uri
"""

QUARANTINE_SQL = "SELECT * FROM quarantine WHERE recording_id IN ({ids}) ORDER BY uri"


def calls_sql(ids: Sequence[str]) -> str:
    """The query for the wide rows of the calls with these recording_ids."""
    return CALLS_SQL.format(ids=_id_list(ids))


def quarantine_sql(ids: Sequence[str]) -> str:
    """The query for those of the recordings that are in quarantine."""
    return QUARANTINE_SQL.format(ids=_id_list(ids))


def _id_list(ids: Sequence[str]) -> str:
    """Recording ids are hex digits, so they need no quoting."""
    return ", ".join(f"'{id_}'" for id_ in ids) or "NULL"


def as_dicts(table: Table) -> list[dict[str, Any]]:
    """A query's answer as one mapping a row."""
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def call_table(calls: Sequence[Mapping[str, Any]], out: TextIO) -> None:
    """Print one line per call, in at most 100 columns; a dash stands for what cannot be determined."""
    console = _console(out)
    grid = Grid(box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False, header_style="bold")
    grid.add_column("call", overflow="ellipsis", no_wrap=True, max_width=24)
    grid.add_column("length", justify="right", no_wrap=True)
    grid.add_column("agent\ntalks", justify="right", no_wrap=True)
    grid.add_column("holds", min_width=19)
    grid.add_column("interrupts\nagent/cust.", justify="right", no_wrap=True)
    grid.add_column("dead\nair", justify="right", no_wrap=True)
    grid.add_column("recording\ndisclosed", min_width=16)
    for call in calls:
        grid.add_row(*call_line(call))
    console.print(grid)


def call_line(call: Mapping[str, Any]) -> tuple[str, ...]:
    """The cells of a call's line, from its row in `call_summary` with its holds."""
    return (
        PurePosixPath(call["uri"]).stem,
        clock(call["duration_s"]),
        UNKNOWN if call["agent_talk_ratio"] is None else f"{call['agent_talk_ratio']:.0%}",
        hold_text(call["hold_count"], call["permissions"] or (), call["thanks"] or ()),
        f"{_count(call['interruptions_by_agent'])} / {_count(call['interruptions_by_customer'])}",
        _dead_air(call["dead_air_count"], call["dead_air_s"]),
        _disclosure(call["recording_disclosure"], call["disclosure_status"]),
    )


def hold_text(count: int | None, permissions: Sequence[str], thanks: Sequence[bool | None]) -> str:
    """Number of holds, whether the agent asked leave and gave thanks.

    >>> hold_text(1, ["granted"], [True])
    '1 · asked · thanked'
    >>> hold_text(2, ["granted", "not_asked"], [False, False])
    '2 · asked 1 of 2 · not thanked'
    """
    if not count:
        return _count(count)
    if len(set(permissions)) == 1:
        asked = _PERMISSIONS[permissions[0]]
    else:
        asked = f"asked {permissions.count('granted')} of {count}"
    if len(set(thanks)) == 1:
        thanked = {True: "thanked", False: "not thanked", None: "thanked?"}[thanks[0]]
    else:
        thanked = f"thanked {thanks.count(True)} of {count}"
    return f"{count} · {asked} · {thanked}"


def clock(seconds: float | None) -> str:
    """Minutes and seconds.

    >>> clock(203.4)
    '3:23'
    """
    if seconds is None:
        return UNKNOWN
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _count(value: int | None) -> str:
    return UNKNOWN if value is None else str(value)


def _dead_air(count: int | None, seconds: float | None) -> str:
    return f"{count} · {seconds:.0f} s" if count and seconds is not None else _count(count)


def _disclosure(verdict: str | None, status: str | None) -> str:
    if verdict is None:
        return UNKNOWN
    text = verdict.replace("_", " ")
    return f"{text} ({status})" if verdict == "fail" and status else text


def answer(table: Table, out: TextIO) -> None:
    """Print a query's answer: a table where it fits, else a block of lines per row."""
    console = _console(out)
    cells = [[_cell(value) for value in row] for row in table.rows]
    widths = [max(map(len, column)) for column in zip(table.columns, *cells, strict=True)]
    if sum(widths) + 2 * len(widths) <= console.width:
        grid = Grid(box=None, pad_edge=False, header_style="bold")
        for name, type_ in zip(table.columns, table.types, strict=True):
            numeric = type_.startswith(("DOUBLE", "BIGINT", "INTEGER", "DECIMAL", "HUGEINT", "FLOAT"))
            grid.add_column(name, justify="right" if numeric else "left", no_wrap=True)
        for row in cells:
            grid.add_row(*row)
        console.print(grid, markup=False)
        return
    if not cells:
        out.write("no rows\n")
    longest = max(map(len, table.columns))
    for row in cells:
        for name, cell in zip(table.columns, row, strict=True):
            out.write(f"{name:{longest}}  {cell}\n")
        out.write("\n")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.10g}"
    return " ".join(str(value).split())


def as_json(value: Any) -> str:
    """Rows and the like as JSON; times are ISO 8601, numbers that JSON lacks are null."""
    return json.dumps(_plain(value), ensure_ascii=False, indent=1)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return value if isinstance(value, str | int | float | None) else str(value)


def as_csv(table: Table) -> str:
    """A query's answer as CSV with a header; NULL is an empty field."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows([_plain(value) for value in row] for row in table.rows)
    return text.getvalue()


def summary_line(summary: NightSummary) -> str:
    """A night in one line."""
    totals = summary.totals
    renewed = f" ({summary.renewed} of them outdated before)" if summary.renewed else ""
    parts = [f"{summary.found} found", f"{totals.analysed} analysed{renewed}"]
    parts += [f"{len(totals.quarantined)} quarantined"] if totals.quarantined else []
    parts += [f"{len(summary.unreadable)} unreadable"] if summary.unreadable else []
    parts += [f"{summary.rechecked} judged again"] if summary.rechecked else []
    parts += [f"{summary.unchanged} unchanged"] if summary.unchanged else []
    parts += [f"{summary.outdated} of these outdated"] if summary.outdated else []
    parts += [f"{len(summary.duplicates)} stored under another name"] if summary.duplicates else []
    if summary.real_time_factor is not None:
        speed = f"real-time factor {summary.real_time_factor:.2f}"
        parts.append(f"{totals.audio_s / 60:.1f} min of audio in {clock(summary.wall_s)} ({speed})")
    return " · ".join(parts)


def night_markdown(summary: NightSummary) -> str:
    """A night's report in Markdown."""
    totals = summary.totals
    factor = UNKNOWN if summary.real_time_factor is None else f"{summary.real_time_factor:.2f}"
    figures = {
        "Files found": summary.found,
        "Analysed": totals.analysed,
        "Quarantined": len(totals.quarantined),
        "Unreadable": len(summary.unreadable),
        "Judged again": summary.rechecked,
        "Unchanged": summary.unchanged,
        "Outdated calls analysed again": summary.renewed,
        "Outdated calls left": summary.outdated,
        "Duplicates": len(summary.duplicates),
        "Audio analysed": f"{totals.audio_s / 3600:.2f} h",
        "Wall time": clock(summary.wall_s),
        "Real-time factor": factor,
        "Holds": totals.holds,
        "Calls that fail the recording disclosure": totals.disclosure_fails,
    }
    lines = [f"# Night into {_md(summary.db)}", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in figures.items()]
    for title, bad in (("Quarantined", totals.quarantined), ("Unreadable", summary.unreadable)):
        if bad:
            lines += ["", f"## {title}", "", "| recording | reason |", "|---|---|"]
            lines += [f"| {_md(one.uri)} | {_md(one.reason)} |" for one in bad]
    for title, notes in (("Duplicates", summary.duplicates), ("Metadata", summary.problems)):
        if notes:
            lines += ["", f"## {title}", "", *(f"- {_md(note)}" for note in notes)]
    return "\n".join(lines) + "\n"


def _md(value: object) -> str:
    """Text that stands in a table of Markdown as it is."""
    return str(value).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "\\`")


@contextmanager
def progress(err: TextIO) -> Iterator[Progress]:
    """Progress on `err`: a bar on a terminal, else a line per call."""
    console = _console(err)
    if not console.is_terminal:
        yield _Lines(err)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[text]}"))
    with Bar(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        yield _Bar(bar)


class _Lines:
    """A line per call."""

    def __init__(self, err: TextIO) -> None:
        self._err = err
        self._calls = self._done = 0

    def planned(self, plan: Plan) -> None:
        self._calls = len(plan.todo)

    def done(self, item: WorkItem, analysis: CallAnalysis) -> None:
        self._done += 1
        recording = analysis.recording
        state = clock(recording.duration_s) if recording.status == "analysed" else "quarantined"
        self._err.write(f"{self._done}/{self._calls}  {item.path.name}  {state}\n")
        self._err.flush()


class _Bar:
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

    def done(self, item: WorkItem, analysis: CallAnalysis) -> None:
        self._done += 1
        self._audio_s += analysis.recording.duration_s or 0.0
        self._bar.update(self._task, advance=item.bytes, text=self._text())

    def _text(self) -> str:
        return f"{self._done}/{self._calls} calls · {self._audio_s / 60:.1f} min of audio"


def _console(out: TextIO) -> Console:
    console = Console(file=out, highlight=False, soft_wrap=False)
    width = min(console.width, WIDTH) if console.is_terminal else WIDTH
    return Console(file=out, highlight=False, width=width)
