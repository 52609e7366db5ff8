"""Sound with the masked stretches taken out."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, floor

from pipeline.records import Samples
from pipeline.spans import Span

MARGIN_S = 0.15
"""So much before and after a mask is zeroed: times of words are estimates, and half a digit can be heard."""
JOIN_S = 1.0
"""Masks closer than this, in seconds, are zeroed with what is between them: pieces of one number."""


def zeroed(samples: Samples, sample_rate_hz: int, masks: Iterable[Span]) -> Samples:
    """A copy of `samples` (channels by samples, or samples) that is zero around the masks on all channels.

    All channels, because a faint copy of the other side can be recognised. The length stays the same;
    samples outside are unchanged. Masks may reach beyond the ends.
    """
    out = samples.copy()
    for start_s, end_s in _joined(masks):
        first = max(0, floor((start_s - MARGIN_S) * sample_rate_hz))
        end = max(0, ceil((end_s + MARGIN_S) * sample_rate_hz))
        out[..., first:end] = 0
    return out


def _joined(masks: Iterable[Span]) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for mask in sorted(masks, key=lambda each: each.start_s):
        if joined and mask.start_s - joined[-1][1] < JOIN_S:
            joined[-1] = (joined[-1][0], max(joined[-1][1], mask.end_s))
        else:
            joined.append((mask.start_s, mask.end_s))
    return joined
