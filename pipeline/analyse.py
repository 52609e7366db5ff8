"""The pipeline for one call: from decoded audio to everything that is known about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from pipeline import ALGORITHM, AUDIO_ALGORITHM, __version__
from pipeline.assess import find_events, find_findings, read
from pipeline.audio.crosstalk import remove_crosstalk
from pipeline.audio.fingerprints import NO_TRACKS, Tracks
from pipeline.audio.music import ChannelSounds
from pipeline.audio.sounds import detect_sounds
from pipeline.masking.find import find_masks
from pipeline.masking.hide import without_secrets
from pipeline.masking.model import LabelWords
from pipeline.phrases.role_cues import RoleCues
from pipeline.prosody import Spoken, measure_tone
from pipeline.records import (
    AnalysisRun,
    Audio,
    AudioQuality,
    Call,
    CallAnalysis,
    HeardChannel,
    Mask,
    Recording,
    Samples,
    Turn,
    Word,
)
from pipeline.rounding import parts_rounded, rounded
from pipeline.rules import RuleSet
from pipeline.rules.sentence_model import Embed
from pipeline.settings import Settings
from pipeline.speech.activity import ChannelActivity, VoiceModel, detect_activity, voice_probabilities
from pipeline.speech.attribution import Attribution, attribute_channels, attribute_voices
from pipeline.speech.diarize import Diarize
from pipeline.speech.names import names_of
from pipeline.speech.quality import language_of, measure_quality, with_language
from pipeline.speech.transcribe import Transcribe
from pipeline.speech.turns import activities_of, build_turns
from pipeline.stages import Stages

NO_DIARIZATION = "channels"

HEARD = (
    *("activities", "sounds", "fingerprints", "words", "turns"),
    *("quality", "tone", "tone_curve", "tone_rises", "masks"),
)
"""The fields of CallAnalysis that are found in the audio."""

STAGE_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "decode_s": ("decode",),
    "activity_s": ("crosstalk", "voice", "sounds", "activity"),
    "transcribe_s": ("recognition",),
    "diarize_s": ("attribution",),
    "tone_s": ("prosody",),
    "events_s": ("turns", "quality", "masking", "events"),
    "rules_s": ("rules",),
}
"""The stages whose seconds each column of table `analysis` has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """The loaded models, used for every call, with the names of their weights.

    `label_words` labels names and places for masking, `tracks` is the known hold music, and `embed` turns
    sentences into vectors for the gate; it is None where the gate is off.
    """

    voice: VoiceModel
    transcribe: Transcribe
    diarize: Diarize
    label_words: LabelWords
    asr_model: str
    diarization_model: str
    tracks: Tracks = NO_TRACKS
    embed: Embed | None = None


def analyse(
    audio: Audio, *, call: Call, models: Models, rules: RuleSet, settings: Settings, decode_s: float = 0.0
) -> CallAnalysis:
    """Everything about one recording; `decode_s` is the time that its decoding took."""
    stages, cues = Stages(decode=decode_s), rules.role_cues.on(call.direction)
    sounds, channels = _activity(audio.samples, models, settings, stages)
    with stages("recognition"):
        heard = models.transcribe(channels, names_of(call))
    with stages("attribution"):
        attribution = attribute(channels, heard, models, settings, cues)
    with stages("turns"):
        turns, words = build_turns(attribution.voices, settings.turns, rules.role_cues)
    with stages("quality"):
        signal = measure_quality(audio.samples, channels, attribution, settings.quality, cues)
    quality = with_language(signal, heard)
    with stages("prosody"):
        spoken = _spoken(attribution, turns, words, quality)
        tone = measure_tone(audio.samples, channels, spoken, settings.tone)
    with stages("masking"):
        masks = _masks(words, call, models, settings)
        words, turns = without_secrets(words, turns, masks)
    known = CallAnalysis(
        recording=rounded(_in_language(audio.recording, quality)),
        call=call,
        activities=activities_of(turns, attribution.voices),
        sounds=tuple(sound for channel in sounds for sound in channel.sounds),
        fingerprints=tuple(part for channel in sounds for part in channel.fingerprints),
        words=words,
        turns=turns,
        quality=quality,
        tone=tone.turns,
        tone_curve=tone.curve,
        tone_rises=tone.rises,
        masks=masks,
    )
    return _assessed(parts_rounded(known, *HEARD), models, rules, settings, attribution, stages)


def _assessed(
    known: CallAnalysis,
    models: Models,
    rules: RuleSet,
    settings: Settings,
    attribution: Attribution,
    stages: Stages,
) -> CallAnalysis:
    """What was heard, with everything that is concluded from it."""
    with stages("events"):  # and the metrics, which are taken from them
        known, said = read(known, rules, settings, models.embed)
        known = find_events(known, rules, settings, attribution.overlaps_known, said=said)
    with stages("rules"):
        known = find_findings(known, rules, settings, said)
    return _finished(known, _run(models, rules, settings, attribution, stages), said.gate)


def _activity(
    samples: Samples, models: Models, settings: Settings, stages: Stages
) -> tuple[tuple[ChannelSounds, ...], tuple[ChannelActivity, ...]]:
    """Sounds and activity of each channel."""
    with stages("crosstalk"):
        clean = remove_crosstalk(samples, settings.activity)
    with stages("voice"):
        voice = voice_probabilities(clean, models.voice)
    with stages("sounds"):
        sounds = detect_sounds(samples, clean, voice, settings.sounds, models.tracks)
    with stages("activity"):
        return sounds, detect_activity(clean, voice, sounds, settings.activity)


def _masks(words: Sequence[Word], call: Call, models: Models, settings: Settings) -> tuple[Mask, ...]:
    return find_masks(
        words,
        models.label_words,
        profile=settings.masking.profile,
        kinds=settings.masking.kinds,
        agent_names=(call.agent_name,) if call.agent_name else (),
    )


def _in_language(recording: Recording, quality: Sequence[AudioQuality]) -> Recording:
    """The recording with the language that most of its speech is in."""
    if (channel := language_of(quality)) is None:
        return recording
    return replace(
        recording,
        language=channel.language,
        language_probability=channel.language_probability,
        language_source=channel.language_source,
    )


def attribute(
    channels: Sequence[ChannelActivity],
    heard: Sequence[HeardChannel],
    models: Models,
    settings: Settings,
    cues: RoleCues,
) -> Attribution:
    """The speakers of a call with their roles: by channel on stereo, by diarization on mono."""
    words = [channel.words for channel in heard]
    if len(channels) == 2:
        return attribute_channels(channels, words, settings.audio, cues)
    return attribute_voices(channels[0], words[0], models.diarize, (settings.audio, settings.turns), cues)


def _spoken(
    attribution: Attribution,
    turns: tuple[Turn, ...],
    words: tuple[Word, ...],
    quality: Sequence[AudioQuality],
) -> Spoken:
    """The speech as prosody needs it; `roles_sure` is false where the channels may be swapped."""
    return Spoken(
        voices=attribution.voices,
        turns=turns,
        words=words,
        roles_sure=not any(channel.swap_suspected for channel in quality),
    )


def _run(
    models: Models, rules: RuleSet, settings: Settings, attribution: Attribution, stages: Stages
) -> AnalysisRun:
    """The record of this run: what it ran with, and the seconds of its stages by column of the store."""
    seconds: dict[str, Any] = {column: stages.seconds(*names) for column, names in STAGE_COLUMNS.items()}
    run = AnalysisRun(
        pipeline_version=__version__,
        algorithm=ALGORITHM,
        audio_algorithm=AUDIO_ALGORITHM,
        settings_hash=settings.fingerprint(),
        settings=settings.analysis_values(),
        asr_model=models.asr_model,
        diarization_model=models.diarization_model if attribution.diarized else NO_DIARIZATION,
        rules_version=rules.version,
        attribution_version=rules.role_cues.version,
        agent_channel=attribution.agent_channel,
        agent_channel_source=attribution.source,
        role_confidence=attribution.confidence,
        role_cues=dict(attribution.role_cues),
        started_at=stages.started_at,
        wall_s=stages.wall_s(),
        **seconds,
    )
    return rounded(run)


def _finished(known: CallAnalysis, run: AnalysisRun, gate: str | None) -> CallAnalysis:
    recording = replace(known.recording, analysed_at=datetime.now(UTC))
    run = replace(
        run,
        call_kind=recording.call_kind,
        language=recording.language,
        language_probability=recording.language_probability,
        gate=gate,
    )
    return replace(known, recording=recording, run=run)
