"""The report of a period as a workbook (.xlsx), a sheet a table, all figures as numbers."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import xlsxwriter

from pipeline import __version__
from pipeline.report.estimates import Change, Pooled, Share
from pipeline.report.period import PeriodReport
from pipeline.report.period_tables import Cell, Column, Measured, sections

# Names of agents' queues come from other systems: what begins with = must stay text.
_OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
_PARTS = {
    "share": ("", " of", " share", " low", " high"),
    "measure": ("", " low", " high", " calls"),
    "change": ("", " low", " high"),
}
"""What the columns of a figure are called behind its title."""
_WIDTH = 18


def period_workbook(report: PeriodReport) -> bytes:
    """The workbook. Shares and changes are 0 to 1, shown as per cent; what is undefined is an empty cell."""
    out = BytesIO()
    with xlsxwriter.Workbook(out, _OPTIONS) as book:
        bold, percent = (
            book.add_format({"bold": True, "text_wrap": True}),
            book.add_format({"num_format": "0.0%"}),
        )
        for section in sections(report, every_rule=True):
            columns = [column for column in section.columns if column.kind != "trend"]
            names = [name for column in columns for name in _titles(column)]
            sheet = _sheet(book, section.title, names, bold)
            for number, row in enumerate(section.rows, start=1):
                cells = (cell for cell, column in zip(row, section.columns, strict=True) if column in columns)
                values = [value for cell in cells for value in _values(cell)]
                for place, (value, is_share) in enumerate(values):
                    _put(sheet, (number, place), value, percent if is_share else None)
        _trend(book, report, bold)
        _about(book, report, bold)
    return out.getvalue()


def _sheet(book: Any, title: str, names: list[str], bold: Any) -> Any:
    """A sheet with its header, which stays in view."""
    sheet = book.add_worksheet(title.replace(",", ""))
    sheet.write_row(0, 0, names, bold)
    sheet.freeze_panes(1, 1)
    sheet.set_column(0, max(len(names) - 1, 0), _WIDTH)
    return sheet


def _titles(column: Column) -> tuple[str, ...]:
    return tuple(f"{column.title}{part}" for part in _PARTS.get(column.kind, ("",)))


def _values(cell: Cell) -> Iterator[tuple[str | float | None, bool]]:
    """The values of a cell, and whether each is shown as per cent."""
    low, high = _interval(cell)
    match cell:
        case Share():
            yield from ((cell.count, False), (cell.of, False), (cell.value, True), (low, True), (high, True))
        case Measured():
            is_share = cell.unit == "%"
            yield from ((value, is_share) for value in (cell.pooled.value, low, high))
            yield cell.pooled.calls, False
        case Change():
            yield from ((value, True) for value in (cell.value, cell.low, cell.high))
        case None | str() | int():
            yield cell, False


def _interval(cell: Cell) -> tuple[float | None, float | None]:
    inner = cell.pooled if isinstance(cell, Measured) else cell
    return (inner.interval or (None, None)) if isinstance(inner, Share | Pooled) else (None, None)


def _put(sheet: Any, place: tuple[int, int], value: str | float | None, shown: Any) -> None:
    if isinstance(value, str):
        sheet.write_string(*place, value)
    elif value is not None:
        sheet.write_number(*place, value, shown)


def _trend(book: Any, report: PeriodReport, bold: Any) -> None:
    """A row a rule or measure and period, for charts of one's own."""
    sheet = _sheet(book, "Trend", ["figure", "period", "calls", "value", "low", "high"], bold)
    rows: list[tuple[str, tuple[Share | Pooled, ...]]] = [(rule.title, rule.trend) for rule in report.rules]
    rows += [(f"{one.measure.title} {one.measure.unit}".strip(), one.trend) for one in report.measures]
    number = 1
    for title, values in rows:
        for period, value in zip(report.periods, values, strict=True):
            calls = value.of if isinstance(value, Share) else value.calls
            line = (title, period.name, calls, value.value, *(value.interval or (None, None)))
            for place, one in enumerate(line):
                _put(sheet, (number, place), one, None)
            number += 1


def _about(book: Any, report: PeriodReport, bold: Any) -> None:
    sheet = _sheet(book, "About", ["what", "value"], bold)
    lines = {
        "period": report.period.name,
        "days": report.period.days,
        "time zone": report.period.zone,
        "queue": report.queue or "all",
        "team": report.team or "all",
        "made at": report.made_at.isoformat(timespec="seconds"),
        "made by": f"earwitness {__version__}",
        "recogniser": ", ".join(report.runs["models"]),
        "rules": ", ".join(report.runs["rules_versions"]),
        "settings": ", ".join(report.runs["settings"]),
        "intervals": "95 %: Wilson (shares), Newcombe (changes), ratio of sums over calls (measures)",
    }
    for number, (what, value) in enumerate(lines.items(), start=1):
        sheet.write_string(number, 0, what)
        sheet.write_string(number, 1, value)
