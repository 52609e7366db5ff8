"""The check `said_in_time`: said before the deadline and before the customer gives personal data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import Field

from pipeline.personal_data.find import PersonalData
from pipeline.phrases.lexicon import Text
from pipeline.phrases.search import Match, find
from pipeline.records import Basis, Finding, Verdict
from pipeline.rules.check import Check, Evidence, Part, Rule, rounded
from pipeline.rules.context import Clock, RuleContext
from pipeline.spans import Span

SLOT_TOKENS = 12
"""How far from the phrase its parts may lie."""

Status = Literal["in_time", "late", "partial", "absent", "unclear"]
_VERDICTS: Mapping[Status, Verdict] = {"in_time": "pass", "unclear": "not_determinable"}
"""The verdicts other than fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    """What limits the time for saying it.

    `data` is the first personal data given, `sure_data` the first that was recognised well enough to decide;
    `taken_over_s` is when another agent first takes over the call.
    """

    clock: Clock | None
    deadline_s: float
    data: PersonalData | None
    sure_data: PersonalData | None
    taken_over_s: float | None

    @classmethod
    def of(cls, context: RuleContext) -> _Limits:
        """The limits in a call."""
        data, least = context.personal_data, context.settings.min_phrase_probability
        completed = (transfer for transfer in context.call.transfers if transfer.kind == "completed")
        return cls(
            clock=context.call.clock,
            deadline_s=context.settings.disclosure_deadline_s,
            data=next(iter(data), None),
            sure_data=next((moment for moment in data if moment.confidence >= least), None),
            taken_over_s=next((transfer.end_s for transfer in completed), None),
        )

    def time_s(self, at_s: float) -> float:
        """Conversation time; 0 without conversation."""
        return self.clock.at(at_s) if self.clock else 0.0

    def allow(self, match: Match, data: PersonalData | None) -> bool:
        """Whether the phrase ends before `data`, before another agent takes over and by the deadline."""
        end_s = match.span.end_s
        if data is not None and end_s > data.start_s:
            return False
        if self.taken_over_s is not None and end_s > self.taken_over_s:
            return False
        return self.time_s(end_s) <= self.deadline_s


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What was found: its status, the phrase if there is one, and for `unclear` the reason."""

    status: Status
    match: Match | None = None
    reason: str | None = None


class SaidInTime(Check):
    """Said before the deadline and before the customer gives personal data.

    Whoever takes over a transferred call may rely on what was said before, by anybody on the recording; so it
    must have been said by then. Where the phrase is found in speech whose speaker is unknown nothing can be
    determined; where nobody says it, nobody whose words count did either. The deadline is the setting
    `rules.disclosure_deadline_s`.
    """

    reads: ClassVar[frozenset[Part]] = frozenset({"holds", "transfers"})
    bases: ClassVar[frozenset[Basis]] = frozenset({"phrase", "absence"})

    kind: Literal["said_in_time"]
    said: Text
    """Group of the phrases that count."""
    partial: Text
    """Group of the phrases that come near and do not count."""
    opening: Text
    """Group of the phrases with which calls begin: without one the recording may start mid-call."""
    misheard: Text | None = None
    """Group of the phrases with any word in the place that decides; they count where a word is improbable."""
    slots: dict[str, tuple[Text, ...]] = Field(min_length=1)
    """Parts of the statement that are reported where they are found."""

    def due_s(self, context: RuleContext) -> float | None:
        """The deadline, or before it the first personal data or another agent's taking over."""
        limits = _Limits.of(context)
        if limits.clock is None:
            return None
        deadline_s = limits.clock.later(limits.clock.start_s, limits.deadline_s)
        others = (limits.data.start_s if limits.data else None, limits.taken_over_s)
        return min([deadline_s, *(at_s for at_s in others if at_s is not None)])

    def groups(self) -> tuple[str, ...]:
        """The groups it uses."""
        return (self.said, self.partial, self.opening, *([self.misheard] if self.misheard else []))

    def slot_patterns(self) -> Mapping[str, tuple[str, ...]]:
        """The patterns of the statement's parts."""
        return self.slots

    def judge(self, context: RuleContext, rule: Rule) -> Finding:
        """The verdict, with the status, the parts found and what limited the time in the detail."""
        limits = _Limits.of(context)
        outcome = self._outcome(context, rule, limits)
        match = outcome.match
        if match:
            evidence = Evidence.of_match(match)
        else:
            # The whole call was searched: a late phrase would have been found too.
            evidence = Evidence.absent(context, rule.speakers, context.call.whole)
        detail = {
            "status": outcome.status,
            "slots": _slots(context, rule, match) if match else [],
            "said_by": match.role if match else None,
            "conversation_time_s": rounded(limits.time_s(match.span.end_s)) if match else None,
            "deadline_s": limits.deadline_s,
            "personal_data": _as_detail(limits.data),
            "taken_over_s": limits.taken_over_s,
            **({"reason": outcome.reason} if outcome.reason else {}),
        }
        return rule.finding(_VERDICTS.get(outcome.status, "fail"), evidence, detail)

    def _outcome(self, context: RuleContext, rule: Rule, limits: _Limits) -> _Outcome:
        """What of the statement was found, and whether that decides."""
        if limits.clock is None:
            return _Outcome(status="unclear", reason="nobody_speaks")
        said = find(context.transcript, rule.phrases[self.said], rule.speakers)
        known = [match for match in said if match.role != "unknown"]
        reliable = [match for match in known if context.reliable(match.words)]
        if in_time := [match for match in reliable if limits.allow(match, limits.data)]:
            return _Outcome(status="in_time", match=in_time[0])
        if in_time := [match for match in known if limits.allow(match, limits.sure_data)]:
            return _Outcome(status="unclear", match=in_time[0], reason="words_unsure")
        if unknown := [match for match in said if match.role == "unknown"]:
            return _Outcome(status="unclear", match=unknown[0], reason="speaker_unknown")
        late = known[0] if known else None
        if fault := self._opening_fault(context, rule, limits.clock):
            return _Outcome(status="unclear", match=late, reason=fault)
        if misheard := self._misheard(context, rule, limits):
            reason = "misheard"
            return _Outcome(status="unclear", match=misheard, reason=reason)
        if late:
            return _Outcome(status="late", match=late)
        if partial := find(context.transcript, rule.phrases[self.partial], rule.speakers):
            return _Outcome(status="partial", match=partial[0])
        return _Outcome(status="absent")

    def _opening_fault(self, context: RuleContext, rule: Rule, clock: Clock) -> str | None:
        """Why the opening cannot be judged, if so; silence shows nothing."""
        early = Span(0.0, clock.later(clock.start_s, context.settings.disclosure_deadline_s))
        spoke = context.call.confidence.said(rule.speakers, early)
        if not spoke or not context.intelligible(rule.speakers, early):
            return "opening_not_understood"
        opening = rule.phrases[self.opening]
        return "starts_mid_call" if context.starts_mid_call(opening) else None

    def _misheard(self, context: RuleContext, rule: Rule, limits: _Limits) -> Match | None:
        """What may have been the phrase, in time, but for a word the recogniser was not sure of."""
        if self.misheard is None:
            return None
        least = context.settings.sure_word_probability
        near = find(context.transcript, rule.phrases[self.misheard], rule.speakers)
        doubtful = (match for match in near if min(word.probability for word in match.words) < least)
        return next((match for match in doubtful if limits.allow(match, limits.sure_data)), None)


def _as_detail(data: PersonalData | None) -> dict[str, Any] | None:
    """Kind and time, never the value."""
    return {"kind": data.kind, "start_s": rounded(data.start_s)} if data else None


def _slots(context: RuleContext, rule: Rule, match: Match) -> list[str]:
    """The parts of the statement found in or beside the phrase."""

    def near(other: Match) -> bool:
        return (
            other.utterance == match.utterance
            and other.end > match.first - SLOT_TOKENS
            and other.first < match.end + SLOT_TOKENS
        )

    return [
        name
        for name, phrases in rule.slots.items()
        if any(near(found) for found in find(context.transcript, phrases, (match.role,)))
    ]
