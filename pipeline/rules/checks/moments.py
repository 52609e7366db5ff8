"""The moments of a call from which a sequence looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from pipeline.phrases.search import Match, Phrases, find
from pipeline.rules.context import RuleContext
from pipeline.spans import Span

At = Literal["call", "start", "end", "hold", "hold_end", "transfer", "personal_data", "said"]
"""The kinds of moments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A time, with its phrase if a phrase makes it; a moment that is not `sure` decides nothing."""

    span: Span
    match: Match | None = None
    sure: bool = True


def moments_of(
    context: RuleContext, at: At, said: Iterable[Phrases], also: Iterable[Match] = ()
) -> tuple[Moment, ...]:
    """The moments `at`, in order of time; doubtful ones only where there are no sure ones.

    For `said` they are the places where one of the groups is found, and the phrases `also`.
    """
    found = _places(context, said, also) if at == "said" else _KINDS[at](context)
    return tuple(moment for moment in found if moment.sure) or found


def _places(
    context: RuleContext, groups: Iterable[Phrases], also: Iterable[Match] = ()
) -> tuple[Moment, ...]:
    """Each place where one of the groups is found, and each phrase of `also` that lies nowhere there."""
    matches = [match for phrases in groups for match in find(context.transcript, phrases, phrases.speakers)]
    matches += [match for match in also if not any(match.overlaps(other) for other in matches)]
    return tuple(
        Moment(span=match.span, match=match, sure=context.sure(match))
        for match in sorted(matches, key=lambda match: match.span)
    )


def _transfer(context: RuleContext) -> tuple[Moment, ...]:
    """Each place where the agent announces a transfer."""
    return _places(context, [context.shared["transfer"]])


def _call(context: RuleContext) -> tuple[Moment, ...]:
    return (Moment(span=context.call.whole),)


def _start(context: RuleContext) -> tuple[Moment, ...]:
    """The agent's first word."""
    starts_s = [turn.start_s for turn in context.call.turns if turn.role in {"agent", "unknown"}]
    return _instants(min(starts_s)) if starts_s else ()


def _end(context: RuleContext) -> tuple[Moment, ...]:
    """The last word of the conversation."""
    ends_s = [turn.end_s for turn in context.call.turns if turn.role != "ivr"]
    return _instants(max(ends_s)) if ends_s else ()


def _hold(context: RuleContext) -> tuple[Moment, ...]:
    return _instants(*(hold.start_s for hold in context.call.holds))


def _hold_end(context: RuleContext) -> tuple[Moment, ...]:
    return _instants(*(hold.end_s for hold in context.call.holds))


def _personal_data(context: RuleContext) -> tuple[Moment, ...]:
    least = context.settings.min_phrase_probability
    return tuple(
        Moment(span=Span(data.start_s, data.start_s), sure=data.confidence >= least)
        for data in context.personal_data
    )


def _instants(*times_s: float) -> tuple[Moment, ...]:
    return tuple(Moment(span=Span(time_s, time_s)) for time_s in sorted(times_s))


_KINDS: Mapping[At, Callable[[RuleContext], tuple[Moment, ...]]] = {
    "call": _call,
    "start": _start,
    "end": _end,
    "hold": _hold,
    "hold_end": _hold_end,
    "transfer": _transfer,
    "personal_data": _personal_data,
}
