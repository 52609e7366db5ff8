"""Joins the files of a call's two sides into one stereo recording."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.audio.alignment import MAX_ECHO_S, Alignment, aligned, find_alignment
from pipeline.audio.decode import read_audio
from pipeline.audio.frames import SAMPLE_RATE
from pipeline.errors import RecordingError
from pipeline.records import Audio, Recording, Samples
from pipeline.settings import AudioSettings

_ALIKE_S = 0.1
_SHIFTED = re.compile(r"channel 1 moved by (?P<offset>[-+][\d.]+) s")
_CORRECTED = re.compile(r"drift of channel 1 corrected by (?P<ppm>[-+][\d.]+) parts per million")


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """How two legs are joined: channel 1 is later by `offset_s` and falls behind by `drift_ppm`."""

    offset_s: float = 0.0
    drift_ppm: float = 0.0

    @classmethod
    def noted(cls, remark: str | None) -> Joining:
        """How a stored recording was joined, from its `Recording.error`."""
        shifted, corrected = _SHIFTED.search(remark or ""), _CORRECTED.search(remark or "")
        return cls(
            offset_s=-float(shifted["offset"]) if shifted else 0.0,
            drift_ppm=-float(corrected["ppm"]) if corrected else 0.0,
        )


def joined_id(sums: Sequence[str]) -> str:
    """The id of a recording of several legs: the sha256 of their sums (hex), in the order of channels."""
    return hashlib.sha256("".join(sums).encode()).hexdigest()


def read_legs(
    paths: Sequence[Path],
    settings: AudioSettings,
    *,
    uri: str,
    mix: Path | None = None,
    joining: Joining | None = None,
) -> Audio:
    """The two mono files as one stereo recording: the first is channel 0.

    They are aligned as `joining` says or, without one, as is measured from the sound that both have, or that
    a `mix` of the call has. Where it cannot be told, both begin at time zero. How they were joined is in
    `Recording.error`, from which `Joining.noted` gets it back. Raises RecordingError as `read_audio`, and
    for a leg with more than one channel.
    """
    legs = [read_audio(path, settings) for path in paths]
    for path, leg in zip(paths, legs, strict=True):
        if leg.samples.shape[0] != 1:
            what, remedy = "a leg of a call has two sides", "rename it, so that it is taken for a whole call"
            raise RecordingError(what, where=path, value=leg.recording.channels, allowed="1", remedy=remedy)
    sides = [leg.samples[0] for leg in legs]
    remark = None
    if joining is None:
        found = find_alignment(sides, _mixed(mix, settings))
        remark = _remark(found, [len(side) / SAMPLE_RATE for side in sides])
        joining = Joining.noted(remark)
    samples = aligned(sides, joining.offset_s, joining.drift_ppm * 1e-6)
    first = legs[0].recording
    recording = Recording(
        recording_id=joined_id([leg.recording.recording_id for leg in legs]),
        uri=uri,
        bytes=sum(leg.recording.bytes for leg in legs),
        container=first.container,
        codec=first.codec,
        sample_rate_hz=first.sample_rate_hz,
        channels=len(legs),
        layout="stereo",
        duration_s=samples.shape[1] / SAMPLE_RATE,
    )
    errors = [f"channel {at} {leg.recording.error}" for at, leg in enumerate(legs) if leg.recording.error]
    remarks = [text for text in (remark, *errors) if text]
    return Audio(recording=replace(recording, error=" · ".join(remarks) or None), samples=samples)


def _mixed(mix: Path | None, settings: AudioSettings) -> Samples | None:
    """The sound of a mix, mono; None without one, or where it cannot be decoded: the legs are enough."""
    if mix is None:
        return None
    try:
        return np.asarray(read_audio(mix, settings).samples.mean(axis=0), np.float32)
    except RecordingError:
        return None


def _remark(found: Alignment | None, lengths_s: Sequence[float]) -> str:
    """How the legs are joined and why, in one line."""
    text = "analysed, note: joined from two legs"
    shown = ""
    if found is not None:
        shown = f" ({found.heard_in} in {found.windows} of {found.searched} windows)"
    if found is not None and found.is_shifted:
        text += f", channel 1 moved by {-found.offset_s:+.4f} s{shown}"
    else:
        text += " that begin together"
        text += _unmoved(found) + shown
    if found is not None and found.parts(max(lengths_s)):
        return f"{text}, drift of channel 1 corrected by {-1e6 * (found.drift or 0.0):+.1f} parts per million"
    if (differs_s := max(lengths_s) - min(lengths_s)) > _ALIKE_S:
        text += f"; channel {int(np.argmin(lengths_s))} ends {differs_s:.2f} s before the other"
        if found is None or found.drift is None:
            drift_ppm = 1e6 * differs_s / max(lengths_s)
            text += f" (where that is a drift of the clocks, {drift_ppm:.0f} parts per million)"
    return text


def _unmoved(found: Alignment | None) -> str:
    if found is None:
        return ": nothing of one side is heard in the other, so that their offset is not known"
    if found.heard_in == "echo" and found.most_s - found.least_s >= MAX_ECHO_S:
        return f": a lag of {abs(found.offset_s):.3f} s may be an echo's"
    return ""
