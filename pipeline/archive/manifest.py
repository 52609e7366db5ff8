"""Reads the manifest of an archive: CSV with any usual separator, JSON lines or a JSON array, in UTF-8."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.delimited import find_separator, read_rows
from pipeline.errors import UsageError

ALIASES: Mapping[str, tuple[str, ...]] = {
    "file": ("file", "filename", "file_name", "path", "uri", "recording"),
    "call_ref": ("call_ref", "call_id"),
    "started_at": ("started_at", "start_time", "timestamp", "date"),
    "direction": ("direction",),
    "queue": ("queue", "queue_name", "skill"),
    "agent_id": ("agent_id",),
    "agent_name": ("agent_name", "agent"),
    "customer_ref": ("customer_ref", "customer_id"),
    "jurisdictions": ("jurisdictions", "jurisdiction", "states", "state"),
    **{name: (name,) for name in ("agent_channel", "holds", "pauses")},
}
"""Column names by fact; the first one present is taken, other columns are kept as `extra`."""

_SEPARATORS = ",;\t|"
_NOT_CSV = "the metadata file is not CSV"
_QUOTING = "fields with a quote, comma or line break in double quotes, quotes doubled"


def columns_of(names: Iterable[str]) -> dict[str, str]:
    """The fact that each of the `names` holds; capitals, spaces and hyphens in a name make no difference."""
    plain: dict[str, str] = {}
    for name in names:
        plain.setdefault(re.sub(r"[\s-]+", "_", name.strip().lower()), name)
    columns: dict[str, str] = {}
    for fact, aliases in ALIASES.items():
        if alias := next((alias for alias in aliases if alias in plain), None):
            columns[plain[alias]] = fact
    return columns


def read_manifest(path: Path) -> Iterator[tuple[str, dict[str, Any] | str]]:
    """The place of each row and its values by column, or the reason why it has none.

    Raises UsageError for a file that is not a manifest as a whole.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            "the metadata file is not UTF-8", where=path, value=error.reason, remedy="save it as UTF-8"
        ) from None
    except OSError as error:
        raise UsageError("cannot read the metadata file", where=path, value=error.strerror) from None
    start = text.lstrip()[:1]
    if not start:
        raise UsageError("the metadata file is empty", where=path, allowed="CSV with a header, or JSON")
    if start not in "[{":
        yield from _from_csv(text, path)
        return
    entries = list(_from_array(text, path) if start == "[" else _from_lines(text, path))
    objects = [values for _, values in entries if isinstance(values, dict)]
    if entries and not objects:
        raise UsageError(
            "the metadata file holds no JSON objects",
            where=path,
            value=entries[0][1],
            allowed="an array of objects, or one object a line",
        )
    if entries and not any("file" in columns_of(values).values() for values in objects):
        raise _no_file_column(path, objects[0])
    yield from entries


def _from_array(text: str, path: Path) -> Iterator[tuple[str, dict[str, Any] | str]]:
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError("the metadata file is not JSON", where=path, value=str(error)) from None
    for number, entry in enumerate(entries, start=1):
        yield f"{path}, entry {number}", entry if isinstance(entry, dict) else "not an object"


def _from_lines(text: str, path: Path) -> Iterator[tuple[str, dict[str, Any] | str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield where, f"not JSON ({error})"
        else:
            yield where, entry if isinstance(entry, dict) else "not an object"


def _from_csv(text: str, path: Path) -> Iterator[tuple[str, dict[str, Any] | str]]:
    rows = read_rows(text, _separator(text, path), path, what=_NOT_CSV, allowed=_QUOTING)
    _, cells = next(rows)
    header = [name.strip() or f"column_{number}" for number, name in enumerate(cells, start=1)]
    for where, cells in rows:
        if len(cells) != len(header):
            yield where, f"{len(cells)} fields where the header has {len(header)}"
        else:
            yield where, dict(zip(header, cells, strict=True))


def _separator(text: str, path: Path) -> str:
    """The separator with which the header has a column for the file."""
    header = text.lstrip().splitlines()[0]
    separator = find_separator(header, _SEPARATORS, lambda names: "file" in columns_of(names).values())
    if separator is None:
        raise _no_file_column(path, (name.strip('" ') for name in header.split(",")))
    return separator


def _no_file_column(path: Path, found: Iterable[str]) -> UsageError:
    return UsageError(
        "no column says which file a row is about",
        where=path,
        value=", ".join(found),
        allowed="one of " + ", ".join(ALIASES["file"]),
    )
