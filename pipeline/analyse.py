"""The whole line: one decoded recording to everything that is known about it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pipeline import ALGORITHM, __version__
from pipeline.assess import find_events, find_findings
from pipeline.audio.fingerprints import NO_TRACKS, Tracks
from pipeline.prosody import Spoken, measure_tone
from pipeline.records import AnalysisRun, Audio, Call, CallAnalysis, HeardWord
from pipeline.rules import RuleSet
from pipeline.rules.near_miss import NearMissMarker
from pipeline.settings import Settings
from pipeline.speech.activity import ChannelActivity, VoiceModel, detect_activity
from pipeline.speech.attribution import Attribution, attribute_channels, attribute_voices
from pipeline.speech.diarize import Diarize
from pipeline.speech.quality import measure_quality
from pipeline.speech.transcribe import Transcribe
from pipeline.speech.turns import activities_of, build_turns

NO_DIARIZATION = "channels"


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """What is loaded once and used for every call; the names tell the weights.

    `tracks` is the hold music known from other calls; `second_look` marks sentences for review, where its
    weights are installed.
    """

    voice: VoiceModel
    transcribe: Transcribe
    diarize: Diarize
    asr_model: str
    diarization_model: str
    tracks: Tracks = NO_TRACKS
    second_look: NearMissMarker | None = None


class Stopwatch:
    """Seconds of each stage."""

    def __init__(self) -> None:
        self._last = self._first = time.perf_counter()

    def lap(self) -> float:
        """Seconds since the last lap."""
        now = time.perf_counter()
        lap, self._last = now - self._last, now
        return lap

    def total(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._first


def analyse(
    audio: Audio, *, call: Call, models: Models, rules: RuleSet, settings: Settings, decode_s: float = 0.0
) -> CallAnalysis:
    """Everything about one recording. `decode_s` is the time its decoding took, for the record."""
    started_at, watch = datetime.now(UTC), Stopwatch()
    channels = detect_activity(audio.samples, models.voice, settings, models.tracks)
    activity_s = watch.lap()
    heard = models.transcribe(channels)
    transcribe_s = watch.lap()
    parties = attribute(channels, heard, models, settings)
    diarize_s = watch.lap()
    turns, words = build_turns(parties.voices, settings.turns)
    quality = measure_quality(audio.samples, channels, parties, settings.fitness)
    spoken = Spoken(
        voices=parties.voices,
        turns=turns,
        words=words,
        roles_sure=not any(channel.swap_suspected for channel in quality),
    )
    events_s = watch.lap()
    tone = measure_tone(audio.samples, channels, spoken, settings.tone)
    tone_s = watch.lap()
    known = CallAnalysis(
        recording=audio.recording,
        call=call,
        activities=activities_of(turns, parties.voices),
        sounds=tuple(sound for channel in channels for sound in channel.sounds),
        fingerprints=tuple(part for channel in channels for part in channel.fingerprints),
        words=words,
        turns=turns,
        quality=quality,
        tone=tone.turns,
        tone_curve=tone.curve,
        tone_rises=tone.rises,
    )
    transcript = rules.transcript(turns, words)
    known = find_events(known, rules, settings, overlaps_known=parties.overlaps_known, transcript=transcript)
    events_s += watch.lap()
    known = find_findings(known, rules, settings, transcript)
    if models.second_look is not None:
        known = models.second_look(known, rules, settings.rules, transcript)
    run = AnalysisRun(
        pipeline_version=__version__,
        algorithm=ALGORITHM,
        settings_hash=settings.fingerprint(),
        settings=settings.analysis_values(),
        asr_model=models.asr_model,
        diarization_model=NO_DIARIZATION if len(channels) == 2 else models.diarization_model,
        rules_version=rules.version,
        agent_channel=parties.agent_channel,
        agent_channel_source=parties.source,
        role_confidence=parties.confidence,
        role_cues=dict(parties.role_cues),
        started_at=started_at,
        decode_s=decode_s,
        activity_s=activity_s,
        transcribe_s=transcribe_s,
        diarize_s=diarize_s,
        tone_s=tone_s,
        events_s=events_s,
        rules_s=watch.lap(),
        wall_s=decode_s + watch.total(),
    )
    recording = replace(audio.recording, analysed_at=datetime.now(UTC))
    return replace(known, recording=recording, run=run)


def attribute(
    channels: Sequence[ChannelActivity],
    heard: Sequence[Sequence[HeardWord]],
    models: Models,
    settings: Settings,
) -> Attribution:
    """Who takes part: by channel on stereo, by voice on mono."""
    if len(channels) == 2:
        return attribute_channels(channels, heard, settings.audio)
    return attribute_voices(channels[0], heard[0], models.diarize, (settings.audio, settings.turns))
