"""Confidence in recognised words: their probability, and the share of speech that has words.

Rules ask for it many times per call, so the call is indexed once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from math import fsum

from pipeline.records import WORD_TOLERANCE_S, Activity, Role, Word
from pipeline.settings import RuleSettings
from pipeline.spans import Cover, Span

LEAST_WORDS_PER_S = 0.5
"""Speech with fewer recognised words than this was not understood (people speak 2 to 3)."""
LEAST_SPEECH_S = 3.0
"""Less speech than this says nothing about whether it was understood."""


class WordConfidence:
    """A call's words and activities, to be asked about often."""

    def __init__(self, words: Sequence[Word], activities: Sequence[Activity]) -> None:
        self._words = words
        self._activities = activities
        self._near: dict[int, Cover] = {}
        self._speech: dict[Role, Cover] = {}
        self._said: dict[Role, tuple[list[float], list[float]]] = {}
        self._understood: dict[tuple[frozenset[Role], Span, float], bool] = {}
        self._means: dict[tuple[frozenset[Role], Span], float | None] = {}

    def support(self, words: Iterable[Word]) -> float:
        """Share of the words' time, 0 to 1, in which their channel carries speech."""
        whole = covered = 0.0
        for word in words:
            whole += word.end_s - word.start_s
            covered += self._channel(word.channel).seconds_in(word.start_s, word.end_s)
        return covered / whole if whole else 0.0

    def reliable(self, words: Sequence[Word], settings: RuleSettings) -> bool:
        """Whether words were recognised well enough to decide a verdict; false without words."""
        probability = mean_probability(words)
        if probability is None or probability < settings.min_phrase_probability:
            return False
        return self.support(words) >= settings.min_phrase_activity

    def intelligible(self, roles: Collection[Role], window: Span, settings: RuleSettings) -> bool:
        """Whether what `roles` say in `window` was recognised well enough to tell what was not said.

        Without words it was, unless somebody speaks there for longer than a moment.
        """
        least = settings.min_phrase_probability
        key = (frozenset(roles), window, least)
        if key not in self._understood:
            self._understood[key] = self._is_understood(*key)
        return self._understood[key]

    def _is_understood(self, roles: frozenset[Role], window: Span, least: float) -> bool:
        probabilities = self.said(roles, window)
        if probabilities and fsum(probabilities) / len(probabilities) < least:
            return False
        spoken_s = sum([self._speaks(role).seconds_in(*window) for role in roles])
        return spoken_s < LEAST_SPEECH_S or len(probabilities) >= LEAST_WORDS_PER_S * spoken_s

    def said(self, roles: Collection[Role], window: Span) -> list[float]:
        """The probabilities of the words of `roles` that begin in `window`."""
        out: list[float] = []
        for role in roles:
            starts_s, probabilities = self._of_role(role)
            out += probabilities[bisect_left(starts_s, window.start_s) : bisect_left(starts_s, window.end_s)]
        return out

    def probability(self, roles: Collection[Role], span: Span) -> float | None:
        """Mean probability, 0 to 1, of the words `roles` say in `span`, or partly; None without words."""
        key = (frozenset(roles), span)
        if key not in self._means:
            self._means[key] = mean_probability(w for w in words_in(self._words, span) if w.role in roles)
        return self._means[key]

    def _channel(self, channel: int) -> Cover:
        """The stretches in which words of a channel may lie."""
        if channel not in self._near:
            heard = (activity.span for activity in self._activities if activity.channel == channel)
            self._near[channel] = Cover(span.padded(WORD_TOLERANCE_S) for span in heard)
        return self._near[channel]

    def _speaks(self, role: Role) -> Cover:
        """The speech of a role."""
        if role not in self._speech:
            self._speech[role] = Cover(a.span for a in self._activities if a.role == role)
        return self._speech[role]

    def _of_role(self, role: Role) -> tuple[list[float], list[float]]:
        """Starts and probabilities of a role's words, in order of time."""
        if role not in self._said:
            said = sorted([(word.start_s, word.probability) for word in self._words if word.role == role])
            self._said[role] = [start_s for start_s, _ in said], [value for _, value in said]
        return self._said[role]


def mean_probability(words: Iterable[Word]) -> float | None:
    """Mean word probability, 0 to 1; None without words."""
    values = [word.probability for word in words]
    return fsum(values) / len(values) if values else None


def words_in(words: Iterable[Word], span: Span) -> list[Word]:
    """The words that share time with `span`."""
    start_s, end_s = span
    return [word for word in words if start_s < word.end_s > word.start_s < end_s] if span else []
