"""Reads events from tables: CSV, or JSON lines, with one event or several a row.

A row names its call and has an event with its time, or columns that are events themselves, such as `answer`
and `end` of Asterisk's call detail records.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.archive.columns import plain
from pipeline.archive.dates import DateReading, order_of
from pipeline.archive.manifest import flat
from pipeline.delimited import find_separator, read_rows
from pipeline.errors import UsageError
from pipeline.telephony.told import KEYS, Told, event_of, instant, party_of

Row = tuple[str, Mapping[str, Any]]
"""A place and the values there by column."""
FACTS: Mapping[str, tuple[str, ...]] = {
    "file": ("file", "file_name", "recording_file", "recording", "audio_file", "path", "uri", "user_field"),
    "call_ref": (
        *("call_ref", "call_id", "unique_id", "linked_id", "conversation_id", "contact_id", "interaction_id"),
        *("call_uuid", "call_sid", "ucid"),
    ),
    "at": (
        "at",
        "at_s",
        "time",
        "timestamp",
        "event_time",
        "event_timestamp",
        "date_time",
        "when",
        "seconds",
    ),
    "event": ("event", "event_type", "event_name", "type", "action"),
    "party": ("party", "participant", "role", "who", "side"),
    "value": ("value", "music_class", "detail", "data"),
    "join": ("answer", "answered_at", "answer_time", "connected_at"),
    "drop": ("end", "ended_at", "end_time", "hangup_time", "disconnected_at"),
    "hold": ("hold_start", "hold_start_time", "held_at", "hold_began_at"),
    "unhold": ("hold_end", "hold_end_time", "resumed_at", "retrieved_at"),
}
"""Names of columns by what they hold; the last four are events themselves."""
COLUMNS_OF_EVENTS = ("join", "drop", "hold", "unhold")
_NAMES = ("file", "call_ref")
_SEPARATORS = ",;\t|"
_NONE = frozenset({"", "0", "null", "none", "0000-00-00 00:00:00"})
"""Cells by which systems say that it did not happen."""


def read_table(text: str, path: Path, mapping: Mapping[str, str], reading: DateReading) -> list[Told]:
    """The events of a table; `mapping` gives the columns of some facts, by fact, `reading` the zone.

    Raises UsageError for a table without calls or events, a column twice, and a time that is none.
    """
    rows = list(_json_lines(text, path) if text.lstrip()[:1] == "{" else _csv(text, path))
    if not rows:
        raise UsageError("the table has no rows", where=path, allowed="a header and a row an event")
    names = tuple(dict.fromkeys(name for _, values in rows for name in values))
    columns = _columns(names, mapping)
    _check_complete(columns, path, names)
    times = [columns[fact] for fact in ("at", *COLUMNS_OF_EVENTS) if fact in columns]
    order = order_of(values.get(name) for _, values in rows for name in times)
    dates = DateReading(zone=reading.zone, order=order)
    return [told for where, values in rows for told in _events(where, values, columns, dates)]


def _columns(names: Iterable[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """The column of each fact that the table has."""
    by_plain = {plain(name): name for name in names}
    out = {}
    for fact, spellings in FACTS.items():
        wanted = [mapping[fact]] if fact in mapping else spellings
        found = [by_plain[plain(name)] for name in wanted if plain(name) in by_plain]
        if found:
            out[fact] = found[0]
    return out


def _check_complete(columns: Mapping[str, str], path: Path, names: Sequence[str]) -> None:
    """Raise UsageError for a table whose columns name no call or no event."""
    named = any(fact in columns for fact in _NAMES)
    happening = {"at", "event"} <= columns.keys() or any(fact in columns for fact in COLUMNS_OF_EVENTS)
    if not (named and happening):
        raise UsageError(
            "the table names no call" if not named else "the table has no events",
            where=path,
            value=", ".join(names),
            allowed="file or call_ref; event with at, or join, drop, hold, unhold",
            remedy="name the columns in the setting metadata.event_columns",
        )


def _events(
    where: str, values: Mapping[str, Any], columns: Mapping[str, str], dates: DateReading
) -> Iterator[Told]:
    names = tuple(_names(values, columns))
    cells = {fact: str(values.get(column, "") or "").strip() for fact, column in columns.items()}
    party = party_of(cells.get("party"))
    if cells.get("event") and "at" in columns:
        event = event_of(cells["event"])
        yield Told(
            where=where,
            names=names,
            event=event,
            at=_at(cells["at"], f"{where}, column {columns['at']}", dates),
            party=party,
            value=None if event in KEYS else cells.get("value") or None,
            source="table",
        )
    for event in COLUMNS_OF_EVENTS:
        if event in columns and cells[event].casefold() not in _NONE:
            at = _at(cells[event], f"{where}, column {columns[event]}", dates)
            yield Told(where=where, names=names, event=event, at=at, party=party, source="table")


def _names(values: Mapping[str, Any], columns: Mapping[str, str]) -> Iterator[str]:
    """What a row calls its call."""
    for fact in _NAMES:
        if name := str(values.get(columns.get(fact, ""), "") or "").strip():
            yield PurePosixPath(name).name if fact == "file" else name


def _at(text: str, where: str, dates: DateReading) -> Any:
    """Seconds of the recording where the cell is a small number, else the instant."""
    try:
        seconds = float(text)
    except ValueError:
        return instant(text, where, dates)
    return seconds if abs(seconds) < LONGEST_CALL_S else instant(text, where, dates)


LONGEST_CALL_S = 1e6
"""Greater numbers are seconds since 1970."""


def _json_lines(text: str, path: Path) -> Iterator[Row]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            values = json.loads(line)
        except ValueError as error:
            raise UsageError("not JSON", where=where, value=str(error), allowed="an object a line") from None
        if not isinstance(values, dict):
            raise UsageError(
                "not an object", where=where, value=type(values).__name__, allowed="an object a line"
            )
        yield where, flat(values)


def _csv(text: str, path: Path) -> Iterator[Row]:
    header = next((line for line in text.splitlines() if line.strip()), "")
    separator = find_separator(header, _SEPARATORS, lambda names: len(names) > 1)
    if separator is None:
        raise UsageError(
            "not a table", where=path, value=header[:80], allowed="CSV with a header, or JSON lines"
        )
    what = "the table is not CSV"
    (_, cells), *rows = list(read_rows(text, separator, path, what=what))
    names = [cell.strip() for cell in cells]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError("a column twice", where=path, value=twice, allowed="each name once in the header")
    for where, row in rows:
        if len(row) != len(names):
            raise UsageError(
                "another number of cells than the header has",
                where=where,
                value=len(row),
                allowed=str(len(names)),
            )
        yield where, dict(zip(names, row, strict=True))
