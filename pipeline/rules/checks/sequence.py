"""The logic `sequence`: steps that are said, or never said, around the moments of a kind.

Each step of a moment is met, not met, or open: where the deciding words were not heard well enough, where
their speaker is unknown, or where the window was not understood. A moment is bad if one of its deciding
steps is not met, open if one is open, else good. The verdict follows from the moments as the pack says.
"""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from typing import Any

from pipeline.phrases.search import Match, find
from pipeline.records import Finding, Role, Verdict
from pipeline.rules.checks.moments import Moment, moments_of
from pipeline.rules.checks.windows import Around
from pipeline.rules.context import RuleContext, starts_mid_call, stops_mid_call
from pipeline.rules.load import Rule
from pipeline.rules.spec import Sequence, Step
from pipeline.spans import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What came of a step: met, not met, or None where that is open for the reason `why`."""

    step: Step
    met: bool | None
    found: tuple[Match, ...]
    window: Span
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What came of a moment: good, bad, or None where that is open."""

    moment: Moment
    good: bool | None
    looks: tuple[_Look, ...]

    @property
    def deciding(self) -> tuple[_Look, ...]:
        """The looks that made it so; all that decide for a good one."""
        needed = tuple(look for look in self.looks if not look.step.optional)
        return tuple(look for look in needed if look.met is self.good) or needed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inquiry:
    """A rule before a case."""

    hearing: RuleContext
    rule: Rule
    logic: Sequence
    around: Around

    def speakers(self, step: Step) -> frozenset[Role]:
        """Whose words a step is looked for in: its groups' roles, and whoever cannot be told from them."""
        return frozenset(role for name in step.say for role in self.rule.phrases[name].speakers)

    def said(self, group: str) -> tuple[Match, ...]:
        """What the group's roles, or unknown speakers, say of it."""
        phrases = self.rule.phrases[group]
        return find(self.hearing.transcript, phrases, phrases.speakers)

    def window(self, step: Step, group: str, anchor: Span) -> Span:
        """Where a group is looked for: turns are counted by the roles that say it."""
        return self.around.window(step, anchor, self.rule.phrases[group].speakers)


def sequence(hearing: RuleContext, rule: Rule, logic: Sequence) -> Finding:
    """The verdict with its evidence; it does not apply where nobody speaks whose words count."""
    clock = hearing.case.clock
    if clock is None:
        return _bare(rule, "not_applicable", "nobody but an ivr speaks")
    around = Around(duration_s=hearing.case.duration_s, clock=clock, turns=hearing.case.turns)
    inquiry = _Inquiry(hearing=hearing, rule=rule, logic=logic, around=around)
    speakers = {role for step in logic.steps if not step.optional for role in inquiry.speakers(step)}
    if not any(turn.role in speakers for turn in hearing.case.turns):
        return _bare(rule, "not_applicable", "nobody speaks whose words count")
    outcomes = tuple(_outcome(inquiry, moment) for moment in moments_of(hearing, rule, logic))
    if not outcomes:
        return _without_moments(inquiry)
    good = _together([outcome.good for outcome in outcomes], all_=logic.enough == "all")
    chosen = [outcome for outcome in outcomes if outcome.good is good]
    # To fail where one moment would have been enough, all of them were searched.
    whole = good is False and logic.enough == "any"
    return _finding(inquiry, good, tuple(chosen if whole else chosen[:1]), outcomes)


def _together(values: Many[bool | None], *, all_: bool) -> bool | None:
    """All, or any, of the values; None where the open ones decide."""
    decisive = not all_
    if decisive in values:
        return decisive
    return None if None in values else all_


def _without_moments(inquiry: _Inquiry) -> Finding:
    """The verdict when there is no moment, unless it may have been missed."""
    logic, case = inquiry.logic, inquiry.hearing.case
    roles = {role for name in logic.said for role in inquiry.rule.phrases[name].roles}
    whole = Span(0.0, case.duration_s)
    if logic.at == "said" and not inquiry.hearing.intelligible({*roles, "unknown"}, whole):
        return _bare(inquiry.rule, "not_determinable", "the call was not understood")
    return _bare(inquiry.rule, logic.without, f"no moment: {' or '.join(logic.said) or logic.at}")


def _outcome(inquiry: _Inquiry, moment: Moment) -> _Outcome:
    looks: list[_Look] = []
    last: _Look | None = None
    for step in inquiry.logic.steps:
        anchor = moment.span
        if step.after == "previous" and last is not None:
            end_s = _first(inquiry, last).span.end_s
            anchor = Span(end_s, end_s)
        look = _look(inquiry, step, anchor)
        looks.append(look)
        if look.found and not step.never:
            last = look
    needed = [look.met for look in looks if not look.step.optional]
    good = _together(needed, all_=True)
    doubtful = good is False and not moment.sure
    return _Outcome(moment=moment, good=None if doubtful else good, looks=tuple(looks))


def _look(inquiry: _Inquiry, step: Step, anchor: Span) -> _Look:
    """Look for a step around `anchor`."""
    windows = {name: inquiry.window(step, name, anchor) for name in step.say}
    window = reduce(or_, windows.values())
    said = [
        match
        for name, within in windows.items()
        for match in inquiry.said(name)
        if match.span.end_s > within.start_s and match.span.start_s < within.end_s
    ]
    sure = _distinct(tuple(filter(inquiry.hearing.sure, said)))
    if len(sure) >= step.times:
        return _Look(step=step, met=not step.never, found=sure, window=window)
    found = _distinct(said)
    if len(found) >= step.times:
        unknown = any(match.role == "unknown" for match in found)
        why = "speaker unknown" if unknown else "not heard well enough"
        return _Look(step=step, met=None, found=found, window=window, why=why)
    fault = _fault(inquiry, inquiry.speakers(step), window)
    return _Look(step=step, met=None if fault else step.never, found=found, window=window, why=fault)


def _first(inquiry: _Inquiry, look: _Look) -> Match:
    """What was found first, of what was heard well if anything was."""
    sure = filter(inquiry.hearing.sure, look.found)
    return min(sure, key=lambda match: match.span.start_s, default=look.found[0])


def _distinct(matches: Many[Match]) -> tuple[Match, ...]:
    """The matches without those that overlap another, in the order given: by group, then by time."""
    out: list[Match] = []
    for match in matches:
        if not any(match.overlaps(other) for other in out):
            out.append(match)
    return tuple(out)


def _fault(inquiry: _Inquiry, speakers: frozenset[Role], window: Span) -> str | None:
    """Why nothing can be told from not finding a phrase in `window`, if so."""
    hearing, at = inquiry.hearing, inquiry.logic.at
    if not hearing.intelligible(speakers, window):
        return "what was said there was not understood"
    if at == "start" and starts_mid_call(hearing, hearing.rules.cues["opening"]):
        return "the recording starts mid-call"
    if at == "end" and stops_mid_call(hearing):
        return "the recording stops mid-call"
    return None


def _bare(rule: Rule, verdict: Verdict, reason: str) -> Finding:
    return rule.finding(verdict, detail={"reason": reason, "moments": []})


def _finding(
    inquiry: _Inquiry, good: bool | None, chosen: tuple[_Outcome, ...], outcomes: tuple[_Outcome, ...]
) -> Finding:
    """The finding with the chosen outcomes' deciding phrase, or the window in which there was none."""
    verdict: Verdict = "pass" if good else "not_determinable" if good is None else inquiry.logic.missing
    detail: dict[str, Any] = {"moments": [_as_detail(outcome) for outcome in outcomes]}
    if verdict == "not_applicable":
        return replace(_bare(inquiry.rule, verdict, "not said"), detail=detail)
    looks = [look for outcome in chosen for look in outcome.deciding]
    match = next((_evidence(inquiry, look) for look in looks if look.found), None)
    if match is None:
        match = next((outcome.moment.match for outcome in chosen if not outcome.moment.sure), None)
    span = match.span if match else reduce(or_, (look.window for look in looks))
    if why := next((look.why for look in looks if look.why), None):
        detail = {"reason": why, **detail}
    return inquiry.rule.finding(
        verdict,
        span=span,
        turn_index=match.turn_index if match else None,
        quote=match.quote if match else None,
        confidence=match.probability if match else _searched_probability(inquiry, looks, span),
        detail=detail,
    )


def _searched_probability(inquiry: _Inquiry, looks: Many[_Look], span: Span) -> float | None:
    """Mean probability of the words in which nothing was found."""
    speakers = {role for look in looks for role in inquiry.speakers(look.step)}
    return inquiry.hearing.case.heard.probability(speakers, span)


def _evidence(inquiry: _Inquiry, look: _Look) -> Match:
    """The phrase of the group named first, and of those the one nearest to the moment."""
    of_group = ([match for match in look.found if match in inquiry.said(name)] for name in look.step.say)
    best = next(matches for matches in of_group if matches)
    return best[-1] if look.step.before else best[0]


def _as_detail(outcome: _Outcome) -> dict[str, Any]:
    """Times and names, never what was said."""
    return {
        "at_s": round(outcome.moment.span.start_s, 3),
        "good": outcome.good,
        "steps": [
            {
                "say": list(look.step.say),
                "met": look.met,
                "found_s": sorted(round(match.span.start_s, 3) for match in look.found),
            }
            for look in outcome.looks
        ],
    }
