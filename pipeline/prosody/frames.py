"""Acoustic measurements per frame of a channel, and the frames that can be used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import librosa
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from pipeline.audio.frames import (
    HOP,
    SAMPLE_RATE,
    SILENCE_DB,
    Levels,
    Mask,
    dilate,
    levels_db,
    noise_floor_db,
    to_mask,
)
from pipeline.prosody.pitch import Values, track_pitch
from pipeline.prosody.spectra import amplitude_spectra
from pipeline.spans import Span, intersection, union
from pipeline.speech.activity import ChannelActivity

N_FFT = 512  # 32 ms
LOW_BAND_HZ = (300, 1000)
HIGH_BAND_HZ = (1000, 3400)  # both lie in a telephone's band
SPEECH_BAND_HZ = (300, 3400)
NOISE_MARGIN_DB = 10.0  # noise adds 0.4 dB at most to what stands so far above it
LEAK_MARGIN_DB = 12.0
CEILING_SHARE = 0.97  # of the highest sample of the channel
CEILING_PERCENTILE = 99.99  # one click is no ceiling
CLIPPED_CHANNEL = 0.001  # share of samples at the ceiling; clean speech has less than half of it
CLIPPED_FRAME = 4  # samples of 160 at the ceiling
VOICE_RUN = 5  # frames: shorter runs with a pitch may be chance
VOICE_REACH = 25  # frames: consonants and closures are never further than this from a vowel
NUCLEUS_DIP_DB = 2.0  # between two syllables the level falls by this (de Jong and Wempe 2009)
NUCLEUS_SMOOTHING = 2.0  # frames: a vowel's own ripple is shorter
NUCLEUS_BELOW_DB = 25.0  # fainter peaks, below the loud parts, are no vowels


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelFrames:
    """A channel at 10 ms; every array has one entry a frame.

    `usable`: speech that may be measured. `voiced`: the part of it that has a pitch. `pitch` in semitones
    above 1 Hz, NaN where there is none; `level` in dB relative to full scale; `balance`: energy above
    1 kHz over energy below it in dB, which rises with vocal effort; `nucleus`: middles of syllables.
    """

    usable: Mask
    voiced: Mask
    pitch: Values
    level: Levels
    balance: Values
    nucleus: Mask

    def cut(self, first: int, end: int) -> ChannelFrames:
        """The frames `first` to `end`, exclusive."""
        return ChannelFrames(**{name: getattr(self, name)[first:end] for name in self.__slots__})


def measure_frames(
    raw: NDArray[np.float32], channel: ChannelActivity, voices: Sequence[Sequence[Span]]
) -> ChannelFrames:
    """The frames of a channel; `raw` is its audio as decoded, `voices` the speech of each voice on it."""
    level = levels_db(channel.samples)
    clean = _clean(raw, channel, voices, level)
    hz = np.full(len(clean), np.nan, np.float32)
    for spans in voices:
        # What two voices say at once is not clean, so no frame has two pitches.
        hz = np.fmax(hz, track_pitch(channel.samples, clean & to_mask(spans, len(clean))))
    voiced = _without_short_runs(np.isfinite(hz))
    usable = clean & dilate(voiced, VOICE_REACH)
    low, high, speech = _bands(channel.samples, usable)
    pitch = np.where(voiced, 12 * np.log2(np.where(voiced, hz, 1.0)), np.nan).astype(np.float32)
    return ChannelFrames(
        usable=usable,
        voiced=voiced,
        pitch=pitch,
        level=level,
        balance=high - low,
        nucleus=_nuclei(speech, usable, voiced),
    )


def _clean(
    raw: NDArray[np.float32], channel: ChannelActivity, voices: Sequence[Sequence[Span]], level: Levels
) -> Mask:
    """Speech of one voice alone, without crosstalk, music, tones, clipping and noise."""
    n = len(level)
    clean = to_mask(channel.spans, n) & (level > noise_floor_db(level) + NOISE_MARGIN_DB)
    clean &= ~to_mask((sound.span for sound in channel.sounds), n)
    clean &= ~to_mask(_overlaps(voices), n)
    clean &= ~_clipped(raw, n)
    if channel.leak is not None:
        clean &= level > channel.leak[:n] + LEAK_MARGIN_DB
    return clean


def _overlaps(voices: Sequence[Sequence[Span]]) -> Iterable[Span]:
    """The frames in which two voices of one channel speak at once."""
    so_far: tuple[Span, ...] = ()
    found: list[Span] = []
    for spans in voices:
        found += intersection(so_far, spans)
        so_far = union((*so_far, *spans))
    return found


def _clipped(raw: NDArray[np.float32], n: int) -> Mask:
    """Frames that were cut off at the channel's ceiling, and their neighbours."""
    frames = np.abs(raw[: n * HOP].reshape(n, HOP))
    heard = frames[frames > 0]
    if heard.size == 0:
        return np.zeros(n, bool)
    top = frames >= CEILING_SHARE * np.percentile(heard, CEILING_PERCENTILE)
    if top.sum() < CLIPPED_CHANNEL * heard.size:
        return np.zeros(n, bool)
    return dilate(top.sum(axis=1) >= CLIPPED_FRAME, 1)


def _bands(samples: NDArray[np.float32], wanted: Mask) -> tuple[Values, Values, Values]:
    """Level in dB of the low, high and whole speech band per frame; -120 where not wanted."""
    bins = librosa.fft_frequencies(sr=SAMPLE_RATE, n_fft=N_FFT)
    inside = [(bins >= low) & (bins < high) for low, high in (LOW_BAND_HZ, HIGH_BAND_HZ, SPEECH_BAND_HZ)]
    levels = np.full((3, len(wanted)), SILENCE_DB, np.float32)
    for frames, amplitude in amplitude_spectra(samples, wanted, n_fft=N_FFT, hop=HOP, window=N_FFT):
        power = np.stack([np.square(amplitude[:, band]).sum(axis=1) for band in inside])
        levels[:, frames] = librosa.power_to_db(power, amin=1e-12, top_db=None)
    return levels[0], levels[1], levels[2]


def _nuclei(speech: Values, usable: Mask, voiced: Mask) -> Mask:
    """Peaks of the speech band's level that have a pitch: one a syllable (de Jong and Wempe 2009)."""
    nuclei = np.zeros(len(speech), bool)
    if not usable.any():
        return nuclei
    least = float(np.percentile(speech[usable], 95)) - NUCLEUS_BELOW_DB
    smooth = gaussian_filter1d(np.maximum(speech, least - NUCLEUS_DIP_DB), NUCLEUS_SMOOTHING)
    peaks, _ = find_peaks(smooth, prominence=NUCLEUS_DIP_DB, height=least)
    nuclei[peaks] = True
    return nuclei & usable & dilate(voiced, 2)


def _without_short_runs(mask: Mask) -> Mask:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    out = mask.copy()
    for start, end in edges.reshape(-1, 2):
        if end - start < VOICE_RUN:
            out[start:end] = False
    return out
