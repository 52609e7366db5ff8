"""Frames of 10 ms, on which levels, voice and sounds are measured, and the operations on them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.ndimage import binary_dilation

from pipeline.spans import Span

SAMPLE_RATE = 16_000
"""Rate in Hz of every decoded recording."""

FRAME_RATE = 100
HOP = SAMPLE_RATE // FRAME_RATE  # 160 samples in a frame of 10 ms
LEVEL_WINDOW = 400  # 25 ms: short enough for edges, longer than a pitch period
SILENCE_DB = -120.0
FAINTEST_FLOOR_DB = -75.0  # 8-bit companded audio is silent below this
FLOOR_PERCENTILE = 5.0
CEILING_SHARE = 0.97  # of the loudest sample; speech is rarely as close to its own peak
CEILING_PERCENTILE = 99.99  # a single click does not set the ceiling

Levels = NDArray[np.float32]
Mask = NDArray[np.bool_]
Spectra = NDArray[np.complex64]


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


def dilate(mask: Mask, frames: int) -> Mask:
    """The frames at most `frames` away from a true one; `frames` is 0 or more.

    >>> dilate(np.array([False, False, True, False, False]), 1).tolist()
    [False, True, True, True, False]
    """
    # Repeated steps of one frame cost less than one wide structuring element, and do not depend on its width.
    return np.asarray(binary_dilation(mask, iterations=frames)) if frames else mask.copy()


def stft(
    samples: NDArray[np.float32], n_fft: int, hop: int, frames: slice | NDArray[np.integer[Any]]
) -> Spectra:
    """Short-time Fourier transform of the chosen `frames`, shape (frames, n_fft // 2 + 1).

    Frame `i` is the `n_fft` samples from sample `i * hop`, under a Hann window; the caller pads `samples` so
    that the last frame is complete. A caller with a long recording asks for a few thousand frames at a time,
    which bounds the memory; a slice of frames costs no copy of the samples.
    """
    windows = np.lib.stride_tricks.sliding_window_view(samples, n_fft)[::hop][frames]
    return np.asarray(rfft(windows * hann(n_fft), axis=1), np.complex64)


@cache
def hann(n: int) -> NDArray[np.float32]:
    """A Hann window of `n` samples."""
    return np.hanning(n).astype(np.float32)


def clipping_ceiling(magnitudes: NDArray[np.float32]) -> float:
    """The magnitude from which samples count as clipped, 0 for digital silence; `magnitudes` is not empty.

    It is relative to the loudest samples, since a clipped call may have been attenuated later.
    """
    return CEILING_SHARE * float(np.percentile(magnitudes, CEILING_PERCENTILE))
