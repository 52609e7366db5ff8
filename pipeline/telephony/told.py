"""An event as a file tells it, and the names that telephone systems have for events and parties."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pipeline.archive.columns import plain
from pipeline.archive.dates import DateReading, read_time
from pipeline.delimited import shape
from pipeline.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event, before it is known which recording it belongs to.

    `where` is its place in the file and `names` what the file calls the call, likelier names first. `at` is
    an instant, seconds of the recording, or None for what holds for the whole call.
    """

    where: str
    names: tuple[str, ...]
    event: str
    at: datetime | float | None
    party: str | None = None
    value: str | None = None
    source: str


_SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "hold": (
        "hold",
        "onhold",
        "holdstart",
        "holdbegin",
        "startholdtime",
        "held",
        "musiconholdstart",
        "mohstart",
    ),
    "unhold": (
        *("unhold", "offhold", "holdend", "holdstop", "resume", "resumed", "retrieve", "retrieved", "unheld"),
        *("musiconholdstop", "mohstop", "reconnect"),
    ),
    "mute": ("mute", "muted"),
    "unmute": ("unmute", "unmuted"),
    "join": ("join", "joined", "answer", "answered", "connect", "connected", "agentconnect"),
    "drop": ("drop", "dropped", "hangup", "disconnect", "disconnected", "end", "ended", "leave", "left"),
    "keydown": ("keydown", "dtmf", "dtmfbegin", "digit"),
    "keyup": ("keyup", "dtmfend"),
    "transfer": ("transfer", "transferred", "blindtransfer", "attendedtransfer"),
}
_EVENTS = {spelling: event for event, spellings in _SPELLINGS.items() for spelling in spellings}
_PARTIES = {
    **dict.fromkeys(("customer", "caller", "external", "client", "guest"), "customer"),
    **dict.fromkeys(("agent", "user", "internal", "employee", "advisor", "representative"), "agent"),
}
_IN_UTC = DateReading()
KEYS = frozenset({"keydown", "keyup"})
"""Events whose value is the key: part of a card number, perhaps, so that it is not kept."""


def event_of(name: str) -> str:
    """The event that a system's `name` means; other names as they are, in small letters.

    >>> event_of("MusicOnHoldStart"), event_of("Whisper")
    ('hold', 'whisper')
    """
    return _EVENTS.get(plain(name), name.strip().casefold())


def party_of(name: object) -> str | None:
    """Who a system's `name` means, customer or agent; other names as they are, None for an empty one."""
    text = str(name or "").strip()
    return _PARTIES.get(plain(text), text.casefold()) or None


def instant(value: object, where: str, reading: DateReading = _IN_UTC) -> datetime:
    """The instant that a value gives. Raises UsageError for one that gives none, or may give two."""
    try:
        return read_time(value, reading)
    except (ValueError, OverflowError) as error:
        allowed = "ISO 8601 such as 2026-03-02T09:14:00-08:00"
        raise UsageError(f"no instant ({error})", where=where, value=shape(value), allowed=allowed) from None
