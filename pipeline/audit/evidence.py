"""Evidence packs: everything that stands behind one finding, in a folder that needs no program to read.

A pack holds `evidence.json` (all of it), `index.html` (the same to read, without network), `rule.toml` (the
rule as it judged) and `clip.wav` (the sound, if the recording is still where it was and unchanged).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pipeline import __version__
from pipeline.audio.legs import Joining
from pipeline.audit.clip import AROUND_S, MAX_CLIP_S, Clip, Source, cut_clip
from pipeline.audit.lookup import find_recording
from pipeline.audit.nearest import nearest_miss
from pipeline.audit.page import page
from pipeline.audit.reveal import Opening
from pipeline.errors import RecordingError, UsageError
from pipeline.masking.hide import is_sealed, opened
from pipeline.phrases.confidence import WordConfidence, mean_probability
from pipeline.records import Activity, Mask, Sound, Turn, Word
from pipeline.report.text import as_dicts, as_json
from pipeline.sealing.keys import KeyFile
from pipeline.settings import RAW_CODECS, AudioSettings
from pipeline.spans import Span, covered_s, union
from pipeline.store import Connection, ask
from pipeline.store.one_call import hidden_stretches, read_call
from pipeline.store.scorecard import read_rule, shown_text

FORMAT = "earwitness evidence 1"
DOCUMENT, PAGE, RULE, CLIP = "evidence.json", "index.html", "rule.toml", "clip.wav"

R = TypeVar("R", Word, Turn, Activity)


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingCase:
    """What the store has about a finding; the mappings are rows of the tables they are named for.

    `rule` is None when the store does not have the version that judged.
    """

    recording: Mapping[str, Any]
    call: Mapping[str, Any]
    analysis: Mapping[str, Any]
    finding: Mapping[str, Any]
    rule: Mapping[str, Any] | None
    words: tuple[Word, ...]
    turns: tuple[Turn, ...]
    activities: tuple[Activity, ...]
    files: tuple[Mapping[str, Any], ...] = ()
    hidden: tuple[Mask | Sound, ...] = ()
    """What is not to be heard."""

    @property
    def span(self) -> Span | None:
        """The evidence, or the window that was searched; None when there was nothing to judge."""
        if self.finding["start_s"] is None:
            return None
        return Span(self.finding["start_s"], self.finding["end_s"])

    @property
    def written(self) -> Mapping[str, Any]:
        """The keys of the rule as it was written; none when its text is not known."""
        return read_rule(self.rule["text"], self.rule["overlay"]) if self.rule else {}

    @property
    def why(self) -> str | None:
        """Why it was judged so in a word or two, such as late; None where the verdict says all."""
        detail = self.finding["detail"]
        why: str | None = detail.get("reason") or detail.get("status")
        return why

    @property
    def missing(self) -> bool:
        """Whether the finding is about a phrase that was not said.

        For rules about holds the quote, if any, is what was said instead.
        """
        return self.finding["basis"] == "absence" and self.finding["verdict"] in {"fail", "not_determinable"}


def write_pack(
    connection: Connection, call: str, rule_id: str, out: Path, clear: Opening | None = None
) -> tuple[str, ...]:
    """Write the pack of the finding of `rule_id` in `call` into the new folder `out`.

    What is masked stays so, in words and sound, unless `clear` says why not.

    `call` is a recording_id or its first digits, a call_ref or a file's name. Returns what the reader has
    to know, such as why there is no clip. Raises UsageError for an unknown or ambiguous call, one in
    quarantine, a rule without a finding, and a folder that has something in it.
    """
    case = find_case(connection, find_recording(connection, call), rule_id)
    if clear is not None:
        case = in_clear(connection, case, clear.keys)
        clear.trail.note("evidence", [case.recording["recording_id"]], f"evidence of {rule_id}", clear.reason)
    with new_folder(out) as folder:
        return put_pack(case, folder)


def put_pack(case: FindingCase, folder: Path) -> tuple[str, ...]:
    """Write a pack into a folder that exists; returns what the reader has to know."""
    clip, notes = _clip(case)
    if case.rule is None:
        notes += ("The store does not have the text of the rule's version that judged.",)
    document = describe(case, clip, notes)
    (folder / DOCUMENT).write_text(as_json(document) + "\n", encoding="utf-8")
    rule = case.rule
    text = shown_text(rule["rule_id"], rule["text"], rule["overlay"]) if rule else None
    (folder / PAGE).write_text(page(document, text), encoding="utf-8")
    if text is not None:
        (folder / RULE).write_text(text, encoding="utf-8")
    if clip:
        (folder / CLIP).write_bytes(clip.wav)
    return notes


def find_case(connection: Connection, recording_id: str, rule_id: str) -> FindingCase:
    """A finding with all that its evidence pack needs. Raises UsageError if the store does not have it."""
    (recording,) = _rows(connection, "recording", recording_id)
    if recording["status"] == "quarantined":
        what = "the recording is in quarantine, there are no findings"
        raise UsageError(what, where=recording["uri"], value=recording["error"])
    findings = {row["rule_id"]: row for row in _rows(connection, "finding", recording_id)}
    if rule_id not in findings:
        known = ", ".join(sorted(findings)) or "none, the call was not judged"
        raise UsageError("no finding of this rule", where=recording["uri"], value=rule_id, allowed=known)
    finding = findings[rule_id]
    key = {"rule_id": rule_id, "version": finding["rule_version"]}
    rules = as_dicts(ask(connection, "FROM rule WHERE rule_id = $rule_id AND rule_version = $version", key))
    (call,) = _rows(connection, "call", recording_id)
    (analysis,) = _rows(connection, "analysis", recording_id)
    return FindingCase(
        recording=recording,
        call=call | {"extra": json.loads(call["extra"])},
        analysis=analysis | {"settings": json.loads(analysis["settings"])},
        finding=finding | {"detail": json.loads(finding["detail"])},
        rule=rules[0] if rules else None,
        words=_records(connection, "word", Word, recording_id),
        turns=_records(connection, "turn", Turn, recording_id),
        activities=_records(connection, "activity", Activity, recording_id),
        files=files_of(connection, recording_id),
        hidden=hidden_stretches(connection, recording_id),
    )


def in_clear(connection: Connection, case: FindingCase, keys: KeyFile) -> FindingCase:
    """The case with its words, turns and quote in clear and nothing silent; UsageError without its key."""
    recording_id = case.recording["recording_id"]
    call = read_call(connection, recording_id)
    if is_sealed(call):
        call = opened(call, keys.find(recording_id))
    quotes = {finding.rule_id: finding.quote for finding in call.findings}
    return replace(
        case,
        finding={**case.finding, "quote": quotes[case.finding["rule_id"]]},
        words=tuple(sorted(call.words, key=lambda word: (word.start_s, word.end_s))),
        turns=call.turns,
        hidden=(),
    )


def files_of(connection: Connection, recording_id: str) -> tuple[Mapping[str, Any], ...]:
    """The rows of a recording's files, legs first and in the order of channels."""
    return tuple(sorted(_rows(connection, "recording_file", recording_id), key=_file_order))


def _file_order(file: Mapping[str, Any]) -> tuple[bool, int, str]:
    """Legs in the order of channels, then the others."""
    return file["leg_index"] is None, file["leg_index"] or 0, file["uri"]


def describe(case: FindingCase, clip: Clip | None, notes: Sequence[str]) -> dict[str, Any]:
    """The pack as one document, ready for JSON. Times are seconds from the start of the recording."""
    rule = {
        key: value for key, value in (case.rule or {}).items() if key not in {"text", "overlay", "active"}
    }
    return {
        "format": FORMAT,
        "made_at": datetime.now(UTC),
        "made_by": f"earwitness {__version__}",
        "finding": case.finding,
        "why": case.why,
        "rule": rule | {"text_file": RULE} if case.rule else None,
        "call": case.call,
        "recording": {"sha256": case.recording["recording_id"], **case.recording},
        "files": list(case.files),
        "phrase": _phrase(case),
        "searched": searched_in(case),
        "heard": _heard(case),
        "clip": _clip_document(case, clip),
        "analysis": case.analysis,
        "notes": list(notes),
    }


def deciding_words(case: FindingCase) -> tuple[Word, ...]:
    """The words of the quote: those inside the evidence by the speaker of its turn."""
    if case.finding["quote"] is None or case.span is None:
        return ()
    turn = next((turn for turn in case.turns if turn.turn_index == case.finding["turn_index"]), None)
    inside = [word for word in case.words if word.span.middle_s in case.span]
    if turn is None:
        return tuple(inside)
    speaker = (turn.role, turn.channel)
    return tuple(word for word in inside if (word.role, word.channel) == speaker)


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder to fill that becomes `out` when all went well; what is there already is never touched.

    Raises UsageError when `out` is a file or has something in it, or cannot be written.
    """
    part = out.absolute().with_name(f".{out.absolute().name}.part")
    try:
        if out.exists() and not (out.is_dir() and not any(out.iterdir())):
            remedy = "give another folder, or remove it first"
            raise UsageError("there is something already", where=out, remedy=remedy)
        part.mkdir(parents=True)
    except FileExistsError:
        remedy = "wait for the other run, or remove what a broken one left"
        raise UsageError("another run is writing there", where=part, remedy=remedy) from None
    except OSError as error:
        raise UsageError("cannot write the folder", where=out, value=error.strerror) from None
    try:
        yield part
        part.replace(out)
    except OSError as error:
        raise UsageError("cannot write the folder", where=out, value=error.strerror) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _clip(case: FindingCase) -> tuple[Clip | None, tuple[str, ...]]:
    """The clip with the evidence, or the reason why there is no clip."""
    if case.span is None:
        return None, ("No clip: the rule had nothing to judge in this call.",)
    try:
        clip = cut_clip(source_of(case.recording, case.files, case.hidden), case.span)
    except RecordingError as error:
        return None, (f"No clip: {error}",)
    if clip.span.end_s < min(case.span.end_s, case.recording["duration_s"]):
        return clip, (f"The clip holds the first {MAX_CLIP_S:.0f} s of what was searched.",)
    return clip, ()


def source_of(
    recording: Mapping[str, Any], files: Sequence[Mapping[str, Any]], hidden: Sequence[Mask | Sound]
) -> Source:
    """The sound of a recording, given its row and those of its files, silent where something is `hidden`."""
    return Source(
        path=Path(recording["uri"]),
        recording_id=recording["recording_id"],
        legs=tuple(Path(file["uri"]) for file in files if file["part"] == "leg"),
        joining=Joining.noted(recording["error"]),
        settings=_headerless_settings(recording),
        hidden=tuple(hidden),
    )


def _headerless_settings(recording: Mapping[str, Any]) -> AudioSettings:
    """The settings with which a recording without a header was read, which only its row has kept."""
    coding = recording["container"]
    if coding not in RAW_CODECS:
        return AudioSettings()
    suffix = Path(recording["uri"]).suffix.removeprefix(".")
    raw = {suffix: f"{coding} {recording['sample_rate_hz']} {recording['channels']}"}
    return AudioSettings(raw=raw)


def _clip_document(case: FindingCase, clip: Clip | None) -> dict[str, Any] | None:
    if clip is None:
        return None
    roles = {activity.channel: activity.role for activity in case.activities if activity.role != "ivr"}
    return {
        "file": CLIP,
        "sha256": clip.sha256,
        "start_s": clip.span.start_s,
        "end_s": clip.span.end_s,
        "channels": [
            roles.get(channel, "unknown") if clip.channels > 1 else "both" for channel in range(clip.channels)
        ],
    }


def _phrase(case: FindingCase) -> dict[str, Any] | None:
    """The words that decided, with their probabilities and their share of activity."""
    words = deciding_words(case)
    if not words:
        return None
    return {
        "quote": case.finding["quote"],
        "start_s": words[0].start_s,
        "end_s": max(word.end_s for word in words),
        "mean_probability": mean_probability(words),
        "activity_support": WordConfidence(case.words, case.activities).support(words),
        "words": [asdict(word) for word in words],
    }


def searched_in(case: FindingCase) -> dict[str, Any] | None:
    """For a phrase that was not said: the window, its speech, the part understood, the nearest phrase."""
    span = case.span
    if span is None or not case.missing:
        return None
    roles = (*case.written.get("roles", ()), "unknown")
    words = [word for word in case.words if word.role in roles and word.span.middle_s in span]
    speech = union(activity.span for activity in case.activities if activity.role in roles)
    examples = case.written.get("examples", {})
    near = nearest_miss(words, [text for role in roles for text in examples.get(role, {}).get("match", ())])
    return {
        "start_s": span.start_s,
        "end_s": span.end_s,
        "roles": roles,
        "speech_s": covered_s(span, speech),
        "speech_ratio": covered_s(span, speech) / span.duration_s if span else None,
        "words": len(words),
        "mean_probability": mean_probability(words),
        "nearest_miss": near
        and {
            "text": near.text,
            "start_s": near.words[0].start_s,
            "end_s": near.words[-1].end_s,
            "like": near.example,
            "similarity": near.similarity,
        },
    }


def _heard(case: FindingCase) -> list[dict[str, Any]]:
    """Every word in and around the evidence, in order of time."""
    if case.span is None:
        return []
    around = case.span.padded(AROUND_S)
    decided = {word.word_index for word in deciding_words(case)}
    words = sorted((word for word in case.words if word.span & around), key=lambda word: word.start_s)
    return [asdict(word) | {"decides": word.word_index in decided} for word in words]


def _rows(connection: Connection, table: str, recording_id: str, order: str = "ALL") -> list[dict[str, Any]]:
    sql = f"FROM {table} WHERE recording_id = ? ORDER BY {order}"
    return as_dicts(ask(connection, sql, [recording_id]))


def _records(connection: Connection, table: str, record: type[R], recording_id: str) -> tuple[R, ...]:
    """The rows of a recording as records, in order of time."""
    names = {field.name for field in fields(record)}
    rows = _rows(connection, table, recording_id, "start_s, end_s")
    return tuple(record(**{name: value for name, value in row.items() if name in names}) for row in rows)
