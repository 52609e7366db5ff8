"""A whole store as Parquet files, a folder a table, with a manifest of rows and sums.

The comment of each column, which names its unit, is metadata of its field (`comment`, `unit`).
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import schemas
from pipeline import __version__
from pipeline.audit.evidence import new_folder
from pipeline.report.text import as_json
from pipeline.store import Connection
from pipeline.store.whole_tables import column_comments, table_batches, tables_to_share

FORMAT = "earwitness parquet 1"
MANIFEST = "manifest.json"
_UNITS = {
    "_s": "s",
    "_ms": "ms",
    "_hz": "Hz",
    "_db": "dB",
    "_semitones": "semitone",
    "_per_min": "1/min",
    "_ratio": "1",
    "_share": "1",
    "_probability": "1",
}
"""Units by the ending of a column's name."""


def export_store(connection: Connection, out: Path) -> Path:
    """Write every table into the new folder `out`; returns the manifest.

    Nothing is masked: the files hold what the store holds. Raises UsageError when `out` has something in it
    or cannot be written.
    """
    files = []
    with new_folder(out) as folder:
        for table in tables_to_share():
            path = folder / table / f"{table}.parquet"
            path.parent.mkdir()
            rows = _write(connection, table, path)
            name = path.relative_to(folder).as_posix()
            size = path.stat().st_size
            files.append({"table": table, "file": name, "rows": rows, "bytes": size, "sha256": _sum(path)})
        manifest = {
            "format": FORMAT,
            "made_by": f"earwitness {__version__}",
            "made_at": datetime.now(UTC),
            "layout": schemas.VERSION,
            "files": files,
        }
        (folder / MANIFEST).write_text(as_json(manifest) + "\n", encoding="utf-8")
    return out / MANIFEST


def unit_of(column: str) -> str | None:
    """The unit that a column's name gives; 1 stands for a share. None where the comment alone tells.

    >>> unit_of("start_s"), unit_of("text")
    ('s', None)
    """
    return next((unit for ending, unit in _UNITS.items() if column.endswith(ending)), None)


def _write(connection: Connection, table: str, path: Path) -> int:
    """Write a table; returns the number of its rows."""
    comments = column_comments(connection, table)
    rows = 0
    with table_batches(connection, table) as batches:
        schema = _described(batches.schema, comments)
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for batch in batches:
                rows += batch.num_rows
                writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
    return rows


def _described(schema: pa.Schema, comments: dict[str, str]) -> pa.Schema:
    """The schema with what its fields mean, and with what wrote it."""
    fields = []
    for field in schema:
        about: dict[str, Any] = {"comment": comments[field.name]}
        if unit := unit_of(field.name):
            about["unit"] = unit
        fields.append(field.with_metadata(about))
    return pa.schema(fields, metadata={"earwitness": __version__, "layout": str(schemas.VERSION)})


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
