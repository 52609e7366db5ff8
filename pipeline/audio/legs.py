"""Joins the files of a call's two sides into one stereo recording."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.audio.decode import read_audio
from pipeline.audio.frames import SAMPLE_RATE
from pipeline.errors import RecordingError
from pipeline.records import Audio, Recording
from pipeline.settings import AudioSettings

_ALIKE_S = 0.1


def joined_id(sums: Sequence[str]) -> str:
    """The id of a recording of several legs: the sha256 of their sums (hex), in the order of channels."""
    return hashlib.sha256("".join(sums).encode()).hexdigest()


def read_legs(paths: Sequence[Path], settings: AudioSettings, *, uri: str) -> Audio:
    """The two mono files as one stereo recording: the first is channel 0.

    Both begin at time zero, as recorders start them together; the shorter one is filled up with silence, and
    the difference is reported in `Recording.error`. Raises RecordingError as `read_audio`, and for a leg with
    more than one channel.
    """
    legs = [read_audio(path, settings) for path in paths]
    for path, leg in zip(paths, legs, strict=True):
        if leg.samples.shape[0] != 1:
            what, remedy = "a leg of a call has two sides", "rename it, so that it is taken for a whole call"
            raise RecordingError(what, where=path, value=leg.recording.channels, allowed="1", remedy=remedy)
    length = max(leg.samples.shape[1] for leg in legs)
    samples = np.zeros((len(legs), length), np.float32)
    for row, leg in zip(samples, legs, strict=True):
        row[: leg.samples.shape[1]] = leg.samples[0]
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
        duration_s=length / SAMPLE_RATE,
    )
    return Audio(recording=replace(recording, error=_remarks(legs)), samples=samples)


def _remarks(legs: Sequence[Audio]) -> str:
    """How the legs were joined, and what is known about each."""
    lengths = [leg.samples.shape[1] / SAMPLE_RATE for leg in legs]
    text = "analysed, note: joined from two legs that begin together"
    if (differs_s := max(lengths) - min(lengths)) > _ALIKE_S:
        drift = 1e6 * differs_s / max(lengths)
        text += (
            f"; channel {int(np.argmin(lengths))} ends {differs_s:.2f} s before the other (where that is a "
            f"drift of the clocks, {drift:.0f} parts per million)"
        )
    errors = [f"channel {at} {leg.recording.error}" for at, leg in enumerate(legs) if leg.recording.error]
    return " · ".join([text, *errors])
