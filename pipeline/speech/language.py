"""The language that is spoken on each channel, from the recogniser's probabilities for it.

The recogniser is asked about several samples of a channel's speech: where they agree the channel is in one
language, and where each of two has one for certain it switches. A channel with too little speech is taken to
be in the language of the call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.records import LanguageSource
from pipeline.settings import AsrSettings

AUTO = "auto"
SAMPLES = 3  # of a channel's speech
LEAST_SAMPLE_S = 4.0  # speech of a sample that may show another language than the others
LEAST_AMONG = 0.3  # probability of all languages to choose among, below which none is chosen
LEAST_ALONE_S = 2.0  # speech by which a channel shows a language of its own

Probabilities = Mapping[str, float]
"""Probabilities of all languages that the recogniser knows, by ISO 639-1 code; they add up to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A sample of speech of `speech_s` seconds, with the recogniser's probabilities."""

    speech_s: float
    probabilities: Probabilities

    def best(self, settings: AsrSettings) -> str | None:
        """The language among `asr.languages` that is probable enough; None where none is.

        Its probability is that among these languages alone. Where others are more probable than all of them
        together by far, the speech is in none of them or cannot be recognised.
        """
        among = {code: self.probabilities.get(code, 0.0) for code in settings.languages}
        all_of_them = sum(among.values())
        language = max(among, key=lambda code: among[code])
        if all_of_them < LEAST_AMONG or among[language] < settings.min_language_probability * all_of_them:
            return None
        return language


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """The language of a channel, its probability (0 to 1, None where it was given) and how it is known."""

    language: str
    probability: float | None
    source: LanguageSource


def given(settings: AsrSettings, *, multilingual: bool) -> Spoken | None:
    """The language without detection; None where it is to be detected."""
    if settings.language != AUTO:
        return Spoken(language=settings.language, probability=None, source="setting")
    if not multilingual:
        return Spoken(language="en", probability=None, source="setting")
    if len(settings.languages) == 1:
        return Spoken(language=settings.languages[0], probability=None, source="setting")
    return None


def choose(channels: Sequence[Sequence[Sample]], settings: AsrSettings) -> tuple[Spoken, ...]:
    """The language of each channel.

    A channel without a language that is probable enough is in that of the channel with most speech that has
    one. Where none has, all are in the default language, with the probability that it has there.
    """
    whole = mean([sample for samples in channels for sample in samples])
    each = [mean(samples) for samples in channels]
    sure = [one for one in each if one.speech_s >= LEAST_ALONE_S and one.best(settings)]
    surest = max(sure, key=lambda one: one.speech_s, default=whole)
    of_call = surest.best(settings)
    out = []
    for own in each:
        alone = own.best(settings) if own.speech_s >= LEAST_ALONE_S else None
        if language := alone or of_call:
            shown = own if alone else surest
            probability = shown.probabilities.get(language, 0.0)
            out.append(Spoken(language=language, probability=probability, source="detected"))
            continue
        probability = (own if own.speech_s else whole).probabilities.get(settings.default_language, 0.0)
        out.append(Spoken(language=settings.default_language, probability=probability, source="default"))
    return tuple(out)


def switches(samples: Sequence[Sample], settings: AsrSettings) -> bool:
    """Whether samples of a channel are each in a language of their own for certain."""
    found = {sample.best(settings) for sample in samples if sample.speech_s >= LEAST_SAMPLE_S}
    return len(found - {None}) > 1


def label(samples: Sequence[Sample], first: str, settings: AsrSettings) -> list[str]:
    """The language of consecutive samples; one without a probable language continues that before it."""
    out: list[str] = []
    language = next((best for sample in samples if (best := sample.best(settings))), first)
    for sample in samples:
        language = sample.best(settings) or language
        out.append(language)
    return out


def mean(samples: Iterable[Sample]) -> Sample:
    """All samples as one; the probabilities are means by seconds of speech."""
    taken = list(samples)
    speech_s = sum(sample.speech_s for sample in taken)
    codes = {code for sample in taken for code in sample.probabilities}
    return Sample(
        speech_s=speech_s,
        probabilities={
            code: sum(s.speech_s * s.probabilities.get(code, 0.0) for s in taken) / speech_s for code in codes
        },
    )
