"""Determines whether the channels of a recording carry two sides of a call or the same audio twice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.records import Layout, Samples
from pipeline.settings import AudioSettings

BLOCK = 16_000
"""Samples compared together: 1 s, short enough to find a passage in which the channels differ."""

MAX_COPY_GAIN_DB = 30.0
"""A channel further below the other than this is near-silent: one side of a call, not a copy."""


def layout_of(samples: Samples, settings: AudioSettings) -> Layout:
    """Whether float32 `samples` of shape (channels, n) at 16 kHz hold one side, two, or one side twice.

    Two channels are `fake_stereo` when one is the other times a constant, in every second, up to
    `settings.fake_stereo_max_residual_db` (relative to the level there or, where it is quiet, to the
    mean level). A silent or near-silent channel beside an active one is the quiet side of `stereo`.
    """
    if samples.shape[0] == 1:
        return "mono"
    covariance = _covariance(samples)
    quieter, louder = sorted((covariance[0, 0], covariance[1, 1]))
    if quieter <= louder * 10 ** (-MAX_COPY_GAIN_DB / 10):
        return "stereo"
    gain = covariance[0, 1] / covariance[0, 0]
    allowed = 10 ** (settings.fake_stereo_max_residual_db / 10)
    for left, right in _blocks(samples):
        residual = float(np.var(right - gain * left))
        if residual > allowed * max(float(np.var(right)), covariance[1, 1]):
            return "stereo"
    return "fake_stereo"


def _covariance(samples: Samples) -> NDArray[np.float64]:
    """The 2 x 2 covariance of the channels; means are taken out, as line cards add an offset."""
    sums, products = np.zeros(2), np.zeros((2, 2))
    for pair in _blocks(samples):
        sums += pair.sum(axis=1)
        products += pair @ pair.T
    length = max(1, samples.shape[1])
    means = sums / length
    covariance: NDArray[np.float64] = products / length - np.outer(means, means)
    return covariance


def _blocks(samples: Samples) -> Iterator[NDArray[np.float64]]:
    """Both channels in blocks of 1 s, so that a long call is never copied as a whole."""
    for start in range(0, samples.shape[1], BLOCK):
        yield samples[:, start : start + BLOCK].astype(np.float64)


# --- more than two channels

SILENT_DB = -75.0
"""A channel that never exceeds this level, a constant offset left out, has no line behind it.

A line on which nobody speaks yet has noise and counts.
"""


class BlockLevels:
    """Measures the loudest second of each channel of a recording without keeping its sound."""

    def __init__(self, channels: int) -> None:
        self._loudest = np.zeros(channels)
        self._sum, self._squares = np.zeros(channels), np.zeros(channels)
        self._length = 0

    def add(self, samples: Samples) -> None:
        """Measure `samples`, shape (channels, n), that follow those before."""
        for start in range(0, samples.shape[1], BLOCK):
            block = samples[:, start : start + BLOCK].astype(np.float64)
            self._sum += block.sum(axis=1)
            self._squares += (block * block).sum(axis=1)
            self._length += block.shape[1]
            if self._length >= BLOCK:
                self._end_block()

    def loudest_db(self) -> NDArray[np.float64]:
        """The level of each channel's loudest second in dB relative to full scale."""
        if self._length:
            self._end_block()
        levels: NDArray[np.float64] = 10 * np.log10(np.maximum(self._loudest, 1e-12))
        return levels

    def _end_block(self) -> None:
        power = self._squares / self._length - (self._sum / self._length) ** 2
        self._loudest = np.maximum(self._loudest, power)
        self._sum, self._squares, self._length = np.zeros_like(power), np.zeros_like(power), 0


def sounding(loudest_db: NDArray[np.float64]) -> tuple[int, ...]:
    """The channels that carry sound, by their loudest second; the first where none does."""
    return tuple(int(at) for at in np.flatnonzero(loudest_db > SILENT_DB)) or (0,)
