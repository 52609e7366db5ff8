"""Turns the values of a row into the facts of a call, and says which of them cannot be used."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, pairwise
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from pipeline.archive.columns import columns_of, plain
from pipeline.archive.dates import DateReading, order_of, read_time
from pipeline.delimited import shape
from pipeline.errors import UsageError
from pipeline.records import Call, Direction, Pairs
from pipeline.settings import MetadataSettings

_ALLOWED = {
    "started_at": "ISO 8601 such as 2026-03-02T09:14:00-08:00, or another form with one meaning",
    "direction": "inbound, outbound",
    "jurisdictions": "codes such as CA, or several such as CA;WA",
    "agent_channel": "left, right, 0, 1; 1, 2 where the column has no 0",
    **dict.fromkeys(("holds", "pauses"), "a JSON array of [start_s, end_s] in order, as [[31.5, 74.0]]"),
}
_CODE = re.compile(r"[A-Z0-9][A-Z0-9-]*")
_CLOCK = re.compile(r"\d{1,2}:\d\d")
_DAY = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|\d{8}")
_DIRECTIONS: Mapping[str, Direction] = {
    **dict.fromkeys(
        ("inbound", "in", "i", "incoming", "received", "ib", "inb", "ingoing", "terminating"), "inbound"
    ),
    **dict.fromkeys(
        ("outbound", "out", "o", "outgoing", "placed", "ob", "outb", "dialed", "dialled", "originating"),
        "outbound",
    ),
}
_SIDES: Mapping[str, Literal[0, 1]] = {
    **dict.fromkeys(("left", "l", "first"), 0),
    **dict.fromkeys(("right", "r", "second"), 1),
}


def _from_text(value: object) -> object:
    return json.loads(value) if isinstance(value, str) else value


def _in_order(pairs: Pairs) -> Pairs:
    if any(start_s >= end_s for start_s, end_s in pairs):
        raise ValueError("a start at or after its end")
    if any(before > after for before, after in pairwise(chain.from_iterable(pairs))):
        raise ValueError("pairs out of order")
    return pairs


Time = Annotated[float, Field(ge=0, allow_inf_nan=False)]

GivenTimes = Annotated[tuple[tuple[Time, Time], ...], BeforeValidator(_from_text), AfterValidator(_in_order)]
"""Times in a call, in seconds from its start: an array such as `[[31.5, 74.0], [90, 120]]`, or its JSON text.

The pairs are in order and do not overlap.
"""


class CallMetadata(BaseModel):
    """What is known about one call. `agent_channel` is 0 for left and 1 for right."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    file: str | None = None
    call_ref: str | None = None
    started_at: datetime | None = None
    direction: Direction | None = None
    queue: str | None = None
    agent_id: str | None = None
    agent_name: str | None = None
    customer_ref: str | None = None
    jurisdictions: tuple[str, ...] = ()
    agent_channel: Literal[0, 1] | None = None
    holds: GivenTimes | None = None
    pauses: GivenTimes | None = None
    team: str | None = None
    site: str | None = None
    extra: dict[str, str] = Field(default_factory=dict)

    @field_validator("started_at", mode="before")
    @classmethod
    def _in_a_zone(cls, value: object) -> datetime:
        """What can be read in two ways is refused: reading it would be guessing."""
        return read_time(value, DateReading())

    @field_validator("direction", mode="before")
    @classmethod
    def _one_of_two(cls, value: object) -> object:
        words = re.sub(r"\b(call|calls|voice)\b", "", str(value).casefold())
        return _DIRECTIONS.get(plain(words), value)

    @field_validator("jurisdictions", mode="before")
    @classmethod
    def _codes(cls, value: object) -> tuple[str, ...]:
        """Upper-case codes in the order given, each once; `US-CA` is `CA`."""
        text = " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        codes = tuple(code for code in re.split(r"[;,|\s]+", text.upper()) if code)
        if not all(map(_CODE.fullmatch, codes)):
            raise ValueError("no code")
        return tuple(dict.fromkeys(code.removeprefix("US-") for code in codes))

    @field_validator("agent_channel", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        text = plain(re.sub(r"\b(channel|side)\b", "", str(value).casefold()))
        return _SIDES.get(text, {"0": 0, "1": 1}.get(text, str(value)))

    def to_call(self) -> Call:
        """The facts as the store keeps them."""
        return Call(**self.model_dump(exclude={"file", "agent_channel"}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the values of one source are read, as its columns taken together show.

    `first_channel` is the number that the source gives the left channel; None where it numbers channels in
    both ways.
    """

    mapping: Mapping[str, str] = field(default_factory=dict)
    dates: DateReading = field(default_factory=DateReading)
    first_channel: int | None = 0


def reading_of(rows: Iterable[Mapping[str, Any]], settings: MetadataSettings) -> Reading:
    """How to read `rows`: what a single cell leaves open, the others of its column may show."""
    times: list[object] = []
    channels: set[str] = set()
    for row in rows:
        for column, fact in columns_of(row, settings.columns).items():
            if fact == "started_at":
                times.append(_start_of(row, column))
            elif fact == "agent_channel":
                channels.add(str(row[column]).strip())
    first = 0 if "2" not in channels else None if "0" in channels else 1
    zone = UTC if settings.timezone == "UTC" else ZoneInfo(settings.timezone)
    dates = DateReading(zone=zone, order=order_of(times))
    return Reading(mapping=settings.columns, dates=dates, first_channel=first)


def facts_of(values: Mapping[str, Any], where: str, reading: Reading) -> tuple[dict[str, Any], list[str]]:
    """The valid facts in a row by their own names, and a line for each that is not valid."""
    columns = columns_of(values, reading.mapping)
    given = {name: value for name, value in values.items() if not _is_blank(value)}
    facts: dict[str, Any] = {
        fact: given[column].strip() if isinstance(given[column], str) else given[column]
        for column, fact in columns.items()
        if column in given
    }
    if "started_at" in facts:
        facts["started_at"] = _start_of(given, next(c for c, fact in columns.items() if fact == "started_at"))
    extra = {name.strip(): _text(value) for name, value in given.items() if name not in columns}
    if extra:
        facts["extra"] = extra
    cells = dict(facts)
    faults = _read_by_column(facts, reading)
    try:
        model = CallMetadata.model_validate(facts)
    except ValidationError as error:
        faults |= {str(fault["loc"][0]): "" for fault in error.errors()}
        model = CallMetadata.model_validate({fact: facts[fact] for fact in facts if fact not in faults})
    column_of = {fact: column for column, fact in columns.items()}
    lines = [_fault(f"{where}, column {column_of[fact]}", fact, cells[fact], faults[fact]) for fact in faults]
    return model.model_dump(exclude_unset=True), lines


def _start_of(row: Mapping[str, Any], column: str) -> object:
    """The cell of the start time, with the date or the time of day that stands in a column of its own."""
    cell = row[column]
    text = str(cell).strip()
    if _CLOCK.match(text):
        return next((f"{date} {text}" for date in _cells(row, ("startdate", "calldate", "date"))), cell)
    if _DAY.fullmatch(text):
        clocks = _cells(row, ("starttime", "calltime", "time"))
        return next((f"{text} {clock}" for clock in clocks if _CLOCK.match(clock)), cell)
    return cell.strip() if isinstance(cell, str) else cell


def _cells(row: Mapping[str, Any], names: tuple[str, ...]) -> list[str]:
    by_plain = {plain(column): str(value).strip() for column, value in row.items() if not _is_blank(value)}
    return [by_plain[name] for name in names if name in by_plain]


def _read_by_column(facts: dict[str, Any], reading: Reading) -> dict[str, str]:
    """Read the facts whose meaning depends on their column; returns the reasons for those taken out."""
    faults: dict[str, str] = {}
    if "started_at" in facts:
        try:
            facts["started_at"] = read_time(facts["started_at"], reading.dates)
        except (ValueError, OverflowError) as error:
            faults["started_at"] = str(error)
    channel = str(facts.get("agent_channel", ""))
    if channel in {"0", "1", "2"}:
        if reading.first_channel is None:
            faults["agent_channel"] = "the column has both 0 and 2"
        else:
            facts["agent_channel"] = int(channel) - reading.first_channel
    for fact in faults:
        del facts[fact]
    return faults


def _fault(where: str, fact: str, value: object, reason: str) -> str:
    what = "a bad fact, left out (the rest of the row is kept)" + (f", {reason}" if reason else "")
    return str(UsageError(what, where=where, value=shape(value), allowed=_ALLOWED.get(fact, "text")))


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else json.dumps(value)
