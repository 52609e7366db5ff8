"""The logic `said_in_time`: said before the deadline and before the customer gives personal data.

Whoever takes over a transferred call may rely on what was said before, by anybody on the recording; so it
must have been said by then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pipeline.personal_data.find import PersonalData, find_personal_data
from pipeline.phrases.search import Match, find
from pipeline.records import Finding, Role, Verdict
from pipeline.rules.context import Clock, RuleContext, starts_mid_call
from pipeline.rules.load import Rule
from pipeline.rules.spec import SaidInTime
from pipeline.spans import Span

SLOT_TOKENS = 12
"""How far from the phrase its parts may lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inquiry:
    """A rule before a case: whose words count, and what limits the time for saying it.

    `data` is the first personal data given, `sure_data` the first that was heard well enough to decide;
    `taken_over_s` is when another agent first takes over the call.
    """

    hearing: RuleContext
    rule: Rule
    clock: Clock | None
    data: PersonalData | None
    sure_data: PersonalData | None
    taken_over_s: float | None

    @property
    def speakers(self) -> tuple[Role, ...]:
        """The rule's roles, and whoever cannot be told from them."""
        return (*self.rule.roles, "unknown")

    def said(self, group: str) -> tuple[Match, ...]:
        """What the speakers say of a group."""
        return find(self.hearing.transcript, self.rule.phrases[group], self.speakers)

    def time_s(self, at_s: float) -> float:
        """Conversation time; 0 without conversation."""
        return self.clock.at(at_s) if self.clock else 0.0

    def in_time(self, match: Match, data: PersonalData | None) -> bool:
        """Whether the phrase ends before `data`, before another agent takes over and by the deadline."""
        end_s = match.span.end_s
        if data is not None and end_s > data.start_s:
            return False
        if self.taken_over_s is not None and end_s > self.taken_over_s:
            return False
        return self.time_s(end_s) <= self.hearing.settings.disclosure_deadline_s


def said_in_time(hearing: RuleContext, rule: Rule, logic: SaidInTime) -> Finding:
    """The verdict with its evidence: see the pack's file for what counts.

    Where the phrase is found in speech whose speaker is unknown nothing can be determined; where nobody
    says it, nobody whose words count did either.
    """
    inquiry = _inquiry(hearing, rule)
    if inquiry.clock is None:
        return _unclear(inquiry, "nobody but an ivr speaks", None)
    said = inquiry.said(logic.said)
    known = [match for match in said if match.role != "unknown"]
    sure = [match for match in known if hearing.heard(match.words)]
    if in_time := [match for match in sure if inquiry.in_time(match, inquiry.data)]:
        return _finding(inquiry, "pass", "in_time", in_time[0])
    if in_time := [match for match in known if inquiry.in_time(match, inquiry.sure_data)]:
        return _unclear(inquiry, "not heard well enough", in_time[0])
    if unknown := [match for match in said if match.role == "unknown"]:
        return _unclear(inquiry, "speaker unknown", unknown[0])
    late = known[0] if known else None
    if fault := _opening_fault(inquiry, logic):
        return _unclear(inquiry, fault, late)
    if misheard := _misheard(inquiry, logic):
        return _unclear(inquiry, "the words that decide may have been misheard", misheard)
    if late:
        return _finding(inquiry, "fail", "late", late)
    if partial := inquiry.said(logic.partial):
        return _finding(inquiry, "fail", "partial", partial[0])
    return _finding(inquiry, "fail", "absent", None)


def _inquiry(hearing: RuleContext, rule: Rule) -> _Inquiry:
    data = find_personal_data(hearing.transcript, hearing.rules.personal_data)
    least = hearing.settings.min_phrase_probability
    completed = (transfer for transfer in hearing.case.transfers if transfer.kind == "completed")
    return _Inquiry(
        hearing=hearing,
        rule=rule,
        clock=hearing.case.clock,
        data=next(iter(data), None),
        sure_data=next((moment for moment in data if moment.confidence >= least), None),
        taken_over_s=next((transfer.end_s for transfer in completed), None),
    )


def _opening_fault(inquiry: _Inquiry, logic: SaidInTime) -> str | None:
    """Why the opening cannot be judged, if so."""
    if not _understood(inquiry):
        return "the opening was not understood"
    opening = inquiry.rule.phrases[logic.opening]
    return "the recording starts mid-call" if starts_mid_call(inquiry.hearing, opening) else None


def _misheard(inquiry: _Inquiry, logic: SaidInTime) -> Match | None:
    """What may have been the phrase, in time, but for a word the recogniser was not sure of."""
    if logic.misheard is None:
        return None
    least = inquiry.hearing.settings.sure_word_probability
    doubtful = (m for m in inquiry.said(logic.misheard) if min(w.probability for w in m.words) < least)
    return next((match for match in doubtful if inquiry.in_time(match, inquiry.sure_data)), None)


def _understood(inquiry: _Inquiry) -> bool:
    """Whether what the speakers say before the deadline was recognised; silence says nothing."""
    case, clock = inquiry.hearing.case, inquiry.clock
    start_s = clock.start_s if clock else 0.0
    until_s = clock.later(start_s, inquiry.hearing.settings.disclosure_deadline_s) if clock else 0.0
    early = Span(0.0, until_s)
    spoke = case.heard.said(inquiry.speakers, early)
    return bool(spoke) and inquiry.hearing.intelligible(inquiry.speakers, early)


def _unclear(inquiry: _Inquiry, reason: str, match: Match | None) -> Finding:
    finding = _finding(inquiry, "not_determinable", "unclear", match)
    return replace(finding, detail={**finding.detail, "reason": reason})


def _finding(inquiry: _Inquiry, verdict: Verdict, status: str, match: Match | None) -> Finding:
    case = inquiry.hearing.case
    # Without the phrase the whole call was searched: a late one would have been found too.
    span = match.span if match else Span(0.0, case.duration_s)
    return inquiry.rule.finding(
        verdict,
        span=span,
        turn_index=match.turn_index if match else None,
        quote=match.quote if match else None,
        confidence=match.probability if match else case.heard.probability(inquiry.speakers, span),
        detail={
            "status": status,
            "slots": _slots(inquiry, match) if match else [],
            "said_by": match.role if match else None,
            "conversation_time_s": round(inquiry.time_s(span.end_s), 3) if match else None,
            "deadline_s": inquiry.hearing.settings.disclosure_deadline_s,
            "personal_data": _as_detail(inquiry.data),
            "taken_over_s": inquiry.taken_over_s,
        },
    )


def _slots(inquiry: _Inquiry, match: Match) -> list[str]:
    """The parts of the statement found in or beside the phrase."""

    def near(other: Match) -> bool:
        return (
            other.utterance == match.utterance
            and other.end > match.first - SLOT_TOKENS
            and other.first < match.end + SLOT_TOKENS
        )

    return [
        name
        for name, phrases in inquiry.rule.slots.items()
        if any(near(found) for found in find(inquiry.hearing.transcript, phrases, (match.role,)))
    ]


def _as_detail(data: PersonalData | None) -> dict[str, Any] | None:
    """Kind and time, never the value."""
    return {"kind": data.kind, "start_s": round(data.start_s, 3)} if data else None
