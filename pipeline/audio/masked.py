"""Sound with the masked stretches taken out."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, floor

from pipeline.records import Mask, Samples, Sound

MARGIN_S = 0.15
"""So much before and after a mask is zeroed: times of words are estimates, and half a digit can be heard."""
JOIN_S = 1.0
"""Masks of one kind closer than this, in seconds, are zeroed with what is between: pieces of one number."""


def zeroed(samples: Samples, sample_rate_hz: int, masks: Iterable[Mask | Sound]) -> Samples:
    """A copy of `samples` (channels by samples, or samples) that is zero around the masks on all channels.

    A sound among the masks is one that tells digits: keyed tones.

    All channels, because a faint copy of the other side can be recognised. The length stays the same;
    samples outside are unchanged. Masks may reach beyond the ends.
    """
    out = samples.copy()
    for start_s, end_s in _joined(masks):
        first = max(0, floor((start_s - MARGIN_S) * sample_rate_hz))
        end = max(0, ceil((end_s + MARGIN_S) * sample_rate_hz))
        out[..., first:end] = 0
    return out


def _joined(masks: Iterable[Mask | Sound]) -> list[tuple[float, float]]:
    joined: dict[str, list[tuple[float, float]]] = {}
    for mask in sorted(masks, key=lambda each: each.start_s):
        spans = joined.setdefault(mask.kind, [])
        if spans and mask.start_s - spans[-1][1] < JOIN_S:
            spans[-1] = (spans[-1][0], max(spans[-1][1], mask.end_s))
        else:
            spans.append((mask.start_s, mask.end_s))
    return [span for spans in joined.values() for span in spans]
