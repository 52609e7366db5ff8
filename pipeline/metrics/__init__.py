"""The metrics of a call, one family per file. A new metric is one function and needs no new column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pipeline.metrics.fit import FIT_FOR_ALL, Fit, Need
from pipeline.metrics.holds import hold_count, hold_longest, hold_time
from pipeline.metrics.partition import time_partition
from pipeline.metrics.sensitivity import dead_air_count_at, hold_count_at, interruption_count_at
from pipeline.metrics.silences import dead_air_count, dead_air_time, recorder_pause_time, silence_time
from pipeline.metrics.talk import longest_monologue, response_latency, speech_rate, talk_ratio, talk_time
from pipeline.metrics.talking_over import agent_overtalk, attempts, backchannels, interruptions
from pipeline.metrics.timeline import Measures, Timeline
from pipeline.metrics.tone import (
    accommodation,
    activation_by_quarter,
    raised_speech,
    syllable_rate,
    tone_usable,
    word_sentiment,
    word_sentiment_by_quarter,
    word_sentiment_trend,
)
from pipeline.records import Metric

# Each metric's function with what it needs of the audio, see `Fit`.
MEASURES: tuple[tuple[Callable[[Timeline], Measures], tuple[Need, ...]], ...] = (
    (talk_time, ("timing", "roles")),
    (talk_ratio, ("timing", "roles")),
    (speech_rate, ("timing", "roles", "words")),
    (longest_monologue, ("timing", "roles")),
    (response_latency, ("timing", "roles")),
    (interruptions, ("timing", "roles", "overlaps")),
    (attempts, ("timing", "roles", "overlaps")),
    (backchannels, ("timing", "roles", "overlaps")),
    (agent_overtalk, ("timing", "roles", "overlaps")),
    (hold_count, ("timing", "roles")),
    (hold_time, ("timing", "roles")),
    (hold_longest, ("timing", "roles")),
    (silence_time, ("timing",)),
    (recorder_pause_time, ()),
    (dead_air_count, ("timing",)),
    (dead_air_time, ("timing",)),
    (hold_count_at, ("timing", "roles")),
    (dead_air_count_at, ("timing",)),
    (interruption_count_at, ("timing", "roles", "overlaps")),
    (tone_usable, ("roles",)),
    (syllable_rate, ("roles",)),
    (activation_by_quarter, ("roles",)),
    (raised_speech, ("roles",)),
    (word_sentiment, ("roles", "words")),
    (word_sentiment_by_quarter, ("roles", "words")),
    (word_sentiment_trend, ("roles", "words")),
    (accommodation, ("roles",)),
    (time_partition, ()),
)


def measure(timeline: Timeline, fit: Fit = FIT_FOR_ALL) -> tuple[Metric, ...]:
    """Compute all metrics of a call; a metric whose needs the audio does not meet is undefined.

    The time partition is always defined, because its parts have to add up to the duration.
    """
    return tuple(
        metric if fit.allows(needs) else replace(metric, numerator=0.0, denominator=0.0)
        for measure_of, needs in MEASURES
        for metric in measure_of(timeline)
    )
