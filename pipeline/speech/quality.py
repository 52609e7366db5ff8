"""Facts about each channel's signal; `metrics.fit` decides which metrics they support."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.cuts import signal_start_s
from pipeline.audio.frames import (
    HOP,
    SAMPLE_RATE,
    Levels,
    Mask,
    clipping_ceiling,
    hann,
    levels_db,
    noise_floor_db,
    to_mask,
    to_spans,
)
from pipeline.phrases.role_cues import RoleCues
from pipeline.records import AudioQuality, HeardChannel, Samples
from pipeline.settings import QualitySettings
from pipeline.speech.activity import ChannelActivity
from pipeline.speech.attribution import Attribution
from pipeline.speech.roles import find_agent

N_FFT = 512  # 32 ms
BAND_DROP_DB = 50.0  # below the strongest band there is nothing left of speech
LONGEST_DROPOUT = 50  # frames: 0.5 s; longer ones are pauses, or the recorder's
EDGE = 2  # frames: resampling rounds the edge
DROPOUT_EDGE_DB = 20.0  # above the noise on both sides: the sound did not fade
DIGITAL_SILENCE = 1e-9  # power: 15 bits below full scale
LEAST_WORDS = 10


def measure_quality(
    samples: Samples,
    channels: Sequence[ChannelActivity],
    attribution: Attribution,
    settings: QualitySettings,
    cues: RoleCues,
) -> tuple[AudioQuality, ...]:
    """The audio quality of each channel; `samples` (channels, n) are as decoded, at 16 kHz."""
    swapped = swap_suspected(attribution, settings, cues)
    levels = [levels_db(channel) for channel in samples]
    return tuple(
        _channel_quality(index, samples, levels, channel, _probability(attribution, index), swapped)
        for index, channel in enumerate(channels)
    )


def with_language(quality: Sequence[AudioQuality], heard: Sequence[HeardChannel]) -> tuple[AudioQuality, ...]:
    """The quality of each channel with the language and speed of the speech recognised there."""
    return tuple(
        replace(
            channel,
            language=next(iter(one.languages), None),
            language_probability=one.language_probability,
            language_source=one.language_source,
            languages=one.languages,
            speed=one.speed,
        )
        for channel, one in zip(quality, heard, strict=True)
    )


def language_of(quality: Sequence[AudioQuality]) -> AudioQuality | None:
    """The facts of the channel whose language is the call's: that with most speech; None without speech."""
    spoken = [channel for channel in quality if channel.language and channel.speech_s > 0]
    return max(spoken, key=lambda channel: channel.speech_s, default=None)


def swap_suspected(attribution: Attribution, settings: QualitySettings, cues: RoleCues) -> bool:
    """Whether the words clearly contradict the agent's channel that the settings gave."""
    if attribution.source != "setting" or len(attribution.voices) != 2:
        return False
    texts = [" ".join(word.text for word in voice.words) for voice in attribution.voices]
    agent, confidence = find_agent(texts, cues)
    return agent != attribution.agent_channel and confidence >= settings.swap_confidence


def _channel_quality(
    index: int,
    samples: Samples,
    levels: Sequence[Levels],
    channel: ChannelActivity,
    word_probability: float | None,
    swapped: bool,
) -> AudioQuality:
    own = levels[index]
    speech = to_mask(channel.spans, len(own))
    noise_db = noise_floor_db(own)
    level_db = float(np.median(own[speech])) if speech.any() else None
    gaps = find_dropouts(samples[index], speech, noise_db)
    return AudioQuality(
        channel=index,
        speech_s=float(speech.sum()) * HOP / SAMPLE_RATE,
        level_db=level_db,
        noise_db=noise_db,
        snr_db=None if level_db is None else level_db - noise_db,
        clipping_ratio=clipping_ratio(_samples_of(samples[index], speech)),
        bandwidth_hz=bandwidth_hz(_samples_of(samples[index], speech)),
        dropouts=len(gaps),
        dropout_s=sum(end - start for start, end in gaps) * HOP / SAMPLE_RATE,
        crosstalk_db=_crosstalk_db(channel.leak, levels[1 - index]) if channel.leak is not None else None,
        word_probability=word_probability,
        swap_suspected=swapped,
        signal_start_s=signal_start_s(samples[index]),
    )


def _samples_of(samples: NDArray[np.float32], frames: Mask) -> NDArray[np.float32]:
    return samples[: len(frames) * HOP].reshape(-1, HOP)[frames].ravel()


def clipping_ratio(speech: NDArray[np.float32]) -> float:
    """Share of samples, 0 to 1, at the ceiling of their own range; below 0.0005 in clean speech."""
    if speech.size == 0:
        return 0.0
    magnitude = np.abs(speech)
    ceiling = clipping_ceiling(magnitude)
    return float(np.mean(magnitude >= ceiling)) if ceiling > 0 else 0.0


def bandwidth_hz(speech: NDArray[np.float32]) -> float | None:
    """Highest frequency that carries speech: where its mean spectrum is 50 dB below its strongest band."""
    if speech.size < N_FFT:
        return None
    frames = speech[: len(speech) // N_FFT * N_FFT].reshape(-1, N_FFT)
    power = np.mean(np.abs(np.fft.rfft(frames * hann(N_FFT), axis=1)) ** 2, axis=0)
    if not power.any():
        return None
    heard = np.flatnonzero(power >= power.max() * 10 ** (-BAND_DROP_DB / 10))
    return float(heard[-1] * SAMPLE_RATE / N_FFT)


def find_dropouts(samples: NDArray[np.float32], speech: Mask, noise_db: float) -> list[tuple[int, int]]:
    """Frames `[start, end)` of digital silence inside loud speech, as caused by lost packets.

    A pause fades; a dropout starts and ends abruptly. `speech` is per frame.
    """
    frames = samples[: len(speech) * HOP].reshape(-1, HOP).astype(np.float64)
    # A mean of its own per frame: some line cards are silent at a level other than zero.
    levels = 10 * np.log10(np.maximum(frames.var(axis=1), DIGITAL_SILENCE))
    silent = (levels <= 10 * np.log10(DIGITAL_SILENCE)) & speech
    found = []
    for span in to_spans(silent, rate=1):
        start, end = round(span.start_s), round(span.end_s)
        before, after = levels[max(0, start - EDGE) : start], levels[end : end + EDGE]
        if end - start > LONGEST_DROPOUT or not before.size or not after.size:
            continue
        if min(before.max(), after.max()) >= noise_db + DROPOUT_EDGE_DB:
            found.append((start, end))
    return found


def _crosstalk_db(leak: Levels, source: Levels) -> float:
    """Level of the other side's leak relative to the other side, in dB, where that is loud."""
    n = min(len(leak), len(source))
    loud = source[:n] >= np.percentile(source[:n], 90)
    return float(np.median(leak[:n][loud] - source[:n][loud]))


def _probability(attribution: Attribution, channel: int) -> float | None:
    """Mean word probability of a channel; None for fewer than `LEAST_WORDS` words."""
    values = [
        word.probability for voice in attribution.voices if voice.channel == channel for word in voice.words
    ]
    return float(np.mean(values)) if len(values) >= LEAST_WORDS else None
