"""Spectral measures of a channel per frame of 10 ms that distinguish music and tones from speech."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.frames import FRAME_RATE, HOP, SAMPLE_RATE, stft

N_FFT = 1024  # 64 ms
LAG = 10  # frames: 100 ms
LOW_HZ, HIGH_HZ = 150, 3600  # inside the telephone band
PEAK_ABOVE_MEDIAN = 10.0  # power ratio of 10 dB
BLOCK = 30 * FRAME_RATE  # frames analysed at once, to bound memory
BIN_HZ = SAMPLE_RATE / N_FFT  # 15.6 Hz
PAIR_REACH = 5  # bins

_Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """Per frame: `steady`, `purity` and `pair`, 0 to 1, and the strongest frequency in Hz.

    `steady` is the share of peak energy that was there 100 ms before, `purity` the share of energy in the
    strongest peak, `pair` that in the two strongest.
    """

    steady: _Floats
    purity: _Floats
    pair: _Floats
    peak_hz: _Floats


def measure_spectrum(samples: _Floats, n: int) -> Spectrum:
    """The measures of `n` frames, from 64 ms around each."""
    padded = np.pad(samples, (N_FFT // 2 - HOP // 2 + LAG * HOP, N_FFT))
    blocks = [_power(padded, start, min(BLOCK, n - start)) for start in range(0, n, BLOCK)]
    parts = [(_steady(power), *_peaks(power[LAG:])) for power in blocks]
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)] or [np.zeros(0, np.float32)] * 4
    return Spectrum(steady=columns[0], purity=columns[1], pair=columns[2], peak_hz=columns[3])


def _power(padded: _Floats, start: int, n: int) -> _Floats:
    """Power in the band, shape (LAG + n, bins), of the frames from `start - LAG`."""
    spectrum = stft(padded, N_FFT, HOP, slice(start, start + n + LAG))[:, _band()]
    return np.asarray(np.abs(spectrum) ** 2 + 1e-12, np.float32)


def _band() -> slice:
    return slice(round(np.ceil(LOW_HZ / BIN_HZ)), int(HIGH_HZ / BIN_HZ) + 1)


def _steady(power: _Floats) -> _Floats:
    """The share of each frame's peak energy that was there LAG frames before."""
    peak = np.zeros(power.shape, bool)
    peak[:, 1:-1] = (power[:, 1:-1] >= power[:, :-2]) & (power[:, 1:-1] >= power[:, 2:])
    near = peak.copy()
    near[:, 1:] |= peak[:, :-1]
    near[:, :-1] |= peak[:, 1:]
    strong = (peak & (power > PEAK_ABOVE_MEDIAN * np.median(power, axis=1, keepdims=True)))[LAG:]
    now = power[LAG:]
    standing = (now * (strong & near[:-LAG])).sum(axis=1)
    return np.asarray(standing / np.maximum((now * strong).sum(axis=1), 1e-12), np.float32)


def _peaks(power: _Floats) -> tuple[_Floats, _Floats, _Floats]:
    """Per frame: the shares of the strongest peak and of the two strongest, and the strongest's Hz."""
    rows = np.arange(len(power))
    sums = np.concatenate([np.zeros((len(power), 1)), np.cumsum(power, axis=1, dtype=np.float64)], axis=1)

    def around(bins: NDArray[np.intp], reach: int) -> NDArray[np.float64]:
        low, high = np.maximum(bins - reach, 0), np.minimum(bins + reach + 1, power.shape[1])
        return np.asarray(sums[rows, high] - sums[rows, low])

    top = power.argmax(axis=1)
    # Two tones as close as those of ringing (40 to 50 Hz) share one peak at this resolution.
    far = np.abs(np.arange(power.shape[1]) - top[:, None]) > PAIR_REACH
    second = np.where(far, power, 0).argmax(axis=1)
    purity = around(top, 2) / sums[:, -1]
    pair = np.minimum(1.0, (around(top, PAIR_REACH) + around(second, 2)) / sums[:, -1])
    hz = (top + _band().start) * BIN_HZ
    return purity.astype(np.float32), pair.astype(np.float32), hz.astype(np.float32)
