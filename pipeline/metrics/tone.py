"""Metrics of tone, word sentiment and accommodation, as sums that can be pooled over calls.

Metrics that infer something about a person are undefined for agents unless `tone.agents` is set.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import pairwise

from pipeline.metrics.timeline import PARTIES, Measures, Timeline, count, ratio
from pipeline.records import Metric, Role, Tone
from pipeline.spans import Span

QUARTERS = (1, 2, 3, 4)
LEAST_PAIRS = 5
"""Least number of exchanges for which accommodation is defined."""

ALIKE: dict[str, Callable[[Tone], float | None]] = {
    "pitch": lambda tone: tone.pitch_semitones,
    "level": lambda tone: tone.level_db,
    "rate": lambda tone: tone.syllables_per_min,
}


def tone_usable(timeline: Timeline) -> Measures:
    """Share of the role's speech in which tone could be measured."""
    for role in PARTIES:
        tones = [tone for tone, _ in _tones(timeline, role)]
        usable_s = sum(tone.usable_share * tone.speech_s for tone in tones)
        yield ratio("tone_usable", role, (usable_s, sum(tone.speech_s for tone in tones)), "ratio")


def syllable_rate(timeline: Timeline) -> Measures:
    """Syllables per minute of the role's usable speech, in turns that are long enough to be judged."""
    for role in PARTIES:
        parts = [
            (tone.syllables_per_min, tone.usable_share * tone.speech_s / 60)
            for tone, _ in _tones(timeline, role)
        ]
        yield _mean("syllable_rate", role, parts, "syllables/min")


def activation_by_quarter(timeline: Timeline) -> Measures:
    """Mean activation of the role in each quarter of the call, weighted by voiced time."""
    for role in PARTIES:
        for quarter in QUARTERS:
            parts = [
                (point.activation, point.voiced_s)
                for point in timeline.tone_curve
                if point.role == role
                and _quarter(timeline, Span(point.start_s, point.end_s).middle_s) == quarter
            ]
            yield _mean(f"activation_q{quarter}", role, parts, "-1 to 1")


def raised_speech(timeline: Timeline) -> Measures:
    """Share of the role's judged speech in turns with an activation of at least `tone.raised`."""
    least = timeline.settings.tone.raised
    for role in PARTIES:
        judged = [tone for tone, _ in _tones(timeline, role) if tone.activation is not None]
        raised_s = sum(tone.speech_s for tone in judged if (tone.activation or 0.0) >= least)
        yield ratio("raised_speech", role, (raised_s, sum(tone.speech_s for tone in judged)), "ratio")


def word_sentiment(timeline: Timeline) -> Measures:
    """Mean sentiment of the role's turns over the call, weighted by words."""
    for role in PARTIES:
        yield _mean("word_sentiment", role, _words(timeline, role, Span(0.0, math.inf)), "-1 to 1")


def word_sentiment_by_quarter(timeline: Timeline) -> Measures:
    """Mean sentiment of the role's turns in each quarter of the call, weighted by words."""
    for role in PARTIES:
        for quarter in QUARTERS:
            words = _words(timeline, role, _quarter_span(timeline, quarter))
            yield _mean(f"word_sentiment_q{quarter}", role, words, "-1 to 1")


def word_sentiment_trend(timeline: Timeline) -> Measures:
    """Word sentiment of the role in the second half of the call minus that in the first half."""
    half_s = timeline.duration_s / 2
    for role in PARTIES:
        before, after = (
            _mean("", role, _words(timeline, role, span), "")
            for span in (Span(0.0, half_s), Span(half_s, math.inf))
        )
        known = before.denominator > 0 and after.denominator > 0
        change = after.numerator / after.denominator - before.numerator / before.denominator if known else 0.0
        yield count("word_sentiment_trend", role, change, "-2 to 2", known=known)


def accommodation(timeline: Timeline) -> Measures:
    """Correlation of pitch, level and rate between customer turns and the agent's replies; number of pairs.

    This is the synchrony of neighbouring turns (Levitan and Hirschberg 2011). Pooled sums give the
    correlation around each call's own means. It is undefined with fewer than 5 pairs.
    """
    pairs = _exchanges(timeline)
    for name, value in ALIKE.items():
        both = [
            (x, y)
            for said, reply in pairs
            if (x := value(said)) is not None and (y := value(reply)) is not None
        ]
        known = len(both) >= LEAST_PAIRS
        yield ratio(f"accommodation_{name}", None, _correlation(both), "correlation", known=known)
        yield count(f"accommodation_{name}_exchanges", None, float(len(both)), "count")


def _tones(timeline: Timeline, role: Role) -> list[tuple[Tone, Span]]:
    """The tone of each turn of `role`, with the turn's span."""
    turns = {turn.turn_index: turn for turn in timeline.turns}
    return [(t, turns[t.turn_index].span) for t in timeline.tone if turns[t.turn_index].role == role]


def _quarter(timeline: Timeline, time_s: float) -> int:
    return min(4, 1 + int(4 * time_s / timeline.duration_s))


def _quarter_span(timeline: Timeline, quarter: int) -> Span:
    end_s = timeline.duration_s * quarter / 4 if quarter < 4 else math.inf
    return Span(timeline.duration_s * (quarter - 1) / 4, end_s)


def _words(timeline: Timeline, role: Role, span: Span) -> list[tuple[float | None, float]]:
    """The sentiment of a turn with weight 1, for each word of `role` that starts in `span`."""
    sentiments = {tone.turn_index: tone.word_sentiment for tone, _ in _tones(timeline, role)}
    return [
        (sentiments[word.turn_index], 1.0)
        for word in timeline.words
        if word.turn_index in sentiments and word.start_s in span
    ]


def _mean(name: str, role: Role, parts: Iterable[tuple[float | None, float]], unit: str) -> Metric:
    """The weighted mean of the known values, as a metric of two sums."""
    known = [(value, weight) for value, weight in parts if value is not None]
    sums = sum(value * weight for value, weight in known), sum(weight for _, weight in known)
    return ratio(name, role, sums, unit)


def _exchanges(timeline: Timeline) -> list[tuple[Tone, Tone]]:
    """Each customer turn whose tone is known, paired with the agent turn that follows it."""
    tones = {tone.turn_index: tone for tone in timeline.tone if tone.pitch_semitones is not None}
    judged = [turn for turn in timeline.turns if turn.turn_index in tones and turn.role in PARTIES]
    return [
        (tones[said.turn_index], tones[reply.turn_index])
        for said, reply in pairwise(judged)
        if (said.role, reply.role) == ("customer", "agent")
    ]


def _correlation(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    """Covariance and the product of the deviations, as sums; their ratio is Pearson's correlation."""
    if not pairs:
        return 0.0, 0.0
    mean_x, mean_y = (sum(values) / len(pairs) for values in zip(*pairs, strict=True))
    together = sum((x - mean_x) * (y - mean_y) for x, y in pairs)
    apart = sum((x - mean_x) ** 2 for x, _ in pairs) * sum((y - mean_y) ** 2 for _, y in pairs)
    return together, math.sqrt(apart)
