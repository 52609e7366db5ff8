"""Periods of the calendar by name: a day, an ISO week, a month, a quarter or a year, in a time zone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from pipeline.errors import UsageError

PeriodKind = Literal["day", "week", "month", "quarter", "year"]
ALLOWED = "2026-W47, 2026-11, 2026-Q4, 2026-11-20 or 2026"
_MONTHS_A_YEAR, _MONTHS_A_QUARTER = 12, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Whole local days, from `first` up to and without `end`."""

    kind: PeriodKind
    first: date
    end: date
    zone: str

    @property
    def name(self) -> str:
        """As people write it, for example 2026-W47."""
        if self.kind == "week":
            year, week, _ = self.first.isocalendar()
            return f"{year}-W{week:02d}"
        if self.kind == "quarter":
            return f"{self.first.year}-Q{(self.first.month - 1) // _MONTHS_A_QUARTER + 1}"
        return {"day": self.first.isoformat(), "month": f"{self.first:%Y-%m}"}.get(
            self.kind, f"{self.first:%Y}"
        )

    @property
    def days(self) -> str:
        """The first and the last day, for people."""
        last = self.end - timedelta(days=1)
        shown = f"{self.first.day} {self.first:%b %Y}"
        return shown if last == self.first else f"{shown} to {last.day} {last:%b %Y}"

    @property
    def instants(self) -> tuple[datetime, datetime]:
        """Its start and its end as instants in UTC; a day with a change of clocks has 23 or 25 hours."""
        zone = ZoneInfo(self.zone)
        start, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (self.first, self.end))
        return start, end

    @property
    def former(self) -> Period:
        """The period of the same kind before this one."""
        before = self.first - timedelta(days=1)
        first = {
            "day": before,
            "week": before - timedelta(days=before.weekday()),
            "month": before.replace(day=1),
            "quarter": before.replace(day=1, month=before.month - (before.month - 1) % _MONTHS_A_QUARTER),
            "year": before.replace(day=1, month=1),
        }[self.kind]
        return Period(kind=self.kind, first=first, end=self.first, zone=self.zone)


def read_period(text: str, zone: str) -> Period:
    """The period that a name means, in days of the time zone `zone` (IANA).

    Raises UsageError for a text that names none.
    """
    for pattern, read in _FORMS:
        if match := re.fullmatch(pattern, text.strip(), re.IGNORECASE):
            try:
                kind, first, end = read(*map(int, match.groups()))
            except (ValueError, OverflowError):
                break
            return Period(kind=kind, first=first, end=end, zone=zone)
    raise UsageError("no period", where="--period", value=text, allowed=ALLOWED)


def with_former(period: Period, number: int) -> tuple[Period, ...]:
    """The period after `number` former ones, in order."""
    out = [period]
    for _ in range(number):
        out.append(out[-1].former)
    return tuple(reversed(out))


_Read = tuple[PeriodKind, date, date]


def _day(year: int, month: int, day: int) -> _Read:
    first = date(year, month, day)
    return "day", first, first + timedelta(days=1)


def _week(year: int, week: int) -> _Read:
    first = date.fromisocalendar(year, week, 1)
    return "week", first, first + timedelta(days=7)


def _months(kind: PeriodKind, year: int, month: int, number: int) -> _Read:
    following = year * _MONTHS_A_YEAR + month - 1 + number
    return kind, date(year, month, 1), date(following // _MONTHS_A_YEAR, following % _MONTHS_A_YEAR + 1, 1)


def _month(year: int, month: int) -> _Read:
    return _months("month", year, month, 1)


def _quarter(year: int, quarter: int) -> _Read:
    return _months("quarter", year, (quarter - 1) * _MONTHS_A_QUARTER + 1, _MONTHS_A_QUARTER)


def _year(year: int) -> _Read:
    return _months("year", year, 1, _MONTHS_A_YEAR)


_FORMS: tuple[tuple[str, Callable[..., _Read]], ...] = (
    (r"(\d{4})-W(\d{1,2})", _week),
    (r"(\d{4})-Q([1-4])", _quarter),
    (r"(\d{4})-(\d\d)-(\d\d)", _day),
    (r"(\d{4})-(\d\d)", _month),
    (r"(\d{4})", _year),
)
