"""Speech activity of each channel at 10 ms.

A voice-activity model determines where speech is. Energy above an adaptive noise floor determines where
exactly it starts and stops, and continues it where the model loses a quiet voice. Crosstalk, music and tones
are not activity. The recogniser's word times are not used here: they are too coarse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import percentile_filter

from pipeline.audio.crosstalk import CleanChannel
from pipeline.audio.frames import (
    FRAME_RATE,
    HOP,
    SAMPLE_RATE,
    Levels,
    Mask,
    dilate,
    noise_floor_db,
    to_mask,
    to_spans,
)
from pipeline.audio.music import ChannelSounds
from pipeline.records import Sound
from pipeline.settings import ActivitySettings
from pipeline.spans import Span, union

VAD_STEP = 512  # samples per voice probability
DEAF_AFTER = 156  # voice steps: 5 s without a voice
DEAF_BELOW = 0.25  # voice probability
ASK_BACK, ASK_ON = 47, 16  # voice steps run again: 1.5 s before the voice is found, 0.5 s after
ASK_PAUSE = 3  # voice steps: a restart begins 0.1 s before the end of a pause
QUIET_DB = 6.0  # above the noise floor
TARGET_DB = -22.0  # level at which the voice model works best
MAX_GAIN_DB = 40.0
FLOOR_WINDOW = (
    4 * FRAME_RATE
)  # long enough to hold a pause, short enough to follow noise that comes with speech
FLOOR_RISE_DB = 15.0  # the adaptive floor may rise this far above the call's resting level
REACH = 25  # frames: how far energy may carry speech beyond the model's edges
MUSIC_EDGE_S = 1.0  # music is recognised a little after it starts
TONE_EDGE_S = 0.03
TONE_REST_S = 0.2  # nobody speaks between two keys or bursts so close
CARRY = 60  # frames: how far energy carries speech on while the model still suspects a voice


class VoiceModel(Protocol):
    """A voice-activity model: voice probability, 0 to 1, per 512 samples of audio at 16 kHz."""

    def __call__(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """One probability per 512 samples; the length of `audio` is a multiple of 512."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelActivity:
    """One channel as the later stages read it: its speech, its other sounds, and its audio.

    `samples` at 16 kHz have the crosstalk removed; `leak` is the predicted level of that crosstalk per frame
    in dB, None where there was none.
    """

    spans: tuple[Span, ...]
    sounds: tuple[Sound, ...]
    samples: NDArray[np.float32]
    leak: Levels | None = None


def detect_activity(
    channels: Sequence[CleanChannel],
    voice: Sequence[NDArray[np.float32]],
    sounds: Sequence[ChannelSounds],
    settings: ActivitySettings,
) -> tuple[ChannelActivity, ...]:
    """The speech of each channel, from its voice probability per frame and its sounds."""
    return tuple(
        ChannelActivity(
            spans=_speech(channel, probability, found.sounds, settings),
            sounds=found.sounds,
            samples=channel.samples,
            leak=channel.leak,
        )
        for channel, probability, found in zip(channels, voice, sounds, strict=True)
    )


def _speech(
    channel: CleanChannel, voice: NDArray[np.float32], sounds: Sequence[Sound], settings: ActivitySettings
) -> tuple[Span, ...]:
    levels = channel.levels
    tones = (s.span.padded(TONE_EDGE_S) for s in sounds if s.kind not in ("music", "cut"))
    own = ~to_mask(union(tones, bridge_s=TONE_REST_S), len(levels))
    if channel.leak is not None:
        own &= levels > channel.leak + settings.crosstalk_margin_db
    music = to_mask(
        [Span(s.start_s - MUSIC_EDGE_S, s.end_s) for s in sounds if s.kind == "music"], len(levels)
    )
    return find_speech(levels, voice, own, music, settings)


def voice_probabilities(
    channels: Sequence[CleanChannel], model: VoiceModel
) -> tuple[NDArray[np.float32], ...]:
    """The voice probability per frame, 0 to 1, of each channel."""
    return tuple(voice_probability(channel.samples, channel.levels, model) for channel in channels)


def voice_probability(samples: NDArray[np.float32], levels: Levels, model: VoiceModel) -> NDArray[np.float32]:
    """Voice probability per frame, 0 to 1; the audio is amplified to one level first, for quiet callers."""
    n = len(levels)
    loud = levels[levels > noise_floor_db(levels) + 10]
    if n == 0 or loud.size == 0:
        return np.zeros(n, np.float32)
    gain_db = min(MAX_GAIN_DB, TARGET_DB - float(np.percentile(loud, 75)))
    even = np.clip(samples * np.float32(10 ** (gain_db / 20)), -1, 1)
    padded = np.pad(even, (0, -len(even) % VAD_STEP))
    quiet = levels < noise_floor_db(levels) + QUIET_DB
    steps = _with_restarts(np.asarray(model(padded), np.float32).ravel(), padded, quiet, model)
    middle = np.arange(n) * HOP + HOP // 2
    return steps[np.minimum(middle // VAD_STEP, len(steps) - 1)]


def _with_restarts(
    steps: NDArray[np.float32], samples: NDArray[np.float32], quiet: Mask, model: VoiceModel
) -> NDArray[np.float32]:
    """`steps` with the model run again, from a fresh state, just before a voice returns after a long absence.

    The recurrent model becomes insensitive during a minute of hold music and misses the first half second of
    the agent's return. It is restarted at each pause in that time only: a restart in the middle of music
    makes it insensitive too, or reports voices that are not there.
    """
    out = steps.copy()
    for run in to_spans(steps < DEAF_BELOW, rate=1):
        first, last = round(run.start_s), round(run.end_s)
        if last - first < DEAF_AFTER or last == len(steps):
            continue
        earliest, end = last - ASK_BACK, min(len(steps), last + ASK_ON)
        pauses = to_spans(quiet[earliest * VAD_STEP // HOP : last * VAD_STEP // HOP])
        ends = [earliest + round(p.end_s * SAMPLE_RATE / VAD_STEP) for p in pauses]
        for start in {max(earliest, pause_end - ASK_PAUSE) for pause_end in ends}:
            again = np.asarray(model(samples[start * VAD_STEP : end * VAD_STEP].copy()), np.float32).ravel()
            out[start:last] = np.maximum(out[start:last], again[: last - start])
    return out


def find_speech(
    levels: Levels, voice: NDArray[np.float32], own: Mask, music: Mask, settings: ActivitySettings
) -> tuple[Span, ...]:
    """Speech where the voice model and energy agree, its edges set by energy.

    All arguments have one entry per frame: `levels` in dB; `voice`, the voice probability; `own`, whether the
    frame can be the channel's own speech; and `music`, whether music plays, where the level says nothing and
    the model must be sure.
    """
    if len(levels) == 0:
        return ()
    floor = noise_floor_db(levels)
    adaptive = np.clip(percentile_filter(levels, 10, size=FLOOR_WINDOW), floor, floor + FLOOR_RISE_DB)
    loud = (levels > adaptive + settings.energy_margin_db) & own
    backed = (voice >= settings.vad_backed) & (levels > adaptive + settings.backed_margin_db) & ~music
    surely = np.where(music, voice >= settings.vad_in_music, voice >= settings.vad_threshold) | backed
    perhaps = voice >= settings.vad_floor
    # Energy carries speech on from where the model is sure: a little past the model's edges, and further
    # while it still suspects a voice.
    carried = dilate(surely, REACH) | (perhaps & dilate(surely, CARRY))
    speech = loud & np.where(music, surely, carried)
    return tuple(
        span
        for span in union(to_spans(speech), bridge_s=settings.bridge_s)
        if span.duration_s >= settings.min_speech_s and bool((surely & loud)[_slice(span)].any())
    )


def _slice(span: Span) -> slice:
    return slice(round(span.start_s * FRAME_RATE), round(span.end_s * FRAME_RATE))
