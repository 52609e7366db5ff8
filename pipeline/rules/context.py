"""What a rule is judged on, and the measures that all logics share."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from pipeline.phrases.confidence import WordConfidence
from pipeline.phrases.search import Match, Phrases, find
from pipeline.phrases.tokens import Transcript
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
from pipeline.rules.load import RuleSet
from pipeline.settings import HoldSettings, RuleSettings
from pipeline.spans import Span, covered_s, union


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


@dataclass(frozen=True, kw_only=True)
class CallContext:
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

    @cached_property
    def clock(self) -> Clock | None:
        """The clock of the conversation; None if there is none."""
        spoken = [turn for turn in self.turns if turn.role != "ivr"]
        if not spoken:
            return None
        by_agent = [turn for turn in spoken if turn.role == "agent"]
        outside = [hold.span for hold in self.holds]
        outside += [turn.span for turn in self.turns if turn.role == "ivr"]
        return Clock(start_s=min(turn.start_s for turn in by_agent or spoken), outside=union(outside))

    @cached_property
    def heard(self) -> WordConfidence:
        """How well its words were heard."""
        return WordConfidence(self.words, self.activities)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleContext:
    """A case before the rules: with its transcript and the settings."""

    case: CallContext
    rules: RuleSet
    transcript: Transcript
    settings: RuleSettings
    holds: HoldSettings

    def heard(self, words: Sequence[Word]) -> bool:
        """Whether words were heard well enough to decide a verdict."""
        return self.case.heard.reliable(words, self.settings)

    def intelligible(self, roles: Collection[Role], window: Span) -> bool:
        """Whether what `roles` say in `window` was recognised well enough to tell what was not said."""
        return self.case.heard.intelligible(roles, window, self.settings)

    def sure(self, match: Match) -> bool:
        """Whether a phrase may decide: its speaker is known and it was heard well enough."""
        return match.role != "unknown" and self.case.heard.reliable(match.words, self.settings)


def starts_mid_call(hearing: RuleContext, opening: Phrases) -> bool:
    """Whether the recording starts amid speech, and not with the words with which calls begin."""
    case, speakers = hearing.case, opening.speakers
    begins_s = min((spoken.span.start_s for spoken in case.activities or case.turns), default=None)
    if begins_s is None or begins_s >= hearing.settings.mid_call_start_s:
        return False
    utterances = hearing.transcript.utterances
    first = next((n for n, said in enumerate(utterances) if said.role in speakers), None)
    return all(match.utterance != first for match in find(hearing.transcript, opening, speakers))


def stops_mid_call(hearing: RuleContext) -> bool:
    """Whether the recording stops amid speech."""
    case = hearing.case
    ends_s = max((spoken.span.end_s for spoken in case.activities or case.turns), default=None)
    return ends_s is not None and case.duration_s - ends_s < hearing.settings.mid_call_start_s
