"""Reads the start times that telephone systems write, where there is only one way to read them.

A general date parser guesses: it takes `03/04/2026` for a day and `10` for the tenth of this month. Here a
form is read only if it means one instant, and everything else is refused with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from email.utils import parsedate_to_datetime
from typing import Literal

Order = Literal["day_first", "month_first", "unknown"]

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<name>january|february|march|april|may|june|july|august|september|october|november|december"
    r"|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.?"
)
_YEAR_FIRST = r"(?P<y>\d{4})(?P<s>[-/.])(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})"
_COMPACT = r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)"
_DOTTED = r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})"
_SLASHED = r"(?P<a>\d{1,2})(?P<s>[/-])(?P<b>\d{1,2})(?P=s)(?P<y>\d{4})"
_NAMED = rf"(?P<d>\d{{1,2}})(?:st|nd|rd|th)?[ -]{_MONTH}[ ,-]+(?P<y>\d{{4}})"
_NAMED_FIRST = rf"{_MONTH} (?P<d>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<y>\d{{4}})"
_DATES = (_YEAR_FIRST, _DOTTED, _SLASHED, _NAMED, _NAMED_FIRST)

_CLOCK = r"(?P<H>\d{1,2})(?P<t>[:.-])(?P<M>\d\d)(?:(?P=t)(?P<S>\d\d)(?:[.,](?P<f>\d{1,9}))?)?"
_CLOCK_COMPACT = r"(?P<H>\d\d)(?P<M>\d\d)(?:(?P<S>\d\d)(?:[.,](?P<f>\d{1,9}))?)?"
_HALF = r"(?:\s?(?P<half>[ap])\.?m\.?)?"
_ZONE = r"(?:[ _]?(?P<zone>z|(?:utc|gmt)[+-]\d|(?:utc|gmt)?[+-]\d\d:?(?:\d\d)?|utc|gmt))?(?:\[[\w/+-]+\])?"
_BETWEEN = r"(?:t|,?[ _]+|-)"

_DATE_AND_TIME = tuple(
    re.compile(rf"{date}(?:{_BETWEEN}(?:{clock}){_HALF}{_ZONE})?", re.IGNORECASE)
    for date in (*_DATES, _COMPACT)
    for clock in (_CLOCK, _CLOCK_COMPACT)
)
_FORMS = (*_DATE_AND_TIME, re.compile(_COMPACT + _CLOCK_COMPACT + _ZONE, re.IGNORECASE))
_EPOCH = re.compile(r"(\d{10}|\d{13}|\d{16})(?:\.(\d{1,9}))?")
_SLASHED_CELL = re.compile(rf"\s*{_SLASHED}(?!\d)")
_NOON = _MAX_MONTH = 12
_FIRST, _LAST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class DateReading:
    """How a column's times are read: the zone of those that give none, and what `1/2/2026` means."""

    zone: tzinfo = UTC
    order: Order = "unknown"


def order_of(values: Iterable[object]) -> Order:
    """Whether a column's dates with slashes have the day first, or the month, as a number above 12 shows.

    `unknown` where no value shows it, or where values show both.
    """
    days_first = months_first = False
    for value in values:
        if match := _SLASHED_CELL.match(str(value)):
            days_first |= int(match["a"]) > _MAX_MONTH
            months_first |= int(match["b"]) > _MAX_MONTH
    if days_first == months_first:
        return "unknown"
    return "day_first" if days_first else "month_first"


def read_time(value: object, reading: DateReading) -> datetime:
    """The instant that a cell means, with a zone.

    Raises ValueError, with the reason, for a form that is unknown or can be read in two ways.
    """
    if isinstance(value, datetime):
        return _in_zone(value, reading.zone)
    text = " ".join(str(value).split())
    if (found := _from_epoch(text)) is not None:
        return found
    for form in _FORMS:
        if match := form.fullmatch(text):
            return _in_zone(_moment(match.groupdict(), reading.order), reading.zone)
    if re.match(r"[A-Za-z]{3}, ", text):
        return _in_zone(parsedate_to_datetime(text), reading.zone)
    raise ValueError("no form of date and time that has one meaning")


def _from_epoch(text: str) -> datetime | None:
    """Seconds, milliseconds or microseconds since 1970."""
    match = _EPOCH.fullmatch(text)
    if match is None:
        return None
    scale = 10 ** (len(match[1]) - 10)
    moment = datetime.fromtimestamp(0, UTC) + timedelta(seconds=float(text) / scale)
    return moment if _FIRST <= moment < _LAST else None


def _moment(parts: dict[str, str | None], order: Order) -> datetime:
    """The date and time of a match, with its zone if it has one."""
    year = int(parts["y"] or 0)
    if not _FIRST.year <= year < _LAST.year:
        raise ValueError(f"a year outside {_FIRST.year} to {_LAST.year - 1}")
    month, day = _month_and_day(parts, order)
    hour, minute, second = (int(parts.get(name) or 0) for name in ("H", "M", "S"))
    if half := parts.get("half"):
        if not 1 <= hour <= _NOON:
            raise ValueError("an hour outside 1 to 12 with am or pm")
        hour = hour % _NOON + (_NOON if half.lower() == "p" else 0)
    micros = int(f"{parts.get('f') or ''}000000"[:6])
    return datetime(year, month, day, hour, minute, second, micros, tzinfo=_offset(parts.get("zone")))


def _month_and_day(parts: dict[str, str | None], order: Order) -> tuple[int, int]:
    if name := parts.get("name"):
        return _MONTHS.index(name[:3].lower()) + 1, int(parts["d"] or 0)
    if parts.get("a") is None:
        return int(parts["m"] or 0), int(parts["d"] or 0)
    first, second = int(parts["a"] or 0), int(parts["b"] or 0)
    if first > _MAX_MONTH or order == "day_first":
        return second, first
    if second > _MAX_MONTH or order == "month_first" or first == second:
        return first, second
    raise ValueError("day and month cannot be told apart in this column")


def _offset(zone: str | None) -> tzinfo | None:
    """The zone of `Z`, `UTC`, `+0100`, `-05:00` or `UTC+2`; None without one."""
    if zone is None:
        return None
    digits = re.sub(r"[^\d+-]", "", zone)
    if not digits:
        return UTC
    hours, minutes = int(digits[1:3]), int(digits[3:] or 0)
    ahead = timedelta(hours=hours, minutes=minutes)
    return timezone(-ahead if digits[0] == "-" else ahead)


def _in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """A moment without a zone taken in `zone`.

    Raises ValueError in the hours that the change of clocks gives twice or leaves out.
    """
    if moment.tzinfo is not None:
        return moment
    early, late = moment.replace(tzinfo=zone), moment.replace(tzinfo=zone, fold=1)
    before, after = early.utcoffset(), late.utcoffset()
    if before is not None and after is not None and before != after:
        what = "twice" if before > after else "not at all"
        raise ValueError(f"this hour comes {what} in {zone} (change of clocks)")
    return early
