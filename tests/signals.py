"""Test signals with known content, at 16 kHz. Speech comes from the sample calls."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

RATE = 16_000
SAMPLES = Path(__file__).parent.parent / "pipeline" / "samples"


@cache
def sample_call(name: str) -> NDArray[np.float32]:
    """A sample call, decoded without the product's own reader, shape (channels, n)."""
    with av.open(str(SAMPLES / name)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler("fltp", stream.codec_context.layout.name, RATE)
        parts = [out.to_ndarray() for frame in container.decode(stream) for out in resampler.resample(frame)]
        parts += [out.to_ndarray() for out in resampler.resample(None)]
    return np.concatenate(parts, axis=1).astype(np.float32)


def speech(seconds: float = 6.0, *, who: str = "agent") -> NDArray[np.float32]:
    """Unbroken telephone speech: a stretch of a sample call's agent or customer."""
    channel, start_s = {"agent": (0, 30.12), "customer": (1, 11.68)}[who]
    first = round(start_s * RATE)
    return sample_call("dev01_billing_good.flac")[channel, first : first + round(seconds * RATE)]


def music(seconds: float = 10.0, *, start_s: float = 52.0) -> NDArray[np.float32]:
    """Telephone hold music from a sample call."""
    first = round(start_s * RATE)
    return sample_call("dev01_billing_good.flac")[0, first : first + round(seconds * RATE)]


def noise(seconds: float, level_db: float = -60.0, seed: int = 0) -> NDArray[np.float32]:
    """White noise at `level_db` relative to full scale."""
    values = np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    return np.asarray(values * 10 ** (level_db / 20), np.float32)


def tone(seconds: float, hz: float = 1400.0, level_db: float = -20.0) -> NDArray[np.float32]:
    """A sine of `level_db` (its effective value)."""
    t = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(np.sqrt(2) * 10 ** (level_db / 20) * np.sin(2 * np.pi * hz * t), np.float32)


def at(
    total_s: float, *parts: tuple[float, NDArray[np.float32]], noise_db: float = -60.0, seed: int = 0
) -> NDArray[np.float32]:
    """A channel of `total_s` seconds of line noise with each part added at its time in seconds.

    Channels of one call need seeds of their own: the same noise on both is crosstalk.
    """
    out = noise(total_s, noise_db, seed)
    for start_s, part in parts:
        first = round(start_s * RATE)
        out[first : first + len(part)] += part[: len(out) - first]
    return out


def decibels(values: NDArray[np.float32], by_db: float) -> NDArray[np.float32]:
    """The signal made louder (above 0) or fainter."""
    return (values * 10 ** (by_db / 20)).astype(np.float32)
