"""Records as rows of their tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from pipeline.records import CallAnalysis
from pipeline.store.parts import PARTS, Part

Row = tuple[Any, ...]
ID = "recording_id"


def rows_of(records: Sequence[object], names: Sequence[str]) -> tuple[Row, ...]:
    """The values of each record's fields `names`, as they are stored.

    Raises ValueError for a time without a zone, NaN in JSON and the like.
    """
    return tuple(tuple(_stored(getattr(record, name), name) for name in names) for record in records)


def table_of(schema: pa.Schema, rows: Sequence[Row], recording_ids: Sequence[str] | None = None) -> pa.Table:
    """Rows as a table of `schema`; `recording_ids`, one a row, is for rows that do not have their own."""
    names = value_names(schema) if recording_ids is not None else schema.names
    columns: dict[str, Sequence[Any]] = {name: [row[at] for row in rows] for at, name in enumerate(names)}
    if recording_ids is not None:
        columns[ID] = recording_ids
    arrays = [pa.array(columns[name], type=schema.field(name).type) for name in schema.names]
    return pa.Table.from_arrays(arrays, schema=schema)


def rows_of_calls(analyses: Sequence[CallAnalysis], columns: Mapping[str, pa.Schema]) -> dict[str, pa.Table]:
    """The rows of some calls by table, in the `columns` of each.

    Raises ValueError for two records with one key, and ValueError and TypeError as Arrow does.
    """
    out = {}
    for part in PARTS:
        schema = columns[part.table]
        names = value_names(schema)
        rows: list[Row] = []
        ids: list[str] = []
        for analysis in analyses:
            value = getattr(analysis, part.field)
            records = value if part.many else () if value is None else (value,)
            _check_key(part, records)
            rows += rows_of(records, names)
            ids += [analysis.recording.recording_id] * len(records)
        out[part.table] = table_of(schema, rows, ids)
    return out


def _check_key(part: Part, records: Sequence[object]) -> None:
    """Raise ValueError where two records of a call have the key of their table in common."""
    if part.key is None:
        return
    keys = [getattr(record, part.key) for record in records]
    if len(set(keys)) < len(keys):
        twice = next(key for at, key in enumerate(keys) if key in keys[:at])
        raise ValueError(f"two rows of {part.table} have {part.key} {twice}")


def value_names(schema: pa.Schema) -> list[str]:
    """The columns of a table without recording_id."""
    return [name for name in schema.names if name != ID]


def _stored(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError(f"{name} {value} has no time zone")
    return value
