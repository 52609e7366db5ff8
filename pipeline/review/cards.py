"""The card of a finding: what a reviewer hears and reads, and what stays hidden until the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import urlencode

from pipeline.audit.evidence import FindingCase, deciding_words
from pipeline.records import Verdict, Word
from pipeline.report.text import as_dicts
from pipeline.review.lanes import LANES, Lanes, lanes_of
from pipeline.review.questions import Question, question_of
from pipeline.review.sounds import AROUND_S, MORE_S, speech_in
from pipeline.spans import Span
from pipeline.store import Connection, ask

_VERDICT = """
SELECT
    finding.verdict,
    finding.rule_version,
    coalesce(finding.detail ->> 'reason', finding.detail ->> 'status') AS why,
    finding.confidence,
    rule.title,
    rule.text,
    rule.overlay
FROM finding
LEFT JOIN rule ON rule.rule_id = finding.rule_id AND rule.rule_version = finding.rule_version
WHERE finding.recording_id = $recording_id AND finding.rule_id = $rule_id
"""

LONGEST_S = 300.0
"""A longer window is cut off here, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The words of one turn in a clip; `letter` says who speaks, A for the agent and C for the customer."""

    letter: str
    role: str
    start_s: float
    words: tuple[tuple[str, bool], ...]
    """Each word, and whether it decided; nothing is marked while the verdict is hidden."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A finding to judge. `case` holds the verdict: templates show it where `shown` says so only."""

    case: FindingCase
    question: Question
    window: Span | None
    parts: tuple[Span, ...]
    lanes: Lanes
    lines: tuple[Line, ...]
    more: int
    pauses: bool
    shown: bool

    @property
    def recording_id(self) -> str:
        """64 hex digits."""
        return str(self.case.recording["recording_id"])

    @property
    def heard_s(self) -> float:
        """Length of the clip in seconds."""
        return sum(part.duration_s for part in self.parts)

    @property
    def left_out_s(self) -> float:
        """Pauses that the clip leaves out, in seconds."""
        return (self.window.duration_s - self.heard_s) if self.window else 0.0

    @property
    def sound(self) -> str | None:
        """The address of the clip, which says nothing of the verdict; None where there is nothing to hear."""
        if self.window is None:
            return None
        values = {"from": f"{self.window.start_s:.2f}", "to": f"{self.window.end_s:.2f}"}
        if len(self.parts) > 1 or self.left_out_s > 0:
            values["speech"] = "1"
        return f"/sound/{self.recording_id}.wav?{urlencode(values)}"


def card_of(
    case: FindingCase, *, shown: bool, more: int = 0, pauses: bool | None = None, evidence: bool = False
) -> Card:
    """The card of a finding; `more` widens the clip by 10 s each, `evidence` narrows it to the words.

    Pauses are left out of a window that was searched, unless `pauses` says otherwise.
    """
    window = _window(case, more, evidence)
    with_pauses = not case.missing if pauses is None else pauses
    parts: tuple[Span, ...] = ()
    if window is not None:
        speech = [activity.span for activity in case.activities]
        parts = (window,) if with_pauses else speech_in(window, speech)
    return Card(
        case=case,
        question=question_of(case.rule),
        window=window,
        parts=parts,
        lanes=lanes_of(case, parts, shown=shown),
        lines=_lines(case, window, marked=shown),
        more=more,
        pauses=with_pauses,
        shown=shown,
    )


def _window(case: FindingCase, more: int, evidence: bool) -> Span | None:
    """What is heard: the evidence with some seconds around it, or the window that was searched.

    A finding without either is heard from the call's start: what is asked may still be answered.
    """
    duration_s = case.recording["duration_s"] or 0.0
    span = case.span or Span(0.0, min(duration_s, LONGEST_S))
    around_s = 0.0 if case.missing or evidence else AROUND_S
    span = span.padded(around_s + more * MORE_S) & Span(0.0, duration_s)
    span = Span(span.start_s, min(span.end_s, span.start_s + LONGEST_S))
    return span or None


def _lines(case: FindingCase, window: Span | None, *, marked: bool) -> tuple[Line, ...]:
    if window is None:
        return ()
    decided = {word.word_index for word in deciding_words(case)} if marked else set()
    inside = [word for word in case.words if word.span.middle_s in window]
    in_turns = sorted(inside, key=lambda word: (word.turn_index, word.word_index))
    lines = [_line(tuple(words), decided) for _, words in groupby(in_turns, key=lambda word: word.turn_index)]
    return tuple(sorted(lines, key=lambda line: line.start_s))


def _line(words: Sequence[Word], decided: set[int]) -> Line:
    first = words[0]
    return Line(
        letter=LANES[first.role],
        role=first.role,
        start_s=first.start_s,
        words=tuple((word.text.strip(), word.word_index in decided) for word in words),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The program's verdict, to be told after the answer, and the question that was answered."""

    verdict: Verdict
    rule_version: str
    why: str | None
    confidence: float | None
    question: Question


def find_verdict(connection: Connection, recording_id: str, rule_id: str) -> Told | None:
    """The verdict of a finding without its evidence; None where it left the store."""
    rows = as_dicts(ask(connection, _VERDICT, {"recording_id": recording_id, "rule_id": rule_id}))
    if not rows:
        return None
    row = rows[0]
    return Told(
        verdict=row["verdict"],
        rule_version=row["rule_version"],
        why=row["why"],
        confidence=row["confidence"],
        question=question_of(row if row["text"] is not None else None),
    )
