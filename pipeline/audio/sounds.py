"""The sounds of every channel that are not speech: music, tones, and where the recording is cut off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.crosstalk import CleanChannel
from pipeline.audio.cuts import find_cuts
from pipeline.audio.fingerprints import NO_TRACKS, Tracks
from pipeline.audio.music import ChannelSounds, find_sounds
from pipeline.records import Samples, Sound
from pipeline.settings import SoundSettings


def detect_sounds(
    samples: Samples,
    channels: Sequence[CleanChannel],
    voice: Sequence[NDArray[np.float32]],
    settings: SoundSettings,
    tracks: Tracks = NO_TRACKS,
) -> tuple[ChannelSounds, ...]:
    """The sounds of each channel in order of time.

    `samples` (channels, n) are as decoded, since removing crosstalk would fill a cut; `channels` are the same
    without crosstalk. `voice` has the voice probability per frame of each, `tracks` the known hold music.
    """
    found = []
    for index, channel in enumerate(channels):
        heard = find_sounds(channel.samples, channel.levels, voice[index], index, settings, tracks)
        cuts = [
            Sound(channel=index, kind="cut", start_s=span.start_s, end_s=span.end_s)
            for span in find_cuts(samples[index], settings.min_cut_s)
        ]
        in_order = sorted((*heard.sounds, *cuts), key=lambda sound: (sound.start_s, sound.end_s))
        found.append(replace(heard, sounds=tuple(in_order)))
    return tuple(found)
