"""Music and tones on a channel, told from speech.

Music: sound without pauses whose spectral peaks stay where they are (a held note lasts longer than
100 ms, a voice glides). Share of peak energy that was already there 100 ms before, measured: hold music
0.93 to 1.00, speech 0.4 to 0.9. Speech above music (an announcement) does not end the music.
A tone: nearly all energy in one narrow peak.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.frames import (
    FRAME_RATE,
    HOP,
    SAMPLE_RATE,
    Levels,
    Mask,
    noise_floor_db,
    share_around,
    to_mask,
    to_spans,
)
from pipeline.records import Sound, SoundKind
from pipeline.settings import SoundSettings
from pipeline.spans import Span, union

N_FFT = 1024  # 64 ms
LAG = 10  # frames: 100 ms
LOW_HZ, HIGH_HZ = 150, 3600  # inside the telephone band
PEAK_ABOVE_MEDIAN = 10.0  # power ratio of 10 dB
BLOCK = 30 * FRAME_RATE  # frames analysed at once, to bound memory

MARGIN_DB = 6.0  # above the noise floor
LEAST_DB = -65.0
WINDOW = 150  # frames: 1.5 s
STEADY = 0.88  # a frame is steady when this share of its peak energy has stood still
MIN_STEADY = 0.5  # share of steady frames in a window; noise has at most 0.35, speech 0.55
MIN_COVER = 0.55  # share of frames with sound in a window; sparse music has pauses
NO_PAUSE = 0.82
MAX_VOICE = 0.1  # speech has at least 0.3
REST_S = 3.0
MAX_ANNOUNCEMENT_S = 30.0
TONE_PURITY = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """Per frame: `steady` and `purity`, 0 to 1, and the strongest frequency in Hz."""

    steady: NDArray[np.float32]
    purity: NDArray[np.float32]
    peak_hz: NDArray[np.float32]


def detect_sounds(
    samples: NDArray[np.float32],
    levels: Levels,
    voice: NDArray[np.float32],
    channel: int,
    settings: SoundSettings,
) -> tuple[Sound, ...]:
    """Stretches of music and tones of one channel; `voice` is the voice probability per frame."""
    spectrum = measure_spectrum(samples, len(levels))
    heard = levels > max(noise_floor_db(levels) + MARGIN_DB, LEAST_DB)
    music = find_music(spectrum, heard, voice, settings)
    tones = find_tones(spectrum, heard & ~to_mask(music, len(levels)), voice, settings)
    found: list[tuple[SoundKind, Span]] = [("music", s) for s in music] + [("tones", s) for s in tones]
    return tuple(
        Sound(channel=channel, kind=kind, start_s=span.start_s, end_s=span.end_s)
        for kind, span in sorted(found, key=lambda item: item[1])
    )


def measure_spectrum(samples: NDArray[np.float32], n: int) -> Spectrum:
    """Steadiness and purity of `n` frames, 64 ms around each."""
    padded = np.pad(samples, (N_FFT // 2 - HOP // 2 + LAG * HOP, N_FFT))
    parts = [_spectrum_block(padded, start, min(BLOCK, n - start)) for start in range(0, n, BLOCK)]
    empty = np.zeros(0, np.float32)
    steady, purity, peak_hz = (
        (np.concatenate(column) for column in zip(*parts, strict=True)) if parts else (empty,) * 3
    )
    return Spectrum(steady=steady, purity=purity, peak_hz=peak_hz)


def _spectrum_block(
    padded: NDArray[np.float32], start: int, n: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """The measures of frames `start` to `start + n`; `padded` starts LAG frames before the first."""
    frames = np.lib.stride_tricks.sliding_window_view(padded[start * HOP :], N_FFT)[::HOP][: n + LAG]
    bins = np.arange(N_FFT // 2 + 1) * SAMPLE_RATE / N_FFT
    band = (bins >= LOW_HZ) & (bins <= HIGH_HZ)
    power = np.abs(np.fft.rfft(frames * np.hanning(N_FFT).astype(np.float32), axis=1))[:, band] ** 2
    power = power.astype(np.float32) + np.float32(1e-12)
    peak = np.zeros(power.shape, bool)
    peak[:, 1:-1] = (power[:, 1:-1] >= power[:, :-2]) & (power[:, 1:-1] >= power[:, 2:])
    near = peak.copy()
    near[:, 1:] |= peak[:, :-1]
    near[:, :-1] |= peak[:, 1:]
    strong = (peak & (power > PEAK_ABOVE_MEDIAN * np.median(power, axis=1, keepdims=True)))[LAG:]
    now = power[LAG:]
    strong_power = (now * strong).sum(axis=1)
    steady = (now * (strong & near[:-LAG])).sum(axis=1) / np.maximum(strong_power, 1e-12)
    top = now.argmax(axis=1)
    sums = np.concatenate([np.zeros((len(now), 1)), np.cumsum(now, axis=1, dtype=np.float64)], axis=1)
    rows = np.arange(len(now))
    narrow = sums[rows, np.minimum(top + 3, now.shape[1])] - sums[rows, np.maximum(top - 2, 0)]
    purity = narrow / sums[:, -1]
    return steady.astype(np.float32), purity.astype(np.float32), bins[band][top].astype(np.float32)


def find_music(
    spectrum: Spectrum, heard: Mask, voice: NDArray[np.float32], settings: SoundSettings
) -> tuple[Span, ...]:
    """Stretches of music, announcements above it included."""
    n = len(heard)
    cover = share_around(heard, WINDOW)
    steady = share_around(spectrum.steady > STEADY, WINDOW)
    spoken = share_around(voice > 0.5, WINDOW)
    sure = heard & (cover >= MIN_COVER) & (steady >= MIN_STEADY) & (spoken <= MAX_VOICE)
    cores = [s for s in to_spans(sure) if s.duration_s >= 0.5]
    # Sound that never pauses between two stretches of music is the same music under something else.
    joined: list[Span] = []
    for core in cores:
        if joined and _goes_on(cover, joined[-1].end_s, core.start_s):
            joined[-1] = joined[-1] | core
        else:
            joined.append(core)
    # The window blurs the edges by half its length: follow the sound to where it starts and stops.
    grown = [
        _follow(heard & (voice < 0.3), span, n)
        for span in joined
        if span.duration_s >= settings.min_music_s / 2
    ]
    return tuple(s for s in union(grown, bridge_s=1.0) if s.duration_s >= settings.min_music_s)


def _goes_on(cover: NDArray[np.float32], start_s: float, end_s: float) -> bool:
    """Whether the music goes on from one stretch to the next: after a rest, or under an announcement."""
    between = cover[round(start_s * FRAME_RATE) : round(end_s * FRAME_RATE)]
    if between.size == 0 or end_s - start_s <= REST_S:
        return True
    return end_s - start_s <= MAX_ANNOUNCEMENT_S and float(between.min()) >= NO_PAUSE


def _follow(heard: Mask, span: Span, n: int) -> Span:
    """The span grown along unbroken sound by at most half a window each way."""
    start, end = round(span.start_s * FRAME_RATE), round(span.end_s * FRAME_RATE)
    first, last = max(0, start - WINDOW // 2), min(n, end + WINDOW // 2)
    while start > first and heard[start - 1]:
        start -= 1
    while end < last and heard[end]:
        end += 1
    return Span(start / FRAME_RATE, end / FRAME_RATE)


def find_tones(
    spectrum: Spectrum, heard: Mask, voice: NDArray[np.float32], settings: SoundSettings
) -> tuple[Span, ...]:
    """Beeps and other single tones that hold their frequency."""
    pure = heard & (spectrum.purity >= TONE_PURITY) & (voice < 0.5)
    tones = []
    for span in to_spans(pure):
        hz = spectrum.peak_hz[round(span.start_s * FRAME_RATE) : round(span.end_s * FRAME_RATE)]
        if span.duration_s >= settings.min_tone_s and float(np.ptp(hz)) <= 2 * SAMPLE_RATE / N_FFT:
            tones.append(span)
    return tuple(tones)
