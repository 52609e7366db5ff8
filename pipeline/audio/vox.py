"""Reads Dialogic's VOX files: OKI ADPCM of 4 bits without a header, for which FFmpeg has only the decoder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av

VOX = "vox"
_CODEC = "adpcm_ima_oki"
_PACKET_BYTES = 1024


def vox_packets(path: Path) -> Iterator[Any]:
    """The bytes of a file in packets, and the empty one that ends a stream."""
    with path.open("rb") as file:
        while data := file.read(_PACKET_BYTES):
            yield av.Packet(data)
    yield av.Packet()


def vox_decoder(rate_hz: int) -> Any:
    """A decoder for mono sound at `rate_hz`."""
    decoder = av.CodecContext.create(_CODEC, "r")
    decoder.sample_rate, decoder.layout = rate_hz, "mono"
    return decoder
