"""Reads tables that people export: CSV with any of the usual separators."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pipeline.errors import UsageError


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
