"""Subtitles: WebVTT (W3C) with voices and word times, and SubRip (SRT).

Both have a cue for each sentence and each hold, in order of their starts; cues of both sides may overlap.
"""

from __future__ import annotations

from itertools import chain

from pipeline import __version__
from pipeline.export.words import Cue, cues, file_id, one_line, to_ms
from pipeline.records import CallAnalysis, Role

_LABELS: dict[Role, str] = {
    "agent": "Agent",
    "customer": "Customer",
    "ivr": "Announcement",
    "unknown": "Speaker",
}
_HOUR_MS, _MINUTE_MS, _SECOND_MS = 3_600_000, 60_000, 1000


def webvtt(analysis: CallAnalysis) -> str:
    """The call as WebVTT: `<v.agent Agent (Dana)>`, each word with its time, holds as `<c.hold>`."""
    digits = analysis.recording.recording_id
    blocks = [
        f"WEBVTT - {file_id(analysis)}",
        f"NOTE made by earwitness {__version__} from sha256 {digits}; times are those of the recording",
    ]
    for number, cue in enumerate(cues(analysis), start=1):
        times = f"{_stamp(cue.start_ms, '.')} --> {_stamp(cue.end_ms, '.')}"
        blocks.append(f"{number}\n{times}\n{_payload(cue, analysis)}")
    return "\n\n".join(blocks) + "\n"


def srt(analysis: CallAnalysis) -> str:
    """The call as SubRip, each cue with who speaks: `Agent: Hi, this is Dana.`."""
    blocks = []
    for number, cue in enumerate(cues(analysis), start=1):
        times = f"{_stamp(cue.start_ms, ',')} --> {_stamp(cue.end_ms, ',')}"
        text = cue.text.replace("-->", "->")  # the format has no way to escape
        blocks.append(f"{number}\n{times}\n{_LABELS[cue.role] + ': ' if cue.role else ''}{text}\n")
    return "\n".join(blocks)


def _payload(cue: Cue, analysis: CallAnalysis) -> str:
    if cue.role is None:
        return f"<c.hold>{_escaped(cue.text)}</c>"
    first, *others = cue.words
    text = [_escaped(first.text)]
    last_ms = cue.start_ms
    for word in others:
        at_ms = to_ms(word.start_s)
        # Times inside a cue must rise and lie strictly between its start and its end.
        if last_ms < at_ms < cue.end_ms:
            text.append(f"<{_stamp(at_ms, '.')}>")
            last_ms = at_ms
        text.append(_escaped(word.text))
    spoken = "".join(chain.from_iterable((part, "" if part.startswith("<") else " ") for part in text))
    return f"<v.{cue.role} {_voice(cue.role, analysis)}>{spoken.rstrip()}</v>"


def _voice(role: Role, analysis: CallAnalysis) -> str:
    name = one_line(analysis.call.agent_name or "") if role == "agent" else ""
    return _escaped(f"{_LABELS[role]} ({name})" if name else _LABELS[role])


def _escaped(text: str) -> str:
    return one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _stamp(time_ms: int, point: str) -> str:
    hours, rest = divmod(time_ms, _HOUR_MS)
    minutes, rest = divmod(rest, _MINUTE_MS)
    seconds, millis = divmod(rest, _SECOND_MS)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{point}{millis:03d}"
