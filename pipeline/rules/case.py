"""What a rule is judged on, and the measures that all logics share."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from pipeline.records import (
    Activity,
    Call,
    Hold,
    Layout,
    Metric,
    Overlap,
    Role,
    Silence,
    Sound,
    Tone,
    Transfer,
    Turn,
    Word,
)
from pipeline.rules.language.phrases import Match, Phrases, find
from pipeline.rules.language.tokens import Transcript
from pipeline.rules.packs import RuleSet
from pipeline.settings import HoldSettings, RuleSettings
from pipeline.spans import Span, covered_s, union

WORD_TOLERANCE_S = 0.15
"""How far a word's recognised times may lie off its sound."""
LEAST_WORDS_PER_S = 0.5
"""Speech with fewer recognised words than this was not understood (people speak 2 to 3)."""
LEAST_SPEECH_S = 3.0
"""Less speech than this says nothing about whether it was understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A call as stored: everything the rules need, without its audio."""

    duration_s: float
    layout: Layout
    words: tuple[Word, ...]
    turns: tuple[Turn, ...]
    activities: tuple[Activity, ...]
    holds: tuple[Hold, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    sounds: tuple[Sound, ...] = ()
    overlaps: tuple[Overlap, ...] = ()
    silences: tuple[Silence, ...] = ()
    metrics: tuple[Metric, ...] = ()
    tone: tuple[Tone, ...] = ()
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

    def later(self, time_s: float, by_s: float) -> float:
        """The time of the recording at which `by_s` seconds of conversation have passed since `time_s`."""
        for span in self.outside:
            if span.end_s > time_s:
                talk_s = max(0.0, span.start_s - time_s)
                if talk_s >= by_s:
                    break
                time_s, by_s = span.end_s, by_s - talk_s
        return time_s + by_s

    def earlier(self, time_s: float, by_s: float) -> float:
        """The time of the recording since which `by_s` seconds of conversation have passed at `time_s`."""
        for span in reversed(self.outside):
            if span.start_s < time_s:
                talk_s = max(0.0, time_s - span.end_s)
                if talk_s >= by_s:
                    break
                time_s, by_s = span.start_s, by_s - talk_s
        return time_s - by_s


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

    def heard(self, words: Sequence[Word]) -> bool:
        """Whether words were heard well enough to decide a verdict."""
        return heard_well(words, self.case.activities, self.settings)

    def sure(self, match: Match) -> bool:
        """Whether a phrase may decide: its speaker is known and it was heard well enough."""
        return match.role != "unknown" and self.heard(match.words)


def support(words: Sequence[Word], activities: Iterable[Activity]) -> float:
    """Share of the words' time, 0 to 1, in which their channel carries speech."""
    if not words:
        return 0.0
    from_s = min(word.start_s for word in words) - WORD_TOLERANCE_S
    to_s = max(word.end_s for word in words) + WORD_TOLERANCE_S
    near = [activity for activity in activities if activity.start_s < to_s and activity.end_s > from_s]
    spoken: dict[int, tuple[Span, ...]] = {}
    for channel in {word.channel for word in words}:
        heard = (activity.span for activity in near if activity.channel == channel)
        spoken[channel] = union(span.padded(WORD_TOLERANCE_S) for span in heard)
    whole = sum(word.end_s - word.start_s for word in words)
    covered = sum(covered_s(word.span, spoken[word.channel]) for word in words)
    return covered / whole if whole else 0.0


def heard_well(words: Sequence[Word], activities: Sequence[Activity], settings: RuleSettings) -> bool:
    """Whether words were heard well enough to decide a verdict; no words were not."""
    probability = mean_probability(words)
    if probability is None or probability < settings.min_phrase_probability:
        return False
    return support(words, activities) >= settings.min_phrase_activity


def words_in(words: Iterable[Word], span: Span) -> list[Word]:
    """The words that share time with `span`."""
    start_s, end_s = span
    return [word for word in words if start_s < word.end_s > word.start_s < end_s] if span else []


def mean_probability(words: Iterable[Word]) -> float | None:
    """Mean word probability, 0 to 1; None without words."""
    values = [word.probability for word in words]
    return fmean(values) if values else None


def understood(hearing: Hearing, roles: Collection[Role], window: Span) -> bool:
    """Whether what `roles` say in `window` was recognised well enough to tell what was not said.

    Without words it was, unless somebody speaks there for longer than a moment.
    """
    start_s, end_s = window
    words = [word for word in hearing.case.words if start_s <= word.start_s < end_s and word.role in roles]
    probability = mean_probability(words)
    if probability is not None and probability < hearing.settings.min_phrase_probability:
        return False
    spoken_s = covered_s(window, (a.span for a in hearing.case.activities if a.role in roles))
    return spoken_s < LEAST_SPEECH_S or len(words) >= LEAST_WORDS_PER_S * spoken_s


def starts_mid_call(hearing: Hearing, opening: Phrases) -> bool:
    """Whether the recording starts amid speech, and not with the words with which calls begin."""
    case, speakers = hearing.case, (*opening.roles, "unknown")
    begins_s = min((spoken.span.start_s for spoken in case.activities or case.turns), default=None)
    if begins_s is None or begins_s >= hearing.settings.mid_call_start_s:
        return False
    utterances = hearing.transcript.utterances
    first = next((n for n, said in enumerate(utterances) if said.role in speakers), None)
    return all(match.utterance != first for match in find(hearing.transcript, opening, speakers))


def stops_mid_call(hearing: Hearing) -> bool:
    """Whether the recording stops amid speech."""
    case = hearing.case
    ends_s = max((spoken.span.end_s for spoken in case.activities or case.turns), default=None)
    return ends_s is not None and case.duration_s - ends_s < hearing.settings.mid_call_start_s
