"""Sound as files that any browser plays."""

from __future__ import annotations

import io
import wave

import av
import numpy as np

from pipeline.audio.frames import SAMPLE_RATE
from pipeline.records import Samples

MP3_RATE = 48_000
"""Bits a second, for one or two channels: constant, so that players find a second by its place."""
_FULL_SCALE = 32767


def as_mp3(samples: Samples) -> bytes:
    """Samples at 16 kHz, shape (channels, n) with one or two channels, as MP3 without tags."""
    out = io.BytesIO()
    layout = "stereo" if samples.shape[0] == 2 else "mono"
    with av.open(out, "w", format="mp3", options={"id3v2_version": "0"}) as container:
        stream = container.add_stream("libmp3lame", rate=SAMPLE_RATE, layout=layout)
        stream.bit_rate = MP3_RATE
        size = stream.codec_context.frame_size or 1152
        pcm = _pcm(samples)
        for first in range(0, pcm.shape[1], size):
            piece = np.ascontiguousarray(pcm[:, first : first + size])
            frame = av.AudioFrame.from_ndarray(piece, format="s16p", layout=layout)
            frame.sample_rate, frame.pts = SAMPLE_RATE, first
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def as_wav(samples: Samples) -> bytes:
    """Samples at 16 kHz, shape (channels, n), as a WAV file of 16 bits with no other chunks."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(samples.shape[0])
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.ascontiguousarray(_pcm(samples).T).tobytes())
    return out.getvalue()


def _pcm(samples: Samples) -> np.ndarray[tuple[int, int], np.dtype[np.int16]]:
    """Shape (channels, n), 16 bits."""
    return np.round(np.clip(samples, -1.0, 1.0) * _FULL_SCALE).astype("<i2")
