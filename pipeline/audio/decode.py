"""Decodes what telephone systems record into float32 channels at 16 kHz.

Time zero is the first decoded sample. Encoder delay is removed where the file states it (MP3 with an
info header, Opus, AAC in MP4); bare ADTS `.aac` does not state it, so its sound lies 1024 source samples
late, and AMR keeps its 5 ms of look-ahead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np

from pipeline.audio.channels import layout_of, sounding
from pipeline.audio.containers import FORMATS, container_name, opened, raw_format, reason, shown
from pipeline.audio.frames import SAMPLE_RATE
from pipeline.audio.same_voices import same_voices
from pipeline.audio.timeline import MAX_CHANNELS, Timeline, too_many_channels
from pipeline.audio.vox import VOX, vox_decoder, vox_packets
from pipeline.audio.wav_header import WavPart, wav_parts
from pipeline.errors import RecordingError
from pipeline.records import Audio, Recording, Samples
from pipeline.settings import AudioSettings

_COUNTED = frozenset({"wav", "flac", "mov"})
# FFmpeg's own AMR decoder refuses the comfort noise that every pause of a mobile call is coded as.
_BETTER_DECODERS = {"amr_nb": "libopencore_amrnb"}

_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decoded:
    samples: Samples
    container: str
    codec: str
    rate_hz: int
    channels: int
    faults: tuple[str, ...]
    notes: tuple[str, ...]


def read_audio(path: Path, settings: AudioSettings, *, uri: str | None = None) -> Audio:
    """The sound of `path` at 16 kHz and what kind of file it is; `uri` (default the path) names it.

    `samples` has one row per channel, but a single row for `fake_stereo`, while `Recording.channels`
    keeps the file's count; of more than two channels the one or two that carry sound are taken. Damaged or
    missing stretches become silence, so later times stay right, and are reported in `Recording.error`, as is
    whatever else is unusual about the file. Raises RecordingError when the file is missing, empty, no audio,
    has more than 2 channels with sound or a rate outside 4 to 384 kHz, or when nothing in it can be decoded.
    """
    _require_file(path)
    identity = recording_id(path)
    decoded = _decode(path, settings)
    layout, twice = layout_of(decoded.samples, settings), None
    if layout == "stereo":
        twice = same_voices(decoded.samples)
        layout = layout if twice is None else "fake_stereo"
    notes = decoded.notes + ((str(twice),) if twice is not None else ())
    samples = _louder(decoded.samples) if layout == "fake_stereo" else decoded.samples
    recording = Recording(
        recording_id=identity,
        uri=uri if uri is not None else shown(path),
        bytes=path.stat().st_size,
        container=container_name(decoded.container, path),
        codec=decoded.codec,
        sample_rate_hz=decoded.rate_hz,
        channels=decoded.channels,
        layout=layout,
        duration_s=samples.shape[1] / SAMPLE_RATE,
        error=_remarks(decoded.faults, notes),
    )
    return Audio(recording=recording, samples=samples)


def _remarks(faults: Sequence[str], notes: Sequence[str]) -> str | None:
    """What a person should know about an analysed recording, in one line."""
    parts = [f"analysed in part: {'; '.join(faults)}"] if faults else []
    parts += [f"analysed, note: {'; '.join(notes)}"] if notes else []
    return " · ".join(parts) or None


def recording_id(path: Path) -> str:
    """Sha256 (hex) of the file's bytes. Raises RecordingError when it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_READ_BYTES):
                digest.update(block)
    except OSError as error:
        raise RecordingError("cannot read the file", where=shown(path), value=error.strerror) from None
    return digest.hexdigest()


def _require_file(path: Path) -> None:
    if not path.exists():
        raise RecordingError("no such file", where=shown(path), remedy="check the path")
    if not path.is_file():
        what = "a folder, not a recording" if path.is_dir() else "not a regular file"
        raise RecordingError(what, where=shown(path), allowed=f"one file: {FORMATS}")
    if path.stat().st_size == 0:
        raise RecordingError("the file is empty (0 bytes)", where=shown(path), remedy="fetch it again")


@dataclass(slots=True, kw_only=True)
class _Source:
    """What is known of a file while it is decoded."""

    container: str = ""
    codec: str = ""
    counted_s: float | None = None
    faults: list[str] = field(default_factory=list)


def _decode(path: Path, settings: AudioSettings) -> _Decoded:
    """The sound of a file; of more than two channels those that carry sound."""
    parts = wav_parts(path) if raw_format(path, settings) is None else ()
    notes = _notes(parts)
    line, source = _decode_parts(path, settings, parts, None)
    if line.levels is not None:
        keep = sounding(line.levels.loudest_db())
        if len(keep) > MAX_CHANNELS:
            raise too_many_channels(path, len(keep))
        notes += (f"{line.channels} channels, of which {_numbers(keep)} carry sound and are taken",)
        line, source = _decode_parts(path, settings, parts, keep)
    samples = line.finish(source.counted_s)
    faults = (*source.faults, *line.faults)
    if not samples.size:
        value = "; ".join(source.faults) or "0 samples"
        what, remedy = "no sound can be decoded", "fetch it again"
        raise RecordingError(what, where=shown(path), value=value, remedy=remedy)
    return _Decoded(
        samples=samples,
        container=source.container,
        codec=source.codec,
        rate_hz=line.rate_hz,
        channels=line.channels,
        faults=faults + tuple(_cut_short(parts)),
        notes=notes,
    )


def _decode_parts(
    path: Path, settings: AudioSettings, parts: Sequence[WavPart], keep: Sequence[int] | None
) -> tuple[Timeline, _Source]:
    """All parts of a file on one timeline."""
    line, source = Timeline(path, keep, settings.max_hours), _Source()
    raw = raw_format(path, settings)
    if raw is not None and raw.codec == VOX:
        source.container = source.codec = VOX
        source.faults = _fill(line, vox_packets(path), vox_decoder(raw.rate_hz))
        return line, source
    unusual = len(parts) > 1 or any(part.runs_on for part in parts)
    for part in parts if unusual else (None,):
        line.begin_part()
        with opened(path, settings, part) as container:
            stream = _audio_stream(container, path)
            decoder = _decoder(stream)
            source.faults += _fill(line, container.demux(stream), decoder)
            source.container, source.codec = str(container.format.name), decoder.codec.canonical_name
            source.counted_s = None if unusual else _counted_s(container, stream)
            if len(container.streams.audio) > 1:
                source.faults.append(f"{len(container.streams.audio)} audio streams, only one is read")
    return line, source


def _notes(parts: Sequence[WavPart]) -> tuple[str, ...]:
    """A sentence for each thing that is unusual about a WAV file and costs no sound."""
    notes = [
        f"its header announces {part.announced} bytes of sound, all {part.there} that are there are decoded"
        for part in parts
        if part.runs_on
    ]
    if len(parts) > 1:
        notes.append(f"{len(parts)} recordings in one file, decoded one after the other")
    return tuple(notes)


def _numbers(channels: Sequence[int]) -> str:
    return " and ".join(str(channel) for channel in channels) or "none"


def _audio_stream(container: Any, path: Path) -> Any:
    stream = container.streams.best("audio")
    if stream is None:
        raise RecordingError("no audio stream in the file", where=shown(path), allowed=FORMATS)
    if stream.codec_context is None:
        raise RecordingError("no decoder for its codec", where=shown(path), remedy="convert it to WAV")
    return stream


def _decoder(stream: Any) -> Any:
    better = _BETTER_DECODERS.get(stream.codec_context.codec.canonical_name)
    if better is None or better not in av.codecs_available:
        return stream.codec_context
    decoder = av.CodecContext.create(better, "r")
    decoder.sample_rate, decoder.layout = stream.rate, stream.layout
    return decoder


def _fill(line: Timeline, packets: Iterator[Any], decoder: Any) -> list[str]:
    """Append all that can be decoded to the timeline; returns a sentence for each fault."""
    faults: list[str] = []
    refused: list[str] = []
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError as error:
            faults.append(f"reading stopped at {line.at_s:.2f} s ({reason(error)})")
            break
        if packet is None:
            break
        if not packet.size and packet.pts is not None:
            continue  # an empty packet; only the one without a time ends the stream
        try:
            frames = decoder.decode(packet if packet.size else None)
        except av.FFmpegError as error:
            if _is_comfort_noise(decoder, error):
                line.rest(float(packet.duration * packet.time_base))
            else:
                line.lost = True
                refused.append(reason(error))
            continue
        for frame in frames:
            line.add(frame, packet.time_base)
    if refused:
        faults.append(f"packets that cannot be decoded: {len(refused)} ({refused[0]})")
    return faults


def _is_comfort_noise(decoder: Any, error: Exception) -> bool:
    """Silence for the pauses of AMR-WB, which FFmpeg cannot decode."""
    return decoder.codec.canonical_name == "amr_wb" and isinstance(error, av.error.PatchWelcomeError)


def _counted_s(container: Any, stream: Any) -> float | None:
    """The length in the header, where that was counted and not estimated from the bit rate."""
    family = container.format.name.split(",")[0]
    # An MP3 with an info header starts late by the encoder's delay; one without has no count.
    counted = family in _COUNTED or (family == "mp3" and stream.start_time)
    return float(stream.duration * stream.time_base) if counted and stream.duration else None


def _cut_short(parts: Sequence[WavPart]) -> Iterator[str]:
    """A sentence for a WAV that ends early, which FFmpeg does not report."""
    for part in parts:
        if part.is_cut:
            yield f"its header announces {part.announced} bytes of sound, {part.there} are there"


def _louder(samples: Samples) -> Samples:
    levels = [float(np.dot(row, row)) for row in samples]
    return samples[[int(np.argmax(levels))]]
