"""Decodes what telephone systems record into float32 channels at 16 kHz.

Time zero is the first decoded sample. Encoder delay is removed where the file states it (MP3 with an
info header, Opus, AAC in MP4); bare ADTS `.aac` does not state it, so its sound lies 1024 source samples
late, and AMR keeps its 5 ms of look-ahead.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from pipeline.audio.channels import layout_of
from pipeline.audio.frames import SAMPLE_RATE
from pipeline.errors import RecordingError, UsageError
from pipeline.records import Audio, Recording, Samples
from pipeline.settings import AudioSettings

MAX_CHANNELS = 2
MIN_RATE_HZ, MAX_RATE_HZ = 4_000, 384_000

# fmt: off
RAW_FORMATS = {
    ".ulaw": "mulaw", ".mulaw": "mulaw", ".ul": "mulaw", ".alaw": "alaw", ".al": "alaw", ".gsm": "gsm",
}
# fmt: on
"""Headerless files, known by their suffix alone: 8 kHz mono."""

# fmt: off
AUDIO_SUFFIXES = frozenset(RAW_FORMATS) | {
    ".aac", ".aif", ".aiff", ".amr", ".au", ".awb", ".caf", ".flac", ".m4a", ".mka", ".mp3", ".oga",
    ".ogg", ".opus", ".w64", ".wav", ".wave", ".webm",
}
# fmt: on
"""Suffixes of audio files when a folder is searched."""

FORMATS = "WAV, FLAC, MP3, Ogg/Opus, M4A/AAC, AMR, GSM, G.711 and the like"

# Only plain media containers: playlists (concat, HLS) would open other files and addresses.
_CONTAINERS = "wav,w64,au,aiff,caf,flac,mp3,ogg,mov,aac,amr,matroska,gsm,mulaw,alaw"
_COUNTED = frozenset({"wav", "flac", "mov"})
_HEADER_MAGIC = (b"RIFF", b"RF64", b"riff", b".snd", b"OggS", b"fLaC", b"FORM", b"caff", b"ID3")
# FFmpeg's own AMR decoder refuses the comfort noise that every pause of a mobile call is coded as.
_BETTER_DECODERS = {"amr_nb": "libopencore_amrnb"}

# A jump of the time stamps up to this is jitter; a longer one is lost sound.
_JITTER_S = 0.04
_ROUNDING_S = 0.001
# A longer gap is a broken time stamp; filling it would only fill the memory.
_MAX_GAP_S = 600.0
_MAX_BACK_S = 1.0
_SHORT_S = 0.1
_READ_BYTES = 1 << 20
# Recorders that stream write a size near the top of the range, because they do not know it yet.
_UNKNOWN_SIZE = 0x7FFF0000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decoded:
    samples: Samples
    codec: str
    rate_hz: int
    channels: int
    faults: tuple[str, ...]


def read_audio(path: Path, settings: AudioSettings, *, uri: str | None = None) -> Audio:
    """The sound of `path` at 16 kHz and what kind of file it is; `uri` (default the path) names it.

    `samples` has one row per channel, but a single row for `fake_stereo`, while `Recording.channels`
    keeps the file's count. Damaged or missing stretches become silence, so later times stay right, and
    are reported in `Recording.error`. Raises RecordingError when the file is missing, empty, no audio, has
    more than 2 channels or a rate outside 4 to 384 kHz, or when nothing in it can be decoded.
    """
    _require_file(path)
    identity = recording_id(path)
    with _open(path) as container:
        name = str(container.format.name)
        decoded = _decode(container, path)
    faults = decoded.faults + tuple(_cut_short(path))
    layout = layout_of(decoded.samples, settings)
    samples = _louder(decoded.samples) if layout == "fake_stereo" else decoded.samples
    recording = Recording(
        recording_id=identity,
        uri=uri if uri is not None else _shown(path),
        bytes=path.stat().st_size,
        container=_container_name(name, path),
        codec=decoded.codec,
        sample_rate_hz=decoded.rate_hz,
        channels=decoded.channels,
        layout=layout,
        duration_s=samples.shape[1] / SAMPLE_RATE,
        error=f"analysed in part: {'; '.join(faults)}" if faults else None,
    )
    return Audio(recording=recording, samples=samples)


def recording_id(path: Path) -> str:
    """Sha256 (hex) of the file's bytes. Raises RecordingError when it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_READ_BYTES):
                digest.update(block)
    except OSError as error:
        raise RecordingError("cannot read the file", where=_shown(path), value=error.strerror) from None
    return digest.hexdigest()


def find_audio(paths: Sequence[Path]) -> tuple[Path, ...]:
    """The audio files among `paths`: files as given, folders searched to the bottom in sorted order.

    Inside folders only known suffixes count and hidden files and folders are passed over. A file that is
    reached twice is given once. Raises UsageError for a path that does not exist and a folder without
    audio.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(_audio_below(path))
            if not inside:
                suffixes = " ".join(sorted(AUDIO_SUFFIXES))
                raise UsageError("no audio in the folder", where=_shown(path), allowed=suffixes)
            found.update(dict.fromkeys(inside))
        elif path.exists():
            found[path] = None
        else:
            raise UsageError("no such file or folder", where=_shown(path), remedy="check the path")
    return tuple(found)


def _audio_below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith(".") and Path(name).suffix.lower() in AUDIO_SUFFIXES:
                yield Path(parent, name)


def _shown(path: Path) -> str:
    """The path as text that can be printed and stored even where its bytes are not UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _require_file(path: Path) -> None:
    if not path.exists():
        raise RecordingError("no such file", where=_shown(path), remedy="check the path")
    if not path.is_file():
        what = "a folder, not a recording" if path.is_dir() else "not a regular file"
        raise RecordingError(what, where=_shown(path), allowed=f"one file: {FORMATS}")
    if path.stat().st_size == 0:
        raise RecordingError("the file is empty (0 bytes)", where=_shown(path), remedy="fetch it again")


def _open(path: Path) -> Any:
    raw_format = RAW_FORMATS.get(path.suffix.lower())
    with path.open("rb") as file:
        if file.read(4).startswith(_HEADER_MAGIC):
            raw_format = None
    options = {"sample_rate": "8000"} if raw_format else {"format_whitelist": _CONTAINERS}
    try:
        # The prefix keeps a colon in the name from being read as a protocol.
        return av.open(f"file:{path}", format=raw_format, options=options, metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        what, value, remedy = "not a readable audio file", _reason(error), "fetch it again"
        raise RecordingError(what, where=_shown(path), value=value, allowed=FORMATS, remedy=remedy) from None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _container_name(names: str, path: Path) -> str:
    """FFmpeg names families (`mov,mp4,m4a`): the member that the suffix says, else the first."""
    suffix = path.suffix.lower().removeprefix(".")
    family = names.split(",")
    return suffix if suffix in family else family[0]


def _decode(container: Any, path: Path) -> _Decoded:
    stream = _audio_stream(container, path)
    decoder = _decoder(stream)
    line = _Timeline(path)
    faults = _fill(line, container.demux(stream), decoder)
    samples = line.finish(_counted_s(container, stream))
    if not samples.size:
        value = "; ".join(faults) or "0 samples"
        raise RecordingError(
            "no sound can be decoded", where=_shown(path), value=value, remedy="fetch it again"
        )
    if len(container.streams.audio) > 1:
        faults.append(f"{len(container.streams.audio)} audio streams, only one is read")
    return _Decoded(
        samples=samples,
        codec=decoder.codec.canonical_name,
        rate_hz=line.rate_hz,
        channels=line.channels,
        faults=(*faults, *line.faults),
    )


def _audio_stream(container: Any, path: Path) -> Any:
    stream = container.streams.best("audio")
    if stream is None:
        raise RecordingError("no audio stream in the file", where=_shown(path), allowed=FORMATS)
    if stream.codec_context is None:
        raise RecordingError("no decoder for its codec", where=_shown(path), remedy="convert it to WAV")
    return stream


def _decoder(stream: Any) -> Any:
    better = _BETTER_DECODERS.get(stream.codec_context.codec.canonical_name)
    if better is None or better not in av.codecs_available:
        return stream.codec_context
    decoder = av.CodecContext.create(better, "r")
    decoder.sample_rate, decoder.layout = stream.rate, stream.layout
    return decoder


def _fill(line: _Timeline, packets: Iterator[Any], decoder: Any) -> list[str]:
    """Append all that can be decoded to the timeline; returns a sentence for each fault."""
    faults: list[str] = []
    refused: list[str] = []
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError as error:
            faults.append(f"reading stopped at {line.at_s:.2f} s ({_reason(error)})")
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
                refused.append(_reason(error))
            continue
        for frame in frames:
            line.add(frame, packet.time_base)
    if refused:
        faults.append(f"packets that cannot be decoded: {len(refused)} ({refused[0]})")
    return faults


def _is_comfort_noise(decoder: Any, error: Exception) -> bool:
    """Silence for the pauses of AMR-WB, which FFmpeg cannot decode."""
    return decoder.codec.canonical_name == "amr_wb" and isinstance(error, av.error.PatchWelcomeError)


class _Timeline:
    """Decoded frames on one timeline at 16 kHz, with silence where sound was lost."""

    def __init__(self, path: Path) -> None:
        self.path = path
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
        samples = np.concatenate([np.zeros((self.channels, 0), np.float32), *self._chunks], axis=1)
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
        where = _shown(self.path)
        if not MIN_RATE_HZ <= self.rate_hz <= MAX_RATE_HZ:
            allowed, remedy = f"{MIN_RATE_HZ} to {MAX_RATE_HZ} Hz", "check the file's header"
            raise RecordingError(
                "bad sample rate", where=where, value=self.rate_hz, allowed=allowed, remedy=remedy
            )
        if self.channels > MAX_CHANNELS:
            allowed, remedy = "1 (mono) or 2 (one side each)", "export the call with at most two channels"
            raise RecordingError(
                "too many channels", where=where, value=self.channels, allowed=allowed, remedy=remedy
            )

    def _catch_up(self, stamp_s: float) -> None:
        if self._zero_s is None:
            self._zero_s = stamp_s
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
        self._chunks.append(chunk)
        self._length += chunk.shape[1]


def _counted_s(container: Any, stream: Any) -> float | None:
    """The length in the header, where that was counted and not estimated from the bit rate."""
    family = container.format.name.split(",")[0]
    # An MP3 with an info header starts late by the encoder's delay; one without has no count.
    counted = family in _COUNTED or (family == "mp3" and stream.start_time)
    return float(stream.duration * stream.time_base) if counted and stream.duration else None


def _cut_short(path: Path) -> Iterator[str]:
    """A sentence for a WAV that ends early, which FFmpeg does not report."""
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return
        while len(chunk := file.read(8)) == 8:
            size = int.from_bytes(chunk[4:], "little")
            if chunk[:4] != b"data":
                file.seek(size + size % 2, os.SEEK_CUR)
                continue
            there = path.stat().st_size - file.tell()
            if there < size < _UNKNOWN_SIZE:
                yield f"its header announces {size} bytes of sound, {there} are there"
            return


def _louder(samples: Samples) -> Samples:
    levels = [float(np.dot(row, row)) for row in samples]
    return samples[[int(np.argmax(levels))]]
