"""The numbers in the checks, with one example on each side of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import conversation, say, sound, tone_of
from rule_cases import RULES, a_case, tried

from pipeline.rules.checks.beeps import Beeps
from pipeline.rules.checks.calm import Calm
from pipeline.rules.checks.repeat_back import _Given
from pipeline.rules.checks.windows import Around
from pipeline.rules.context import Clock
from pipeline.spans import Span

HELLO = say("agent", 0.0, 3.0, "Good morning, Oak Mutual, how can I help?")


def beeps(*starts_s: float, length_s: float = 0.2, end_s: float = 60.0, hz: float = 1400.0) -> str:
    """The verdict on beeps in a call of `end_s`; without a series of them it is a fail at 0 s."""
    sounds = tuple(sound("beep", at_s, at_s + length_s, frequency_hz=hz) for at_s in starts_s)
    case = a_case(HELLO, say("agent", end_s - 1.0, end_s, "Goodbye."), sounds=sounds)
    rule = replace(RULES.rule("recording_beep_tone"), check=Beeps(kind="beeps"))
    return tried(case, rule).verdict


@pytest.mark.parametrize(
    ("starts_s", "verdict"),
    [
        # Every gap may lie off 15 s by 4 s.
        ((1.0, 19.9, 38.8, 57.7), "pass"),
        ((1.0, 20.1, 39.2, 58.3), "not_applicable"),
        # Three are the least.
        ((1.0, 16.0, 31.0), "pass"),
        ((1.0, 16.0), "not_applicable"),
    ],
)
def test_beeps_in_time(starts_s, verdict):
    assert beeps(*starts_s) == verdict


@pytest.mark.parametrize(("last_s", "verdict"), [(78.9, "pass"), (79.1, "fail")])
def test_two_beeps_in_a_row_may_be_missing(last_s, verdict):
    """Up to 3 * 15 + 4 s from the last beep to the end."""
    assert beeps(0.0, 15.0, 30.0, end_s=last_s) == verdict


@pytest.mark.parametrize(("length_s", "verdict"), [(0.59, "pass"), (0.61, "not_applicable")])
def test_a_long_tone_is_no_beep(length_s, verdict):
    assert beeps(1.0, 16.0, 31.0, 46.0, length_s=length_s) == verdict


@pytest.mark.parametrize(
    ("hz", "verdict"),
    [(1251.0, "pass"), (1249.0, "not_applicable"), (1549.0, "pass"), (1551.0, "not_applicable")],
)
def test_the_pitch_of_a_beep(hz, verdict):
    assert beeps(1.0, 16.0, 31.0, 46.0, hz=hz) == verdict


@pytest.mark.parametrize(("apart_s", "count"), [(0.5, 4), (0.51, 5)])
def test_tones_half_a_second_apart_are_one_beep(apart_s, count):
    starts_s = (1.0, 1.0 + apart_s, 16.0, 31.0, 46.0)
    sounds = tuple(sound("beep", at_s, at_s + 0.2) for at_s in starts_s)
    case = a_case(HELLO, say("agent", 50.0, 51.0, "Goodbye."), sounds=sounds)
    found = tried(case, replace(RULES.rule("recording_beep_tone"), check=Beeps(kind="beeps")))
    assert len(found.detail["beeps_s"]) == count


@pytest.mark.parametrize(
    ("customer", "agent", "verdict"),
    [(0.5, 0.3, "pass"), (0.49, 0.3, "not_applicable"), (0.5, 0.31, "fail"), (0.49, 0.31, "not_applicable")],
)
def test_pressure_and_calm_are_their_thresholds(customer, agent, verdict):
    turns = (say("customer", 0.0, 3.0, "This is broken."), say("agent", 4.0, 6.0, "I see."))
    case = a_case(*turns, tone=(tone_of(0, activation=customer), tone_of(1, activation=agent)))
    rule = replace(RULES.rule("calm_under_pressure"), check=Calm(kind="calm", raised=0.5, usual=0.3))
    assert tried(case, rule).verdict == verdict


@pytest.mark.parametrize(
    ("said", "verdict"), [("one two three four", "fail"), ("one two three", "not_applicable")]
)
def test_an_agent_who_says_less_than_four_words_had_no_occasion_for_the_name(said, verdict):
    turns = (HELLO, say("customer", 4.0, 7.0, "My name is Mary Fletcher."), say("agent", 8.0, 10.0, said))
    assert tried(a_case(*turns), RULES.rule("customer_name_used")).verdict == verdict


@pytest.mark.parametrize(
    ("own", "said", "same"),
    [
        # A quarter of the shorter number may be wrong.
        ("12345678", "12345600", True),
        ("12345678", "12345000", False),
        ("123456789012", "134578912", False),
        ("123456789012", "13457890", False),
        # In part, from four digits on.
        ("12345678", "5678", True),
        ("12345678", "678", False),
        # A short one is repeated whole, from three digits on.
        ("123", "123", True),
        ("12", "12", False),
        ("", "1234", False),
    ],
)
def test_a_number_is_the_same_with_few_digits_wrong(own, said, same):
    given = _Given(
        kind="account_number",
        span=Span(0.0, 1.0),
        window=Span(0.0, 9.0),
        confidence=0.9,
        code=own,
        words=frozenset(),
    )
    assert given.in_number(said) is same


@pytest.mark.parametrize(
    ("kind", "shared", "again"),
    [
        ("reason_with_details", 3, True),
        ("reason_with_details", 2, False),
        ("day", 2, True),
        ("day", 1, False),
    ],
)
def test_how_many_words_tell_something_again(kind, shared, again):
    words = frozenset({"bill", "double", "month", "tariff"})
    given = _Given(
        kind=kind, span=Span(0.0, 1.0), window=Span(0.0, 9.0), confidence=0.9, code="", words=words
    )
    assert given.in_words(frozenset({*sorted(words)[:shared], "other"})) is again


# --- who has the floor


LATE = Span(100.0, 100.0)


def floors(*turns, moment=LATE, outside=()) -> list[tuple[float, float]]:
    numbered = conversation(*turns)
    clock = Clock(start_s=0.0, outside=outside)
    around = Around(duration_s=120.0, clock=clock, turns=numbered)
    return [(span.start_s, span.end_s) for span in around.floors(("agent",), moment)]


LONG = "so the next bill will be sent"


@pytest.mark.parametrize(("text", "count"), [("okay I see", 0), ("okay I see that", 1)])
def test_three_words_take_no_floor(text, count):
    assert len(floors(say("agent", 1.0, 3.0, text))) == count


def test_a_short_turn_takes_the_floor_when_the_moment_lies_in_it():
    assert floors(say("agent", 1.0, 3.0, "okay"), moment=Span(2.0, 2.0)) == [(1.0, 3.0)]


@pytest.mark.parametrize(
    ("between", "expected"),
    [
        # Of somebody else, a nod within the floor ends nothing; what goes on past it, or says more, does.
        (say("customer", 2.0, 2.9, "okay I see"), [(1.0, 7.0)]),
        (say("customer", 2.0, 3.0, "okay I see"), [(1.0, 3.0), (5.0, 7.0)]),
        (say("customer", 2.0, 2.9, "okay I see that"), [(1.0, 3.0), (5.0, 7.0)]),
    ],
)
def test_what_ends_a_floor(between, expected):
    assert floors(say("agent", 1.0, 3.0, LONG), between, say("agent", 5.0, 7.0, LONG)) == expected


def test_turns_join_unless_a_hold_begins_between_them():
    turns = say("agent", 1.0, 3.0, LONG), say("agent", 5.0, 7.0, LONG)
    assert floors(*turns) == [(1.0, 7.0)]
    # The hold may begin up to 0.15 s before the turn has ended.
    assert floors(*turns, outside=(Span(2.86, 4.0),)) == [(1.0, 3.0), (5.0, 7.0)]
    assert floors(*turns, outside=(Span(2.84, 4.0),)) == [(1.0, 7.0)]
