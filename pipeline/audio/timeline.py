"""Puts decoded frames on one timeline, with silence where the file has lost sound."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np

from pipeline.audio.channels import BlockLevels
from pipeline.audio.containers import shown
from pipeline.audio.frames import SAMPLE_RATE
from pipeline.errors import RecordingError, TooLongError
from pipeline.records import Samples

MAX_CHANNELS = 2
MAX_READ_CHANNELS = 8
"""Of more than two channels those with sound are looked for, up to this number."""
MIN_RATE_HZ, MAX_RATE_HZ = 4_000, 384_000

# A jump of the time stamps up to this is jitter; a longer one is lost sound.
_JITTER_S = 0.04
_ROUNDING_S = 0.001
# A longer gap is a broken time stamp; filling it would only fill the memory.
_MAX_GAP_S = 600.0
_MAX_BACK_S = 1.0
_SHORT_S = 0.1


class Timeline:
    """Decoded frames on one timeline at 16 kHz, with silence where sound was lost.

    `keep` are the channels that are kept. Without them, those of a file with more than two channels are only
    measured, in `levels`. `add` and `rest` raise TooLongError beyond `max_hours`.
    """

    def __init__(self, path: Path, keep: Sequence[int] | None = None, max_hours: float = math.inf) -> None:
        self.path = path
        self._max_hours = max_hours
        self.keep = keep
        self.levels: BlockLevels | None = None
        self.rate_hz = 0
        self.channels = 0
        self.at_s = 0.0  # where the next frame belongs
        self.lost = False  # set when a packet before the next frame could not be decoded
        self.faults: list[str] = []
        self._chunks: list[Samples] = []
        self._length = 0
        self._zero_s: float | None = None  # the time stamp of the line's start
        self._silence_s = 0.0
        self._frame_s = 0.0
        self._form: tuple[object, ...] = ()
        self._resampler: Any = None

    def add(self, frame: Any, time_base: Any) -> None:
        """Append a frame, after silence if its time stamp says that sound is missing before it."""
        if not self.rate_hz:
            self._begin(frame)
        if frame.pts is not None:
            self._catch_up(float(frame.pts * (frame.time_base or time_base)))
        self.lost = False
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if form != self._form:
            self._flush()
            layout = "stereo" if self.channels == 2 else "mono"
            keeps = frame.layout.nb_channels == self.channels
            target = None if keeps else layout
            self._resampler = av.AudioResampler(format="fltp", layout=target, rate=SAMPLE_RATE)
            self._form = form
        self._frame_s = frame.samples / frame.sample_rate
        self.at_s += self._frame_s
        frame.pts = None
        self._take(self._resampler.resample(frame))

    def begin_part(self) -> None:
        """What is added from now on is of another file, with time stamps of its own."""
        self._flush()
        self._zero_s = None

    def rest(self, seconds: float) -> None:
        """Append silence; nothing before the first frame, which is time zero."""
        if not self.rate_hz:
            return
        self._flush()
        self.at_s += seconds
        length = max(0, round(self.at_s * SAMPLE_RATE) - self._length)
        self._append(np.zeros((self.channels, length), np.float32))

    def finish(self, counted_s: float | None) -> Samples:
        """The samples, shape (channels, n), without the padding of the codec's last frame; n may be 0.

        `counted_s` is the length that the header counted, if it did.
        """
        self._flush()
        rows = self.channels if self.keep is None else len(self.keep)
        samples = np.concatenate([np.zeros((rows, 0), np.float32), *self._chunks], axis=1)
        self._chunks.clear()
        if self._silence_s:
            self.faults.append(f"{self._silence_s:.2f} s lost, silence in their place")
        if not np.isfinite(samples).all():
            np.nan_to_num(samples, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
            self.faults.append("samples that are no numbers, taken as silence")
        if counted_s is None:
            return samples
        if counted_s - self.at_s > _SHORT_S:
            self.faults.append(f"ends at {self.at_s:.2f} s, its header announces {counted_s:.2f} s")
        padding = samples.shape[1] - round(counted_s * SAMPLE_RATE)
        if 0 < padding <= self._frame_s * SAMPLE_RATE:
            samples = samples[:, :-padding]
        return samples

    def _begin(self, frame: Any) -> None:
        self.rate_hz, self.channels = frame.sample_rate, frame.layout.nb_channels
        where = shown(self.path)
        if not MIN_RATE_HZ <= self.rate_hz <= MAX_RATE_HZ:
            allowed, remedy = f"{MIN_RATE_HZ} to {MAX_RATE_HZ} Hz", "check the file's header"
            raise RecordingError(
                "bad sample rate", where=where, value=self.rate_hz, allowed=allowed, remedy=remedy
            )
        if self.channels > MAX_READ_CHANNELS:
            raise too_many_channels(self.path, self.channels)
        if self.channels > MAX_CHANNELS and self.keep is None:
            self.levels = BlockLevels(self.channels)

    def _catch_up(self, stamp_s: float) -> None:
        if self._zero_s is None:
            self._zero_s = stamp_s - self.at_s
        gap_s = stamp_s - self._zero_s - self.at_s
        if gap_s < -_MAX_BACK_S or gap_s > _MAX_GAP_S:  # the stamps start again
            self._zero_s += gap_s
        elif gap_s > (_ROUNDING_S if self.lost else _JITTER_S):
            self.rest(gap_s)
            self._silence_s += gap_s

    def _flush(self) -> None:
        if self._resampler is not None:
            self._take(self._resampler.resample(None))
        self._resampler, self._form = None, ()

    def _take(self, frames: Sequence[Any]) -> None:
        for frame in frames:
            if frame is not None:  # a resampler with nothing to do hands the flush through
                self._append(frame.to_ndarray())

    def _append(self, chunk: Samples) -> None:
        if self.levels is not None:
            self.levels.add(chunk)
        else:
            self._chunks.append(chunk if self.keep is None else chunk[list(self.keep)])
        self._length += chunk.shape[1]
        if self._length > self._max_hours * 3600 * SAMPLE_RATE:
            raise TooLongError(
                "the recording is too long",
                where=shown(self.path),
                value=f"more than {self._max_hours:g} hours",
                remedy="raise audio.max_hours and workers.memory_mb, or split the file",
            )


def too_many_channels(path: Path, channels: object) -> RecordingError:
    """The error for a recording of more than two sides."""
    what, allowed = "too many channels", "1 (mono) or 2 (one side each) that carry sound"
    remedy = "export the call with one channel for each side, or mixed to mono"
    return RecordingError(what, where=shown(path), value=channels, allowed=allowed, remedy=remedy)
