"""The spoken lines calls are composed of, and hold music. `make_clips.py` tells how they were made."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

HERE = Path(__file__).parent
KEPT_RATE = 16_000
BELOW_LOUD_DB = 35.0
"""A frame is speech down to this far below the clip's loud parts: fainter sound is lost in a line's noise."""
STEP_S = 0.005
WINDOW_S = 0.01

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A line in a voice. `role` is agent, customer or ivr; `kind` says what the line is for.

    `file` is where its sound is, for a line of one's own; the kept ones are found by name.
    """

    name: str
    role: str
    kind: str
    voice: str
    text: str
    file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """A clip's sound, cut to its first and last speech; `active` are its stretches of speech in seconds."""

    samples: Samples
    active: tuple[tuple[float, float], ...]
    rate: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate

    def until(self, end_s: float) -> Speech:
        """The speech broken off at `end_s`, which falls in 10 ms."""
        n = min(len(self.samples), round(end_s * self.rate))
        samples = self.samples[:n].copy()
        fade = min(n, self.rate // 100)
        samples[n - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
        active = tuple((a, min(b, n / self.rate)) for a, b in self.active if a < n / self.rate)
        return Speech(samples=samples, active=active, rate=self.rate)


@cache
def all_clips() -> tuple[Clip, ...]:
    """Every clip of the index."""
    index = json.loads((HERE / "clips" / "index.json").read_text(encoding="utf-8"))
    return tuple(Clip(**entry) for entry in index)


def clips(role: str, kind: str, voice: str | None = None) -> tuple[Clip, ...]:
    """The clips of a role for a purpose, in one voice if it is named. Raises KeyError where there are none."""
    found = tuple(c for c in all_clips() if (c.role, c.kind) == (role, kind) and voice in (None, c.voice))
    if not found:
        known = sorted({c.kind for c in all_clips() if c.role == role})
        raise KeyError(f"no clip: {role} {kind} in voice {voice}; {role} has {', '.join(known)}")
    return found


@cache
def speech(clip: Clip, rate: int) -> Speech:
    """A clip's sound at `rate` Hz, its edges found by energy in steps of 5 ms."""
    samples = read(clip.file or HERE / "clips" / f"{clip.name}.opus", rate)
    step = round(STEP_S * rate)
    window = round(WINDOW_S * rate)
    frames = np.lib.stride_tricks.sliding_window_view(samples, window)[::step]
    level_db = 10 * np.log10(np.mean(frames.astype(np.float64) ** 2, axis=1) + 1e-12)
    loud = np.flatnonzero(level_db > np.percentile(level_db, 90) - BELOW_LOUD_DB)
    first, last = int(loud[0]) * step, int(loud[-1]) * step + window
    breaks = np.flatnonzero(np.diff(loud) > 1)
    starts = [loud[0], *loud[breaks + 1]]
    ends = [*loud[breaks], loud[-1]]
    active = tuple(
        ((int(a) * step - first) / rate, (int(b) * step + window - first) / rate)
        for a, b in zip(starts, ends, strict=True)
    )
    return Speech(samples=samples[first:last], active=active, rate=rate)


@cache
def music_tracks() -> tuple[str, ...]:
    """Names of the recorded hold music."""
    return tuple(sorted(path.stem for path in (HERE / "music").glob("*.opus")))


@cache
def music(name: str, rate: int) -> Samples:
    """A track of 30 s at `rate` Hz, its loud parts at -20 dB."""
    samples = read(HERE / "music" / f"{name}.opus", rate)
    power = np.convolve(samples.astype(np.float64) ** 2, np.ones(rate // 40) / (rate // 40), mode="same")
    gain_db = -20.0 - 10 * np.log10(float(np.percentile(power, 90)))
    return np.asarray(np.clip(samples * 10 ** (gain_db / 20), -1, 1), np.float32)


def read(path: Path, rate: int) -> Samples:
    """A file's sound, mixed to one channel, at `rate` Hz."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("fltp", "mono", KEPT_RATE)
        parts = [out.to_ndarray() for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        parts += [out.to_ndarray() for out in resampler.resample(None)]
    samples = np.concatenate(parts, axis=1)[0]
    return np.asarray(resample_poly(samples, rate, KEPT_RATE) if rate != KEPT_RATE else samples, np.float32)
