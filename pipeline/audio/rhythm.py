"""Drums: sound without a voice whose onsets come back at a steady beat.

Drums hold no note, so they are not found by what stands still in the spectrum. In windows of 8 s in which
hardly anybody speaks, the onset strength is compared with itself later (the autocorrelation behind a
tempogram, Grosche, Müller and Kurth 2010). Drums repeat to 0.75 and more; in speech, noise and pauses no
such window reached 0.4.
"""

from __future__ import annotations

import librosa
import numpy as np
from numpy.typing import NDArray

from pipeline.audio.frames import FRAME_RATE, HOP, SAMPLE_RATE, Levels, Mask, share_around, to_mask, to_spans
from pipeline.spans import Span, union

N_FFT = 1024  # 64 ms
BAND = slice(10, 230)  # bins: 156 to 3580 Hz
WINDOW = 800  # frames: 8 s, at least five beats
EVERY = 100  # frames from window to window
BEAT = slice(25, 160)  # frames from onset to onset: 240 to 38 beats a minute
MIN_REPEAT = 0.65  # share of the onset strength that comes back
MIN_COVER = 0.15  # share of frames with sound in a window
MAX_VOICE = 0.05
LONGEST_BLOCK = 60 * FRAME_RATE  # frames analysed at once, to bound memory
NO_VOICE = 0.3  # voice probability
MIN_S = 4.0
LOUD_PERCENTILE = 90  # of the levels in a window: the strokes
MAX_BELOW_DB = 30.0  # what a codec leaves of the other side's voice is fainter than that beside drums


def find_rhythm(
    samples: NDArray[np.float32], levels: Levels, heard: Mask, voice: NDArray[np.float32]
) -> tuple[Span, ...]:
    """Stretches with a steady beat; `levels` (dB), `heard` and `voice` (0 to 1) have one entry a frame."""
    alone = heard & (voice < NO_VOICE)
    starts = np.arange(0, len(heard) - WINDOW + 1, EVERY)
    middles = starts + WINDOW // 2
    quiet = share_around(voice > 0.5, WINDOW)[middles] <= MAX_VOICE
    candidates = starts[quiet & (share_around(alone, WINDOW)[middles] >= MIN_COVER)]
    beating = np.zeros(len(heard), bool)
    for start in candidates[_repeats(samples, candidates) >= MIN_REPEAT]:
        window = slice(start, start + WINDOW)
        strokes_db = np.percentile(levels[window][alone[window]], LOUD_PERCENTILE)
        beating[window] |= levels[window] >= strokes_db - MAX_BELOW_DB
    longest_rest_s = BEAT.stop / FRAME_RATE
    found = union(to_spans(beating & alone), bridge_s=longest_rest_s)
    return tuple(span for span in found if span.duration_s >= MIN_S)


def _repeats(samples: NDArray[np.float32], starts: NDArray[np.intp]) -> NDArray[np.float64]:
    """The highest autocorrelation, at the lag of a beat, of the onset strength in each window, up to 1."""
    out = np.zeros(len(starts))
    wanted = to_mask([Span(a / FRAME_RATE, (a + WINDOW) / FRAME_RATE) for a in starts], len(samples) // HOP)
    envelope = np.zeros(len(wanted), np.float32)
    for span in to_spans(wanted, rate=1):
        first, end = round(span.start_s), round(span.end_s)
        for begin in range(first, end, LONGEST_BLOCK):
            stop = min(begin + LONGEST_BLOCK, end)
            envelope[begin:stop] = _onset_strength(samples[begin * HOP : stop * HOP])[: stop - begin]
    for i, start in enumerate(starts):
        window = envelope[start : start + WINDOW]
        repeat = librosa.autocorrelate(window - window.mean(), max_size=BEAT.stop)
        out[i] = repeat[BEAT].max() / max(float(repeat[0]), 1e-9)
    return out


def _onset_strength(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    spectra = librosa.stft(samples, n_fft=N_FFT, hop_length=HOP)
    power = librosa.power_to_db(np.abs(spectra[BAND]) ** 2, top_db=60)
    return np.asarray(librosa.onset.onset_strength(S=power, sr=SAMPLE_RATE, hop_length=HOP), np.float32)
