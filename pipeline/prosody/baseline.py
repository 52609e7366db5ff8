"""A stretch of one voice in numbers, and those numbers against what is usual for that voice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.frames import FRAME_RATE, Mask
from pipeline.prosody.frames import ChannelFrames

TYPICAL_TURNS = 10
"""Number of a speaker's turns that weigh as much as the typical spread."""


LONGEST_S = 3.0
"""Voiced time beyond which a turn counts no more: a monologue alone does not show what is usual."""

FAINT_DB = 15.0
"""Level below the loud voiced frames of a stretch, in dB, from which a frame's pitch is ignored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prosody:
    """How somebody speaks: pitch in semitones, level and effort in dB, rate as a logarithm.

    Effort is the energy above 1 kHz over that below; rate is the logarithm of syllables a minute.
    """

    pitch: float
    level: float
    effort: float
    rate: float


WEIGHTS = {"pitch": 2.0, "level": 2.0, "effort": 2.0, "rate": 0.5}
"""Pitch, level and effort count alike (Bone, Lee and Narayanan 2014); rate a quarter of that, being a count
of few syllables, and slow where anger is drawn out."""

MEASURES = tuple(WEIGHTS)

TYPICAL = Prosody(pitch=2.0, level=3.0, effort=2.0, rate=0.2)
"""Typical spread of turns around the speaker's median in ordinary conversation (standard deviation)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What was measured over some frames of one voice.

    `speech_s` is the voice's activity, `usable_s` the part that can be measured, `voiced_s` the part of
    that with a pitch. The rest is None where there is too little voice to judge by.
    """

    speech_s: float
    usable_s: float
    voiced_s: float
    manner: Prosody | None = None
    pitch_range: float | None = None
    level_variation: float | None = None

    @property
    def usable_share(self) -> float:
        """Share of the speech that can be measured, 0 to 1; 0 without speech."""
        return self.usable_s / self.speech_s if self.speech_s else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The baseline of a voice: the median of each measure and the spread around it."""

    median: Prosody
    spread: Prosody

    def difference(self, manner: Prosody) -> Prosody:
        """Difference of `manner` from the median, in the measures' own units."""
        return Prosody(**{name: getattr(manner, name) - getattr(self.median, name) for name in MEASURES})

    def activation(self, manner: Prosody) -> float:
        """-1 to 1, 0 where all is as usual: the weighted mean of tanh(z) of the four measures.

        Each is bounded, as in Bone et al., so that no single one can carry the result.
        """
        far = self.difference(manner)
        total: float = sum(
            weight * math.tanh(getattr(far, name) / getattr(self.spread, name))
            for name, weight in WEIGHTS.items()
        )
        return total / sum(WEIGHTS.values())


def measure_stretch(frames: ChannelFrames, own: Mask, min_voiced_s: float) -> Stretch:
    """The measures over the frames `own` of one voice; no numbers for less than `min_voiced_s` of voice."""
    usable, voiced = own & frames.usable, own & frames.voiced
    speech_s, usable_s, voiced_s = (float(mask.sum()) / FRAME_RATE for mask in (own, usable, voiced))
    bare = Stretch(speech_s=speech_s, usable_s=usable_s, voiced_s=voiced_s)
    syllables = int((own & frames.nucleus).sum())
    if voiced_s < min_voiced_s or syllables == 0:
        return bare
    # The pitch of faint frames is the least certain.
    loud = voiced & (frames.level > np.percentile(frames.level[voiced], 95) - FAINT_DB)
    pitch = frames.pitch[loud]
    low, high = np.percentile(pitch, [10, 90])
    return Stretch(
        speech_s=speech_s,
        usable_s=usable_s,
        voiced_s=voiced_s,
        manner=Prosody(
            pitch=float(np.median(pitch)),
            # Of the mean power: it hardly depends on where exactly voice begins and ends.
            level=float(10 * np.log10(np.mean(10 ** (frames.level[usable] / 10)))),
            effort=float(np.median(frames.balance[voiced])),
            rate=math.log(syllables / usable_s * 60),
        ),
        pitch_range=float(high - low),
        level_variation=float(np.std(frames.level[voiced])),
    )


def find_baseline(stretches: Sequence[Stretch], min_turns: int) -> Baseline | None:
    """What is usual over some stretches of a voice, weighted by their voiced time.

    The spread is the voice's own (median distance from the median) and the typical one together, since
    a few turns tell little about it. None for fewer than `min_turns` stretches that could be measured.
    """
    judged = [(stretch.manner, stretch.voiced_s) for stretch in stretches if stretch.manner is not None]
    if len(judged) < max(1, min_turns):
        return None
    weights = np.array([min(weight, LONGEST_S) for _, weight in judged])
    values = {name: np.array([getattr(manner, name) for manner, _ in judged]) for name in MEASURES}
    median = {name: _weighted_median(values[name], weights) for name in MEASURES}
    spread = {
        name: _spread(_weighted_median(np.abs(values[name] - median[name]), weights), len(judged), name)
        for name in MEASURES
    }
    return Baseline(median=Prosody(**median), spread=Prosody(**spread))


def _spread(median_distance: float, turns: int, name: str) -> float:
    """The mean of own and typical variance, by the number of turns behind them."""
    own = 1.4826 * median_distance  # the standard deviation of a normal distribution with that distance
    typical: float = getattr(TYPICAL, name)
    return math.sqrt((turns * own**2 + TYPICAL_TURNS * typical**2) / (turns + TYPICAL_TURNS))


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(reached, reached[-1] / 2)])
