"""The channels of a call, from its audio to its activity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.crosstalk import remove_crosstalk
from pipeline.audio.fingerprints import NO_TRACKS, Tracks
from pipeline.audio.sounds import detect_sounds
from pipeline.records import Fingerprint
from pipeline.settings import Settings
from pipeline.speech.activity import ChannelActivity, VoiceModel, detect_activity, voice_probabilities


def channels_of(
    samples: NDArray[np.float32], model: VoiceModel, settings: Settings, tracks: Tracks = NO_TRACKS
) -> tuple[ChannelActivity, ...]:
    """The channels of a call, from its audio to its activity, as `analyse` finds them."""
    clean = remove_crosstalk(samples, settings.activity)
    voice = voice_probabilities(clean, model)
    sounds = detect_sounds(samples, clean, voice, settings.sounds, tracks)
    return detect_activity(clean, voice, sounds, settings.activity)


def fingerprints_of(
    samples: NDArray[np.float32], model: VoiceModel, settings: Settings, tracks: Tracks = NO_TRACKS
) -> tuple[Fingerprint, ...]:
    """The fingerprints of music that the known tracks do not cover."""
    clean = remove_crosstalk(samples, settings.activity)
    sounds = detect_sounds(samples, clean, voice_probabilities(clean, model), settings.sounds, tracks)
    return tuple(part for channel in sounds for part in channel.fingerprints)
