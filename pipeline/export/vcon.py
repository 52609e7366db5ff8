"""A call as a vCon (draft-ietf-vcon-vcon-core, syntax 0.4.0): parties, dialog, transcript and findings.

What was found is an analysis by this program, never an attachment of consent: a notice that was heard is not
a consent that was given. Telephone numbers, identifiers and the address of the file are left out. The history
of the parties has the events that the telephone system gave; what was heard is among the findings.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

from pipeline import __version__
from pipeline.errors import UsageError
from pipeline.export.words import file_id, to_ms, words_by_turn
from pipeline.records import CallAnalysis, Pairs, TelephonyEvent, Word
from pipeline.report.text import as_json

SYNTAX = "0.4.0"
FINDINGS_SCHEMA = "earwitness-findings-1"
TRANSCRIPT_SCHEMA = "wtf_transcription"
AGENT, CUSTOMER = 0, 1
"""The places of the parties."""
_HISTORY = frozenset({"join", "drop", "hold", "unhold", "mute", "unmute"})
_SPEAKERS = {"agent": AGENT, "customer": CUSTOMER}
_MEDIA_TYPES = {
    "wav": "audio/x-wav",
    "mp3": "audio/x-mp3",
    "mp4": "audio/x-mp4",
    "m4a": "audio/x-mp4",
    "ogg": "audio/ogg",
    "webm": "audio/webm",
    "flac": "audio/flac",
}
"""By container, as the draft names them where it does."""
_PRODUCT = {"vendor": "Earwitness", "product": f"earwitness {__version__}"}


def vcon(analysis: CallAnalysis, told: Sequence[TelephonyEvent] = ()) -> str:
    """The call as a vCon in JSON, with what the telephone system `told` of it as history of the parties.

    Raises UsageError without a start of the call, which a vCon must have and which is not to be made up.
    """
    if analysis.call.started_at is None:
        raise UsageError(
            "a vCon needs the start of the call",
            where=analysis.recording.uri,
            value=None,
            allowed="an instant in started_at",
            remedy="give it in the metadata and analyse the folder once more",
        )
    made_at = datetime.now(UTC)
    analyses = [_report(analysis)]
    if any(True for _ in _segments(analysis)):
        analyses.insert(0, _transcript(analysis, made_at))
    out = {
        "vcon": SYNTAX,
        "uuid": str(_uuid8(f"{analysis.recording.recording_id} {made_at.isoformat()}")),
        "created_at": made_at.isoformat(timespec="milliseconds"),
        "extensions": ["CC", TRANSCRIPT_SCHEMA],
        "subject": file_id(analysis),
        "parties": _parties(analysis),
        "dialog": [_dialog(analysis, analysis.call.started_at, told)],
        "analysis": analyses,
        "attachments": [],
    }
    return as_json(out) + "\n"


def _uuid8(text: str) -> uuid.UUID:
    """A UUID of version 8 (RFC 9562) that holds the start of the text's sha256."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")
    number = number & ~(0xF << 76) | 8 << 76
    return uuid.UUID(int=number & ~(0x3 << 62) | 2 << 62)


def _parties(analysis: CallAnalysis) -> list[dict[str, Any]]:
    agent: dict[str, Any] = {"role": "agent", "type": "person"}
    if analysis.call.agent_name:
        agent |= {"name": analysis.call.agent_name, "validation": "none"}
    customer = {"name": "anonymous", "role": "customer", "type": "person"}
    return [agent, customer]


def _dialog(analysis: CallAnalysis, started_at: datetime, told: Sequence[TelephonyEvent]) -> dict[str, Any]:
    recording, call = analysis.recording, analysis.call
    customer_first = analysis.run is not None and analysis.run.agent_channel == 1
    out: dict[str, Any] = {
        "type": "recording",
        "start": _instant(started_at, 0.0),
        "duration": recording.duration_s,
        "parties": [CUSTOMER, AGENT] if customer_first else [AGENT, CUSTOMER],
        "filename": PurePosixPath(recording.uri).name,
    }
    if (media_type := _MEDIA_TYPES.get(recording.container or "")) is not None:
        out["mediatype"] = media_type
    if call.direction is not None:
        out["originator"] = CUSTOMER if call.direction == "inbound" else AGENT
    if call.call_ref is not None:
        out |= {"interaction_type": "voice", "interaction_id": call.call_ref}
    if call.queue is not None:
        out["skill"] = call.queue
    if history := _history(call.holds or (), told):
        out["party_history"] = [
            {"party": party, "time": _instant(started_at, at_s), "event": event}
            for at_s, event, party in history
        ]
    return out


def _history(holds: Pairs, told: Sequence[TelephonyEvent]) -> list[tuple[float, str, int]]:
    """Time in seconds, event and party: as imported, else the holds of the metadata.

    Keys are left out: which one was pressed is not kept, and the form wants it.
    """
    imported = [
        (event.at_s, event.event, _SPEAKERS.get(event.party or "customer", CUSTOMER))
        for event in told
        if event.at_s is not None and event.event in _HISTORY
    ]
    if imported:
        return imported
    return [
        (at_s, event, CUSTOMER)
        for pair in holds
        for at_s, event in zip(pair, ("hold", "unhold"), strict=True)
    ]


def _instant(started_at: datetime, at_s: float) -> str:
    return (started_at + timedelta(seconds=at_s)).astimezone(UTC).isoformat(timespec="milliseconds")


def _transcript(analysis: CallAnalysis, made_at: datetime) -> dict[str, Any]:
    """The words in the World Transcription Format; times are seconds, confidences 0 to 1."""
    segments = list(_segments(analysis))
    words = [word for _, said in words_by_turn(analysis) for word in said]
    body = {
        "transcript": {
            "text": " ".join(str(segment["text"]) for segment in segments),
            "language": analysis.recording.language or "und",
            "duration": analysis.recording.duration_s,
            "confidence": _mean_probability(words),
        },
        "segments": segments,
        "words": [
            {
                "id": number,
                **_times(word.start_s, word.end_s),
                "text": word.text,
                "confidence": word.probability,
                **_speaker(word.role),
            }
            for number, word in enumerate(words)
        ],
        "metadata": {
            "created_at": made_at.isoformat(timespec="milliseconds"),
            "processed_at": analysis.run.started_at.isoformat(timespec="milliseconds")
            if analysis.run
            else None,
            "provider": "whisper",
            "model": analysis.run.asr_model if analysis.run else "unknown",
        },
    }
    return _analysis("transcript", TRANSCRIPT_SCHEMA, body)


def _segments(analysis: CallAnalysis) -> Iterator[dict[str, Any]]:
    """A segment for each turn with words; `words` are the places of its words among all."""
    first = 0
    for number, (turn, said) in enumerate(one for one in words_by_turn(analysis) if one[1]):
        yield {
            "id": number,
            **_times(turn.start_s, turn.end_s),
            "text": turn.text,
            "confidence": _mean_probability(said),
            **_speaker(turn.role),
            "words": list(range(first, first + len(said))),
        }
        first += len(said)


def _times(start_s: float, end_s: float) -> dict[str, float]:
    """Start and end, at least 1 ms apart: readers refuse stretches without length."""
    start_ms = to_ms(start_s)
    return {"start": start_ms / 1000, "end": max(start_ms + 1, to_ms(end_s)) / 1000}


def _speaker(role: str) -> dict[str, int]:
    """The party that has this role; none for announcements and unknown speakers."""
    return {"speaker": _SPEAKERS[role]} if role in _SPEAKERS else {}


def _mean_probability(words: list[Word] | tuple[Word, ...]) -> float:
    return round(sum(word.probability for word in words) / len(words), 3)


def _report(analysis: CallAnalysis) -> dict[str, Any]:
    """Findings and heard events; times are seconds from the start of the recording."""
    run = analysis.run
    body = {
        "recording": {"sha256": analysis.recording.recording_id, "layout": analysis.recording.layout},
        "rules_version": run and run.rules_version,
        "settings_hash": run and run.settings_hash,
        "findings": [
            {
                **asdict(finding),
                "status": finding.detail.get("status"),
                **_speaker(_role_of(analysis, finding.turn_index)),
            }
            for finding in analysis.findings
        ],
        "holds_heard": [asdict(hold) for hold in analysis.holds],
        "overlaps": [asdict(overlap) for overlap in analysis.overlaps],
        "metrics": [asdict(metric) for metric in analysis.metrics],
    }
    return _analysis("report", FINDINGS_SCHEMA, body)


def _role_of(analysis: CallAnalysis, turn_index: int | None) -> str:
    return next((turn.role for turn in analysis.turns if turn.turn_index == turn_index), "unknown")


def _analysis(kind: str, schema: str, body: dict[str, Any]) -> dict[str, Any]:
    form = {"schema": schema, "mediatype": "application/json", "encoding": "json"}
    return {"type": kind, "dialog": 0, **_PRODUCT, **form, "body": body}
