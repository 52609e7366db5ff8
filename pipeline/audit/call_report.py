"""What the report of one call says: verdicts, timeline, transcript, measures, and how it was made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from pipeline.audit.evidence import find_case, searched_in
from pipeline.records import CallAnalysis, Finding, Metric, Role, Turn, Word
from pipeline.report.text import as_dicts, clock
from pipeline.report.timeline import Mark, Timeline, timeline_of
from pipeline.rules import CallContext
from pipeline.store import Connection, ask

SHORT_S = 2.0
"""A shorter window is told by its start alone."""
UNSURE = 0.5
"""Words below this probability are shown as unsure."""
SIGNS = {"fail": "✕", "not_determinable": "?", "pass": "✓", "not_applicable": "–"}  # noqa: RUF001 - a dash
"""What stands before a verdict, beside its word."""
_WORST_FIRST = tuple(SIGNS)
_NOTICE = "recording_disclosure"

_MAIN = (
    *("talk_ratio", "talk_time", "hold_count", "hold_time", "interruptions", "backchannels"),
    *("dead_air_count", "dead_air_time", "silence_time", "response_latency_median", "speech_rate"),
)
_THRESHOLDS = {
    ("holds", "min_s"): "hold from",
    ("overlaps", "min_s"): "overlap from",
    ("silences", "min_s"): "silence from",
    ("rules", "disclosure_deadline_s"): "recording notice within",
}
_SCORES = "SELECT score, value, points, points_possible, fatal_fails FROM call_score WHERE recording_id = ?"
_RULES = """
SELECT rule_id, title, score, weight, fatal FROM finding JOIN rule USING (rule_id, rule_version)
WHERE recording_id = ?
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A finding in words; `start_s` is where to listen, None where there is nothing to hear."""

    rule_id: str
    title: str
    verdict: str
    sign: str
    says: str
    quote: str | None
    start_s: float | None
    end_s: float | None
    score: str
    weight: float
    fatal: bool

    @property
    def name(self) -> str:
        """The verdict's word."""
        return self.verdict.replace("_", " ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A turn with its words, or a stretch in which nobody of the call speaks (`note`)."""

    start_s: float
    role: Role | None
    words: tuple[Word, ...] = ()
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallReport:
    """A call as its page shows it."""

    analysis: CallAnalysis
    name: str
    verdicts: tuple[Verdict, ...]
    scores: tuple[Mapping[str, Any], ...]
    timeline: Timeline
    lines: tuple[Line, ...]
    metrics: tuple[Metric, ...]
    clear: bool

    @property
    def main_metrics(self) -> tuple[Metric, ...]:
        """The measures that most people ask for, those of the agent and the customer."""
        wanted = [one for one in self.metrics if one.name in _MAIN and one.role != "ivr"]
        return tuple(sorted(wanted, key=lambda one: (_MAIN.index(one.name), one.role or "")))

    @property
    def thresholds(self) -> tuple[tuple[str, float], ...]:
        """The settings that events were found with, in seconds, as far as the call has them stored."""
        given = self.analysis.run.settings if self.analysis.run else {}
        return tuple(
            (name, float(given[section][key]))
            for (section, key), name in _THRESHOLDS.items()
            if key in given.get(section, {})
        )

    @property
    def mattering(self) -> tuple[Verdict, ...]:
        """The verdicts that somebody should look at, the worst first."""
        return tuple(one for one in self.verdicts if one.verdict in {"fail", "not_determinable"})

    @property
    def passed(self) -> tuple[Verdict, ...]:
        """The rules that were kept."""
        return tuple(one for one in self.verdicts if one.verdict == "pass")


def call_report(connection: Connection, analysis: CallAnalysis, *, clear: bool = False) -> CallReport:
    """The report of a call as it is given; `clear` says that its masked words are in clear."""
    recording_id = analysis.recording.recording_id
    rules = {row["rule_id"]: row for row in as_dicts(ask(connection, _RULES, [recording_id]))}
    order = sorted(
        analysis.findings,
        key=lambda one: (
            _WORST_FIRST.index(one.verdict),
            -_weight(rules, one.rule_id)[0],
            -_weight(rules, one.rule_id)[1],
            one.start_s or 0.0,
        ),
    )
    missing = {one.rule_id: _searched(connection, recording_id, one) for one in order if _is_missing(one)}
    verdicts = tuple(_verdict(one, rules.get(one.rule_id, {}), missing.get(one.rule_id)) for one in order)
    return CallReport(
        analysis=analysis,
        name=analysis.call.call_ref or PurePosixPath(analysis.recording.uri).stem,
        verdicts=verdicts,
        scores=tuple(as_dicts(ask(connection, _SCORES, [recording_id]))),
        timeline=timeline_of(analysis, _marks(analysis, verdicts, missing)),
        lines=tuple(_lines(analysis)),
        metrics=tuple(sorted(analysis.metrics, key=lambda one: (one.name, one.role or ""))),
        clear=clear,
    )


def _weight(rules: Mapping[str, Mapping[str, Any]], rule_id: str) -> tuple[bool, float]:
    rule = rules.get(rule_id, {})
    return bool(rule.get("fatal")), float(rule.get("weight") or 0.0)


def _is_missing(finding: Finding) -> bool:
    return finding.basis == "absence" and finding.verdict in {"fail", "not_determinable"}


def _searched(connection: Connection, recording_id: str, finding: Finding) -> dict[str, Any] | None:
    return searched_in(find_case(connection, recording_id, finding.rule_id))


def _verdict(finding: Finding, rule: Mapping[str, Any], searched: Mapping[str, Any] | None) -> Verdict:
    return Verdict(
        rule_id=finding.rule_id,
        title=rule.get("title") or finding.rule_id,
        verdict=finding.verdict,
        sign=SIGNS[finding.verdict],
        says=_says(finding, searched),
        quote=finding.quote,
        start_s=finding.start_s,
        end_s=finding.end_s,
        score=rule.get("score") or "",
        weight=float(rule.get("weight") or 0.0),
        fatal=bool(rule.get("fatal")),
    )


def _says(finding: Finding, searched: Mapping[str, Any] | None) -> str:
    """Why it was judged so, in a sentence with times."""
    parts = []
    why = finding.detail.get("reason") or finding.detail.get("status")
    if why:
        parts.append(str(why).replace("_", " "))
    if searched is not None:
        short = searched["end_s"] - searched["start_s"] < SHORT_S
        window = clock(searched["start_s"]) if short else _times(searched["start_s"], searched["end_s"])
        heard = f"searched {window}, {searched['speech_s']:.0f} s of speech"
        near = searched["nearest_miss"]
        parts.append(heard + (f", nearest: “{near['text']}” at {clock(near['start_s'])}" if near else ""))
    elif finding.start_s is not None:
        parts.append(f"at {clock(finding.start_s)}")
    return "; ".join(parts)


def _times(start_s: float, end_s: float) -> str:
    return f"{clock(start_s)} to {clock(end_s)}"


def _marks(
    analysis: CallAnalysis,
    verdicts: Iterable[Verdict],
    missing: Mapping[str, Mapping[str, Any] | None],
) -> list[Mark]:
    """What verdicts add to the timeline: the notice, its deadline, and windows searched in vain.

    Only those of compliance rules are drawn: the windows of all others lie over each other.
    """
    marks = []
    for one in verdicts:
        if one.start_s is None or one.end_s is None:
            continue
        if one.rule_id == _NOTICE and one.rule_id not in missing:
            label = f"recording notice, {one.says}"
            marks.append(Mark(kind="notice", start_s=one.start_s, end_s=one.end_s, lane="marks", label=label))
        if missing.get(one.rule_id) and one.verdict == "fail" and one.score == "compliance":
            label = f"{one.title}: {one.says}"
            marks.append(
                Mark(kind="searched", start_s=one.start_s, end_s=one.end_s, lane="searched", label=label)
            )
    deadline_s = _deadline_s(analysis)
    if deadline_s is not None:
        label = f"deadline of the recording notice, {clock(deadline_s)}"
        marks.append(Mark(kind="deadline", start_s=deadline_s, end_s=deadline_s, lane="marks", label=label))
    return marks


def _deadline_s(analysis: CallAnalysis) -> float | None:
    """When the notice was due, in seconds of the recording; None where that is after its end."""
    notice = next((one for one in analysis.findings if one.rule_id == _NOTICE), None)
    within_s = notice.detail.get("deadline_s") if notice else None
    duration_s = analysis.recording.duration_s or 0.0
    conversation = CallContext(
        duration_s=duration_s,
        layout=analysis.recording.layout or "mono",
        words=(),
        turns=analysis.turns,
        activities=(),
        holds=analysis.holds,
    ).clock
    if within_s is None or conversation is None:
        return None
    due_s = conversation.later(conversation.start_s, float(within_s))
    return due_s if due_s < duration_s else None


def _lines(analysis: CallAnalysis) -> list[Line]:
    """Turns and holds in order of time; a turn without words is left out."""
    said: dict[int, list[Word]] = {}
    for word in analysis.words:
        if word.text:
            said.setdefault(word.turn_index, []).append(word)
    lines = [_line(turn, said[turn.turn_index]) for turn in analysis.turns if turn.turn_index in said]
    lines += [
        Line(
            start_s=hold.start_s,
            role=None,
            note=f"on hold {_times(hold.start_s, hold.end_s)}, {hold.kind}",
        )
        for hold in analysis.holds
    ]
    return sorted(lines, key=lambda line: line.start_s)


def _line(turn: Turn, words: Iterable[Word]) -> Line:
    return Line(start_s=turn.start_s, role=turn.role, words=tuple(words))
