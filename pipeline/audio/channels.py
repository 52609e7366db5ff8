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
