"""The numbers in the metrics, with an example on each side of them, and sums that are worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from builders import a_hold, a_tone_point, activities_of, conversation, quality_of, say, tone_of, words_of

from pipeline.metrics import measure
from pipeline.metrics.fit import find_fit
from pipeline.metrics.timeline import Timeline
from pipeline.records import Role, Turn
from pipeline.settings import Settings

SETTINGS = Settings()
Values = dict[tuple[str, Role | None], float | None]


def values(turns: Sequence[Turn], duration_s: float = 80.0, **parts: Any) -> Values:
    numbered = conversation(*turns)
    filled: dict[str, Any] = {
        "duration_s": duration_s,
        "activities": activities_of(numbered),
        "words": words_of(numbered),
        "turns": numbered,
        "holds": (),
        "overlaps": (),
        "silences": (),
        "settings": SETTINGS,
    }
    rows = measure(Timeline(**filled | parts))
    return {(m.name, m.role): m.numerator / m.denominator if m.denominator else None for m in rows}


# --- what the audio allows


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, "timing words overlaps roles"),
        ({"snr_db": 12.0}, "timing words overlaps roles"),
        ({"snr_db": 11.9}, "words overlaps roles"),
        # However short the speech, its channel counts; without any it forbids nothing.
        ({"snr_db": 11.9, "speech_s": 0.5}, "words overlaps roles"),
        ({"snr_db": 11.9, "speech_s": 0.0}, "timing words overlaps roles"),
        ({"snr_db": None, "crosstalk_db": None, "word_probability": None}, "timing words overlaps roles"),
        ({"swap_suspected": True}, "timing words overlaps"),
        ({"swap_suspected": True, "speech_s": 0.0}, "timing words overlaps"),
    ],
)
def test_what_one_channel_allows(changes, allowed):
    fit = find_fit((quality_of(0), quality_of(1, **changes)), SETTINGS.quality)
    assert [
        need for need in ("timing", "words", "overlaps", "roles") if getattr(fit, need)
    ] == allowed.split()


@pytest.mark.parametrize(
    ("key", "setting", "need", "step"),
    [
        ("word_probability", "min_word_probability", "words", -0.01),
        ("crosstalk_db", "max_crosstalk_db", "overlaps", 0.1),
    ],
)
def test_the_limit_itself_is_good(key, setting, need, step):
    limit = getattr(SETTINGS.quality, setting)
    for value, good in ((limit, True), (limit + step, False)):
        assert getattr(find_fit((quality_of(0, **{key: value}),), SETTINGS.quality), need) is good


# --- talk


@pytest.mark.parametrize(
    ("hold", "longest_s"),
    [
        ((10.0, 20.0), 10.0),
        # Its edges may lie a tenth of a second inside the turns.
        ((9.92, 20.08), 10.0),
        ((9.85, 20.0), 30.0),
        ((10.0, 20.15), 30.0),
        # A hold elsewhere ends no run.
        ((40.0, 50.0), 30.0),
    ],
)
def test_a_hold_between_two_turns_ends_a_monologue(hold, longest_s):
    turns = say("agent", 0.0, 10.0, "so"), say("agent", 20.0, 30.0, "then")
    assert values(turns, holds=(a_hold(*hold),))["longest_monologue", "agent"] == longest_s


@pytest.mark.parametrize(
    ("hold", "latency_s"), [((4.0, 6.0), None), ((0.0, 4.0), 3.0), ((7.0, 9.0), 3.0), ((3.0, 4.5), None)]
)
def test_an_answer_after_a_hold_has_no_latency(hold, latency_s):
    turns = say("customer", 0.0, 4.0, "so"), say("agent", 7.0, 9.0, "yes")
    assert values(turns, holds=(a_hold(*hold),))["response_latency_median", "agent"] == latency_s


# --- tone


def test_quarters_by_the_middle_of_the_window():
    """Of a call of 80 s; a window of 10 s lies in the quarter of its middle."""
    points = [
        a_tone_point(start_s, value)
        for start_s, value in ((14.0, 0.1), (15.0, 0.3), (54.0, 0.5), (75.0, 0.7))
    ]
    found = values((say("customer", 0, 80, "so"),), tone_curve=tuple(points))
    assert [found[f"activation_q{quarter}", "customer"] for quarter in (1, 2, 3, 4)] == [0.1, 0.3, 0.5, 0.7]
    assert found["activation_q1", "agent"] is None


def sentiments(*turns: tuple[float, float]) -> Values:
    """Turns of one word of the customer's, at a time and with a sentiment, in a call of 80 s."""
    spoken = [say("customer", at_s, at_s + 1.0, "so") for at_s, _ in turns]
    return values(spoken, tone=tuple(tone_of(i, word_sentiment=value) for i, (_, value) in enumerate(turns)))


def test_word_sentiment_by_quarter_and_half():
    found = sentiments((0.0, 0.25), (19.0, 0.75), (20.0, 1.0), (40.0, -0.5), (60.0, -1.0))
    quarters = [found[f"word_sentiment_q{quarter}", "customer"] for quarter in (1, 2, 3, 4)]
    assert quarters == [0.5, 1.0, -0.5, -1.0]
    assert found["word_sentiment", "customer"] == pytest.approx(0.1)
    assert found["word_sentiment_trend", "customer"] == pytest.approx(-0.75 - 2 / 3)
    assert found["word_sentiment_trend", "agent"] is None


@pytest.mark.parametrize("at_s", [10.0, 50.0])
def test_a_trend_needs_words_in_both_halves(at_s):
    assert sentiments((at_s, 0.5))["word_sentiment_trend", "customer"] is None


@pytest.mark.parametrize(("activation", "share"), [(0.5, 1.0), (0.49, 0.0), (None, None)])
def test_speech_is_raised_from_the_threshold_on(activation, share):
    tone = (tone_of(0, activation=activation),)
    assert values((say("customer", 0, 9, "so"),), tone=tone)["raised_speech", "customer"] == share


def exchanged(*pairs: tuple[float, float], replies: Role = "agent") -> Values:
    """The customer's and the reply's pitch in each exchange; level and rate stay the same."""
    turns, tone = [], []
    for i, (said, reply) in enumerate(pairs):
        turns += [say("customer", 4.0 * i, 4.0 * i + 1, "so"), say(replies, 4.0 * i + 2, 4.0 * i + 3, "so")]
        tone += [tone_of(2 * i, pitch_semitones=said), tone_of(2 * i + 1, pitch_semitones=reply)]
    return values(turns, tone=tuple(tone))


def test_accommodation_is_pearsons_correlation():
    """By hand: means 3 and 4; sum of the products 10, of the squares 10 and 16."""
    pairs = (1.0, 2.0), (2.0, 4.0), (3.0, 2.0), (4.0, 6.0), (5.0, 6.0)
    found = exchanged(*pairs)
    assert found["accommodation_pitch", None] == pytest.approx(10 / math.sqrt(10 * 16))
    assert found["accommodation_pitch_exchanges", None] == 5.0
    assert exchanged(*pairs[:4])["accommodation_pitch", None] is None
    assert exchanged(*pairs, replies="customer")["accommodation_pitch_exchanges", None] == 0.0


def test_usable_speech_weighs_by_its_length():
    tone = (
        tone_of(0, speech_s=2.0, usable_share=0.5),
        tone_of(1, speech_s=6.0, usable_share=1.0, syllables_per_min=180.0),
    )
    found = values((say("customer", 0, 2, "so"), say("customer", 4, 10, "so")), tone=tone)
    assert found["tone_usable", "customer"] == pytest.approx(7.0 / 8.0)
    assert found["syllable_rate", "customer"] == pytest.approx((240.0 * 1 + 180.0 * 6) / 7)
