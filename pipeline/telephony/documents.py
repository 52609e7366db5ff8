"""Reads events from the JSON documents of three systems: vCon, Genesys Cloud and Amazon Connect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from pipeline.errors import UsageError
from pipeline.spans import Span, union
from pipeline.telephony.told import KEYS, Told, event_of, instant, party_of

Values = Mapping[str, Any]
SIDECAR_ENDINGS = ("_call_metadata", "_metadata", "_conversation", "_ctr")
"""What systems put behind the name of the recording in the name of the document."""
_CONNECT_SUMS = {
    "NumberOfHolds": "hold_count",
    "CustomerHoldDuration": "hold_s",
    "LongestHoldDuration": "longest_hold_s",
}


def read_document(values: Values, where: str, stem: str) -> list[Told] | None:
    """The events of a document; None for one that is of none of the three systems.

    `stem` is the name of its file without suffix. Raises UsageError, which says where, for one that is
    broken.
    """
    for marks, read in _READERS:
        if any(set(mark) <= values.keys() for mark in marks):
            try:
                return list(read(values, where, stem))
            except (KeyError, TypeError, AttributeError, IndexError) as error:
                what = f"a document that is not complete ({type(error).__name__}: {error})"
                raise UsageError(what, where=where) from None
    return None


def recording_names(stem: str) -> tuple[str, ...]:
    """The recording that a document beside it is named for, and the document's own name."""
    cut = next((stem.removesuffix(end) for end in SIDECAR_ENDINGS if stem.endswith(end)), stem)
    return tuple(dict.fromkeys((cut, stem)))


def _vcon(values: Values, where: str, stem: str) -> Iterator[Told]:
    parties = values.get("parties", ())
    for number, dialog in enumerate(values.get("dialog", ())):
        file = PurePosixPath(str(dialog.get("filename") or dialog.get("url") or "")).name
        given = (file, dialog.get("interaction_id"), values.get("subject"))
        names = tuple(str(name) for name in (*given, *recording_names(stem)) if name)
        for place, one in enumerate(dialog.get("party_history", ())):
            at = f"{where}, dialog {number}, party_history {place}"
            event = event_of(one["event"])
            yield Told(
                where=at,
                names=names,
                event=event,
                at=instant(one["time"], at),
                party=_vcon_party(parties, one["party"]),
                value=None if event in KEYS else one.get("value"),
                source="vcon",
            )


def _vcon_party(parties: Sequence[Values], number: int) -> str | None:
    return party_of(parties[number].get("role") or parties[number].get("name"))


def _genesys(values: Values, where: str, stem: str) -> Iterator[Told]:
    """Holds of any participant: Genesys marks them on the agent's side, the customer's, or both."""
    id_ = values.get("conversationId") or values.get("id")
    names = tuple(str(name) for name in (id_, *recording_names(stem)) if name)
    spans: list[Span] = []
    for number, person in enumerate(values["participants"]):
        sessions = person.get("sessions") or person.get("calls") or ()
        for segment in (segment for session in sessions for segment in session.get("segments", ())):
            at = f"{where}, participant {number}"
            if str(segment.get("segmentType") or segment.get("type")).casefold() == "hold":
                start = instant(segment.get("segmentStart") or segment.get("startTime"), at)
                end = instant(segment.get("segmentEnd") or segment.get("endTime"), at)
                spans.append(Span(start.timestamp(), end.timestamp()))
    for span in union(spans):
        for event, at_epoch_s in (("hold", span.start_s), ("unhold", span.end_s)):
            moment = datetime.fromtimestamp(at_epoch_s, UTC)
            yield Told(where=where, names=names, event=event, at=moment, party="customer", source="genesys")


def _connect(values: Values, where: str, stem: str) -> Iterator[Told]:
    """Counts and sums of the contact record, which has no times of holds, and when the agent joined."""
    agent = values.get("Agent") or {}
    names = tuple(str(name) for name in (values.get("ContactId"), *recording_names(stem)) if name)
    if joined := agent.get("ConnectedToAgentTimestamp"):
        moment = instant(joined, f"{where}, Agent.ConnectedToAgentTimestamp")
        yield Told(where=where, names=names, event="join", at=moment, party="agent", source="connect")
    for key, event in _CONNECT_SUMS.items():
        if agent.get(key) is not None:
            number = float(agent[key])
            yield Told(
                where=where,
                names=names,
                event=event,
                at=None,
                party="customer",
                value=f"{number:g}",
                source="connect",
            )


_READERS = (
    ((("vcon",), ("dialog", "parties")), _vcon),
    ((("participants",),), _genesys),
    ((("ContactId",), ("Agent", "InitiationTimestamp")), _connect),
)
