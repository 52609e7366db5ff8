"""Who makes sound when: speech activity per channel at 10 ms.

A voice-activity model says where speech is, energy above an adaptive noise floor says where exactly it
starts and stops and carries on where the model loses a quiet voice. Crosstalk, music and tones are no
activity. Recogniser word times play no part: they are for text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import percentile_filter

from pipeline.audio.crosstalk import remove_crosstalk
from pipeline.audio.cuts import find_cuts
from pipeline.audio.fingerprints import NO_TRACKS, Tracks
from pipeline.audio.frames import (
    FRAME_RATE,
    HOP,
    SAMPLE_RATE,
    Levels,
    Mask,
    levels_db,
    noise_floor_db,
    to_mask,
    to_spans,
)
from pipeline.audio.music import detect_sounds
from pipeline.records import Fingerprint, Samples, Sound
from pipeline.settings import ActivitySettings, Settings
from pipeline.spans import Span, union

VAD_STEP = 512  # samples per voice probability
DEAF_AFTER = 156  # voice steps: 5 s without a voice
DEAF_BELOW = 0.25  # voice probability
ASK_BACK, ASK_ON = 47, 16  # voice steps asked anew: 1.5 s before the voice is heard, 0.5 s after
ASK_PAUSE = 3  # voice steps: 0.1 s of a pause before the sound asked about
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
    """Voice probability, 0 to 1, per 512 samples of 16 kHz audio whose length is a multiple of that."""

    def __call__(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities, one a step."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelActivity:
    """One channel: its speech, its sounds, and the audio (crosstalk removed) to recognise it from.

    `leak` is the level per frame, in dB, of the other side's copy that was removed; None without one.
    """

    spans: tuple[Span, ...]
    sounds: tuple[Sound, ...]
    samples: NDArray[np.float32]
    leak: Levels | None = None
    fingerprints: tuple[Fingerprint, ...] = ()


def load_voice_model() -> VoiceModel:
    """The Silero model that faster-whisper carries."""
    from faster_whisper.vad import get_vad_model  # noqa: PLC0415  (slow to import)

    model: VoiceModel = get_vad_model()
    return model


def detect_activity(
    samples: Samples, voice_model: VoiceModel, settings: Settings, tracks: Tracks = NO_TRACKS
) -> tuple[ChannelActivity, ...]:
    """Activity of each channel; `samples` has shape (channels, n) at 16 kHz, `tracks` is known music."""
    clean, leaks = remove_crosstalk(samples, settings.activity)
    return tuple(
        _with_cuts(
            _channel_activity(channel, clean[channel], leaks[channel], voice_model, settings, tracks),
            find_cuts(samples[channel], settings.sounds.min_cut_s),
            channel,
        )
        for channel in range(len(clean))
    )


def _with_cuts(found: ChannelActivity, cuts: Sequence[Span], channel: int) -> ChannelActivity:
    sounds = [Sound(channel=channel, kind="cut", start_s=s.start_s, end_s=s.end_s) for s in cuts]
    in_order = sorted((*found.sounds, *sounds), key=lambda sound: (sound.start_s, sound.end_s))
    return replace(found, sounds=tuple(in_order))


def _channel_activity(
    channel: int,
    samples: NDArray[np.float32],
    leak: Levels | None,
    voice_model: VoiceModel,
    settings: Settings,
    tracks: Tracks,
) -> ChannelActivity:
    levels = levels_db(samples)
    voice = voice_probability(samples, levels, voice_model)
    found = detect_sounds(samples, levels, voice, channel, settings.sounds, tracks)
    tones = (s.span.padded(TONE_EDGE_S) for s in found.sounds if s.kind != "music")
    own = ~to_mask(union(tones, bridge_s=TONE_REST_S), len(levels))
    if leak is not None:
        own &= levels > leak + settings.activity.crosstalk_margin_db
    music = to_mask(
        [Span(s.start_s - MUSIC_EDGE_S, s.end_s) for s in found.sounds if s.kind == "music"], len(levels)
    )
    spans = find_speech(levels, voice, own, music, settings.activity)
    return ChannelActivity(
        spans=spans, sounds=found.sounds, samples=samples, leak=leak, fingerprints=found.fingerprints
    )


def voice_probability(samples: NDArray[np.float32], levels: Levels, model: VoiceModel) -> NDArray[np.float32]:
    """Voice probability per frame, of audio brought to an even level so that quiet callers are heard."""
    n = len(levels)
    loud = levels[levels > noise_floor_db(levels) + 10]
    if n == 0 or loud.size == 0:
        return np.zeros(n, np.float32)
    gain_db = min(MAX_GAIN_DB, TARGET_DB - float(np.percentile(loud, 75)))
    even = np.clip(samples * np.float32(10 ** (gain_db / 20)), -1, 1)
    padded = np.pad(even, (0, -len(even) % VAD_STEP))
    quiet = levels < noise_floor_db(levels) + QUIET_DB
    steps = _asked_afresh(np.asarray(model(padded), np.float32).ravel(), padded, quiet, model)
    middle = np.arange(n) * HOP + HOP // 2
    return steps[np.minimum(middle // VAD_STEP, len(steps) - 1)]


def _asked_afresh(
    steps: NDArray[np.float32], samples: NDArray[np.float32], quiet: Mask, model: VoiceModel
) -> NDArray[np.float32]:
    """Probabilities whose first words after a long stretch without voice are not lost.

    The model carries a state along and grows deaf over a minute of hold music: the first half second of the
    agent's return goes by unheard. Where it hears a voice again, the time just before is asked about anew
    from each pause in it; a start amid music makes it deaf as well, or hear voices.
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
            anew = np.asarray(model(samples[start * VAD_STEP : end * VAD_STEP].copy()), np.float32).ravel()
            out[start:last] = np.maximum(out[start:last], anew[: last - start])
    return out


def find_speech(
    levels: Levels, voice: NDArray[np.float32], own: Mask, music: Mask, settings: ActivitySettings
) -> tuple[Span, ...]:
    """Speech where the voice model and energy agree, its edges set by energy.

    All arguments are per frame: level in dB, voice probability, whether the frame may be the channel's own
    speech at all, and whether music plays (there energy says nothing, so the model must be sure).
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
    carried = _within(surely, REACH) | (perhaps & _within(surely, CARRY))
    speech = loud & np.where(music, surely, carried)
    return tuple(
        span
        for span in union(to_spans(speech), bridge_s=settings.bridge_s)
        if span.duration_s >= settings.min_speech_s and bool((surely & loud)[_slice(span)].any())
    )


def _slice(span: Span) -> slice:
    return slice(round(span.start_s * FRAME_RATE), round(span.end_s * FRAME_RATE))


def _within(mask: Mask, frames: int) -> Mask:
    """Frames at most `frames` away from a true one."""
    sums = np.concatenate([[0], np.cumsum(mask, dtype=np.int64)])
    at = np.arange(len(mask))
    return np.asarray(sums[np.minimum(at + frames + 1, len(mask))] > sums[np.maximum(at - frames, 0)])
