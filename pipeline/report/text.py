"""Text for people and for programs: JSON, CSV, lengths of time, and the console that prints them."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console

if TYPE_CHECKING:  # slow to import
    from pipeline.store import Table

WIDTH = 100
"""Columns of a table that goes to a file or a pipe, and the most on a terminal."""

UNKNOWN = "–"  # noqa: RUF001 - a dash, as people write it


def clock(seconds: float | None) -> str:
    """A length of time as minutes and seconds.

    >>> clock(203.4)
    '3:23'
    """
    if seconds is None:
        return UNKNOWN
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def as_dicts(table: Table) -> list[dict[str, Any]]:
    """The rows of a query's answer as mappings by column."""
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def as_json(value: Any) -> str:
    """`value` as JSON: times in ISO 8601, null for infinite and undefined numbers."""
    return json.dumps(plain(value), ensure_ascii=False, indent=1)


def plain(value: Any) -> Any:
    """`value` in types that JSON knows: times as ISO 8601, None for infinite and undefined numbers."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
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
    writer.writerows([plain(value) for value in row] for row in table.rows)
    return text.getvalue()


def console_for(out: TextIO) -> Console:
    """A console on `out`, at most `WIDTH` columns wide."""
    console = Console(file=out, highlight=False, soft_wrap=False)
    width = min(console.width, WIDTH) if console.is_terminal else WIDTH
    return Console(file=out, highlight=False, width=width)
