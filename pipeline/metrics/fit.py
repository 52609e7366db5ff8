"""Which metrics a recording's audio supports.

Each metric declares what it needs of the audio. Where the audio does not provide it, the metric is undefined,
because a wrong number is worse than none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.records import AudioQuality
from pipeline.settings import QualitySettings

Need = Literal["timing", "words", "overlaps", "roles"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """The needs of metrics that the audio supports: times of speech, words, overlaps and roles."""

    timing: bool = True
    words: bool = True
    overlaps: bool = True
    roles: bool = True

    def allows(self, needs: Iterable[Need]) -> bool:
        """Whether the audio supports all of `needs`."""
        return all(getattr(self, need) for need in needs)


FIT_FOR_ALL = Fit()


def find_fit(facts: Sequence[AudioQuality], settings: QualitySettings) -> Fit:
    """The needs of metrics that the facts of all channels support; channels without speech are ignored."""
    spoken = [channel for channel in facts if channel.speech_s > 0]
    return Fit(
        timing=all(_timed(channel, settings) for channel in spoken),
        words=all(
            channel.word_probability is None or channel.word_probability >= settings.min_word_probability
            for channel in spoken
        ),
        overlaps=all(
            channel.crosstalk_db is None or channel.crosstalk_db <= settings.max_crosstalk_db
            for channel in spoken
        ),
        roles=not any(channel.swap_suspected for channel in facts),
    )


def _timed(channel: AudioQuality, settings: QualitySettings) -> bool:
    loud = channel.snr_db is None or channel.snr_db >= settings.min_snr_db
    return loud and channel.dropout_s <= settings.max_dropout_share * channel.speech_s
