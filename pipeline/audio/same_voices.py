"""Finds recordings that carry both voices on both channels, one channel later or fainter than the other.

Crosstalk looks alike at first sight, but there each channel is the louder one while its own side speaks. Here
one channel is the other at a constant lag and gain whoever speaks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.records import Samples

RATE_HZ = 16_000
MAX_LAG_S = 1.0
"""Longest lag that is looked for."""
MAX_GAIN_DB = 12.0
"""An echo of the other side is fainter than this; a channel that is not is a copy."""
LEAST_LIKENESS = 0.7
"""Correlation of the channels in a block of speech, at the lag, from which they carry the same."""
LEAST_SHARE = 0.95
"""Share of the speech in which they have to."""
MAX_GAIN_SPREAD_DB = 6.0
"""Largest difference of the gain between blocks (5th to 95th percentile)."""

_BLOCK = RATE_HZ // 2
_WINDOW = 4 * RATE_HZ
_WINDOWS = 8
_QUIET_DB = 30.0
_LEAST_BLOCKS = 4
_LEAST_POWER = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class SameVoices:
    """Channel 1 is channel 0, later by `lag_s` (earlier where negative) and louder by `gain_db`."""

    lag_s: float
    gain_db: float

    def __str__(self) -> str:
        late = "later" if self.lag_s >= 0 else "earlier"
        loud = "louder" if self.gain_db >= 0 else "fainter"
        return (
            f"both channels carry the same voices (the right one {abs(self.lag_s) * 1000:.0f} ms {late}, "
            f"{abs(self.gain_db):.1f} dB {loud}), treated as mono"
        )


def same_voices(samples: Samples) -> SameVoices | None:
    """Lag and gain at which the two channels carry the same voices; None where they do not.

    `samples` is float32, shape (2, n), at 16 kHz.
    """
    lag = _lag(samples)
    if lag is None:
        return None
    length = samples.shape[1] - abs(lag)
    left = samples[0, max(0, -lag) : max(0, -lag) + length]
    right = samples[1, max(0, lag) : max(0, lag) + length]
    powers = _blocks(left, left), _blocks(right, right)
    loudest = np.maximum(*powers)
    if loudest.size < _LEAST_BLOCKS or loudest.max() < _LEAST_POWER:
        return None
    speech = loudest > loudest.max() * 10 ** (-_QUIET_DB / 10)
    power_left, power_right = (np.maximum(power[speech], 1e-15) for power in powers)
    likeness = _blocks(left, right)[speech] / np.sqrt(power_left * power_right)
    gain_db = 10 * np.log10(power_right / power_left)
    low, middle, high = np.percentile(gain_db, [5, 50, 95])
    alike = np.mean(likeness >= LEAST_LIKENESS) >= LEAST_SHARE and high - low <= MAX_GAIN_SPREAD_DB
    if not alike or abs(middle) > MAX_GAIN_DB or speech.sum() < _LEAST_BLOCKS:
        return None
    return SameVoices(lag_s=lag / RATE_HZ, gain_db=float(middle))


def _blocks(one: Samples, other: Samples) -> NDArray[np.float64]:
    """The mean product in each block of half a second."""
    count = one.shape[0] // _BLOCK
    products = [
        float(np.dot(one[at : at + _BLOCK], other[at : at + _BLOCK])) / _BLOCK
        for at in range(0, count * _BLOCK, _BLOCK)
    ]
    return np.array(products)


def _lag(samples: Samples) -> int | None:
    """How many samples channel 1 is later than channel 0, from the loudest passages; None where unlike."""
    most = round(MAX_LAG_S * RATE_HZ)
    size = 1 << (_WINDOW + 2 * most - 1).bit_length()
    total = np.zeros(size)
    energy = 0.0
    for at in _loud_windows(samples[0]):
        left = samples[0, at : at + _WINDOW].astype(np.float64)
        first = max(0, at - most)
        right = samples[1, first : at + _WINDOW + most].astype(np.float64)
        product = np.conj(np.fft.rfft(left, size)) * np.fft.rfft(right, size)
        total += np.roll(np.fft.irfft(product, size), first - at)
        energy += float(np.sqrt(np.dot(left, left) * np.dot(right, right)))
    if energy <= _LEAST_POWER:
        return None
    near = np.concatenate([total[-most:], total[: most + 1]])
    at = int(np.argmax(near))
    # The longer window on the right may hold more speech than the left one, so that less is asked for here.
    return at - most if near[at] > LEAST_LIKENESS / 2 * energy else None


def _loud_windows(samples: Samples) -> list[int]:
    """Where the loudest windows of a channel begin, one after the other."""
    if samples.shape[0] < _WINDOW:
        return [0]
    starts = range(0, samples.shape[0] - _WINDOW + 1, _WINDOW)
    powers = [float(np.dot(part, part)) for part in (samples[at : at + _WINDOW] for at in starts)]
    loudest = np.argsort(powers)[::-1][:_WINDOWS]
    return sorted(starts[int(number)] for number in loudest)
