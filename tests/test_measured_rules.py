"""Rules that are judged on measures, holds and tones rather than words alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import a_hold, a_silence, active, an_overlap, measured, say, sound
from hypothesis import given
from hypothesis import strategies as st
from rule_cases import SETTINGS, a_case, a_rule, doubtful, finding, tried

from pipeline.rules import CallContext
from pipeline.rules.checks.beeps import Beeps
from pipeline.rules.checks.measure import Measure

TALK = (
    say("agent", 1.0, 4.0, "Good morning, Oak Mutual, what can I do for you?"),
    say("customer", 5.0, 9.0, "I would like to add my bicycle to the policy."),
)


# --- measures


@pytest.mark.parametrize(
    ("count", "verdict"), [(0.0, "pass"), (1.0, "pass"), (2.0, "fail"), (None, "not_determinable")]
)
def test_interruptions(count, verdict):
    metric = measured("interruptions", count or 0.0, 0.0 if count is None else 1.5, role="agent")
    overlaps = (an_overlap("agent", 5.5, 6.0), an_overlap("customer", 2.0, 4.0, overlap_index=1))
    turn = say("agent", 5.5, 8.0, "Yes yes, what is the number?")
    case = a_case(*TALK, turn, metrics=(metric,), overlaps=overlaps)
    found = finding(case, "agent_interruptions")
    assert found.verdict == verdict
    assert found.detail["value"] == count
    if verdict == "fail":
        assert (found.start_s, found.end_s, found.quote) == (5.5, 6.0, turn.text)


@pytest.mark.parametrize(
    ("count", "silences", "verdict", "span"),
    [
        (0.0, (), "pass", (0.0, 10.0)),
        (1.0, (a_silence(20.0, 32.0), a_silence(40.0, 60.0, announced=True)), "fail", (20.0, 32.0)),
    ],
)
def test_dead_air(count, silences, verdict, span):
    case = a_case(*TALK, metrics=(measured("dead_air_count", count, unit="count"),), silences=silences)
    found = finding(case, "dead_air")
    assert (found.verdict, found.start_s, found.end_s) == (verdict, *span)


@pytest.mark.parametrize(
    ("bounds", "verdict"),
    [
        ({"at_most": 0.5}, "pass"),
        ({"at_most": 0.49}, "fail"),
        ({"at_least": 0.5}, "pass"),
        ({"at_least": 0.51}, "fail"),
        ({"at_least": 0.1, "at_most": 0.4}, "fail"),
        ({"at_most": 4, "of": "count"}, "fail"),
    ],
)
def test_bounds(bounds, verdict):
    rule = a_rule(Measure(kind="measure", metric="talk_ratio", **bounds))
    case = a_case(*TALK, metrics=(measured("talk_ratio", 5.0, 10.0),))
    assert tried(case, rule).verdict == verdict


def test_without_conversation_there_is_nothing_to_measure():
    metric = measured("dead_air_count", 0.0, unit="count")
    for turns in ((), (say("ivr", 1.0, 4.0, "All our agents are busy."),)):
        assert finding(a_case(*turns, metrics=(metric,)), "dead_air").verdict == "not_applicable"


def test_what_was_not_measured_is_not_determinable():
    rule = a_rule(Measure(kind="measure", metric="talk_ratio", at_least=1))
    assert tried(a_case(*TALK), rule).verdict == "not_determinable"


# --- the length of holds


CHECK = "Thanks for continuing to hold, I am still waiting for the warehouse."


def held(*holds: tuple[float, float], **parts: Any) -> CallContext:
    numbered = (a_hold(start_s, end_s, hold_index=n) for n, (start_s, end_s) in enumerate(holds))
    return a_case(*TALK, holds=tuple(numbered), duration_s=900.0, **parts)


@pytest.mark.parametrize(
    ("holds", "verdict", "index"),
    [
        ((), "not_applicable", None),
        (((10.0, 130.0),), "pass", 0),
        (((10.0, 130.5),), "fail", 0),
        # Checking back ends one hold and begins another.
        (((10.0, 120.0), (124.0, 240.0)), "pass", 1),
        (((10.0, 20.0), (30.0, 300.0), (310.0, 320.0)), "fail", 1),
    ],
)
def test_the_longest_hold_counts(holds, verdict, index):
    found = finding(held(*holds), "hold_length")
    assert (found.verdict, found.detail.get("hold_index")) == (verdict, index)
    if index is not None:
        assert (found.start_s, found.end_s) == holds[index]


def test_a_check_back_heard_within_a_hold_divides_it():
    check = say("agent", 100.0, 104.0, CHECK)
    case = replace(a_case(*TALK, check, duration_s=300.0), holds=(a_hold(10.0, 200.0),))
    assert finding(case, "hold_length").verdict == "pass"
    assert finding(doubtful(case, set(CHECK.split()), 0.2), "hold_length").verdict == "not_determinable"
    other = replace(check, text="The warehouse opens at nine on Monday mornings.")
    case = replace(a_case(*TALK, other, duration_s=300.0), holds=(a_hold(10.0, 200.0),))
    assert finding(case, "hold_length").verdict == "fail"


# --- the recording beep


def beeping(*starts_s: float, length_s: float = 0.2, channel: int = 0, **parts: Any) -> CallContext:
    sounds = tuple(sound("tones", at_s, at_s + length_s, channel=channel) for at_s in starts_s)
    return a_case(
        *TALK,
        say("agent", 70.0, 76.0, "That is done, goodbye."),
        **{"sounds": sounds, "duration_s": 80.0} | parts,
    )


@pytest.mark.parametrize(
    ("starts_s", "verdict"),
    [
        ((), "not_applicable"),
        ((3.0, 18.0, 33.0, 48.0, 63.0), "pass"),
        # Some went unheard under speech.
        ((3.0, 33.0, 48.0, 63.0), "pass"),
        # It stopped.
        ((3.0, 15.0, 30.0), "pass"),
        # No recording beep: too few, or out of time.
        ((3.0, 18.0), "not_applicable"),
        ((3.0, 4.0, 5.0, 6.0), "not_applicable"),
    ],
)
def test_the_beep_is_heard_throughout(starts_s, verdict):
    found = finding(beeping(*starts_s), "recording_beep_tone")
    assert found.verdict == verdict
    if verdict == "pass":
        assert (found.start_s, found.end_s) == (starts_s[0], starts_s[-1])


def test_a_beep_that_stops_early_fails():
    late = say("agent", 150.0, 153.0, "And that is all, goodbye now.")
    case = replace(beeping(3.0, 18.0, 33.0), duration_s=155.0)
    case = replace(case, turns=(*case.turns, replace(late, turn_index=9)))
    assert finding(case, "recording_beep_tone").verdict == "fail"


def test_the_tones_of_a_hold_are_no_beep():
    case = beeping(11.0, 26.0, 41.0, 56.0, holds=(a_hold(10.0, 68.0, "tones"),))
    assert finding(case, "recording_beep_tone").verdict == "not_applicable"


def test_one_beep_on_both_channels_is_one():
    both = (*beeping(3.0, 18.0, 33.0).sounds, *beeping(3.05, 18.05, 33.05, channel=1).sounds)
    found = finding(beeping(sounds=both), "recording_beep_tone")
    assert found.detail["beeps_s"] == [3.0, 18.0, 33.0]


@pytest.mark.parametrize(("hz", "verdict"), [(None, "pass"), (1390.0, "pass"), (440.0, "not_applicable")])
def test_the_pitch_must_fit_where_it_is_known(hz, verdict):
    sounds = tuple(replace(tone, frequency_hz=hz) for tone in beeping(3.0, 18.0, 33.0, 48.0, 63.0).sounds)
    assert finding(beeping(sounds=sounds), "recording_beep_tone").verdict == verdict


def test_long_tones_are_no_beeps_and_a_site_may_demand_them():
    case = beeping(3.0, 18.0, 33.0, 48.0, 63.0, length_s=1.0)
    assert finding(case, "recording_beep_tone").verdict == "not_applicable"
    demanded = a_rule(Beeps(kind="beeps", without="fail"))
    found = tried(case, demanded)
    assert (found.verdict, found.start_s, found.end_s) == ("fail", 0.0, 80.0)


@given(shift_s=st.floats(0.0, 1000.0), gap_s=st.floats(12.0, 18.0))
def test_beeps_need_no_particular_start(shift_s, gap_s):
    starts_s = [shift_s + 2.0 + n * gap_s for n in range(6)]
    case = a_case(
        say("agent", shift_s + 1.0, shift_s + 3.0, "Hello, this is the clinic."),
        say("agent", starts_s[-1] - 1.0, starts_s[-1] + 2.0, "Thank you and goodbye."),
        sounds=tuple(sound("tones", at_s, at_s + 0.2) for at_s in starts_s),
    )
    assert finding(case, "recording_beep_tone", SETTINGS).verdict == "pass"


def test_nobody_speaks():
    case = replace(beeping(3.0, 18.0, 33.0), turns=(), words=(), activities=(active("ivr", 1.0, 2.0),))
    assert finding(case, "recording_beep_tone").verdict == "not_applicable"
