"""The check `said_in_time`: said before the deadline and before the customer gives personal data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from pipeline.personal_data.find import PersonalData
from pipeline.phrases.answers import Answer
from pipeline.phrases.lexicon import Text
from pipeline.phrases.search import Match, find
from pipeline.records import Basis, Finding, Verdict
from pipeline.rules.check import Check, Evidence, Part, Rule, rounded
from pipeline.rules.checks.consent import Consent, not_asked
from pipeline.rules.context import Clock, RuleContext
from pipeline.spans import Span

SLOT_TOKENS = 12
"""Largest distance between the phrase and its parts."""

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
class _Found:
    """What somebody says of the groups that count: in announcements, and in questions for consent."""

    announced: tuple[Match, ...]
    asked: tuple[Match, ...]

    @property
    def all(self) -> tuple[Match, ...]:
        """Both, in order of time; of two at one time the announcement comes first."""
        return tuple(sorted((*self.announced, *self.asked), key=lambda match: match.span))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What was found: its status, the phrase if there is one, the answer, and for `unclear` the reason."""

    status: Status
    match: Match | None = None
    answer: Answer | None = None
    reason_code: str | None = None


class SaidInTime(Check):
    """Said before the deadline and before the customer gives personal data.

    Whoever takes over a transferred call may rely on what was said before, by anybody on the recording; so it
    must have been said by then. Where the phrase is found in speech whose speaker is unknown nothing can be
    determined; where nobody says it, nobody whose words count did either. The deadline is the setting
    `rules.disclosure_deadline_s`.

    Consent may be asked for instead. A question needs an answer: a yes passes, and so does a no, because the
    customer knows then; without one nothing can be determined.
    """

    reads: ClassVar[frozenset[Part]] = frozenset({"holds", "transfers"})
    bases: ClassVar[frozenset[Basis]] = frozenset({"phrase", "absence"})

    kind: Literal["said_in_time"]
    said: tuple[Text, ...] = Field(min_length=1)
    """Groups of the phrases that count; one may stand without a list."""
    consent: Consent | None = Field(None, exclude_if=not_asked)
    """Questions for consent, which count where they are answered."""
    partial: Text
    """Group of the phrases that come near and do not count."""
    opening: Text
    """Group of the phrases with which calls begin: without one the recording may start mid-call."""
    misheard: Text | None = None
    """Group of the phrases with any word in the place that decides; they count where a word is improbable."""
    slots: dict[str, tuple[Text, ...]] = Field(min_length=1)
    """Parts of the statement that are reported where they are found."""

    @field_validator("said", mode="before")
    @classmethod
    def _one_or_many(cls, said: object) -> object:
        return (said,) if isinstance(said, str) else said

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
        asks = self.consent.groups() if self.consent else ()
        return (*self.said, *asks, self.partial, self.opening, *([self.misheard] if self.misheard else []))

    def rests_on_absence(self, finding: Finding) -> bool:
        """Also where it was said too late, or in part: nothing was found before, or beside."""
        return finding.verdict == "fail" or super().rests_on_absence(finding)

    def searched_in_vain(self, context: RuleContext, rule: Rule, finding: Finding) -> Span | None:
        """The time in which it was due, where it was not said in it."""
        window = super().searched_in_vain(context, rule, finding)
        if window is None and not (finding.verdict == "fail" and finding.detail.get("status") == "late"):
            return None
        due_s = self.due_s(context)
        return window if due_s is None else Span(0.0, due_s)

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
            **_answer_detail(outcome.answer),
            **({"reason_code": outcome.reason_code} if outcome.reason_code else {}),
        }
        return rule.finding(_VERDICTS.get(outcome.status, "fail"), evidence, detail)

    def _outcome(self, context: RuleContext, rule: Rule, limits: _Limits) -> _Outcome:
        """The parts of the statement that were found, and whether they decide."""
        if limits.clock is None:
            return _Outcome(status="unclear", reason_code="nobody_speaks")
        found = self._found(context, rule)
        if outcome := self._announced(context, found, limits) or self._asked(context, rule, found, limits):
            return outcome
        known = [match for match in found.all if match.role != "unknown"]
        if in_time := [match for match in known if limits.allow(match, limits.sure_data)]:
            return _Outcome(status="unclear", match=in_time[0], reason_code="words_unsure")
        unknown = [match for match in found.all if match.role == "unknown"]
        if in_time := [match for match in unknown if limits.allow(match, limits.sure_data)]:
            return _Outcome(status="unclear", match=in_time[0], reason_code="speaker_unknown")
        late = next(iter(found.all), None)  # whoever said it
        if fault := self._opening_fault(context, rule, limits.clock):
            return _Outcome(status="unclear", match=late, reason_code=fault)
        if misheard := self._misheard(context, rule, limits):
            return _Outcome(status="unclear", match=misheard, reason_code="misheard")
        if late:
            return _Outcome(status="late", match=late)
        if partial := find(context.transcript, rule.phrases[self.partial], rule.speakers):
            return _Outcome(status="partial", match=partial[0])
        return _Outcome(status="absent")

    def _found(self, context: RuleContext, rule: Rule) -> _Found:
        """What is said of the groups that count; what stands in a question is not announced."""
        asked = self.consent.questions(context, rule) if self.consent else ()
        groups = (find(context.transcript, rule.phrases[name], rule.speakers) for name in self.said)
        said = sorted((match for group in groups for match in group), key=lambda match: match.span)
        announced = [match for match in said if not any(match.overlaps(question) for question in asked)]
        return _Found(announced=tuple(announced), asked=asked)

    def _announced(self, context: RuleContext, found: _Found, limits: _Limits) -> _Outcome | None:
        """The first announcement in time that was recognised well enough to decide."""
        sure = (match for match in found.announced if context.sure(match))
        in_time = next((match for match in sure if limits.allow(match, limits.data)), None)
        return _Outcome(status="in_time", match=in_time) if in_time else None

    def _asked(self, context: RuleContext, rule: Rule, found: _Found, limits: _Limits) -> _Outcome | None:
        """What came of the questions in time that were recognised well enough to decide."""
        sure = (match for match in found.asked if context.sure(match))
        questions = [match for match in sure if limits.allow(match, limits.data)]
        if not questions:
            return None
        answers = self.consent.answers(context, rule, questions) if self.consent else ()
        if not answers:
            return _Outcome(status="unclear", match=questions[0], reason_code="consent_unanswered")
        # The first reliable answer shows that the customer has understood the question.
        answer = next((answer for answer in answers if context.sure(answer.match)), None)
        if answer is None:
            code = "consent_answer_unsure"
            asked = _question_of(answers[0], questions)
            return _Outcome(status="unclear", match=asked, answer=answers[0], reason_code=code)
        return _Outcome(status="in_time", match=_question_of(answer, questions), answer=answer)

    def _opening_fault(self, context: RuleContext, rule: Rule, clock: Clock) -> str | None:
        """Why the opening cannot be judged, if so; silence shows nothing."""
        early = Span(0.0, clock.later(clock.start_s, context.settings.disclosure_deadline_s))
        spoke = context.call.confidence.said(rule.speakers, early)
        if not spoke or not context.intelligible(rule.speakers, early):
            return "opening_not_understood"
        return "starts_mid_call" if context.starts_mid_call(rule.phrases[self.opening]) else None

    def _misheard(self, context: RuleContext, rule: Rule, limits: _Limits) -> Match | None:
        """A stretch in time that may have been the phrase, but for a word with a low probability."""
        if self.misheard is None:
            return None
        least = context.settings.sure_word_probability
        near = find(context.transcript, rule.phrases[self.misheard], rule.speakers)
        doubtful = (match for match in near if min(word.probability for word in match.words) < least)
        return next((match for match in doubtful if limits.allow(match, limits.sure_data)), None)


def _question_of(answer: Answer, questions: Sequence[Match]) -> Match:
    """The last of the questions before the answer."""
    before = [asked for asked in questions if asked.span.start_s <= answer.match.span.start_s]
    return (before or questions)[-1]


def _as_detail(data: PersonalData | None) -> dict[str, Any] | None:
    """Kind and time, never the value."""
    return {"kind": data.kind, "start_s": rounded(data.start_s)} if data else None


def _answer_detail(answer: Answer | None) -> dict[str, Any]:
    """Where consent was asked for: whether it was given, and when the answer begins."""
    if answer is None:
        return {}
    return {"answer": {"agrees": answer.agrees, "start_s": rounded(answer.match.span.start_s)}}


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
