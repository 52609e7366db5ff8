"""Thresholds, each with an example just below it and one just above it.

The numbers are written out here rather than imported: a changed constant must fail a test.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from builders import (
    a_call,
    active,
    activities_of,
    an_analysis,
    conversation,
    measured,
    say,
    stored,
    words_of,
)
from fakes import own_rules
from numpy.typing import NDArray
from readback import row_of
from signals import RATE, at, decibels, noise, speech

from pipeline.audio.crosstalk import estimate_leak
from pipeline.events.hold_phrases import hold_phrases
from pipeline.events.holds import detect_holds
from pipeline.events.scene import Scene
from pipeline.events.silences import detect_silences
from pipeline.metrics import measure
from pipeline.metrics.timeline import Timeline
from pipeline.personal_data.find import personal_data_records
from pipeline.phrases.confidence import WordConfidence
from pipeline.records import HeardWord, Hold, Turn, Word
from pipeline.settings import Settings
from pipeline.spans import Span, union
from pipeline.speech.activity import find_speech
from pipeline.speech.quality import find_dropouts
from pipeline.speech.transcribe import supported
from pipeline.speech.voice_clusters import Pieces, find_voices

SETTINGS = Settings()


# --- holds and silences ------------------------------------------------------------------------------


def holds_in(*turns: Turn) -> tuple[Hold, ...]:
    numbered = conversation(*turns)
    words = words_of(numbered)
    scene = Scene(
        duration_s=200.0,
        activities=activities_of(numbered),
        turns=numbered,
        sounds=(),
        phrases=hold_phrases(own_rules().transcript(numbered, words), own_rules().cues),
        words=words,
    )
    return detect_holds(scene, SETTINGS.holds)


@pytest.mark.parametrize(("last_word_s", "holds"), [(18.0, 1), (28.5, 1), (29.5, 0), (33.0, 0)])
def test_a_request_frames_a_silent_hold_that_begins_within_20_s_of_it(last_word_s: float, holds: int) -> None:
    found = holds_in(
        say("agent", 5, 9, "may I put you on hold?"),
        say("customer", 9.5, last_word_s, "well it was on the fourth of May and then nobody called me back"),
        say("agent", last_word_s + 20, last_word_s + 23, "right here it is"),
    )
    assert len(found) == holds


def metrics_of(*turns: Turn) -> dict[str, float]:
    numbered = conversation(*turns)
    activities = activities_of(numbered)
    timeline = Timeline(
        duration_s=300.0,
        activities=activities,
        words=words_of(numbered),
        turns=numbered,
        holds=(),
        overlaps=(),
        silences=detect_silences(activities, (), numbered, frozenset(), SETTINGS.silences),
        settings=SETTINGS,
    )
    return {metric.name: metric.numerator for metric in measure(timeline) if metric.role != "customer"}


@pytest.mark.parametrize(("silence_s", "dead_airs"), [(9.75, 0), (10.0, 0), (10.25, 1)])
def test_dead_air_is_longer_than_10_s(silence_s: float, dead_airs: int) -> None:
    metrics = metrics_of(say("agent", 0, 5, "let me see"), say("agent", 5 + silence_s, 20, "here it is"))
    assert metrics["dead_air_count"] == dead_airs
    assert metrics["dead_air_time"] == dead_airs * silence_s
    assert metrics["silence_time"] == silence_s
    assert metrics["dead_air_count_at_10s"] == dead_airs


@pytest.mark.parametrize(("silence_s", "silences"), [(3.0, 0), (3.25, 1)])
def test_a_silence_is_longer_than_3_s(silence_s: float, silences: int) -> None:
    activities = (active("agent", 0, 5), active("customer", 5 + silence_s, 12))
    found = detect_silences(activities, (), (), frozenset(), SETTINGS.silences)
    assert len(found) == silences


@pytest.mark.parametrize(
    ("gaps", "p90_s"),
    [(1, 1.0), (2, 2.0), (9, 9.0), (10, 9.0), (11, 10.0), (19, 18.0), (20, 18.0), (21, 19.0)],
)
def test_response_latency_p90_is_the_nearest_rank(gaps: int, p90_s: float) -> None:
    """The smallest gap that at least 90 % of the gaps do not exceed; here the gaps are 1, 2, 3, ... s."""
    turns: list[Turn] = []
    at_s = 0.0
    for gap in range(1, gaps + 1):
        turns.append(say("customer", at_s, at_s + 1, "yes"))
        at_s += 1 + gap
        turns.append(say("agent", at_s, at_s + 1, "so"))
        at_s += 2
    metrics = metrics_of(*turns)
    assert metrics["response_latency_p90"] == p90_s
    assert metrics["response_latency_median"] == (gaps + 1) / 2


@pytest.mark.parametrize(("gap_s", "joined"), [(0.25, True), (0.3125, False)])
def test_a_gap_of_exactly_the_bridge_is_closed(gap_s: float, joined: bool) -> None:
    spans = (Span(0.0, 1.0), Span(1.0 + gap_s, 2.0))
    assert union(spans, bridge_s=0.25) == ((Span(0.0, 2.0),) if joined else spans)


# --- words --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("after_s", "kept"), [(0.0, True), (0.1, True), (0.14, False), (0.2, False)])
def test_activity_supports_words_up_to_150_ms_from_it(after_s: float, kept: bool) -> None:
    """A word of 50 ms needs 30 % of it, 15 ms, within reach of activity."""
    word = HeardWord(channel=0, start_s=2.0 + after_s, end_s=2.05 + after_s, text="so", probability=0.9)
    assert len(supported([word], (Span(1.0, 2.0),), SETTINGS.asr)) == kept


@pytest.mark.parametrize(("after_s", "support"), [(0.1, 1.0), (0.13, 0.5), (0.16, 0.0), (0.4, 0.0)])
def test_a_word_is_confident_up_to_150_ms_from_activity(after_s: float, support: float) -> None:
    word = Word(
        word_index=0,
        turn_index=0,
        role="agent",
        channel=0,
        start_s=2.0 + after_s,
        end_s=2.04 + after_s,
        text="so",
        probability=0.9,
    )
    confidence = WordConfidence((word,), (active("agent", 1.0, 2.0),))
    assert confidence.support((word,)) == pytest.approx(support)


@pytest.mark.parametrize(
    ("asked", "kinds"),
    [
        ("What is your address?", ["address"]),
        ("What is your home address?", ["address"]),
        ("What is your email address?", []),
        ("What is your mail address?", []),
        ("What is the IP address?", []),
        ("What is the web address?", []),
    ],
)
def test_only_a_postal_address_is_asked_for_by_address(asked: str, kinds: list[str]) -> None:
    turns = conversation(say("agent", 1, 3, asked), say("customer", 4, 6, "It's number nine for me."))
    rules = own_rules()
    found = personal_data_records(rules.transcript(turns, words_of(turns)), rules.personal_data, turns)
    assert [datum.kind for datum in found] == kinds


# --- audio --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("silent_ms", "dropouts"), [(20, 1), (500, 1), (510, 0), (2000, 0)])
def test_a_dropout_lasts_at_most_half_a_second(silent_ms: int, dropouts: int) -> None:
    samples = noise(6.0, -20.0)
    samples[2 * RATE : 2 * RATE + silent_ms * RATE // 1000] = 0.0
    assert len(find_dropouts(samples, np.ones(600, bool), -60.0)) == dropouts


def speech_end_s(suspected_s: float) -> float:
    """Where speech ends that is loud from 3 to 6 s, certain from 3 to 3.5 s and then suspected for a time."""
    levels = np.full(1000, -60.0, np.float32)
    levels[300:600] = -20.0
    voice = np.zeros(1000, np.float32)
    voice[300:350] = 0.9
    voice[350 : 350 + round(100 * suspected_s)] = 0.1
    everywhere, nowhere = np.ones(1000, bool), np.zeros(1000, bool)
    (span,) = find_speech(levels, voice, everywhere, nowhere, SETTINGS.activity)
    return span.end_s


@pytest.mark.parametrize(
    ("suspected_s", "end_s"), [(0.0, 3.75), (0.4, 3.9), (0.55, 4.05), (0.7, 4.1), (2.0, 4.1)]
)
def test_energy_carries_speech_on_for_600_ms_while_a_voice_is_suspected(
    suspected_s: float, end_s: float
) -> None:
    """And for 250 ms where none is suspected."""
    assert speech_end_s(suspected_s) == pytest.approx(end_s, abs=0.011)


def leaking(leak_db: float, seed: int) -> NDArray[np.float32]:
    """A line with noise into which `TALKER` leaks 30 ms late."""
    late = np.concatenate([np.zeros(480, np.float32), TALKER])[: len(TALKER)]
    return at(40, noise_db=-65, seed=seed) + decibels(late, leak_db)


TALKER = at(40, (2, speech(6.0)), (10, speech(6.0)), (20, speech(6.0)), seed=1)


@pytest.mark.parametrize("leak_db", [-32, -48, -50])
def test_a_leak_is_believed_from_a_peak_of_ten_times_the_scatter(leak_db: float) -> None:
    leak = estimate_leak(TALKER, leaking(leak_db, seed=2), 0.08)
    assert leak is not None
    assert leak.delay_s == pytest.approx(0.030, abs=0.001)


@pytest.mark.parametrize("seed", [6, 15, 25, 39])
def test_chance_peaks_of_five_times_the_scatter_are_no_leak(seed: int) -> None:
    """Without a leak these lines have peaks of 5.1 to 5.7 times the scatter."""
    assert estimate_leak(TALKER, at(40, noise_db=-65, seed=seed), 0.08) is None


@pytest.mark.parametrize(("likeness", "voices"), [(0.2, 2), (0.51, 2), (0.53, 1), (0.9, 1)])
def test_two_pieces_are_two_voices_if_they_are_less_alike_than_expected(likeness: float, voices: int) -> None:
    """Pieces of one voice are expected to have a cosine of 0.66; 0.14 less shows a second voice."""
    embeddings = np.array([[1.0, 0.0], [likeness, np.sqrt(1 - likeness**2)]])
    pieces = Pieces(embeddings=embeddings, start_s=np.array([0.0, 10.0]), end_s=np.array([6.0, 16.0]))
    found = find_voices(pieces, SETTINGS.diarization)
    assert found.count == voices
    assert found.gap == pytest.approx(0.66 - likeness)


# --- views --------------------------------------------------------------------------------------------


def test_a_scorecard_without_any_defined_metric_has_nulls_and_no_zeros(tmp_path: Path) -> None:
    undefined = measured("hold_count", 0.0, 0.0, unit="count"), measured("talk_ratio", 0.0, 0.0, unit="ratio")
    db = stored(tmp_path / "calls.duckdb", an_analysis("one", call=a_call(), metrics=undefined))
    row = row_of(db, "FROM agent_scorecard")
    assert (row["calls"], row["holds"], row["hold_calls"]) == (1, None, None)
    assert (row["agent_talk_s"], row["talk_s"]) == (None, None)
    defined = replace(undefined[0], numerator=2.0, denominator=1.0)
    stored(db, an_analysis("two", call=a_call(), metrics=(defined, undefined[1])))
    row = row_of(db, "FROM agent_scorecard")
    assert (row["calls"], row["holds"], row["hold_calls"], row["agent_talk_s"]) == (2, 2, 1, None)
