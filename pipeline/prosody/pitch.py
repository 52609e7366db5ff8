"""Pitch at 10 ms: how periodic each frame is at each pitch, and the likeliest path through them.

A telephone passes 300 to 3400 Hz, so a voice's fundamental is often missing; its harmonics are there, and
they repeat at its period. Periodicity is the autocorrelation of a frame, taken from the amplitude spectrum
(Tolonen and Karjalainen 2000), slightly flattened so that no formant is taken for the pitch, and divided by
that of the window (Boersma 1993). A hidden Markov model, as in pYIN (Mauch and Dixon 2014), has a state for
each pitch and one for "no voice"; librosa decodes it. Clear voice is decoded first and shows where the
speaker's pitch lies; in a second pass, weaker voice near that pitch is found as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import librosa
import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, uniform_filter1d
from scipy.signal import get_window, resample_poly

from pipeline.audio.frames import FRAME_RATE, HOP, SAMPLE_RATE, Mask, to_spans
from pipeline.prosody.spectra import amplitude_spectra

LOW_HZ, HIGH_HZ = 60.0, 650.0  # from a deep voice to a shout
STEPS = 24  # states per octave: half semitones
FINE = 3  # pitches within a state at which periodicity is measured
RATE = SAMPLE_RATE // 2  # all that a telephone passes
STEP = RATE // FRAME_RATE  # 80 samples in 10 ms
WINDOW = 480  # 60 ms: three periods and a half of the lowest pitch
N_FFT = 512
FINER = 4  # steps of the autocorrelation per sample
ENVELOPE = 25  # bins, 390 Hz: what is left of a spectrum smoothed so far are its formants
FLATTENING = 0.15  # power of the envelope that the spectrum is divided by
SMOOTHING = 1.0  # frames: noise is periodic by chance, and only for one frame

CLEAR = 0.13  # periodicity at which a frame is as likely voiced as not, in the first pass
WEAK = 0.02  # the same in the second pass
SHARPNESS = 15.0  # by how much the log likelihood rises with periodicity
OCTAVE_COST = 0.005  # periodicity, per octave down: of equal candidates the highest is the pitch
WIDTH = 0.05  # octaves from frame to frame at which a change is e times less likely than none
SWITCH = 0.001  # probability that voice starts or ends from one frame to the next

ENOUGH = 20  # voiced frames that show where a voice lies
FAR_COST = 0.08  # periodicity, times the squared distance in octaves from where the voice lies
RANGE = (0.45, 2.5)  # of where the voice lies: further than lively speakers go

Values = NDArray[np.float32]
_OCTAVES = np.arange(int(STEPS * np.log2(HIGH_HZ / LOW_HZ)) + 1) / STEPS
_SILENT = len(_OCTAVES)  # the state without voice
_START = np.append(np.full(_SILENT, 0.5 / _SILENT), 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stretch:
    """An unbroken stretch of frames: the periodicity at each state's pitch, and that pitch exactly.

    Both have shape (frames, states); `fine` is in octaves from the middle of the state.
    """

    frames: slice
    periodicity: Values
    fine: NDArray[np.float16]


def track_pitch(samples: NDArray[np.float32], wanted: Mask) -> Values:
    """Pitch in Hz per frame of 10 ms, NaN where there is no voice; only frames in `wanted` are measured.

    `samples` is mono at 16 kHz and full scale 1; `wanted` has at most `len(samples) // 160` frames, all of
    one voice.
    """
    pitch = np.full(len(wanted), np.nan, np.float32)
    stretches = list(_stretches(samples, wanted))
    clear = [_decode(stretch.periodicity, CLEAR) for stretch in stretches]
    middle = _middle(stretches, clear)
    for stretch, states in zip(stretches, clear, strict=True):
        if middle is not None:
            far = _OCTAVES - middle
            near = stretch.periodicity - (FAR_COST * far**2).astype(np.float32)
            near[:, (far < np.log2(RANGE[0])) | (far > np.log2(RANGE[1]))] = -1
            states = _decode(near, WEAK)  # noqa: PLW2901  (the second pass replaces the first)
        voiced = np.flatnonzero(states < _SILENT)
        octaves = _OCTAVES[states[voiced]] + stretch.fine[voiced, states[voiced]]
        pitch[stretch.frames][voiced] = LOW_HZ * 2**octaves
    return pitch


def _stretches(samples: NDArray[np.float32], wanted: Mask) -> Iterator[_Stretch]:
    """Each unbroken stretch of wanted frames."""
    half = resample_poly(samples[: len(wanted) * HOP], RATE, SAMPLE_RATE).astype(np.float32)
    periodicity = np.empty((len(wanted), _SILENT), np.float32)
    fine = np.empty((len(wanted), _SILENT), np.float16)
    for frames, amplitude in amplitude_spectra(half, wanted, n_fft=N_FFT, hop=STEP, window=WINDOW):
        periodicity[frames], fine[frames] = _best(_autocorrelation(amplitude))
    cost = (OCTAVE_COST * (_OCTAVES[-1] - _OCTAVES)).astype(np.float32)
    for span in to_spans(wanted, rate=1):
        frames = slice(round(span.start_s), round(span.end_s))
        smooth = gaussian_filter1d(periodicity[frames], SMOOTHING, axis=0)
        yield _Stretch(frames=frames, periodicity=smooth - cost, fine=fine[frames])


def _autocorrelation(amplitude: Values) -> Values:
    """At the periods of the fine pitches, 1 for a perfect period, shape (frames, fine pitches)."""
    envelope = uniform_filter1d(amplitude, ENVELOPE, axis=1, mode="constant")
    flatter = amplitude / np.maximum(envelope, 1e-9) ** FLATTENING
    flatter[:, : int(LOW_HZ * N_FFT / RATE)] = 0  # an offset is no voice
    lags = scipy.fft.irfft(flatter, FINER * N_FFT, axis=1)
    whole, part, own = _lags()
    between = lags[:, whole] * (1 - part) + lags[:, whole + 1] * part
    return np.asarray(between / (np.maximum(lags[:, :1], 1e-12) * own), np.float32)


def _best(correlation: Values) -> tuple[Values, NDArray[np.float16]]:
    """The highest value within each state, and where the parabola through it and its neighbours peaks."""
    inner = correlation[:, 1:-1].reshape(len(correlation), _SILENT, FINE)
    best = inner.argmax(axis=2)
    at = best + FINE * np.arange(_SILENT)
    left, top, right = (np.take_along_axis(correlation, at + step, axis=1) for step in range(3))
    bend = np.minimum(left - 2 * top + right, -1e-6)
    steps = best - FINE // 2 + np.clip(0.5 * (left - right) / bend, -0.5, 0.5)
    return top, (steps / (FINE * STEPS)).astype(np.float16)


def _decode(periodicity: Values, threshold: float) -> NDArray[np.intp]:
    """The likeliest state of each frame of one stretch."""
    likelihood = np.full((_SILENT + 1, len(periodicity)), np.exp(SHARPNESS * (threshold - 1)))
    likelihood[:_SILENT] = np.exp(SHARPNESS * (np.minimum(periodicity.T, 1) - 1))
    return np.asarray(librosa.sequence.viterbi(likelihood, _transitions(), p_init=_START), np.intp)


def _middle(stretches: Sequence[_Stretch], clear: Sequence[NDArray[np.intp]]) -> float | None:
    """Median pitch weighted by periodicity, in octaves above the lowest pitch."""
    weights, frames = np.zeros(_SILENT), 0
    for stretch, states in zip(stretches, clear, strict=True):
        voiced = np.flatnonzero(states < _SILENT)
        frames += len(voiced)
        np.add.at(weights, states[voiced], np.maximum(stretch.periodicity[voiced, states[voiced]], 0))
    if frames < ENOUGH:
        return None
    reached = np.cumsum(weights)
    return float(_OCTAVES[np.searchsorted(reached, reached[-1] / 2)])


@cache
def _lags() -> tuple[NDArray[np.intp], Values, Values]:
    """Where the autocorrelation is read: whole steps, the part beyond them, and the window's own there.

    One entry for each fine pitch: `FINE` in each state, and one more at either end.
    """
    fine = (np.arange(-1, FINE * _SILENT + 1) - FINE // 2) / (FINE * STEPS)
    lags = FINER * RATE / (LOW_HZ * 2**fine)
    window = scipy.fft.irfft(
        np.abs(scipy.fft.rfft(get_window("hann", WINDOW), 2 * N_FFT)) ** 2, FINER * 2 * N_FFT
    )
    own = np.interp(lags, np.arange(len(window)), window / window[0])
    whole = lags.astype(np.intp)
    return whole, (lags - whole).astype(np.float32), np.maximum(own, 0.05).astype(np.float32)


@cache
def _transitions() -> NDArray[np.float64]:
    """Probability of each state, given the one before; the last state is the one without voice."""
    change = np.exp(-np.abs(_OCTAVES[:, None] - _OCTAVES) / WIDTH)
    out = np.empty((_SILENT + 1, _SILENT + 1))
    out[:_SILENT, :_SILENT] = change / change.sum(axis=1, keepdims=True) * (1 - SWITCH)
    out[:_SILENT, _SILENT] = SWITCH
    out[_SILENT, :_SILENT] = SWITCH / _SILENT
    out[_SILENT, _SILENT] = 1 - SWITCH
    return out
