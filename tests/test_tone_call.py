"""The tone of a call: who is measured, of whom more is inferred, the curve, the rise, the sums."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from builders import (
    a_call,
    a_recording,
    a_tone_point,
    a_tone_rise,
    active,
    an_analysis,
    an_id,
    conversation,
    say,
    stored,
    tone_of,
    words_of,
)
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter, resample_poly
from signals import RATE, at, decibels, speech

from pipeline.metrics import measure
from pipeline.metrics.timeline import Timeline
from pipeline.prosody import Spoken, measure_tone
from pipeline.prosody.rise import find_rise
from pipeline.prosody.sentiment import score_text
from pipeline.settings import Settings, ToneSettings
from pipeline.spans import Span
from pipeline.speech.activity import ChannelActivity
from pipeline.speech.turns import Voice
from pipeline.store import query

SETTINGS = ToneSettings()
WITH_AGENTS = ToneSettings(agents=True)


def raised(samples):
    """Played at 4/3 of its speed, with more of its high frequencies, and 8 dB louder."""
    faster = resample_poly(samples, 3, 4)
    brighter = lfilter([1, -0.7], 1, faster)
    even = brighter * np.sqrt(np.mean(faster**2) / np.mean(brighter**2))
    return decibels(even.astype(np.float32), 8)


@cache
def call(speed=1.0):
    """Agent and customer by turns, and the customer's third turn raised; `speed` is that of the customer."""
    says = [speech(3.0, who="customer")] * 2 + [raised(speech(4.0, who="customer"))]
    says += [speech(3.0, who="customer")]
    says = [resample_poly(part, 20, round(20 * speed)).astype(np.float32) for part in says]
    agent = [(4.0 * i, speech(3.0)) for i in (0, 2, 4, 6)]
    customer = [(4.0 * (2 * i + 1), part) for i, part in enumerate(says)]
    samples = np.stack([at(32, *agent, noise_db=-65), at(32, *customer, noise_db=-65, seed=1)])
    turns = conversation(
        *(say("agent", t, t + 3, "I can help you with that.") for t, _ in agent),
        *(say("customer", t, t + len(part) / RATE, "This is terrible.") for t, part in customer),
    )
    return samples, turns


@cache
def tone_of_call(settings=SETTINGS, turns=None, speed=1.0, **spoken):
    samples, own_turns = call(speed)
    turns = turns or own_turns
    channels, voices = [], []
    for number in (0, 1):
        mine = [turn for turn in turns if turn.channel == number]
        spans = tuple(turn.span for turn in mine)
        channels.append(ChannelActivity(spans=spans, sounds=(), samples=samples[number]))
        voices.append(
            Voice(channel=number, speaker=mine[0].speaker, role=mine[0].role, spans=spans, words=())
        )
    said = Spoken(voices=tuple(voices), turns=turns, words=words_of(turns), **spoken)
    return measure_tone(samples, channels, said, settings)


def by_role(tone, role):
    indices = [turn.turn_index for turn in call()[1] if turn.role == role]
    return [tone.turns[index] for index in indices]


def test_every_turn_has_its_measures():
    tone = tone_of_call()
    assert [t.turn_index for t in tone.turns] == list(range(8))
    for one in tone.turns:
        assert one.usable_share > 0.5
        assert None not in (one.pitch_semitones, one.level_db, one.words_per_min, one.voiced_share)


def test_the_raised_turn_stands_out():
    plain, _, loud, _ = by_role(tone_of_call(), "customer")
    assert loud.activation > 0.5 > plain.activation
    assert loud.level_db == pytest.approx(8, abs=2)
    assert loud.pitch_semitones == pytest.approx(12 * np.log2(4 / 3), abs=1)
    assert loud.syllables_per_min > plain.syllables_per_min


def test_a_voice_that_is_higher_throughout_is_no_different():
    for low, high in zip(
        by_role(tone_of_call(), "customer"), by_role(tone_of_call(speed=1.1), "customer"), strict=True
    ):
        assert high.pitch_semitones == pytest.approx(low.pitch_semitones, abs=0.6)
        assert high.level_db == pytest.approx(low.level_db, abs=1)


def test_nothing_is_inferred_of_agents_unless_asked_for():
    agents = by_role(tone_of_call(), "agent")
    assert {(t.activation, t.word_sentiment) for t in agents} == {(None, None)}
    assert all(t.pitch_semitones is not None for t in agents)
    asked = by_role(tone_of_call(WITH_AGENTS), "agent")
    assert None not in [value for t in asked for value in (t.activation, t.word_sentiment)]
    assert [replace(t, activation=None, word_sentiment=None) for t in asked] == agents


@pytest.mark.parametrize("role", ["unknown", "ivr"])
def test_who_may_be_an_agent_or_is_no_person_is_treated_likewise(role):
    turns = tuple(replace(turn, role=role) for turn in call()[1])
    tone = tone_of_call(turns=turns)
    inferred = [*(t.activation for t in tone.turns), *(t.word_sentiment for t in tone.turns)]
    inferred += [point.activation for point in tone.curve]
    assert set(inferred) == {None}
    assert tone.rises == ()


def test_nothing_is_inferred_where_the_channels_may_be_the_wrong_way_round():
    tone = tone_of_call(roles_sure=False)
    assert {t.activation for t in tone.turns} | {p.activation for p in tone.curve} == {None}
    assert tone_of_call(WITH_AGENTS, roles_sure=False).turns[1].activation is not None


def test_the_curve_covers_the_call_for_both():
    tone = tone_of_call()
    assert {point.speaker for point in tone.curve} == {"agent", "customer"}
    assert {point.end_s - point.start_s for point in tone.curve} <= {10.0, 7.0, 5.0, 2.0}
    loudest = max((p for p in tone.curve if p.role == "customer"), key=lambda p: p.level_db)
    assert Span(loudest.start_s, loudest.end_s) & call()[1][5].span


def test_a_call_without_speech_has_no_tone():
    silent = np.zeros((2, RATE), np.float32)
    channels = [ChannelActivity(spans=(), sounds=(), samples=channel) for channel in silent]
    tone = measure_tone(silent, channels, Spoken(voices=(), turns=(), words=()), SETTINGS)
    assert (tone.turns, tone.curve, tone.rises) == ((), (), ())


# --- the words ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("That is great, thank you so much!", 0.5, 1.0),
        ("This is terrible, I am very angry.", -1.0, -0.4),
        ("This is not good.", -1.0, -0.2),
        ("It is on the table.", 0.0, 0.0),
    ],
)
def test_words_have_a_sentiment(text, low, high):
    assert low <= score_text(text) <= high


@pytest.mark.parametrize("text", ["", "...", " ?! "])
def test_nothing_said_has_no_sentiment(text):
    assert score_text(text) is None


def test_a_long_text_is_not_more_extreme_than_its_sentences():
    once = score_text("I am happy with this.")
    assert score_text("I am happy with this. " * 20) == pytest.approx(once)


# --- the rise -------------------------------------------------------------------------------------


def course(*activations, step_s=20.0):
    return tuple(a_tone_point(i * step_s, value) for i, value in enumerate(activations))


def test_the_rise_is_the_greatest_climb():
    rise = find_rise(course(0.0, 0.3, -0.2, 0.6, 0.1, 0.2), SETTINGS)
    assert (rise.start_s, rise.end_s, rise.low, rise.high) == (45, 65, -0.2, 0.6)


def test_a_small_or_slow_climb_is_none():
    assert find_rise(course(0.0, 0.3, 0.0), SETTINGS) is None
    assert find_rise(course(0.0, 0.15, 0.3, 0.45, 0.6), SETTINGS) is not None
    assert find_rise(course(*np.linspace(0, 0.6, 13).tolist()), SETTINGS) is None


def test_one_lively_moment_is_no_rise():
    values = [0.0] * 5 + [0.9] + [0.0] * 5
    assert find_rise(course(*values, step_s=5.0), SETTINGS) is None


@given(st.lists(st.floats(-1, 1), max_size=12))
def test_a_rise_climbs_within_its_time(values):
    rise = find_rise(course(*values), SETTINGS)
    if rise is not None:
        assert rise.high - rise.low >= SETTINGS.min_rise
        assert 0 < rise.end_s - rise.start_s <= SETTINGS.rise_within_s


# --- sums -----------------------------------------------------------------------------------------


def values(tone=(), curve=(), turns=(), duration_s=100.0):
    timeline = Timeline(
        duration_s=duration_s,
        activities=tuple(active(turn.role, turn.start_s, turn.end_s) for turn in turns),
        words=words_of(turns),
        turns=turns,
        holds=(),
        overlaps=(),
        silences=(),
        settings=Settings(),
        tone=tone,
        tone_curve=curve,
    )
    return {
        (m.name, m.role): m.numerator / m.denominator if m.denominator else None for m in measure(timeline)
    }


def test_quarters_and_halves_are_counted_by_hand():
    turns = conversation(
        say("customer", 0, 10, "one two three four"),
        say("customer", 20, 30, "one two three four"),  # half in the second quarter
        say("customer", 80, 90, "one two"),
    )
    tone = (
        tone_of(0, word_sentiment=0.5, activation=0.1, speech_s=4.0),
        tone_of(1, word_sentiment=-0.5, activation=0.5, speech_s=6.0, usable_share=0.25),
        tone_of(2, word_sentiment=None, activation=None),
    )
    curve = (a_tone_point(0, 0.2, voiced_s=3.0), a_tone_point(5, 0.6, voiced_s=1.0), a_tone_point(90, -0.4))
    v = values(tone, curve, turns)
    assert v["activation_q1", "customer"] == pytest.approx(0.3)
    assert v["activation_q2", "customer"] is None
    assert v["activation_q4", "customer"] == pytest.approx(-0.4)
    assert v["activation_q1", "agent"] is None
    assert v["word_sentiment", "customer"] == pytest.approx(0.0)
    assert v["word_sentiment_q1", "customer"] == pytest.approx((4 * 0.5 - 2 * 0.5) / 6)
    assert v["word_sentiment_q2", "customer"] == pytest.approx(-0.5)
    assert v["word_sentiment_q4", "customer"] is None
    assert v["word_sentiment_trend", "customer"] is None
    assert v["raised_speech", "customer"] == pytest.approx(0.6)
    assert v["tone_usable", "customer"] == pytest.approx((3 + 1.5 + 1.5) / 12)


def test_the_trend_is_the_second_half_less_the_first():
    turns = conversation(say("customer", 0, 10, "bad"), say("customer", 60, 70, "good"))
    tone = (tone_of(0, word_sentiment=-0.4), tone_of(1, word_sentiment=0.5))
    assert values(tone, (), turns)["word_sentiment_trend", "customer"] == pytest.approx(0.9)


def exchanges(pairs):
    turns, tone = [], []
    for i, (said, reply) in enumerate(pairs):
        turns += [say("customer", 4 * i, 4 * i + 2, "so"), say("agent", 4 * i + 2, 4 * i + 4, "yes")]
        tone += [tone_of(2 * i, level_db=said), tone_of(2 * i + 1, level_db=reply)]
    return values(tuple(tone), (), conversation(*turns))


def test_sides_that_move_together_correlate():
    together = exchanges([(x, 2 * x + 1) for x in (0.0, 1.0, 3.0, -2.0, 5.0)])
    assert together["accommodation_level", None] == pytest.approx(1)
    assert together["accommodation_level_exchanges", None] == 5
    assert together["accommodation_pitch", None] is None  # nobody's pitch moves
    apart = exchanges([(x, -x) for x in (0.0, 1.0, 3.0, -2.0, 5.0)])
    assert apart["accommodation_level", None] == pytest.approx(-1)


def test_few_exchanges_say_nothing_about_moving_together():
    few = exchanges([(x, x) for x in (0.0, 1.0, 3.0, -2.0)])
    assert few["accommodation_level", None] is None
    assert few["accommodation_level_exchanges", None] == 4


# --- views ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    turns = conversation(
        say("customer", 0, 5, "my bill is wrong"),
        say("agent", 6, 8, "that is not our fault"),
        say("customer", 9, 12, "that is not good enough"),
    )

    analysis = an_analysis(
        "turned",
        recording=a_recording("turned", duration_s=40.0),
        call=a_call(call_ref="C-9"),
        turns=turns,
        tone=(
            tone_of(0, word_sentiment=-0.4),
            tone_of(1, activation=None, word_sentiment=None),
            tone_of(2, word_sentiment=-0.2, activation=0.7),
        ),
        tone_curve=(a_tone_point(0, 0.1), a_tone_point(12, 0.7)),
        tone_rises=(a_tone_rise(3.0, 11.0, low=0.1, high=0.7),),
    )
    line = Timeline(
        duration_s=40.0,
        activities=analysis.activities,
        words=analysis.words,
        turns=turns,
        holds=(),
        overlaps=(),
        silences=(),
        settings=Settings(),
        tone=analysis.tone,
        tone_curve=analysis.tone_curve,
    )
    return stored(tmp_path_factory.mktemp("tone") / "tone.duckdb", replace(analysis, metrics=measure(line)))


def test_tone_by_quarter_has_tone_and_words_side_by_side(store):
    sql = "SELECT quarter, activation, word_sentiment FROM tone_by_quarter WHERE role = 'customer'"
    rows = query(store, sql).rows
    assert [row[0] for row in rows] == [1, 2, 3, 4]
    assert rows[0][1:] == (pytest.approx(0.1), pytest.approx((-0.4 * 4 - 0.2 * 2) / 6))
    assert rows[1][1:] == (pytest.approx(0.7), pytest.approx(-0.2))
    assert rows[2][1:] == (None, None)
    agent = query(store, sql.replace("customer", "agent")).rows
    assert {row[1:] for row in agent} == {(None, None)}


def test_call_turning_points_show_what_was_said(store):
    table = query(store, "FROM call_turning_points")
    (row,) = (dict(zip(table.columns, row, strict=True)) for row in table.rows)
    assert row["recording_id"] == an_id("turned")
    assert (row["call_ref"], row["role"], row["climb"]) == ("C-9", "customer", pytest.approx(0.6))
    assert (row["start_s"], row["end_s"]) == (3.0, 11.0)
    assert (row["text_before"], row["text_at_end"]) == ("that is not our fault", "that is not good enough")


def test_turn_tone_reads_along(store):
    rows = query(store, "SELECT role, activation, text FROM turn_tone").rows
    assert [row[:2] for row in rows] == [("customer", 0.0), ("agent", None), ("customer", 0.7)]
