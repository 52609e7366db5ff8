"""Pitch at 10 ms: the period at which a frame's spectrum repeats, followed through time.

A telephone passes 300 to 3400 Hz, so a voice's fundamental is often not there; its harmonics are, and they
repeat at its period. The autocorrelation is taken from the amplitude spectrum instead of the power spectrum
(Tolonen and Karjalainen 2000), half flattened so that no formant is taken for the pitch, and divided by
that of the window (Boersma 1993). The path through each frame's best candidates is the one with the fewest
jumps.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import resample_poly

from pipeline.audio.frames import FRAME_RATE, HOP, SAMPLE_RATE, Mask, to_spans

LOW_HZ, HIGH_HZ = 60.0, 650.0  # from a deep voice to a shout
RATE = SAMPLE_RATE // 2  # all that a telephone passes
STEP = RATE // FRAME_RATE  # 80 samples in 10 ms
WINDOW = 400  # 50 ms: three periods of the lowest pitch
N_FFT = 1024
BLOCK = 4096  # frames at a time, for memory's sake
FINER = 2  # the autocorrelation is interpolated: a shout's period is but 12 samples
LAST_LAG = int(FINER * RATE / LOW_HZ)  # 266
CANDIDATES = 6
ENVELOPE = 50  # bins, 390 Hz: what is left of a spectrum smoothed so far are its formants
VOICED = 0.15  # strength at which a frame is as likely voiced as not; noise stays below
OCTAVE_COST = 0.02  # strength, per octave down: of equal candidates the highest is the pitch
JUMP_COST = 0.6  # strength, per octave from frame to frame
CHANGE_COST = 0.14  # strength, per start or end of voice

RANGE = np.array([0.5, 2.2])
"""Of the median: an octave down and more than one up, further than lively speakers go."""
ENOUGH = 50  # voiced frames that show a range

Values = NDArray[np.float32]
_LAGS = np.arange(int(FINER * RATE / HIGH_HZ), LAST_LAG + 1)  # from 24


def track_pitch(samples: NDArray[np.float32], wanted: Mask) -> Values:
    """Pitch in Hz per frame of 10 ms, NaN where there is no voice; only frames in `wanted` are looked at.

    `samples` is mono at 16 kHz and full scale 1; `wanted` has at most `len(samples) // 160` frames, all of
    one voice. What was found first gives that voice's range, in which it is then looked for again.
    """
    pitch = np.full(len(wanted), np.nan, np.float32)
    stretches = list(_stretches(samples, wanted))
    for frames, hz, strength in stretches:
        pitch[frames] = _best_path(hz, strength)
    if np.isfinite(pitch).sum() >= ENOUGH:
        low, high = np.nanmedian(pitch) * RANGE
        for frames, hz, strength in stretches:
            inside = (hz >= low) & (hz <= high)
            pitch[frames] = _best_path(hz, np.where(inside, strength, -np.inf).astype(np.float32))
    return pitch


def _stretches(samples: NDArray[np.float32], wanted: Mask) -> Iterator[tuple[slice, Values, Values]]:
    """Each unbroken stretch of wanted frames, with the candidates of each frame."""
    half = resample_poly(samples[: len(wanted) * HOP], RATE, SAMPLE_RATE).astype(np.float32)
    padded = np.pad(half, (WINDOW, WINDOW))
    for span in to_spans(wanted, rate=1):
        first, end = round(span.start_s), round(span.end_s)
        blocks = [
            _candidates(padded, np.arange(start, min(start + BLOCK, end)))
            for start in range(first, end, BLOCK)
        ]
        hz, strength = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        yield slice(first, end), hz, strength


def _candidates(padded: Values, frames: NDArray[np.int64]) -> tuple[Values, Values]:
    """Pitch in Hz and strength (1 for a perfect period) of each frame's candidates, shape (frames, 6)."""
    periodicity = _autocorrelation(padded, frames)
    at = slice(_LAGS[0], _LAGS[-1] + 1)
    here = periodicity[:, at]
    before = periodicity[:, _LAGS[0] - 1 : _LAGS[-1]]
    after = periodicity[:, _LAGS[0] + 1 : _LAGS[-1] + 2]
    peak = (here > before) & (here >= after)
    cost = OCTAVE_COST * np.log2(_LAGS / _LAGS[0])
    strength = np.where(peak, here - cost, -np.inf).astype(np.float32)
    best = np.argpartition(-strength, CANDIDATES, axis=1)[:, :CANDIDATES]
    left, middle, right = (np.take_along_axis(part, best, axis=1) for part in (before, here, after))
    # The peak of the parabola through three lags: a lag alone is 4 % wide at 650 Hz.
    bend = np.minimum(left - 2 * middle + right, -1e-6)
    lag = _LAGS[best] + np.clip(0.5 * (left - right) / bend, -0.5, 0.5)
    return (FINER * RATE / lag).astype(np.float32), np.take_along_axis(strength, best, axis=1)


def _autocorrelation(padded: Values, frames: NDArray[np.int64]) -> Values:
    """Of the amplitude spectrum, normalised to 1 at lag 0 and by the window's own, per frame and lag."""
    starts = frames * STEP + STEP // 2 + WINDOW // 2
    block = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[starts]
    centred = (block - block.mean(axis=1, keepdims=True)) * _HANN
    amplitude = np.abs(scipy.fft.rfft(centred, N_FFT, axis=1))
    envelope = uniform_filter1d(amplitude, ENVELOPE, axis=1, mode="constant")
    flatter = amplitude / np.sqrt(np.maximum(envelope, 1e-9))
    lags = scipy.fft.irfft(flatter, FINER * N_FFT, axis=1)[:, : LAST_LAG + 2]
    return np.asarray(lags / np.maximum(lags[:, :1], 1e-9) / _WINDOW_LAGS, np.float32)


def _window_lags() -> Values:
    power = np.abs(scipy.fft.rfft(_HANN, N_FFT)) ** 2
    lags = scipy.fft.irfft(power, FINER * N_FFT)[: LAST_LAG + 2]
    return np.asarray(np.maximum(lags / lags[0], 0.05), np.float32)


def _best_path(hz: Values, strength: Values) -> Values:
    """The likeliest pitch of each frame of one stretch, NaN where no voice is likelier (Viterbi)."""
    n, silent = len(hz), CANDIDATES
    octave = np.log2(hz)
    cost = np.full((n, CANDIDATES + 1), -VOICED)
    cost[:, :silent] = -strength
    change = np.zeros((CANDIDATES + 1, CANDIDATES + 1))
    change[silent, :silent] = change[:silent, silent] = CHANGE_COST
    jumps = np.broadcast_to(change, (n, *change.shape)).copy()
    jumps[1:, :silent, :silent] = JUMP_COST * np.abs(octave[1:, None, :] - octave[:-1, :, None])
    back = np.zeros((n, CANDIDATES + 1), np.int64)
    total = cost[0]
    for frame in range(1, n):
        ways = total[:, None] + jumps[frame]
        back[frame] = ways.argmin(axis=0)
        total = ways.min(axis=0) + cost[frame]
    path = np.empty(n, np.int64)
    path[-1] = total.argmin()
    for frame in range(n - 1, 0, -1):
        path[frame - 1] = back[frame, path[frame]]
    voiced = path < silent
    found = hz[np.arange(n), np.minimum(path, silent - 1)]
    return np.where(voiced, found, np.float32(np.nan)).astype(np.float32)


_HANN = np.hanning(WINDOW).astype(np.float32)
_WINDOW_LAGS = _window_lags()
