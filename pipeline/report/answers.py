"""Answers to queries as files: whole, or not at all."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pipeline.errors import UsageError
from pipeline.report.text import plain

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With these a cell begins that spreadsheets would calculate."""


def guarded(value: Any) -> Any:
    """`value` as a cell that no spreadsheet takes for a formula: such text gets an apostrophe before it.

    >>> guarded("=1+1"), guarded("two"), guarded(-2)
    ("'=1+1", 'two', -2)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def write_csv(
    path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, guard: bool = False
) -> int:
    """Write a CSV file with a header, NULL as an empty field; returns the number of rows.

    With `guard`, text that a spreadsheet would calculate is guarded. Raises UsageError if `path` cannot be
    written.
    """
    with whole_file(path) as file:
        return put_csv(file, columns, rows, guard=guard)


def put_csv(
    file: IO[str], columns: Sequence[str], rows: Iterable[Sequence[Any]], *, guard: bool = False
) -> int:
    """As `write_csv`, into an open file."""
    cell: Callable[[Any], Any] = (lambda value: guarded(plain(value))) if guard else plain
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    count = 0
    for row in rows:
        writer.writerow([cell(value) for value in row])
        count += 1
    return count


def write_parquet(path: Path, reader: Any) -> int:
    """Write the batches of a pyarrow RecordBatchReader; returns the number of rows.

    Raises UsageError if `path` cannot be written.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 - slow to import

    count = 0
    with whole_file(path) as file, pq.ParquetWriter(file.name, reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)
            count += batch.num_rows
    return count


@contextmanager
def whole_file(path: Path) -> Iterator[IO[str]]:
    """A file beside `path` that takes its place at the end; only its owner may read it."""
    try:
        folder = path.absolute().parent
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="", dir=folder, delete=False) as file:
            try:
                yield file
                file.flush()
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise UsageError("cannot write the file", where=path, value=error.strerror) from error
