"""Tables for the terminal: the calls of a run, and the answer to a query. No measure is computed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, TextIO

from rich import box
from rich.table import Table as Grid

from pipeline.report.text import UNKNOWN, clock, console_for

if TYPE_CHECKING:  # slow to import
    from pipeline.store import Table

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
    """The query for those of the recordings with these recording_ids that are in quarantine."""
    return QUARANTINE_SQL.format(ids=_id_list(ids))


def _id_list(ids: Sequence[str]) -> str:
    """Recording ids are hex digits, so they need no quoting."""
    return ", ".join(f"'{id_}'" for id_ in ids) or "NULL"


def call_table(calls: Sequence[Mapping[str, Any]], out: TextIO) -> None:
    """Print one line per call, in at most 100 columns; a dash stands for what cannot be determined."""
    console = console_for(out)
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
    """Number of holds, and whether the agent asked permission and thanked the customer afterwards.

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
    console = console_for(out)
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
