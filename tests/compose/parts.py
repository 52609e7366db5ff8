"""What a composed call is made of, and the finished call."""

from __future__ import annotations

import json
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from compose.clips import Clip, Samples, Speech, speech
from compose.truth import Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A line at its place; `cut_s` is where it was broken off, from its start.

    It is as long as it sounds at the call's `rate`: a final "s" has little below 4 kHz.
    """

    role: str
    clip: Clip
    start_s: float
    rate: int
    cut_s: float | None = None

    @property
    def sound(self) -> Speech:
        """What is heard of it."""
        whole = speech(self.clip, self.rate)
        return whole if self.cut_s is None else whole.until(self.cut_s)

    @property
    def end_s(self) -> float:
        """When it ends, in seconds of the call."""
        return self.start_s + self.sound.duration_s

    @property
    def text(self) -> str:
        """Its words; of a broken line, as many as its part of the time holds."""
        if self.cut_s is None:
            return self.clip.text
        words = self.clip.text.split()
        share = self.cut_s / speech(self.clip, self.rate).duration_s
        return " ".join(words[: max(1, int(len(words) * share))]).rstrip(".,?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """Music or tones at their place."""

    channel: int
    kind: Literal["music", "tones"]
    start_s: float
    samples: Samples
    rate: int

    @property
    def end_s(self) -> float:
        """When it ends."""
        return self.start_s + len(self.samples) / self.rate


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposedCall:
    """A call: float32 `samples` of shape (channels, n) at `rate` Hz, and what is true of it."""

    samples: Samples
    rate: int
    truth: Truth

    def write(self, folder: Path) -> Path:
        """`NAME.wav` (16 bit) with its truth beside it as `NAME.json`; gives the WAV's path."""
        path = folder / f"{self.truth.name}.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(len(self.samples))
            file.setsampwidth(2)
            file.setframerate(self.rate)
            file.writeframes(np.round(self.samples.T * 32767).astype("<i2").tobytes())
        path.with_suffix(".json").write_text(json.dumps(self.truth.as_dict(), indent=1) + "\n")
        return path
