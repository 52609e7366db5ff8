"""Reads tables that people export: CSV with any of the usual separators."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pipeline.errors import UsageError

_SHOWN = 40


def shape(value: object) -> str:
    """The form of a cell without what it says, for messages: digits become 9, letters a.

    >>> shape("SSN 536-90-4399"), shape("2026/13/45 9am")
    ('aaa 999-99-9999', '9999/99/99 9aa')
    """
    text = re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", str(value)))
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def find_separator(header: str, separators: str, fits: Callable[[Sequence[str]], bool]) -> str | None:
    """The first of the `separators` that splits the `header` line into names that fit; None if none does.

    Spreadsheets write semicolons where the comma is the decimal sign, so the header decides.
    """
    for separator in separators:
        if fits([name.strip('" ') for name in header.split(separator)]):
            return separator
    return None


def read_rows(
    text: str, separator: str, path: Path, *, what: str, allowed: str | None = None
) -> Iterator[tuple[str, list[str]]]:
    """The place (`file:line`) and the cells of each row that is not blank, the header among them.

    Raises UsageError, which says `what` is wrong and what is `allowed`, for unbalanced quotes.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        where = f"{path}:{reader.line_num + 1}"
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise UsageError(what, where=where, value=str(error), allowed=allowed) from None
        if cells is None:
            return
        if any(map(str.strip, cells)):
            yield where, cells
