"""The language of channels, from the recogniser's probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.archive.plan import _fingerprints
from pipeline.settings import AsrSettings, Settings
from pipeline.speech.language import Sample, choose, given, label, mean, switches
from pipeline.speech.speed import find_speed, is_suspicious, stretched
from pipeline.store.stored_settings import audio_fingerprint

AUTO = AsrSettings(language="auto")
ENGLISH = {"en": 0.95, "es": 0.01}
SPANISH = {"en": 0.02, "es": 0.9}
FRENCH = {"fr": 0.97, "en": 0.01, "es": 0.01}


def sample(probabilities, speech_s=10.0):
    return Sample(speech_s=speech_s, probabilities=probabilities)


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        ([[sample(SPANISH)], [sample(SPANISH)]], ["es", "es"]),
        ([[sample(ENGLISH)], [sample(SPANISH)]], ["en", "es"]),
        ([[sample(SPANISH)], [sample({"en": 0.4, "es": 0.4}, 2.5)]], ["es", "es"]),
        ([[sample(SPANISH)], [sample(ENGLISH, 1.0)]], ["es", "es"]),
        ([[sample(FRENCH)], []], ["en", "en"]),
        ([[], []], ["en", "en"]),
    ],
)
def test_each_channel_has_its_language_or_that_of_the_other(channels, expected):
    assert [spoken.language for spoken in choose(channels, AUTO)] == expected


def test_an_unsure_language_is_the_default_and_marked():
    (spoken,) = choose([[sample(FRENCH)]], AUTO)
    assert (spoken.language, spoken.source) == ("en", "default")
    assert spoken.probability == pytest.approx(0.01)


def test_a_given_language_is_not_detected():
    assert given(AsrSettings(language="de"), multilingual=True).language == "de"
    assert given(AsrSettings(language="auto", languages=("es",)), multilingual=True).language == "es"
    assert given(AUTO, multilingual=False).language == "en"
    assert given(AUTO, multilingual=True) is None


def test_a_channel_switches_where_two_languages_are_certain():
    assert switches([sample(ENGLISH), sample(SPANISH)], AUTO)
    assert not switches([sample(ENGLISH), sample(FRENCH)], AUTO)
    assert not switches([sample(ENGLISH), sample(SPANISH, 1.0)], AUTO)
    assert label([sample(FRENCH), sample(ENGLISH), sample(FRENCH), sample(SPANISH)], "en", AUTO) == [
        "en",
        "en",
        "en",
        "es",
    ]


def test_probabilities_are_weighed_by_speech():
    assert mean([sample({"en": 1.0}, 3.0), sample({"es": 1.0}, 1.0)]).probabilities["en"] == 0.75
    assert mean([]).speech_s == 0


# --- what was recognised with a language that was set stays as it is ------------------------------------


def test_calls_of_a_set_language_are_not_outdated_by_detection():
    stored = Settings().model_copy(update={"asr": AsrSettings(language="en")}).analysis_values()
    released = {
        **stored,
        "asr": {k: v for k, v in stored["asr"].items() if "languag" not in k or k == "language"},
    }
    accepted = _fingerprints(Settings())[0]
    assert audio_fingerprint(stored) == audio_fingerprint(released)
    assert audio_fingerprint(released) in accepted
    german = {**released, "asr": {**released["asr"], "language": "de"}}
    assert audio_fingerprint(german) not in accepted


# --- speed --------------------------------------------------------------------------------------------


def test_speech_is_stretched():
    assert len(stretched(np.zeros(16_000, np.float32), 2.0)) == 32_000
    assert len(stretched(np.zeros(16_000, np.float32), 0.5)) == 8_000


@pytest.mark.parametrize(
    ("probability", "words", "speech_s", "suspicious"),
    [(0.9, 30, 10, False), (0.6, 30, 10, True), (0.9, 70, 10, True), (0.9, 5, 10, True), (0.6, 30, 1, False)],
)
def test_speech_is_suspicious_by_its_words(probability, words, speech_s, suspicious):
    assert is_suspicious([probability] * words, speech_s) == suspicious


@pytest.mark.parametrize(
    ("at", "speed"),
    [({2.0: (0.9, 20)}, 2.0), ({0.5: (0.9, 10)}, 0.5), ({2.0: (0.6, 20)}, 1.0), ({2.0: (0.9, 90)}, 1.0)],
)
def test_the_speed_is_that_at_which_speech_is_recognised(at, speed):
    part = np.zeros(16_000 * 5, np.float32)
    by_length = {round(len(part) * factor): found for factor, found in at.items()}
    assert find_speed(part, 5.0, 0.55, lambda audio: by_length.get(len(audio), (0.4, 8))) == speed
