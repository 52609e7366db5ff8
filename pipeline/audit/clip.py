"""A piece of a recording as a WAV file, cut from the very bytes that were analysed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.audio.decode import read_audio
from pipeline.audio.encode import as_wav
from pipeline.audio.frames import SAMPLE_RATE
from pipeline.audio.legs import Joining, read_legs
from pipeline.audio.masked import zeroed
from pipeline.errors import RecordingError
from pipeline.records import Audio, Mask, Samples, Sound
from pipeline.settings import AudioSettings
from pipeline.spans import Span

AROUND_S = 2.0
"""Seconds kept before and after the evidence."""
MAX_CLIP_S = 300.0
"""A longer window is cut off here: the recording itself is the better place to hear it."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the sound of a recording is, and how it was read when it was analysed.

    `legs` are the files of its sides if there are two, and `joining` how they were joined (None: measured
    again). `settings` are needed for headerless files only. What is `hidden` is silent on all channels.
    """

    path: Path
    recording_id: str
    legs: tuple[Path, ...] = ()
    joining: Joining | None = None
    settings: AudioSettings = field(default_factory=AudioSettings)
    hidden: tuple[Mask | Sound, ...] = ()


def cut_clip(source: Source, evidence: Span) -> Clip:
    """The sound of `evidence` with 2 s around it, at most 300 s; as `cut_span` otherwise."""
    return cut_span(source, evidence.padded(AROUND_S))


def cut_span(source: Source, span: Span) -> Clip:
    """The sound of `span`, as far as the recording has it, at most 300 s.

    Raises RecordingError when a file is missing, cannot be decoded, or is not the one that was analysed (its
    recording_id does not follow from its sha256).
    """
    heard = read_source(source)
    whole = Span(0.0, heard.shape[1] / SAMPLE_RATE)
    span = span & whole
    span = Span(span.start_s, min(span.end_s, span.start_s + MAX_CLIP_S))
    first, end = (round(at_s * SAMPLE_RATE) for at_s in (span.start_s, span.end_s))
    return Clip(span=span, channels=heard.shape[0], wav=as_wav(heard[:, first:end]))


def read_source(source: Source) -> Samples:
    """The samples of a whole recording at 16 kHz, shape (channels, n), zero where something is hidden.

    Raises as `cut_span`.
    """
    audio = _read(source)
    if audio.recording.recording_id != source.recording_id:
        raise RecordingError(
            "the file is not the one that was analysed",
            where=source.path,
            value=audio.recording.recording_id,
            allowed=f"sha256 {source.recording_id}",
        )
    if not source.hidden:
        return audio.samples
    return zeroed(audio.samples, SAMPLE_RATE, source.hidden)


def _read(source: Source) -> Audio:
    if source.legs:
        return read_legs(source.legs, source.settings, uri=str(source.path), joining=source.joining)
    return read_audio(source.path, source.settings)
