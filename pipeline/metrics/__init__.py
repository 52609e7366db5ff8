"""Measures of a call, one family a file. A new measure is one function here and no new column anywhere."""

from __future__ import annotations

from pipeline.metrics.holds import hold_count, hold_longest, hold_time
from pipeline.metrics.partition import time_partition
from pipeline.metrics.silences import dead_air_count, dead_air_time, silence_time
from pipeline.metrics.talk import longest_monologue, response_latency, speech_rate, talk_ratio, talk_time
from pipeline.metrics.talking_over import agent_overtalk, attempts, backchannels, interruptions
from pipeline.metrics.timeline import Timeline
from pipeline.records import Metric

MEASURES = (
    talk_time,
    talk_ratio,
    speech_rate,
    longest_monologue,
    response_latency,
    interruptions,
    attempts,
    backchannels,
    agent_overtalk,
    hold_count,
    hold_time,
    hold_longest,
    silence_time,
    dead_air_count,
    dead_air_time,
    time_partition,
)


def measure(timeline: Timeline) -> tuple[Metric, ...]:
    """All measures of a call as counts."""
    return tuple(metric for measure_of in MEASURES for metric in measure_of(timeline))
