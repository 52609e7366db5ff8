"""Crosstalk: a faint, delayed copy of the other side on a channel, estimated once a call and removed.

The leak is taken as linear and constant over the call: `heard = own + h * other`. Its response `h` is the
ratio of the averaged cross spectrum to the other side's power spectrum (Wiener), over the stretches in
which the other side is much louder than this channel, so that own speech does not bias it. A leak is
believed only where the response has a peak far above its own scatter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from pipeline.audio.frames import HOP, SAMPLE_RATE, Levels, levels_db
from pipeline.records import Samples
from pipeline.settings import ActivitySettings

N_FFT = 4096  # 256 ms: several times the longest delay
N_HOP = 2048
MIN_BLOCKS = 20  # about 3 s of the other side alone
MIN_DIFFERENCE_DB = 12.0
MIN_PEAK_TO_SCATTER = 10.0  # without a leak, measured peaks lie below 7
RESPONSE_BEFORE_S = 0.002
RESPONSE_AFTER_S = 0.006


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """The response with which one channel leaks into another. `gain_db` is below 0, `delay_s` >= 0."""

    response: NDArray[np.float64]
    gain_db: float
    delay_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanChannel:
    """A channel without the other side's crosstalk: `samples` at 16 kHz, and `levels` in dB per frame.

    `leak` is the predicted level per frame, in dB, of the copy that was removed; None where none was found.
    """

    samples: NDArray[np.float32]
    levels: Levels
    leak: Levels | None = None


def estimate_leak(source: NDArray[np.float32], heard: NDArray[np.float32], max_delay_s: float) -> Leak | None:
    """The leak of `source` into `heard`, both at 16 kHz; None where there is no evidence of one."""
    blocks = _source_alone(source, heard)
    if len(blocks) < MIN_BLOCKS:
        return None
    window = np.hanning(N_FFT)
    power = np.zeros(N_FFT // 2 + 1)
    cross = np.zeros(N_FFT // 2 + 1, complex)
    for start in blocks:
        a = np.fft.rfft(window * source[start : start + N_FFT])
        b = np.fft.rfft(window * heard[start : start + N_FFT])
        power += np.abs(a) ** 2
        cross += np.conj(a) * b
    response = np.fft.irfft(cross / (power + 1e-3 * power.mean()))
    last = round(max_delay_s * SAMPLE_RATE) + 1
    peak = int(np.argmax(np.abs(response[:last])))
    scatter = float(np.sqrt(np.mean(response**2)))
    if abs(response[peak]) < MIN_PEAK_TO_SCATTER * scatter:
        return None
    first = max(0, peak - round(RESPONSE_BEFORE_S * SAMPLE_RATE))
    kept = np.zeros(peak + round(RESPONSE_AFTER_S * SAMPLE_RATE))
    kept[first:] = response[first : len(kept)]
    # The part of the response that the band passes carries the level; below 4 kHz for a telephone.
    band = np.abs(np.fft.rfft(kept, N_FFT))[: N_FFT // 4]
    return Leak(
        response=kept,
        gain_db=float(20 * np.log10(np.sqrt(np.mean(band**2)) + 1e-9)),
        delay_s=peak / SAMPLE_RATE,
    )


def _source_alone(source: NDArray[np.float32], heard: NDArray[np.float32]) -> list[int]:
    """Starts of the blocks in which the source is loud and the other channel is far below it."""
    a, b = levels_db(source), levels_db(heard)
    size = N_FFT // HOP
    starts = range(0, min(len(source), len(heard)) - N_FFT, N_HOP)
    loud = [
        (s, float(a[s // HOP : s // HOP + size].max()), float(b[s // HOP : s // HOP + size].max()))
        for s in starts
    ]
    if not loud:
        return []
    threshold = float(np.percentile([level for _, level, _ in loud], 90)) - 15
    return [s for s, level, other in loud if level >= threshold and other < level - MIN_DIFFERENCE_DB]


def remove_crosstalk(samples: Samples, settings: ActivitySettings) -> tuple[CleanChannel, ...]:
    """Each channel without the other's leak; `samples` has shape (channels, n) at 16 kHz.

    Only two channels can leak into each other; a single one is returned as it is.
    """
    if len(samples) != 2:
        return tuple(CleanChannel(samples=channel, levels=levels_db(channel)) for channel in samples)
    return tuple(_without_leak(samples[own], samples[1 - own], settings) for own in (0, 1))


def _without_leak(
    own: NDArray[np.float32], other: NDArray[np.float32], settings: ActivitySettings
) -> CleanChannel:
    leak = estimate_leak(other, own, settings.max_crosstalk_delay_s)
    if leak is None:
        return CleanChannel(samples=own, levels=levels_db(own))
    copy = fftconvolve(other, leak.response)[: len(own)].astype(np.float32)
    clean = own - copy
    return CleanChannel(samples=clean, levels=levels_db(clean), leak=levels_db(copy))
