"""Clips for reviewers: which part of a recording is heard, and the WAV files, kept for a while."""

from __future__ import annotations

import hashlib
import io
import tempfile
import threading
import wave
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.audit.clip import MAX_CLIP_S, cut_span
from pipeline.audit.evidence import source_of
from pipeline.records import Mask, Sound
from pipeline.spans import Span, intersection, union

AROUND_S = 4.0
"""Heard before and after the words that decided, in seconds."""
MORE_S = 10.0
"""Heard besides when somebody asks for more, in seconds at either end."""
PAUSE_S = 1.0
"""Longer pauses are left out where a whole window was searched, in seconds."""
EDGE_S = 0.25
"""Kept around speech where pauses are left out, in seconds."""
KEPT = 64
"""Clips that are kept."""


def speech_in(window: Span, speech: Iterable[Span]) -> tuple[Span, ...]:
    """The parts of `window` with speech, without pauses longer than `PAUSE_S`; all of it if nobody speaks.

    >>> speech_in(Span(0, 60), [Span(1, 2), Span(2.5, 4), Span(30, 31)])
    (Span(start_s=0.75, end_s=4.25), Span(start_s=29.75, end_s=31.25))
    """
    heard = (span.padded(EDGE_S) for span in intersection(speech, [window]))
    return intersection(union(heard, bridge_s=PAUSE_S - 2 * EDGE_S), [window]) or (window,)


class Clips:
    """WAV files of parts of recordings, in a folder of their own; the oldest make room for new ones."""

    def __init__(self) -> None:
        """The folder is made, and gone with this object."""
        self._folder = tempfile.TemporaryDirectory(prefix="earwitness-clips-")
        self._lock = threading.Lock()
        self._made: dict[str, Path] = {}

    def path(
        self,
        recording: Mapping[str, Any],
        files: Sequence[Mapping[str, Any]],
        parts: Sequence[Span],
        hidden: Sequence[Mask | Sound],
    ) -> Path:
        """The clip of these parts of a recording, one after the other, silent where something is `hidden`.

        `recording` and `files` are its rows. Raises RecordingError where its audio is missing or changed.
        """
        spans = "_".join(f"{part.start_s:.2f}-{part.end_s:.2f}" for part in parts)
        name = hashlib.sha256(f"{recording['recording_id']}/{spans}".encode()).hexdigest() + ".wav"
        with self._lock:
            if name in self._made and self._made[name].exists():
                return self._made[name]
            whole = Span(parts[0].start_s, min(parts[-1].end_s, parts[0].start_s + MAX_CLIP_S))
            clip = cut_span(source_of(recording, files, hidden), whole)
            path = Path(self._folder.name) / name
            path.write_bytes(_joined(clip.wav, clip.span, parts))
            self._made[name] = path
            while len(self._made) > KEPT:
                self._made.pop(next(iter(self._made))).unlink(missing_ok=True)
            return path


def _joined(wav: bytes, span: Span, parts: Sequence[Span]) -> bytes:
    """The `parts` of a WAV file that holds `span`, one after the other."""
    with wave.open(io.BytesIO(wav)) as file:
        rate, channels = file.getframerate(), file.getnchannels()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, channels)
    places = [[round((at_s - span.start_s) * rate) for at_s in (p.start_s, p.end_s)] for p in parts]
    out = io.BytesIO()
    with wave.open(out, "wb") as target:
        target.setnchannels(channels)
        target.setsampwidth(2)
        target.setframerate(rate)
        target.writeframes(np.concatenate([samples[max(0, a) : b] for a, b in places]).tobytes())
    return out.getvalue()
