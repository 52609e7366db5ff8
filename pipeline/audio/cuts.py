"""Finds where a channel is cut off: digital silence on a line that otherwise always carries noise.

A recorder that is stopped (as for a card number) writes digital silence that begins and ends from one
sample to the next. A line that suppresses silence does so at every pause; there it shows nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.frames import FRAME_RATE, HOP, Mask, to_mask, to_spans
from pipeline.spans import Span, union

STILL = 1.5 / 32768  # a frame that moves by no more is constant: one step of 16-bit audio
MOST_STILL = 0.02  # share of still frames outside cuts, on a line with noise
RINGING_S = 0.05  # of a decoder, at the edges of a cut


def find_cuts(samples: NDArray[np.float32], min_s: float) -> tuple[Span, ...]:
    """Stretches of at least `min_s` seconds in which the channel is cut off, except at its start and end."""
    still = _still(samples)
    runs = union(to_spans(still), bridge_s=RINGING_S)
    end_s = len(still) / FRAME_RATE
    cuts = tuple(s for s in runs if s.duration_s >= min_s and s.start_s > 0 and s.end_s < end_s)
    edges = [s for s in runs if s.duration_s >= min_s and s not in cuts]
    inside = to_mask([s.padded(RINGING_S) for s in (*cuts, *edges)], len(still))
    outside = still[~inside]
    return cuts if outside.size and float(outside.mean()) <= MOST_STILL else ()


def signal_start_s(samples: NDArray[np.float32]) -> float | None:
    """From when a channel carries anything but digital silence, in seconds; None in a silent channel."""
    moving = np.flatnonzero(~_still(samples))
    return float(moving[0]) / FRAME_RATE if moving.size else None


def _still(samples: NDArray[np.float32]) -> Mask:
    """The frames of 10 ms that are constant."""
    frames = samples[: len(samples) // HOP * HOP].reshape(-1, HOP)
    return np.asarray(np.ptp(frames, axis=1) <= STILL if len(frames) else np.zeros(0, bool), bool)
