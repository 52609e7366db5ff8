"""What a rule is judged on, and the measures that all logics share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from pipeline.records import Activity, Call, Hold, Layout, Turn, Word
from pipeline.rules.packs import RuleSet
from pipeline.rules.phrases import Match
from pipeline.rules.tokens import Transcript
from pipeline.settings import HoldSettings, RuleSettings
from pipeline.spans import Span, covered_s, union

WORD_TOLERANCE_S = 0.15
"""How far a word's recognised times may lie off its sound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A call as stored: everything the rules need, without its audio."""

    duration_s: float
    layout: Layout
    words: tuple[Word, ...]
    turns: tuple[Turn, ...]
    activities: tuple[Activity, ...]
    holds: tuple[Hold, ...] = ()
    call: Call = field(default_factory=Call)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Conversation time: from `start_s`, without the spans `outside` (holds and ivr).

    The conversation starts when the agent, or without agent anybody else but an ivr, first speaks.
    """

    start_s: float
    outside: tuple[Span, ...]

    def at(self, time_s: float) -> float:
        """Seconds of conversation up to `time_s` of the recording."""
        so_far = Span(self.start_s, time_s)
        return so_far.duration_s - covered_s(so_far, self.outside) if so_far else 0.0


def conversation_clock(case: Case) -> Clock | None:
    """The clock of the case's conversation; None if there is none."""
    spoken = [turn for turn in case.turns if turn.role != "ivr"]
    if not spoken:
        return None
    by_agent = [turn for turn in spoken if turn.role == "agent"]
    outside = [hold.span for hold in case.holds]
    outside += [turn.span for turn in case.turns if turn.role == "ivr"]
    return Clock(start_s=min(turn.start_s for turn in by_agent or spoken), outside=union(outside))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """A case before the rules: with its transcript and the settings."""

    case: Case
    rules: RuleSet
    transcript: Transcript
    settings: RuleSettings
    holds: HoldSettings


def support(words: Sequence[Word], activities: Iterable[Activity]) -> float:
    """Share of the words' time, 0 to 1, in which their channel carries speech."""
    spoken: dict[int, tuple[Span, ...]] = {}
    for channel in {word.channel for word in words}:
        near = (activity.span for activity in activities if activity.channel == channel)
        spoken[channel] = union(span.padded(WORD_TOLERANCE_S) for span in near)
    whole = sum(word.span.duration_s for word in words)
    covered = sum(covered_s(word.span, spoken[word.channel]) for word in words)
    return covered / whole if whole else 0.0


def decides(match: Match, activities: Sequence[Activity], settings: RuleSettings) -> bool:
    """Whether a phrase was heard well enough to decide a verdict."""
    return (
        match.probability >= settings.min_phrase_probability
        and support(match.words, activities) >= settings.min_phrase_activity
    )


def mean_probability(words: Iterable[Word]) -> float | None:
    """Mean word probability, 0 to 1; None without words."""
    values = [word.probability for word in words]
    return fmean(values) if values else None
