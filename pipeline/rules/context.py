"""The input of a rule, and the questions about it that all checks share."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import get_args

from pipeline.personal_data.find import PersonalData, find_personal_data
from pipeline.phrases.confidence import WordConfidence
from pipeline.phrases.search import Match, Phrases, find
from pipeline.phrases.tokens import Transcript
from pipeline.records import (
    Activity,
    AudioQuality,
    Call,
    CallKind,
    Hold,
    Layout,
    Mask,
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
from pipeline.rules.meanings import PATTERNS_ALONE, Meanings
from pipeline.settings import HoldSettings, RuleSettings
from pipeline.spans import Span, covered_s, union

ENDING_S = 6.0
"""A farewell that ends so shortly before the last word ends the call."""
UNFINISHED_S = 0.8
"""A recording that ends so soon after an unfinished sentence stopped within it."""


def languages_in(quality: Sequence[AudioQuality]) -> tuple[str, ...]:
    """The languages spoken on the channels of a call, those of channels with most speech first."""
    spoken = sorted(quality, key=lambda channel: -channel.speech_s)
    return tuple(dict.fromkeys(code for channel in spoken for code in channel.languages))


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
    """A call as stored: everything the rules need, without its audio.

    `facts` are what the call's metadata gave. `kind` is None in a call that was stored without it.
    """

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
    facts: Call = field(default_factory=Call)
    quality: tuple[AudioQuality, ...] = ()
    kind: CallKind | None = None
    masks: tuple[Mask, ...] = ()

    @cached_property
    def clock(self) -> Clock | None:
        """The conversation clock; None without a conversation."""
        spoken = [turn for turn in self.turns if turn.role != "ivr"]
        if not spoken:
            return None
        by_agent = [turn for turn in spoken if turn.role == "agent"]
        outside = [hold.span for hold in self.holds]
        outside += [turn.span for turn in self.turns if turn.role == "ivr"]
        return Clock(start_s=min(turn.start_s for turn in by_agent or spoken), outside=union(outside))

    @cached_property
    def confidence(self) -> WordConfidence:
        """The confidence in its words."""
        return WordConfidence(self.words, self.activities)

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """The languages spoken, those of channels with most speech first; empty where none is known."""
        return languages_in(self.quality)

    @property
    def whole(self) -> Span:
        """The whole recording."""
        return Span(0.0, self.duration_s)


@dataclass(frozen=True, kw_only=True)
class RuleContext:
    """A call as rules see it: with its transcript, the language that rules share, and the settings.

    `shared` are the phrase groups that are not a rule's own, `data_phrases` those that find personal data.
    `judged_in` are the languages in which the rule that is judged has packs, `meanings` the scores of the
    call's sentences.
    """

    call: CallContext
    transcript: Transcript
    shared: Mapping[str, Phrases]
    data_phrases: Mapping[str, Phrases]
    first_names: Collection[str]
    settings: RuleSettings
    holds: HoldSettings
    judged_in: frozenset[str] = frozenset({"en"})
    meanings: Meanings = PATTERNS_ALONE

    @cached_property
    def personal_data(self) -> tuple[PersonalData, ...]:
        """The personal data that the customer gives, in order of time."""
        return tuple(find_personal_data(self.transcript, self.data_phrases))

    def reliable(self, words: Sequence[Word]) -> bool:
        """Whether words were recognised well enough to decide a verdict."""
        return self.call.confidence.reliable(words, self.settings)

    def intelligible(self, roles: Collection[Role], window: Span) -> bool:
        """Whether speech of `roles` in `window` was recognised well enough to determine what was not said."""
        return self.call.confidence.intelligible(roles, window, self.settings)

    def sure(self, match: Match) -> bool:
        """Whether a phrase may decide: its speaker is known and its words are reliable."""
        return match.role != "unknown" and self.reliable(match.words)

    def starts_mid_call(self, opening: Phrases) -> bool:
        """Whether the recording starts in the middle of speech, without the words with which calls begin."""
        call, speakers = self.call, opening.speakers
        begins_s = min((spoken.start_s for spoken in call.activities or call.turns), default=None)
        if begins_s is None or begins_s >= self.settings.mid_call_start_s:
            return False
        utterances = self.transcript.utterances
        first = next((n for n, said in enumerate(utterances) if said.role in speakers), None)
        return all(match.utterance != first for match in find(self.transcript, opening, speakers))

    def stops_mid_call(self) -> bool:
        """Whether the recording stops within speech."""
        call = self.call
        ends_s = max((spoken.end_s for spoken in call.activities or call.turns), default=None)
        return ends_s is not None and call.duration_s - ends_s < self.settings.mid_call_start_s

    def stops_early(self) -> bool:
        """Whether the recording stops within speech or shortly after words that do not end a sentence."""
        call = self.call
        last = max(call.words, key=lambda word: word.end_s, default=None)
        if last is not None and self._says_goodbye(last.end_s):
            return False  # the call ended, and with it the recording
        if self.stops_mid_call():
            return True
        if last is None or call.duration_s - last.end_s > UNFINISHED_S:
            return False
        return not last.text.rstrip("\"')").endswith((".", "!", "?"))

    def _says_goodbye(self, end_s: float) -> bool:
        """Whether anybody says goodbye shortly before `end_s`."""
        farewells = find(self.transcript, self.shared["farewell"], get_args(Role))
        return any(match.span.end_s >= end_s - ENDING_S for match in farewells)
