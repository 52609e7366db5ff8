"""The moments of a call from which a sequence looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pipeline.personal_data.find import find_personal_data
from pipeline.phrases.search import Match, Phrases, find
from pipeline.rules.context import RuleContext
from pipeline.rules.load import Rule
from pipeline.rules.spec import Moment as Kind
from pipeline.rules.spec import Sequence
from pipeline.spans import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When, and the phrase that makes it if one does; a moment that is not `sure` decides nothing."""

    span: Span
    match: Match | None = None
    sure: bool = True


def moments_of(hearing: RuleContext, rule: Rule, logic: Sequence) -> tuple[Moment, ...]:
    """The moments `logic` looks from, in order of time; doubtful ones only where there are no sure ones."""
    found = _said(hearing, rule, logic) if logic.at == "said" else _KINDS[logic.at](hearing)
    sure = tuple(moment for moment in found if moment.sure) or found
    if logic.which == "each":
        return sure
    return sure[:1] if logic.which == "first" else sure[-1:]


def _said(hearing: RuleContext, rule: Rule, logic: Sequence) -> tuple[Moment, ...]:
    return _places(hearing, [rule.phrases[name] for name in logic.said])


def _transfer(hearing: RuleContext) -> tuple[Moment, ...]:
    """Each place where the agent announces a transfer."""
    return _places(hearing, [hearing.rules.cues["transfer"]])


def _places(hearing: RuleContext, groups: Iterable[Phrases]) -> tuple[Moment, ...]:
    """Each place where one of the groups is found."""
    matches = [match for phrases in groups for match in find(hearing.transcript, phrases, phrases.speakers)]
    return tuple(
        Moment(span=match.span, match=match, sure=hearing.sure(match))
        for match in sorted(matches, key=lambda match: match.span)
    )


def _call(hearing: RuleContext) -> tuple[Moment, ...]:
    return (Moment(span=Span(0.0, hearing.case.duration_s)),)


def _start(hearing: RuleContext) -> tuple[Moment, ...]:
    """The agent's first word."""
    starts_s = [turn.start_s for turn in hearing.case.turns if turn.role in {"agent", "unknown"}]
    return _instants(min(starts_s)) if starts_s else ()


def _end(hearing: RuleContext) -> tuple[Moment, ...]:
    """The last word of the conversation."""
    ends_s = [turn.end_s for turn in hearing.case.turns if turn.role != "ivr"]
    return _instants(max(ends_s)) if ends_s else ()


def _hold(hearing: RuleContext) -> tuple[Moment, ...]:
    return _instants(*(hold.start_s for hold in hearing.case.holds))


def _hold_end(hearing: RuleContext) -> tuple[Moment, ...]:
    return _instants(*(hold.end_s for hold in hearing.case.holds))


def _personal_data(hearing: RuleContext) -> tuple[Moment, ...]:
    least = hearing.settings.min_phrase_probability
    return tuple(
        Moment(span=Span(data.start_s, data.start_s), sure=data.confidence >= least)
        for data in find_personal_data(hearing.transcript, hearing.rules.personal_data)
    )


def _instants(*times_s: float) -> tuple[Moment, ...]:
    return tuple(Moment(span=Span(time_s, time_s)) for time_s in sorted(times_s))


_KINDS: Mapping[Kind, Callable[[RuleContext], tuple[Moment, ...]]] = {
    "call": _call,
    "start": _start,
    "end": _end,
    "hold": _hold,
    "hold_end": _hold_end,
    "transfer": _transfer,
    "personal_data": _personal_data,
}
