"""The models and rules that calls are analysed with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.analyse import Models
from pipeline.archive.plan import Versions
from pipeline.masking.model import LabelWords, labels_nothing
from pipeline.rules import RuleSet, load_rules
from pipeline.rules.sentence_model import Embed
from pipeline.settings import Settings
from pipeline.speech.transcribe import FasterWhisper
from pipeline.weights.diarization import DiarizerOnDemand, find_speaker_weights
from pipeline.weights.names import NameModel, required_name_weights
from pipeline.weights.sentences import EmbedOnDemand, required_weights
from pipeline.weights.voice_activity import load_voice_model
from pipeline.weights.whisper import find_whisper, load_whisper


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The models and rules of a night. `load` takes seconds and is called only if there is work."""

    asr_model: str
    rules: RuleSet
    load: Callable[[], Models]
    load_names: Callable[[], LabelWords] = lambda: labels_nothing
    """Loads the model of names alone, for calls that are stored in clear."""
    embed: Embed | None = None
    """For the gate, also of calls that are only rechecked; None where it is off."""

    @property
    def versions(self) -> Versions:
        """The versions that results depend on besides settings."""
        return Versions(
            asr_model=self.asr_model,
            rules=self.rules.version,
            attribution=self.rules.role_cues.version,
        )


def find_engine(settings: Settings) -> Engine:
    """The weights and rules that `settings` mean; UsageError if they are not there."""
    rules = load_rules(settings.rules.packs)
    weights = find_whisper(settings.asr)
    speakers = find_speaker_weights(settings.diarization)
    asr_model = f"{weights.name}@{weights.sha256[:12]}"
    embed = EmbedOnDemand(required_weights()) if settings.rules.meaning else None

    names = required_name_weights() if settings.masking.profile != "off" else None

    def load_names() -> LabelWords:
        return labels_nothing if names is None else NameModel(names)

    def load() -> Models:
        return Models(
            voice=load_voice_model(),
            transcribe=FasterWhisper(load_whisper(weights, settings.asr), settings.asr),
            diarize=DiarizerOnDemand(speakers, settings.diarization),
            label_words=load_names(),
            asr_model=asr_model,
            diarization_model=speakers.name,
            embed=embed,
        )

    return Engine(asr_model=asr_model, rules=rules, load=load, load_names=load_names, embed=embed)
