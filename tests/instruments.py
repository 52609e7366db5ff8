"""Music and telephone tones made of numbers, at 16 kHz: what no recording here has."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, sosfilt
from signals import RATE, tone

Wave = NDArray[np.float64]
SCALE = (0, 2, 4, 5, 7, 9, 11, 12)
CHORDS = ((0, 4, 7, 11), (9, 12, 16, 19), (2, 5, 9, 12), (7, 11, 14, 17))
VOWELS_HZ = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))


def music_of(
    seconds: float,
    instrument: str,
    *,
    bpm: float = 100,
    drums: bool = False,
    root_hz: float = 220.0,
    seed: int = 0,
) -> NDArray[np.float32]:
    """A tune on an instrument: `pad` and `organ` hold chords, `pluck`, `piano` and `brass` play notes."""
    random = np.random.default_rng(seed)
    out = np.zeros(round((seconds + 4) * RATE))
    beat_s = 60 / bpm
    for i, at_s in enumerate(np.arange(0, seconds, beat_s)):
        chord = CHORDS[(i // 4) % 4]
        if instrument in ("pad", "organ"):
            notes = [(0.0, step, 4 * beat_s) for step in chord] if i % 4 == 0 else []
        else:
            steps = [int(random.choice(chord)) + 12 * int(random.integers(0, 2)) for _ in range(2)]
            notes = [
                (k * beat_s / 2, step, float(random.choice((0.5, 1, 1.5))) * beat_s)
                for k, step in enumerate(steps)
            ]
        for after_s, step, length_s in notes:
            add(out, at_s + after_s, note(root_hz * 2 ** (step / 12), length_s, instrument, random))
        if drums:
            add(out, at_s, drum(random, deep=i % 2 == 0))
            add(out, at_s + beat_s / 2, drum(random, deep=False) * 0.5)
    return level(out[: round(seconds * RATE)])


def note(hz: float, seconds: float, instrument: str, random: np.random.Generator) -> Wave:
    t = np.arange(round(seconds * RATE)) / RATE
    if instrument == "pluck":
        period = round(RATE / hz)
        string = np.zeros(len(t))
        string[:period] = random.uniform(-1, 1, min(period, len(t)))
        decay = np.zeros(period + 2)
        decay[[0, period, period + 1]] = 1, -0.498, -0.498
        return np.asarray(lfilter([1], decay, string))
    if instrument == "piano":
        wave = sum(
            0.6**k * np.sin(2 * np.pi * hz * k * np.sqrt(1 + 4e-4 * k * k) * t) * np.exp(-t * k)
            for k in range(1, 9)
        )
        return np.asarray(wave * np.minimum(1, t / 0.005))
    if instrument == "brass":
        phase = 2 * np.pi * np.cumsum(hz * (1 + 0.01 * np.sin(2 * np.pi * 5.5 * t))) / RATE
        return np.asarray(sum(np.sin(k * phase) / k for k in range(1, 10)) * fade(t, 0.05))
    partials = (1, 2, 4, 8) if instrument == "organ" else (1, 2, 3, 4)
    return np.asarray(0.4 * sum(np.sin(2 * np.pi * hz * k * t) / k for k in partials) * fade(t, 0.1))


def singing(seconds: float, *, bpm: float = 90, seed: int = 0) -> NDArray[np.float32]:
    """A voice that sings vowels on notes, with vibrato and a consonant before each."""
    random = np.random.default_rng(seed)
    parts: list[Wave] = []
    while sum(map(len, parts)) < seconds * RATE:
        t = np.arange(round(60 / bpm * float(random.choice((0.5, 1, 2))) * RATE)) / RATE
        hz = 196 * 2 ** (int(random.choice(SCALE)) / 12)
        phase = np.cumsum(hz * (1 + 0.012 * np.sin(2 * np.pi * 5.5 * t) * np.clip(3 * t - 0.3, 0, 1))) / RATE
        wave: Wave = lfilter([1], [1, -0.96], np.diff(np.floor(phase), prepend=0))
        for formant_hz, width_hz in zip(VOWELS_HZ[random.integers(5)], (80, 100, 140), strict=True):
            r = np.exp(-np.pi * width_hz / RATE)
            wave = lfilter([1 - r], [1, -2 * r * np.cos(2 * np.pi * formant_hz / RATE), r * r], wave)
        wave = wave / np.abs(wave).max() * fade(t, 0.04)
        k = RATE // 16
        wave[:k] = 0.3 * wave[:k] + 0.15 * random.standard_normal(k) * np.hanning(k)
        parts.append(wave)
    return level(np.concatenate(parts)[: round(seconds * RATE)])


def drum(random: np.random.Generator, *, deep: bool) -> Wave:
    t = np.arange(RATE // 4) / RATE
    if deep:
        return np.asarray(np.sin(2 * np.pi * (50 * t + 8 * (1 - np.exp(-30 * t)))) * np.exp(-15 * t))
    hiss = sosfilt(butter(2, 2500, "high", fs=RATE, output="sos"), random.standard_normal(len(t)))
    return np.asarray(0.5 * hiss * np.exp(-50 * t))


def drums(seconds: float, *, bpm: float = 100, seed: int = 0) -> NDArray[np.float32]:
    """Drums alone: low and high ones by turns, and a fainter one between."""
    random = np.random.default_rng(seed)
    out = np.zeros(round((seconds + 1) * RATE))
    beat_s = 60 / bpm
    for i, at_s in enumerate(np.arange(0, seconds, beat_s)):
        add(out, at_s, drum(random, deep=i % 2 == 0))
        add(out, at_s + beat_s / 2, drum(random, deep=False) * 0.5)
    return level(out[: round(seconds * RATE)])


def cadence(
    seconds: float, on_off_s: tuple[float, ...], *hz: float, level_db: float = -20.0
) -> NDArray[np.float32]:
    """Tones of the frequencies `hz` in the beat of `on_off_s`, over and over."""
    out = np.zeros(round(seconds * RATE))
    at_s = 0.0
    for i in range(10_000):
        length_s = on_off_s[i % len(on_off_s)]
        if at_s >= seconds:
            break
        if i % 2 == 0:
            for one in hz:
                add(out, at_s, tone(min(length_s, seconds - at_s), one, level_db))
        at_s += length_s
    return out.astype(np.float32)


def add(out: Wave, at_s: float, part: NDArray[np.floating]) -> None:
    first = round(at_s * RATE)
    out[first : first + len(part)] += part[: max(0, len(out) - first)]


def fade(t: Wave, seconds: float) -> Wave:
    return np.clip(np.minimum(t, t[::-1]) / seconds, 0, 1)


def level(wave: Wave) -> NDArray[np.float32]:
    """At -24 dB, as it sounds on a telephone: 250 to 3400 Hz, quantised by the mu-law."""
    banded = sosfilt(butter(4, (250, 3400), "band", fs=RATE, output="sos"), wave)
    banded = np.clip(banded * 10 ** (-24 / 20) / np.sqrt(np.mean(banded**2)), -1, 1)
    coded = np.round(np.sign(banded) * np.log1p(255 * np.abs(banded)) / np.log(256) * 127) / 127
    return np.asarray(np.sign(coded) * (256 ** np.abs(coded) - 1) / 255, np.float32)
