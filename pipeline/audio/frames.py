"""Frames of 10 ms: the clock on which levels, voice and sounds are measured."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.spans import Span

SAMPLE_RATE = 16_000
FRAME_RATE = 100
HOP = SAMPLE_RATE // FRAME_RATE  # 160 samples in a frame of 10 ms
LEVEL_WINDOW = 400  # 25 ms: short enough for edges, longer than a pitch period
SILENCE_DB = -120.0
FAINTEST_FLOOR_DB = -75.0  # 8-bit companded audio is silent below this
FLOOR_PERCENTILE = 5.0

Levels = NDArray[np.float32]
Mask = NDArray[np.bool_]


def levels_db(samples: NDArray[np.float32]) -> Levels:
    """Level per frame in dB relative to full scale, shape (n // HOP,), from 25 ms around its middle."""
    n = len(samples) // HOP
    before = (LEVEL_WINDOW - HOP) // 2
    padded = np.pad(samples, (before, LEVEL_WINDOW))
    energy = np.concatenate([[0.0], np.cumsum(padded.astype(np.float64) ** 2)])
    start = np.arange(n) * HOP
    power = (energy[start + LEVEL_WINDOW] - energy[start]) / LEVEL_WINDOW
    return np.asarray(10 * np.log10(np.maximum(power, 10 ** (SILENCE_DB / 10))), np.float32)


def noise_floor_db(levels: Levels) -> float:
    """The channel's resting level in dB: a low percentile of its levels, digital silence left out."""
    heard = levels[levels > SILENCE_DB + 20]
    if heard.size == 0:
        return FAINTEST_FLOOR_DB
    return max(FAINTEST_FLOOR_DB, float(np.percentile(heard, FLOOR_PERCENTILE)))


def to_spans(mask: Mask, *, rate: float = FRAME_RATE) -> tuple[Span, ...]:
    """The runs of true frames as spans in seconds.

    >>> to_spans(np.array([False, True, True, False]))
    (Span(start_s=0.01, end_s=0.03),)
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return tuple(Span(float(a / rate), float(b / rate)) for a, b in edges.reshape(-1, 2))


def to_mask(spans: Any, n: int, *, rate: float = FRAME_RATE) -> Mask:
    """A mask of `n` frames, true where a span covers the frame's middle."""
    mask = np.zeros(n, bool)
    for span in spans:
        mask[max(0, round(span.start_s * rate)) : max(0, round(span.end_s * rate))] = True
    return mask


def share_around(mask: Mask, window: int) -> NDArray[np.float32]:
    """Share of true frames in the `window` frames around each frame, 0 to 1."""
    sums = np.concatenate([[0], np.cumsum(mask, dtype=np.int64)])
    middle = np.arange(len(mask))
    low = np.clip(middle - window // 2, 0, len(mask))
    high = np.clip(middle + window - window // 2, 0, len(mask))
    return np.asarray((sums[high] - sums[low]) / np.maximum(1, high - low), np.float32)
