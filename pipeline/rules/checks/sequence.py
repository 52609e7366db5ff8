"""The check `sequence`: steps that are said, or never said, around the moments of a kind.

Each step of a moment is met, not met, or undetermined. It is undetermined if the deciding words are not
reliable, if their speaker is unknown, or if the window was not recognised well enough. A moment is bad if one
of its deciding steps is not met, undetermined if one is undetermined, and otherwise good. The keys `enough`,
`missing` and `without` say how the verdict follows from the moments.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from pipeline.phrases.lexicon import Text
from pipeline.phrases.search import Match, find
from pipeline.records import Basis, Finding, Role, Verdict
from pipeline.rules.check import NOWHERE, Check, Evidence, Part, Rule, rounded
from pipeline.rules.checks.consent import Consent, not_asked
from pipeline.rules.checks.moments import At, Moment, moments_of
from pipeline.rules.checks.windows import Around, Step
from pipeline.rules.context import RuleContext
from pipeline.rules.reasons import why
from pipeline.spans import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """The result of a step: `met` is true, false, or None where it could not be determined, and `why`."""

    step: Step
    met: bool | None
    found: tuple[Match, ...]
    window: Span
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """The result of a moment: `good` is true, false, or None where it could not be determined."""

    moment: Moment
    good: bool | None
    looks: tuple[_Look, ...]

    @property
    def deciding(self) -> tuple[_Look, ...]:
        """The steps that decided the result; for a good moment, all steps that are not optional."""
        needed = tuple(look for look in self.looks if not look.step.optional)
        return tuple(look for look in needed if look.met is self.good) or needed

    def as_detail(self) -> dict[str, Any]:
        """The entry in the finding's detail: times and names of groups, without words."""
        return {
            "at_s": rounded(self.moment.span.start_s),
            "good": self.good,
            "steps": [
                {
                    "say": list(look.step.say),
                    "met": look.met,
                    "found_s": sorted(round(match.span.start_s, 3) for match in look.found),
                }
                for look in self.looks
            ],
        }


class StepSequence(Check):
    """Steps that are said, or not said, around the moments of a kind.

    The evidence is the deciding phrase, or the window in which there was none. The rule does not apply where
    nobody speaks whose words count.
    """

    reads: ClassVar[frozenset[Part]] = frozenset({"holds"})
    bases: ClassVar[frozenset[Basis]] = frozenset({"phrase", "absence", "event"})

    kind: Literal["sequence"]
    at: At
    """The moments: the whole call, the agent's first word, the end of the conversation, the start or end
    of each hold, each announcement of a transfer, each time the customer gives personal data, or each
    place where a group of `said` is found."""
    said: tuple[Text, ...] = ()
    """With at = "said": groups, each searched in the words of its own roles; one may stand without a list."""
    consent: Consent | None = Field(None, exclude_if=not_asked)
    """With at = "said": questions for consent; a no in answer to one is such a place, too."""
    which: Literal["first", "last", "each"] = "each"
    """The moments that are judged."""
    enough: Literal["all", "any"] = "all"
    """Whether all of them must be good, or one is enough."""
    without: Literal["not_applicable", "pass", "fail"] = "not_applicable"
    """The verdict when there is no such moment."""
    missing: Literal["fail", "not_applicable"] = "fail"
    """The verdict when a step is not met."""
    steps: tuple[Step, ...] = Field(min_length=1)
    """The phrases that must be said, or must not be said, around each moment."""

    def groups(self) -> tuple[str, ...]:
        """The groups it uses."""
        asks = self.consent.groups() if self.consent else ()
        return (*self.said, *asks, *(name for step in self.steps for name in step.say))

    @field_validator("said", mode="before")
    @classmethod
    def _one_or_many(cls, said: object) -> object:
        return (said,) if isinstance(said, str) else said

    @model_validator(mode="after")
    def _fitting(self) -> StepSequence:
        if (self.at == "said") != bool(self.said):
            message = "said names the groups for at = 'said', and goes with nothing else"
            raise ValueError(message)
        if self.consent and self.at != "said":
            message = "consent goes with at = 'said'"
            raise ValueError(message)
        if self.steps[0].after == "previous":
            message = "the first step has no previous one; its after is 'moment'"
            raise ValueError(message)
        if all(step.optional for step in self.steps):
            message = "a step that decides is needed: one without optional = true"
            raise ValueError(message)
        return self

    def searched_in_vain(self, context: RuleContext, rule: Rule, finding: Finding) -> Span | None:
        """Where the rule does not apply because nothing that counts was said, the whole call."""
        asked = set(self.said) <= set(rule.counts) and self.at == "said" and not finding.detail.get("moments")
        searched = asked or (self.missing == "not_applicable" and bool(finding.detail.get("moments")))
        if finding.verdict == "not_applicable" and searched and context.call.clock is not None:
            return context.call.whole
        return super().searched_in_vain(context, rule, finding)

    def judge(self, context: RuleContext, rule: Rule) -> Finding:
        """The verdict; the detail lists the moments with the results of their steps."""
        if context.call.clock is None:
            return _bare(rule, "not_applicable", "nobody but an ivr speaks")
        speakers = {role for step in self.steps if not step.optional for role in _speakers(rule, step)}
        if not any(turn.role in speakers for turn in context.call.turns):
            return _bare(rule, "not_applicable", "nobody speaks whose words count")
        outcomes = tuple(self._outcome(context, rule, moment) for moment in self._moments(context, rule))
        if not outcomes:
            return self._without_moments(context, rule)
        good = _together([outcome.good for outcome in outcomes], all_=self.enough == "all")
        chosen = [outcome for outcome in outcomes if outcome.good is good]
        # To fail where one moment would have been enough, all of them were searched.
        whole = good is False and self.enough == "any"
        verdict: Verdict = "pass" if good else "not_determinable" if good is None else self.missing
        detail: dict[str, Any] = {"moments": [outcome.as_detail() for outcome in outcomes]}
        if verdict == "not_applicable":
            return rule.finding(verdict, detail=detail)
        return _finding(context, rule, verdict, chosen if whole else chosen[:1], detail)

    def _moments(self, context: RuleContext, rule: Rule) -> tuple[Moment, ...]:
        """The moments that are judged."""
        refusals = self.consent.refusals(context, rule) if self.consent else ()
        said = [rule.phrases[name] for name in self.said]
        moments = moments_of(context, self.at, said, refusals)
        return {"each": moments, "first": moments[:1], "last": moments[-1:]}[self.which]

    def _without_moments(self, context: RuleContext, rule: Rule) -> Finding:
        """The verdict when there is no moment, unless it may have been missed."""
        roles = {role for name in self.said for role in rule.phrases[name].roles}
        if self.at == "said" and not context.intelligible({*roles, "unknown"}, context.call.whole):
            return _bare(rule, "not_determinable", "call_not_understood")
        reason = f"no moment: {' or '.join(self.said) or self.at}"
        by_phrase = self.at in {"said", "transfer"}
        return _bare(rule, self.without, reason, NOWHERE if by_phrase else Evidence(basis="event"))

    def _outcome(self, context: RuleContext, rule: Rule, moment: Moment) -> _Outcome:
        """The result of a moment; one that may not have been a moment is never bad, only undetermined."""
        looks: list[_Look] = []
        last: _Look | None = None
        for step in self.steps:
            anchor = moment.span
            if step.after == "previous" and last is not None:
                end_s = _first(context, last).span.end_s
                anchor = Span(end_s, end_s)
            look = self._look(context, rule, step, anchor)
            looks.append(look)
            if look.found and not step.never:
                last = look
        good = _together([look.met for look in looks if not look.step.optional], all_=True)
        doubtful = good is False and not moment.sure
        return _Outcome(moment=moment, good=None if doubtful else good, looks=tuple(looks))

    def _look(self, context: RuleContext, rule: Rule, step: Step, anchor: Span) -> _Look:
        """Search a step around `anchor`."""
        windows = _windows(context, rule, step, anchor)
        window = reduce(or_, windows.values())
        said = [
            match
            for name, within in windows.items()
            for match in _said(context, rule, name)
            if match.span.end_s > within.start_s and match.span.start_s < within.end_s
        ]
        sure = _distinct(filter(context.sure, said))
        if len(sure) >= step.times:
            return _Look(step=step, met=not step.never, found=sure, window=window)
        found = _distinct(said)
        if len(found) >= step.times:
            unknown = any(match.role == "unknown" for match in found)
            why = "speaker_unknown" if unknown else "words_unsure"
            return _Look(step=step, met=None, found=found, window=window, why=why)
        fault = self._fault(context, _speakers(rule, step), window)
        if not step.never and fault is None and self._lacks_a_part(context, window, found):
            fault = "stops_mid_call" if context.stops_early() else "starts_mid_call"
        return _Look(step=step, met=None if fault else step.never, found=found, window=window, why=fault)

    def _lacks_a_part(self, context: RuleContext, window: Span, found: Sequence[Match]) -> bool:
        """Whether more than was `found` may have been said in the whole call, of which a part is missing.

        Where nothing was found, the end of the recording is held against the finding (see `bearing`).
        """
        if self.at != "call" or not found:
            return False
        cut = window.end_s >= context.call.duration_s and context.stops_early()
        return cut or context.starts_mid_call(context.shared["opening"])

    def _fault(self, context: RuleContext, speakers: frozenset[Role], window: Span) -> str | None:
        """The reason why a phrase may have been said in `window` though it was not found, if there is one."""
        if not context.intelligible(speakers, window):
            return "window_not_understood"
        if self.at == "start" and context.starts_mid_call(context.shared["opening"]):
            return "starts_mid_call"
        if self.at == "end" and context.stops_mid_call():
            return "stops_mid_call"
        return None


def _speakers(rule: Rule, step: Step) -> frozenset[Role]:
    """The roles in whose words a step is searched: those of its groups, and unknown ones."""
    return frozenset(role for name in step.say for role in rule.phrases[name].speakers)


def _said(context: RuleContext, rule: Rule, group: str) -> tuple[Match, ...]:
    """The matches of a group in the words of its roles and of unknown speakers."""
    phrases = rule.phrases[group]
    return find(context.transcript, phrases, phrases.speakers)


def _windows(context: RuleContext, rule: Rule, step: Step, anchor: Span) -> dict[str, Span]:
    """The window of each group of a step; turns of the roles that say the group are counted."""
    call = context.call
    if call.clock is None:
        return dict.fromkeys(step.say, anchor)
    around = Around(duration_s=call.duration_s, clock=call.clock, turns=call.turns)
    return {name: around.window(step, anchor, rule.phrases[name].speakers) for name in step.say}


def _together(values: Sequence[bool | None], *, all_: bool) -> bool | None:
    """All, or any, of the values; None where the undetermined ones decide."""
    decisive = not all_
    if decisive in values:
        return decisive
    return None if None in values else all_


def _first(context: RuleContext, look: _Look) -> Match:
    """The first reliable match of a step; without one, its first match."""
    sure = filter(context.sure, look.found)
    return min(sure, key=lambda match: match.span.start_s, default=look.found[0])


def _distinct(matches: Iterable[Match]) -> tuple[Match, ...]:
    """The matches without those that overlap another, in the order given: by group, then by time."""
    out: list[Match] = []
    for match in matches:
        if not any(match.overlaps(other) for other in out):
            out.append(match)
    return tuple(out)


def _bare(rule: Rule, verdict: Verdict, reason: str, evidence: Evidence = NOWHERE) -> Finding:
    """A finding without moments."""
    return rule.finding(verdict, evidence, {**why(verdict, reason), "moments": []})


def _finding(
    context: RuleContext, rule: Rule, verdict: Verdict, chosen: Sequence[_Outcome], detail: dict[str, Any]
) -> Finding:
    """The finding with the chosen outcomes' deciding phrase, or the window in which there was none."""
    looks = [look for outcome in chosen for look in outcome.deciding]
    match = next((_evidence(context, rule, look) for look in looks if look.found), None)
    if match is None:
        match = next((outcome.moment.match for outcome in chosen if not outcome.moment.sure), None)
    code = next((look.why for look in looks if look.why), None)
    if code and verdict == "not_determinable":
        detail = {"reason_code": code, **detail}
    if match:
        return rule.finding(verdict, Evidence.of_match(match), detail)
    speakers = {role for look in looks for role in _speakers(rule, look.step)}
    window = reduce(or_, (look.window for look in looks))
    return rule.finding(verdict, Evidence.absent(context, speakers, window), detail)


def _evidence(context: RuleContext, rule: Rule, look: _Look) -> Match:
    """The phrase of the group named first, and of those the one nearest to the moment."""
    of_group = ([match for match in look.found if match in _said(context, rule, n)] for n in look.step.say)
    best = next(matches for matches in of_group if matches)
    return best[-1] if look.step.before else best[0]
