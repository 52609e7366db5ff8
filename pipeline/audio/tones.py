"""Detection of ringing, busy tones, keys and beeps, identified by frequency and length.

A stretch in which nearly all energy is in one or two narrow peaks is measured as a whole, so that its
frequencies are known to a few hertz. A voice never stands still like that. The tones of telephone
networks are those of ITU-T E.180 and its annex; keys are ITU-T Q.23.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.frames import FRAME_RATE, SAMPLE_RATE, Mask, to_spans
from pipeline.audio.spectrum import BIN_HZ, HIGH_HZ, LOW_HZ, Spectrum
from pipeline.records import SoundKind
from pipeline.settings import SoundSettings
from pipeline.spans import Span

TONE_PURITY = 0.9  # share of a frame's energy in its one or two peaks
WHOLE_PURITY = 0.85  # share of the whole stretch's energy there: a voice glides out of it
MAX_MEASURED_S = 1.0
WINDOW_EDGE_S = 0.02  # the 64 ms window reaches over a tone's edges
SECOND_DB = 12.0  # a second peak is no fainter than this below the first
TOLERANCE = 0.018  # of a frequency: networks keep 1.5 %
MAX_TWIST_DB = 10.0  # between the two frequencies of a key
MIN_KEY_S = 0.05
MAX_BEEP_S = 1.0
LOWEST_HZ = 300.0  # of a beep; a low voice can hum below
N_FFT = 1 << 16  # 0.24 Hz between bins; a stretch of 1 s or less, padded

KEY_ROWS_HZ = (697.0, 770.0, 852.0, 941.0)
KEY_COLUMNS_HZ = (1209.0, 1336.0, 1477.0, 1633.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalTone:
    """A tone; `hz` has its one or two frequencies in Hz, the lower first."""

    span: Span
    kind: SoundKind
    hz: tuple[float, ...]


class Signal(NamedTuple):
    """A tone of the network: its frequencies in Hz and how long one burst of it lasts, in seconds."""

    kind: SoundKind
    hz: tuple[float, ...]
    shortest_s: float
    longest_s: float


SIGNALS = (
    Signal("ringing", (440.0, 480.0), 0.25, 2.6),  # North America
    Signal("ringing", (400.0, 450.0), 0.15, 1.3),  # United Kingdom, Ireland
    Signal("ringing", (400.0, 425.0), 0.15, 1.3),  # Australia
    Signal("ringing", (425.0,), 0.75, 1.6),  # most of Europe
    Signal("busy", (480.0, 620.0), 0.15, 0.8),  # North America, busy and reorder
)
CADENCED_HZ = (400.0, 425.0)
"""Busy tones of one frequency are recognised by their rhythm alone."""
BUSY_BURST_S = (0.12, 0.6)
BUSY_PAUSE_S = 0.8
MIN_BUSY = 3


def find_tones(
    samples: NDArray[np.float32],
    spectrum: Spectrum,
    heard: Mask,
    voice: NDArray[np.float32],
    settings: SoundSettings,
) -> tuple[SignalTone, ...]:
    """All tones of a channel in order of time; `heard` says which frames have sound at all."""
    tones = []
    for span in to_spans(heard & (spectrum.pair >= TONE_PURITY)):
        if span.duration_s < min(settings.min_tone_s, MIN_KEY_S):
            continue
        hz, twist_db = measure_signal_tone(samples, span)
        if not hz:
            continue
        kind = _signal(span, hz, twist_db) or _plain(span, hz, voice, settings)
        if kind is not None:
            tones.append(SignalTone(span=span, kind=kind, hz=hz))
    return _with_busy(tones)


def measure_signal_tone(samples: NDArray[np.float32], span: Span) -> tuple[tuple[float, ...], float]:
    """The one or two frequencies that make up the stretch, and how many dB apart they are; none if more."""
    inner = span.padded(-WINDOW_EDGE_S) if span.duration_s > 4 * WINDOW_EDGE_S else span
    first = round((inner.middle_s - min(inner.duration_s, MAX_MEASURED_S) / 2) * SAMPLE_RATE)
    n = round(min(inner.duration_s, MAX_MEASURED_S) * SAMPLE_RATE)
    part = samples[max(0, first) : first + n]
    power = np.abs(np.fft.rfft(part * np.hanning(len(part)), N_FFT)) ** 2
    bin_hz = SAMPLE_RATE / N_FFT
    power[: round(LOW_HZ / bin_hz)] = power[round(HIGH_HZ / bin_hz) :] = 0.0
    reach = round(2.0 * SAMPLE_RATE / max(1, len(part)) / bin_hz) + 1  # the main lobe of the window
    total = float(power.sum()) + 1e-20
    found: list[tuple[float, float]] = []
    share = 0.0
    for _ in range(2):
        top = int(power.argmax())
        lobe = slice(max(0, top - reach), top + reach + 1)
        found.append((float(power[top]), top * bin_hz))
        share += float(power[lobe].sum()) / total
        power[lobe] = 0.0
    apart_db = 10 * np.log10(found[0][0] / max(found[1][0], 1e-20))
    if share < WHOLE_PURITY:
        return (), 0.0
    if apart_db > SECOND_DB:
        return (found[0][1],), 0.0
    return tuple(sorted(hz for _, hz in found)), float(apart_db)


def _signal(span: Span, hz: tuple[float, ...], twist_db: float) -> SoundKind | None:
    """The kind of network tone or key; None where it is neither."""
    long_enough = len(hz) == 2 and span.duration_s >= MIN_KEY_S and twist_db <= MAX_TWIST_DB
    if long_enough and _near(hz[0], KEY_ROWS_HZ) and _near(hz[1], KEY_COLUMNS_HZ):
        return "dtmf"
    for signal in SIGNALS:
        same = len(hz) == len(signal.hz) and all(
            abs(a - b) <= TOLERANCE * b for a, b in zip(hz, signal.hz, strict=True)
        )
        if same and signal.shortest_s <= span.duration_s <= signal.longest_s:
            return signal.kind
    return None


def _near(hz: float, allowed: tuple[float, ...]) -> bool:
    return any(abs(hz - one) <= TOLERANCE * one for one in allowed)


def _plain(
    span: Span, hz: tuple[float, ...], voice: NDArray[np.float32], settings: SoundSettings
) -> SoundKind | None:
    """A beep or a longer tone; None for a whistle or vowel that the voice model takes for speech."""
    spoken = voice[round(span.start_s * FRAME_RATE) : round(span.end_s * FRAME_RATE)]
    if span.duration_s < settings.min_tone_s or float(spoken.mean()) >= 0.5:
        return None
    if hz[0] < LOWEST_HZ:
        return None
    if len(hz) == 1:
        return "beep" if span.duration_s <= MAX_BEEP_S else "tones"
    return "tones" if span.duration_s >= settings.min_two_tones_s else None


def _with_busy(tones: list[SignalTone]) -> tuple[SignalTone, ...]:
    """The tones, with beeps of one frequency in the rhythm of a busy line as `busy`."""
    run: list[SignalTone] = []
    busy: set[Span] = set()
    for tone in tones:
        fits = (
            tone.kind in ("beep", "ringing")
            and len(tone.hz) == 1
            and _near(tone.hz[0], CADENCED_HZ)
            and BUSY_BURST_S[0] <= tone.span.duration_s <= BUSY_BURST_S[1]
        )
        if not fits:
            continue
        if run and tone.span.start_s - run[-1].span.end_s > BUSY_PAUSE_S:
            run = []
        run.append(tone)
        if len(run) >= MIN_BUSY:
            busy |= {t.span for t in run}
    return tuple(SignalTone(span=t.span, kind="busy" if t.span in busy else t.kind, hz=t.hz) for t in tones)


def is_one_tone(span: Span, spectrum: Spectrum, heard: Mask) -> bool:
    """Whether a stretch taken for music is a single tone that goes on or comes again."""
    part = slice(round(span.start_s * FRAME_RATE), round(span.end_s * FRAME_RATE))
    pure = heard[part] & (spectrum.purity[part] >= TONE_PURITY)
    if pure.sum() < 0.9 * heard[part].sum():
        return False
    return float(np.ptp(spectrum.peak_hz[part][pure])) <= 2 * BIN_HZ
