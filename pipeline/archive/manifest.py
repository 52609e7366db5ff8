"""Reads the manifest of an archive: CSV with any usual separator, JSON lines or JSON, in any usual encoding.

Spreadsheets and reports put lines above the header and totals below the rows; both are passed over.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.archive.columns import ALIASES, columns_of
from pipeline.delimited import find_separator, read_rows
from pipeline.errors import UsageError

_SEPARATORS = ",;\t|"
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_NOT_CSV = "the metadata file is not CSV"
_QUOTING = "fields with a quote, comma or line break in double quotes, quotes doubled"
_MAX_TITLE_LINES = 50
_TOTAL = re.compile(r"\W*((grand |sub)?total|sum|count|average|rows?|records?|end of)\b", re.IGNORECASE)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

Entry = tuple[str, dict[str, Any] | str]
"""The place of a row, and its values by column or the reason why it has none."""


Read = Callable[[Path], bytes]
"""Gives the bytes of a file; raises OSError or UsageError."""


class NotAManifestError(UsageError):
    """A table or JSON file whose rows name no recordings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The rows of a manifest; `notes` says in one line each what was assumed to read it."""

    entries: tuple[Entry, ...] = ()
    notes: tuple[str, ...] = ()


def read_manifest(
    path: Path, mapping: Mapping[str, str] | None = None, read: Read = Path.read_bytes
) -> Manifest:
    """All rows of `path`; values that are nested in JSON have the path to them as their column's name.

    `mapping` gives the column of some facts, as in `columns_of`, and `read` the bytes of the file. Raises UsageError for a file that is not a
    manifest as a whole.
    """
    mapping = mapping or {}
    text, encoding = _text(path, read)
    notes: tuple[str, ...] = ()
    if encoding == "cp1252":
        notes = (str(UsageError("the metadata file is not UTF-8, read as Windows-1252", where=path)),)
    start = text.lstrip()[:1]
    if not start:
        raise UsageError("the metadata file is empty", where=path, allowed="CSV with a header, or JSON")
    rows = _from_json if start in "[{" else _from_csv
    entries = tuple(rows(text, path, mapping))
    return Manifest(entries=entries, notes=notes)


def read_sidecar(path: Path, read: Read = Path.read_bytes) -> dict[str, Any]:
    """The values in the JSON file beside a recording, by dotted path.

    Raises UsageError for a file that holds no JSON object.
    """
    text, _ = _text(path, read)
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError("the metadata file is not JSON", where=path, value=str(error)) from None
    if isinstance(values, list) and len(values) == 1:
        values = values[0]
    if not isinstance(values, dict):
        raise UsageError("the metadata file is not a JSON object", where=path)
    return flat(values)


def _text(path: Path, read: Read) -> tuple[str, str]:
    """The text of a file and the encoding that it is in."""
    try:
        data = read(path)
    except OSError as error:
        raise UsageError("cannot read the metadata file", where=path, value=error.strerror) from None
    marked = next((name for bom, name in _BOMS if data.startswith(bom)), None)
    # Without a mark, every other byte of English text in UTF-16 is zero.
    unmarked = {0: "utf-16-be", 1: "utf-16-le"} if len(data) % 2 == 0 else {}
    half = next((name for at, name in unmarked.items() if data[at::2].count(0) * 2 > len(data[at::2])), None)
    for encoding in [marked or half] if marked or half else ["utf-8", "cp1252"]:
        try:
            return data.decode(str(encoding)), str(encoding)
        except UnicodeDecodeError as error:
            reason = error.reason
    what, remedy = "the metadata file is in no known encoding", "save it as UTF-8"
    raise UsageError(what, where=path, value=reason, allowed="UTF-8, UTF-16, Windows-1252", remedy=remedy)


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested objects as one, by dotted path; the members of a list of objects by their number, from 0.

    >>> flat({"call": {"agent": {"id": 7}}, "users": [{"name": "Sam"}], "tags": ["x"]})
    {'call.agent.id': 7, 'users.0.name': 'Sam', 'tags': ['x']}
    """
    out: dict[str, Any] = {}
    for name, value in values.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict):
            out |= flat(value, f"{key}.")
        elif isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            for number, one in enumerate(value):
                out |= flat(one, f"{key}.{number}.")
        else:
            out[key] = value
    return out


def _from_json(text: str, path: Path, mapping: Mapping[str, str]) -> Iterator[Entry]:
    entries = list(_objects(text, path))
    objects = [values for _, values in entries if isinstance(values, dict)]
    if entries and not objects:
        raise UsageError(
            "the metadata file holds no JSON objects",
            where=path,
            value=entries[0][1],
            allowed="an array of objects, or one object a line",
        )
    if entries and not any("file" in columns_of(values, mapping).values() for values in objects):
        raise _no_file_column(path, objects[0])
    yield from entries


def _objects(text: str, path: Path) -> Iterator[Entry]:
    """The rows of a JSON array, of an object around one, or of JSON lines."""
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        if text.lstrip()[:1] == "[":
            raise UsageError("the metadata file is not JSON", where=path, value=str(error)) from None
        yield from _from_lines(text, path)
        return
    rows = whole if isinstance(whole, list) else _rows_in(whole)
    for number, entry in enumerate(rows, start=1):
        yield f"{path}, entry {number}", flat(entry) if isinstance(entry, dict) else "not an object"


def _rows_in(whole: Mapping[str, Any]) -> list[Any]:
    """The rows in an object such as `{"count": 2, "recordings": [{…}, {…}]}`; else the object is the row."""
    if "file" in columns_of(name for name, value in whole.items() if isinstance(value, str)).values():
        return [whole]
    lists = [v for v in whole.values() if isinstance(v, list) and v and isinstance(v[0], dict)]
    return max(lists, key=len) if lists else [whole]


def _from_lines(text: str, path: Path) -> Iterator[Entry]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield where, f"not JSON ({error})"
        else:
            yield where, flat(entry) if isinstance(entry, dict) else "not an object"


def _from_csv(text: str, path: Path, mapping: Mapping[str, str]) -> Iterator[Entry]:
    lines = text.splitlines(keepends=True)
    above, separator = _header(lines, path, mapping)
    # Lines above the header become blank, so that the numbers of the others stay.
    kept = "\n" * above + "".join(lines[above:])
    rows = list(read_rows(kept, separator, path, what=_NOT_CSV, allowed=_QUOTING))
    _, cells = rows.pop(0)
    header = [name.strip() or f"column_{number}" for number, name in enumerate(cells, start=1)]
    for where, cells in _without_totals(rows, header, mapping):
        extra = cells[len(header) :]
        if len(cells) < len(header) or any(map(str.strip, extra)):
            yield where, f"{len(cells)} fields where the header has {len(header)}"
        else:
            yield where, dict(zip(header, cells, strict=False))


def _header(lines: list[str], path: Path, mapping: Mapping[str, str]) -> tuple[int, str]:
    """The number of lines above the header, and the separator with which it has a column for the file.

    The first line that names at least two facts is the header; else the first that names the file.
    """
    found: dict[int, tuple[int, str]] = {}
    separators = _SEPARATORS
    for number, line in enumerate(lines[:_MAX_TITLE_LINES]):
        if number == 0 and (match := _SEPARATOR_LINE.fullmatch(line)):
            separators = match[1]
            continue
        for least in (2, 1):
            fits = partial(_fits, mapping=mapping, least=least)
            separator = find_separator(line.rstrip("\r\n"), separators, fits)
            if separator is not None:
                found.setdefault(least, (number, separator))
                break
        if 2 in found:
            break
    if not found:
        first = next((line for line in lines if line.strip()), "")
        raise _no_file_column(path, (name.strip('" \r\n') for name in first.split(",")))
    return found.get(2) or found[1]


def _fits(names: Iterable[str], mapping: Mapping[str, str], least: int) -> bool:
    facts = columns_of(names, mapping).values()
    return "file" in facts and len(facts) >= least


def _without_totals(
    rows: list[tuple[str, list[str]]], header: list[str], mapping: Mapping[str, str]
) -> list[tuple[str, list[str]]]:
    """The rows without the totals that reports put below them."""
    file = next(at for at, name in enumerate(header) if columns_of(header, mapping).get(name) == "file")
    while rows:
        cells = rows[-1][1]
        first = next((cell for cell in cells if cell.strip()), "")
        names_a_file = len(cells) > file and PurePosixPath(cells[file].strip()).suffix[1:].isalnum()
        if not _TOTAL.match(first) or names_a_file:
            break
        rows = rows[:-1]
    return rows


def _no_file_column(path: Path, found: Iterable[str]) -> NotAManifestError:
    return NotAManifestError(
        "no column says which file a row is about",
        where=path,
        value=", ".join(found),
        allowed="one of " + ", ".join(ALIASES["file"][:8]) + " and the like",
        remedy='name it with metadata.columns: file = "…"',
    )
