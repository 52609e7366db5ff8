"""Imports files of telephone systems into the store, all of them or none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from pipeline.archive.dates import DateReading
from pipeline.errors import UsageError
from pipeline.records import Pairs, TelephonyEvent
from pipeline.settings import MetadataSettings
from pipeline.store import reading, with_layout_of_now, writing
from pipeline.store.telephony import TimedCall, calls_by_name, heard_pauses, told_before
from pipeline.telephony.clock import MAX_OFFSET_S, clock_offset
from pipeline.telephony.documents import read_document
from pipeline.telephony.tables import read_table
from pipeline.telephony.told import Told

SUFFIXES = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".txt")
"""Of the files that are read in a folder."""
EARLY = frozenset({"join"})
"""Events that may lie before the recording's start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did; `unknown` are names of calls that the store does not have."""

    files: int
    calls: int
    new: int
    unknown: tuple[str, ...]
    without_offset: int
    """Calls with holds whose clock could not be compared with the sound."""


def import_files(db: Path, paths: Sequence[Path], settings: MetadataSettings) -> Imported:
    """Store the events in files and folders; what is stored already is not stored twice.

    Raises UsageError, with nothing stored, for a file that cannot be read, an event that is not in its call,
    and a name that several calls have.
    """
    files = list(_files(paths))
    told = [one for path in files for one in read_file(path, settings)]
    with_layout_of_now(db)
    with reading(db) as connection:
        named = calls_by_name(connection, {name for one in told for name in one.names})
        by_call, unknown = _by_call(told, named)
        heard = heard_pauses(connection, by_call)
        before = told_before(connection, by_call)
    events: list[TelephonyEvent] = []
    for id_, (call, told_of_call) in by_call.items():
        old = [event for event in before if event.recording_id == id_]
        events += _on_its_clock(_merged(old, told_of_call, call), *heard[id_])
    new = len(events) - len(before)
    if set(events) != set(before):
        with writing(db) as writer:
            writer.put_telephony_events(list(by_call), events)
            writer.publish()
    assumed = {one.recording_id for one in events if one.offset_from == "assumed" and one.event == "hold"}
    return Imported(
        files=len(files), calls=len(by_call), new=new, unknown=tuple(unknown), without_offset=len(assumed)
    )


def read_file(path: Path, settings: MetadataSettings) -> list[Told]:
    """The events of a file: a document of a known system, an array of such, or a table.

    Raises UsageError for a file that is none of them.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("cannot read the file", where=path, value=str(error)) from None
    documents = _documents(text)
    if documents is None:
        zone = DateReading(zone=ZoneInfo(settings.timezone))
        return read_table(text, path, settings.event_columns, zone)
    out = []
    for number, values in enumerate(documents, start=1):
        where = f"{path}, entry {number}" if len(documents) > 1 else str(path)
        found = read_document(values, where, path.stem) if isinstance(values, dict) else None
        if found is None:
            allowed = "a vCon, a Genesys conversation, an Amazon Connect contact record, CSV, JSON lines"
            raise UsageError("a document of an unknown kind", where=where, allowed=allowed)
        out += found
    return out


def _documents(text: str) -> list[object] | None:
    """The JSON documents of a text; None for a table, also one of JSON lines."""
    try:
        whole = json.loads(text)
    except ValueError:
        return None
    documents = whole if isinstance(whole, list) else [whole]
    marks = {"vcon", "dialog", "participants", "ContactId", "Agent"}
    single_row = isinstance(whole, dict) and not marks & whole.keys()
    return None if single_row or not documents else documents


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(
                one for one in path.rglob("*") if one.is_file() and one.suffix.lower() in SUFFIXES
            )
        else:
            yield path


def _by_call(
    told: Iterable[Told], named: Mapping[str, tuple[TimedCall, ...]]
) -> tuple[dict[str, tuple[TimedCall, list[Told]]], list[str]]:
    """The events of each call by recording_id, and the names of calls that are not stored."""
    out: dict[str, tuple[TimedCall, list[Told]]] = {}
    unknown: dict[str, None] = {}
    for one in told:
        if not one.names:
            raise UsageError("an event without a call", where=one.where, allowed="a file or a call_ref")
        calls = next((named[name] for name in one.names if name in named), ())
        if len(calls) > 1:
            remedy = "name the recording's file, or its recording_id"
            raise UsageError(
                "several calls have this name", where=one.where, value=one.names[0], remedy=remedy
            )
        if calls:
            out.setdefault(calls[0].recording_id, (calls[0], []))[1].append(one)
        else:
            unknown[one.names[0]] = None
    return out, list(unknown)


def _merged(old: Sequence[TelephonyEvent], told: Iterable[Told], call: TimedCall) -> list[TelephonyEvent]:
    """The events of a call, uncorrected, each once however often it was delivered; by time."""
    before = [
        replace(
            event, at_s=None if event.at_s is None else round(event.at_s - event.offset_s, 3), offset_s=0.0
        )
        for event in old
    ]
    out = {_content(event): event for event in (*before, *(_event(one, call) for one in told))}
    return sorted(out.values(), key=lambda event: (event.at_s is None, event.at_s or 0.0, event.event))


def _content(event: TelephonyEvent) -> tuple[object, ...]:
    at = event.told_at or event.at_s
    return event.event, event.party, event.value, event.source, at


def _event(told: Told, call: TimedCall) -> TelephonyEvent:
    """An event by the telephone system's clock."""
    at_s, told_at = None, None
    if isinstance(told.at, datetime):
        if call.started_at is None:
            raise UsageError(
                "an instant in a call whose start is not known",
                where=told.where,
                value=told.at.isoformat(),
                remedy="give started_at in the call's metadata",
            )
        told_at = told.at
        at_s = (told.at - call.started_at) / timedelta(seconds=1)
    elif told.at is not None:
        at_s = told.at
    _check_inside(told, at_s, call)
    return TelephonyEvent(
        recording_id=call.recording_id,
        at_s=at_s if at_s is None else round(at_s, 3),
        event=told.event,
        party=told.party,
        value=told.value,
        source=told.source,
        told_at=told_at,
        offset_from="assumed" if told_at else "given",
    )


def _check_inside(told: Told, at_s: float | None, call: TimedCall) -> None:
    """Raise UsageError for an event outside its call by more than clocks differ."""
    if at_s is None or call.duration_s is None:
        return
    last_s = call.duration_s + MAX_OFFSET_S
    if (at_s < -MAX_OFFSET_S and told.event not in EARLY) or (at_s > last_s and told.event != "drop"):
        side = "before" if at_s < 0 else "after"
        raise UsageError(
            f"an event {side} the call",
            where=told.where,
            value=f"{told.event} at {at_s:.1f} s",
            allowed=f"0 to {call.duration_s:.1f} s, clocks may differ by {MAX_OFFSET_S:.0f} s",
            remedy="see that started_at, its time zone and the name of the call are right",
        )


def _on_its_clock(events: Sequence[TelephonyEvent], sounds: Pairs, holds: Pairs) -> list[TelephonyEvent]:
    """The events with their times corrected, where the sound shows by how much."""
    told = _told_holds(event for event in events if event.told_at is not None)
    offset_s = clock_offset(told, sounds, holds) if told else None
    if offset_s is None:
        return list(events)
    return [
        event
        if event.told_at is None or event.at_s is None
        else replace(event, at_s=round(event.at_s + offset_s, 3), offset_s=offset_s, offset_from="sound")
        for event in events
    ]


def _told_holds(events: Iterable[TelephonyEvent]) -> list[tuple[float, float | None]]:
    """Holds by the telephone system's clock; the end is None where the next event is another hold."""
    out: list[tuple[float, float | None]] = []
    for event in events:
        if event.at_s is None:
            continue
        if event.event == "hold":
            out.append((event.at_s, None))
        elif event.event == "unhold" and out and out[-1][1] is None:
            out[-1] = (out[-1][0], event.at_s)
    return out
