"""A piece of a recording as a WAV file, cut from the very bytes that were analysed."""

from __future__ import annotations

import hashlib
import io
import wave
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.archive.located import located
from pipeline.archive.objects import archive_path
from pipeline.audio.decode import read_audio
from pipeline.audio.frames import SAMPLE_RATE
from pipeline.audio.legs import Joining, read_legs
from pipeline.errors import RecordingError
from pipeline.settings import AudioSettings
from pipeline.spans import Span

AROUND_S = 2.0
"""Seconds kept before and after the evidence."""
MAX_CLIP_S = 300.0
"""A longer window is cut off here: the recording itself is the better place to hear it."""

_FULL_SCALE = 32767  # 16 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A WAV file of 16 bits at 16 kHz with the recording's channels; `span` is its place in the recording."""

    span: Span
    channels: int
    wav: bytes

    @property
    def sha256(self) -> str:
        """Of the WAV file, in hex."""
        return hashlib.sha256(self.wav).hexdigest()


def cut_clip(
    path: Path,
    recording_id: str,
    evidence: Span,
    *,
    legs: Sequence[Path] = (),
    joining: Joining | None = None,
    settings: AudioSettings | None = None,
) -> Clip:
    """The sound of `evidence` with 2 s around it, at most 300 s; as `cut_span` otherwise."""
    span = evidence.padded(AROUND_S)
    return cut_span(path, recording_id, span, legs=legs, joining=joining, settings=settings)


def cut_span(
    path: Path,
    recording_id: str,
    span: Span,
    *,
    legs: Sequence[Path] = (),
    joining: Joining | None = None,
    settings: AudioSettings | None = None,
) -> Clip:
    """The sound of `span`, as far as the recording has it, at most 300 s; from its `legs` if there are two.

    `joining` says how these were joined when they were analysed (default: measured again). `settings` are
    needed for headerless files only. Raises RecordingError when a file is missing, cannot be decoded, or is
    not the one that was analysed (`recording_id` does not follow from its sha256).
    """
    settings = settings or AudioSettings()
    path = archive_path(path)
    with ExitStack() as held:
        local = [held.enter_context(located(one)) for one in legs or [path]]
        audio = (
            read_legs(local, settings, uri=str(path), joining=joining)
            if legs
            else read_audio(local[0], settings)
        )
    if audio.recording.recording_id != recording_id:
        raise RecordingError(
            "the file is not the one that was analysed",
            where=path,
            value=audio.recording.recording_id,
            allowed=f"sha256 {recording_id}",
        )
    whole = Span(0.0, audio.samples.shape[1] / SAMPLE_RATE)
    span = span & whole
    span = Span(span.start_s, min(span.end_s, span.start_s + MAX_CLIP_S))
    first, end = (round(at_s * SAMPLE_RATE) for at_s in (span.start_s, span.end_s))
    samples = np.clip(audio.samples[:, first:end], -1.0, 1.0)
    pcm = np.round(samples.T * _FULL_SCALE).astype("<i2")
    return Clip(span=span, channels=pcm.shape[1], wav=_wav(pcm))


def _wav(pcm: np.ndarray[tuple[int, int], np.dtype[np.int16]]) -> bytes:
    """Shape (n, channels) as a WAV file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(pcm.shape[1])
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(pcm.tobytes())
    return out.getvalue()
