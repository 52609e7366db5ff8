"""The chunks of a WAV file, which crashed recorders and programs that append leave wrong."""

from __future__ import annotations

import io
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

UNKNOWN_SIZE = 0x7FFF0000
"""Recorders that stream write a size near the top of the range, because they do not know it yet."""

_CHUNK_NAME = re.compile(rb"[A-Za-z0-9_][A-Za-z0-9_ ]{3}")
_LEAST_BYTES = 800  # 0.1 s of G.711; less behind the sound is padding
_LOOKED_AT = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class WavPart:
    """A RIFF file, which may be one of several in a file: its bytes `[start, end)`.

    `there` is the number of bytes of sound in it and `announced` what its header says, None where it says
    nothing. `runs_on` says that the sound goes on behind the announced end.
    """

    start: int
    end: int
    announced: int | None
    there: int
    runs_on: bool = False

    @property
    def is_cut(self) -> bool:
        """Whether sound is missing at the end."""
        return self.announced is not None and self.there < self.announced


def wav_parts(path: Path) -> tuple[WavPart, ...]:
    """The RIFF files in `path`, one after the other; none where it is no WAV."""
    parts: list[WavPart] = []
    size = path.stat().st_size
    with path.open("rb") as file:
        start = 0
        while (part := _part(file, start, size)) is not None:
            parts.append(part)
            start = part.end
            if start >= size:
                break
    return tuple(parts)


def _part(file: BinaryIO, start: int, size: int) -> WavPart | None:
    """The RIFF file that begins at `start` of a file of `size` bytes."""
    file.seek(start)
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return None
    while len(chunk := file.read(8)) == 8:
        length = int.from_bytes(chunk[4:], "little")
        if chunk[:4] == b"data":
            return _sound(file, start, size, length)
        file.seek(length + length % 2, os.SEEK_CUR)
    return WavPart(start=start, end=size, announced=None, there=0)


def _sound(file: BinaryIO, start: int, size: int, announced: int) -> WavPart:
    """The part whose chunk of sound begins where `file` stands."""
    first = file.tell()
    there = size - first
    if announced == 0 or announced >= UNKNOWN_SIZE:
        return WavPart(start=start, end=size, announced=None, there=there)
    at = first + announced + announced % 2
    if at >= size:
        return WavPart(start=start, end=size, announced=announced, there=there)
    end = at
    while end < size:
        file.seek(end)
        head = file.read(12)
        if head[:4] == b"RIFF" and head[8:] == b"WAVE":
            return WavPart(start=start, end=end, announced=announced, there=announced)
        length = int.from_bytes(head[4:8], "little")
        if not _CHUNK_NAME.fullmatch(head[:4]) or end + 8 + length > size + 1:
            break
        end += 8 + length + length % 2
    if end > at or _is_padding(file, at, size):
        return WavPart(start=start, end=size, announced=announced, there=announced)
    return WavPart(start=start, end=size, announced=announced, there=there, runs_on=True)


def _is_padding(file: BinaryIO, at: int, size: int) -> bool:
    file.seek(at)
    return size - at < _LEAST_BYTES or not any(file.read(_LOOKED_AT))


class PartOfFile(io.RawIOBase):
    """The bytes `[start, end)` of a file as a file of their own, for reading."""

    def __init__(self, path: Path, start: int, end: int) -> None:
        super().__init__()
        self._file = path.open("rb")
        self._start, self._length = start, end - start
        self._file.seek(start)

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def seekable(self) -> bool:
        """Whether its position can be set."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes, all that is left for a negative number."""
        left = max(0, self._length - self.tell())
        return self._file.read(left if size < 0 else min(size, left))

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Set the position, as in any file."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self._length}[whence]
        self._file.seek(self._start + max(0, base + offset))
        return self.tell()

    def tell(self) -> int:
        """The position, from the start of the part."""
        return self._file.tell() - self._start

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
