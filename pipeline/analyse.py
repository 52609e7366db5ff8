"""The whole line: one decoded recording to everything that is known about it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pipeline import __version__
from pipeline.activity import ChannelActivity, VoiceModel, detect_activity
from pipeline.diarize import Diarize
from pipeline.events.holds import Scene, detect_holds, without_honoured_refusals
from pipeline.events.overlaps import detect_overlaps
from pipeline.events.silences import detect_silences
from pipeline.fitness import measure_fitness
from pipeline.metrics import measure
from pipeline.metrics.fit import find_fit
from pipeline.metrics.timeline import Timeline
from pipeline.parties import Parties, parties_by_voice, parties_on_channels
from pipeline.records import Activity, Analysis, Audio, Call, HeardWord, Hold, Run, Turn, Word
from pipeline.rules import Case, RuleSet, hold_phrases, judge, judge_holds, personal_data_records
from pipeline.settings import Settings
from pipeline.transcribe import Transcribe
from pipeline.turns import activities_of, build_turns

NO_DIARIZATION = "channels"


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """What is loaded once and used for every call; the names tell the weights."""

    voice: VoiceModel
    transcribe: Transcribe
    diarize: Diarize
    asr_model: str
    diarization_model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """What happened in the call."""

    activities: tuple[Activity, ...]
    turns: tuple[Turn, ...]
    words: tuple[Word, ...]
    holds: tuple[Hold, ...]
    timeline: Timeline


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
) -> Analysis:
    """Everything about one recording. `decode_s` is the time its decoding took, for the record."""
    started_at, watch = datetime.now(UTC), Stopwatch()
    channels = detect_activity(audio.samples, models.voice, settings)
    activity_s = watch.lap()
    heard = models.transcribe(channels)
    transcribe_s = watch.lap()
    parties = find_parties(channels, heard, models, settings)
    diarize_s = watch.lap()
    fitness = measure_fitness(audio.samples, channels, parties, settings.fitness)
    events = detect_events(audio, channels, parties, rules, settings)
    events_s = watch.lap()
    findings = judge(
        Case(
            duration_s=events.timeline.duration_s,
            layout=audio.recording.layout or "mono",
            words=events.words,
            turns=events.turns,
            activities=events.activities,
            holds=events.holds,
            call=call,
        ),
        rules,
        settings.rules,
        settings.holds,
    )
    run = Run(
        pipeline_version=__version__,
        settings_hash=settings.fingerprint(),
        settings=settings.analysis_values(),
        asr_model=models.asr_model,
        diarization_model=NO_DIARIZATION if len(channels) == 2 else models.diarization_model,
        rules_version=rules.version,
        agent_channel=parties.agent_channel,
        agent_channel_source=parties.source,
        role_confidence=parties.confidence,
        started_at=started_at,
        decode_s=decode_s,
        activity_s=activity_s,
        transcribe_s=transcribe_s,
        diarize_s=diarize_s,
        events_s=events_s,
        rules_s=watch.lap(),
        wall_s=decode_s + watch.total(),
    )
    return Analysis(
        recording=replace(audio.recording, analysed_at=datetime.now(UTC)),
        call=call,
        run=run,
        activities=events.activities,
        sounds=tuple(sound for channel in channels for sound in channel.sounds),
        words=events.words,
        turns=events.turns,
        holds=events.holds,
        overlaps=events.timeline.overlaps,
        silences=events.timeline.silences,
        metrics=measure(events.timeline, find_fit(fitness, settings.fitness)),
        fitness=fitness,
        personal_data=personal_data_records(events.turns, events.words, rules),
        findings=findings,
    )


def find_parties(
    channels: Sequence[ChannelActivity],
    heard: Sequence[Sequence[HeardWord]],
    models: Models,
    settings: Settings,
) -> Parties:
    """Who takes part: by channel on stereo, by voice on mono."""
    if len(channels) == 2:
        return parties_on_channels(channels, heard, settings.audio)
    return parties_by_voice(channels[0], heard[0], models.diarize, (settings.audio, settings.turns))


def detect_events(
    audio: Audio,
    channels: Sequence[ChannelActivity],
    parties: Parties,
    rules: RuleSet,
    settings: Settings,
) -> Events:
    """Turns, holds, overlaps and silences of one call."""
    duration_s = audio.recording.duration_s or 0.0
    turns, words = build_turns(parties.voices, settings.turns)
    activities = activities_of(turns, parties.voices)
    sounds = tuple(sound for channel in channels for sound in channel.sounds)
    phrases = hold_phrases(turns, words, rules)
    scene = Scene(duration_s=duration_s, activities=activities, turns=turns, sounds=sounds, phrases=phrases)
    candidates = detect_holds(scene, settings.holds)
    judged = judge_holds(candidates, turns, words, activities, rules, settings)
    holds = without_honoured_refusals(judged)
    announcing = frozenset(p.turn_index for p in phrases if p.kind != "thanks")
    timeline = Timeline(
        duration_s=duration_s,
        activities=activities,
        words=words,
        turns=turns,
        holds=holds,
        overlaps=detect_overlaps(turns, activities, settings.overlaps) if parties.overlaps_known else (),
        overlaps_known=parties.overlaps_known,
        silences=detect_silences(activities, holds, turns, announcing, settings.silences),
        settings=settings,
    )
    return Events(activities=activities, turns=turns, words=words, holds=holds, timeline=timeline)
