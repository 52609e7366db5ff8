"""Which files are recordings, and opening them: containers by their content, headerless files by suffix."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

from pipeline.audio.wav_header import PartOfFile, WavPart
from pipeline.errors import RecordingError
from pipeline.settings import AudioSettings

FORMATS = "WAV, FLAC, MP3, Ogg/Opus, M4A/AAC, AMR, WMA, GSM, G.711, G.722 and the like"


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFormat:
    """How a headerless file is to be read: FFmpeg's name of the format, samples per second, channels."""

    codec: str
    rate_hz: int = 8000
    channels: int = 1


# fmt: off
RAW_FORMATS: Mapping[str, RawFormat] = {
    **dict.fromkeys((".ulaw", ".mulaw", ".ul", ".pcmu"), RawFormat(codec="mulaw")),
    **dict.fromkeys((".alaw", ".al", ".pcma"), RawFormat(codec="alaw")),
    ".gsm": RawFormat(codec="gsm"),
    ".g722": RawFormat(codec="g722", rate_hz=16000),
    **dict.fromkeys((".sln", ".sln8", ".slin"), RawFormat(codec="s16le")),
    **{f".sln{khz}": RawFormat(codec="s16le", rate_hz=khz * 1000) for khz in (12, 16, 24, 32, 48, 96, 192)},
    ".sln44": RawFormat(codec="s16le", rate_hz=44_100),
}
"""Headerless files that are known by their suffix alone, as Asterisk and others name them."""

AUDIO_SUFFIXES = frozenset(RAW_FORMATS) | {
    ".3ga", ".3gp", ".aac", ".aif", ".aiff", ".amr", ".asf", ".au", ".awb", ".caf", ".flac", ".m4a", ".m4b",
    ".mka", ".mp2", ".mp3", ".mp4", ".oga", ".ogg", ".opus", ".rf64", ".snd", ".spx", ".w64", ".wav",
    ".wav49", ".wave", ".webm", ".wma",
}
"""Suffixes of audio files when a folder is searched."""

OTHER_SUFFIXES = frozenset({
    ".adpcm", ".aud", ".bin", ".cca", ".dss", ".ds2", ".dvf", ".g711", ".g723", ".g7231", ".g726", ".g729",
    ".msv", ".nmf", ".nmx", ".pcm", ".raw", ".rec", ".slin16", ".siren7", ".siren14", ".silk", ".v3", ".vox",
})
# fmt: on
"""Suffixes of recordings that cannot be read without more being said about them; a search reports them."""

NAMED_RAW_REMEDY = 'say how it is coded with audio.raw, such as --set audio.raw.{suffix}="{coded}"'
CONVERT_REMEDY = "export it as WAV, MP3 or another common format with the recorder's own program"
_PROPRIETARY = frozenset({".nmf", ".nmx", ".cca", ".dss", ".ds2", ".dvf", ".msv", ".aud", ".rec"})

# Only plain media containers: playlists (concat, HLS) would open other files and addresses.
_CONTAINERS = "wav,w64,au,aiff,caf,flac,mp3,ogg,mov,aac,amr,matroska,gsm,mulaw,alaw,asf"
_HEADER_MAGIC = (b"RIFF", b"RF64", b"riff", b".snd", b"OggS", b"fLaC", b"FORM", b"caff", b"ID3")


def shown(path: Path) -> str:
    """The path as text that can be printed and stored even where its bytes are not UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def reason(error: Exception) -> str:
    """FFmpeg's words for an error."""
    return getattr(error, "strerror", None) or str(error)


def is_known(path: Path, settings: AudioSettings) -> bool:
    """Whether a file of this name can be read."""
    suffix = path.suffix.lower()
    return suffix in AUDIO_SUFFIXES or suffix.removeprefix(".") in settings.raw


def unread_remedy(path: Path) -> str:
    """What a person can do about a recording of a format that is not read."""
    suffix = path.suffix.lower()
    if suffix in _PROPRIETARY:
        return CONVERT_REMEDY
    name = suffix.removeprefix(".")
    return NAMED_RAW_REMEDY.format(suffix=name, coded="vox 6000 1" if name == "vox" else "s16le 8000 1")


def raw_format(path: Path, settings: AudioSettings) -> RawFormat | None:
    """How a headerless file is to be read; None for one with a header."""
    suffix = path.suffix.lower()
    given = settings.raw.get(suffix.removeprefix("."))
    raw = RAW_FORMATS.get(suffix)
    if given is not None:
        codec, rate, channels = given.split()
        raw = RawFormat(codec=codec, rate_hz=int(rate), channels=int(channels))
    if raw is None:
        return None
    with path.open("rb") as file:
        return None if file.read(4).startswith(_HEADER_MAGIC) else raw


@contextmanager
def opened(path: Path, settings: AudioSettings, part: WavPart | None = None) -> Iterator[Any]:
    """FFmpeg's container of a file, or of a `part` of it.

    Raises RecordingError for what is no recording.
    """
    raw = raw_format(path, settings)
    source: Any = f"file:{path}"  # the prefix keeps a colon in the name from being read as a protocol
    name = None
    options = {"format_whitelist": _CONTAINERS}
    if raw is not None:
        name, options = _raw_options(raw)
    elif part is not None:
        source = PartOfFile(path, part.start, part.end)
        name, options = "wav", {"ignore_length": "1"} if part.runs_on else {}
    try:
        container = av.open(source, format=name, options=options, metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        raise _unreadable(path, reason(error)) from None
    try:
        yield container
    finally:
        container.close()
        if part is not None and raw is None:
            source.close()


def _raw_options(raw: RawFormat) -> tuple[str, dict[str, str]]:
    """The format and the options with which FFmpeg reads headerless sound."""
    options = {"sample_rate": str(raw.rate_hz)}
    if raw.codec in {"gsm", "g722"}:
        return raw.codec, options if raw.codec == "gsm" else {}
    return raw.codec, options | {"ch_layout": "stereo" if raw.channels == 2 else f"{raw.channels}c"}


def _unreadable(path: Path, value: str) -> RecordingError:
    what, remedy = "not a readable audio file", "fetch it again"
    if path.suffix.lower() in OTHER_SUFFIXES:
        remedy = unread_remedy(path)
    return RecordingError(what, where=shown(path), value=value, allowed=FORMATS, remedy=remedy)


def container_name(names: str, path: Path) -> str:
    """FFmpeg names families (`mov,mp4,m4a`): the member that the suffix says, else the first."""
    suffix = path.suffix.lower().removeprefix(".")
    family = names.split(",")
    return suffix if suffix in family else family[0]
