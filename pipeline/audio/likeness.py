"""Whether two files hold the same call, in whatever format: by length, then by how loud it is when."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.containers import opened
from pipeline.audio.decode import read_audio
from pipeline.audio.frames import SAMPLE_RATE
from pipeline.errors import EarwitnessError
from pipeline.settings import AudioSettings

LEAST_LIKENESS = 0.9
"""Correlation of the levels from which two files hold the same sound."""

_STEP = SAMPLE_RATE // 100
_SMOOTHED = 10
_MAX_SHIFT = 50
_DEPTH_DB = 40.0
_TOLERANCE_S, _TOLERANCE = 0.5, 0.02
_LEAST_STEPS = 100
_LOSSLESS = ("pcm", "flac", "alac", "wavpack")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What the header of a file says: `lossless` also for G.711, which is what was on the line."""

    channels: int
    duration_s: float
    lossless: bool


def outline(path: Path, settings: AudioSettings) -> Outline | None:
    """What the header of a file says; None where it cannot be read or gives no length."""
    try:
        with opened(path, settings) as container:
            stream = container.streams.best("audio")
            if stream is None or stream.codec_context is None:
                return None
            codec = stream.codec_context
            length_s = float(container.duration or 0) / 1e6
            if not length_s and stream.duration:
                length_s = float(stream.duration * stream.time_base)
            lossless = codec.codec.canonical_name.startswith(_LOSSLESS)
            return Outline(channels=codec.layout.nb_channels, duration_s=length_s, lossless=lossless)
    except (EarwitnessError, OSError, ValueError):
        return None


def as_long(one: Outline, other: Outline) -> bool:
    """Whether two files are about equally long."""
    allowed_s = max(_TOLERANCE_S, _TOLERANCE * max(one.duration_s, other.duration_s))
    return abs(one.duration_s - other.duration_s) <= allowed_s


def same_sound(one: Path, other: Path, settings: AudioSettings) -> bool:
    """Whether two files have the same course of level, up to half a second of shift.

    False where one cannot be decoded.
    """
    try:
        first, second = (_levels(path, settings) for path in (one, other))
    except EarwitnessError:
        return False
    return max(_correlation(first, second, shift) for shift in range(-_MAX_SHIFT, _MAX_SHIFT + 1)) >= (
        LEAST_LIKENESS
    )


def _levels(path: Path, settings: AudioSettings) -> NDArray[np.float64]:
    """The level of all channels together in steps of 10 ms, over 0.1 s, at most 40 dB below the loudest."""
    samples = read_audio(path, settings).samples
    count = samples.shape[1] // _STEP
    steps = samples[:, : count * _STEP].reshape(samples.shape[0], count, _STEP)
    power: NDArray[np.float64] = np.einsum("cns,cns->n", steps, steps, dtype=np.float64) / _STEP
    if power.size < _LEAST_STEPS:
        return power
    power = np.convolve(power, np.ones(_SMOOTHED) / _SMOOTHED, "same")
    floor = max(float(power.max()) * 10 ** (-_DEPTH_DB / 10), 1e-12)
    levels: NDArray[np.float64] = 10 * np.log10(np.maximum(power, floor))
    return levels


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64], shift: int) -> float:
    one, other = one[max(0, shift) :], other[max(0, -shift) :]
    length = min(one.size, other.size)
    if length < _LEAST_STEPS or one[:length].std() == 0 or other[:length].std() == 0:
        return 0.0
    return float(np.corrcoef(one[:length], other[:length])[0, 1])
