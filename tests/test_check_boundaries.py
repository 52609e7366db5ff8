"""What the checks of rules decide by: their numbers, limits and word lists, with what lies on either side of each."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from builders import (
    a_hold,
    a_silence,
    a_transfer,
    active,
    an_overlap,
    conversation,
    measured,
    say,
    sound,
    tone_of,
)
from fakes import own_rules
from pydantic import ValidationError
from rule_cases import GREETING, NOTICE, a_case, a_rule, disclosure, doubtful, tried

from pipeline.records import Finding, Turn
from pipeline.rules import CallContext, Rule
from pipeline.rules.check import check_kinds
from pipeline.rules.checks.beeps import Beeps
from pipeline.rules.checks.calm import Calm
from pipeline.rules.checks.every_hold import EveryHold
from pipeline.rules.checks.hold_length import HoldLength
from pipeline.rules.checks.measure import Measure
from pipeline.rules.checks.sequence import StepSequence
from pipeline.rules.checks.windows import Around, Step
from pipeline.rules.context import Clock
from pipeline.spans import Span

HELLO = say("agent", 0.0, 3.0, "Good morning, Oak Mutual, how can I help?")
LONG = "so the next bill will be sent"


# --- beeps


def beeps(*starts_s: float, end_s: float = 60.0, length_s: float = 0.2, **keys: Any) -> Finding:
    kind = keys.pop("sounds", "beep")
    parts = {"holds": keys.pop("holds", ())}
    sounds = tuple(sound(kind, at_s, at_s + length_s) for at_s in starts_s)
    turns = HELLO, say("agent", end_s - 1.0, end_s, "Goodbye."), *keys.pop("turns", ())
    return tried(a_case(*turns, sounds=sounds, **parts), a_rule(Beeps(kind="beeps", **keys)))


@pytest.mark.parametrize(
    ("starts_s", "end_s", "verdict"),
    [
        ((1.0, 20.0, 39.0), 60.0, "pass"),
        ((0.0, 15.0, 30.0), 79.0, "pass"),
        # The first one comes as early as the others follow each other.
        ((49.0, 64.0, 79.0), 90.0, "pass"),
        ((49.5, 64.5, 79.5), 90.0, "fail"),
        # More than half of the gaps keep time.
        ((0.0, 15.0, 30.0, 45.0, 52.0), 60.0, "pass"),
        ((0.0, 15.0, 30.0, 37.0, 44.0), 60.0, "not_applicable"),
        # Two may be missing in a row, and a gap of their number keeps time.
        ((0.0, 45.0, 60.0), 70.0, "pass"),
        ((0.0, 45.0, 90.0), 100.0, "pass"),
        ((0.0, 60.0, 120.0), 130.0, "fail"),
    ],
)
def test_when_beeps_are_due(starts_s, end_s, verdict):
    assert beeps(*starts_s, end_s=end_s).verdict == verdict


def test_a_call_without_regular_beeps_shows_no_stretch():
    found = beeps(1.0, 16.0)
    assert (found.verdict, found.start_s, found.end_s, found.basis) == ("not_applicable", None, None, None)


def test_what_is_no_beep_of_the_recorder():
    times = (1.0, 16.0, 31.0, 46.0)
    assert beeps(*times, sounds="tones").verdict == "pass"
    assert beeps(*times, sounds="ringing").verdict == "not_applicable"
    assert beeps(*times, length_s=0.5, longest_s=0.5).verdict == "pass"
    assert beeps(*times, length_s=0.5, longest_s=0.49).verdict == "not_applicable"


def test_beeps_beside_a_hold_and_before_an_announcement_count():
    assert beeps(1.0, 16.0, 31.0, 46.0, holds=(a_hold(32.0, 45.0),)).verdict == "pass"
    late = say("ivr", 150.0, 160.0, "Please rate the call.")
    assert beeps(1.0, 16.0, 31.0, 46.0, turns=(late,)).verdict == "pass"


def test_the_times_of_the_beeps_are_reported():
    found = beeps(1.2345, 16.0, 31.0, 46.0)
    assert found.detail == {"beeps_s": [1.23, 16.0, 31.0, 46.0], "every_s": 15.0}
    assert (found.start_s, found.end_s, found.basis) == (1.2345, 46.0, "event")


@pytest.mark.parametrize(
    ("hz", "verdict"), [(1250.0, "pass"), (1550.0, "pass"), (1250.0 - 0.1, "not_applicable")]
)
def test_a_beeps_pitch_may_lie_off_by_150_hz(hz, verdict):
    sounds = tuple(sound("beep", at_s, at_s + 0.2, frequency_hz=hz) for at_s in (1.0, 16.0, 31.0, 46.0))
    case = a_case(HELLO, say("agent", 50.0, 51.0, "Goodbye."), sounds=sounds)
    assert tried(case, a_rule(Beeps(kind="beeps"))).verdict == verdict


@pytest.mark.parametrize("key", ["near_hz", "within_hz", "every_s", "tolerance_s", "longest_s"])
def test_the_keys_of_beeps_are_above_zero(key):
    Beeps.model_validate({"kind": "beeps", key: 0.5})
    with pytest.raises(ValidationError):
        Beeps.model_validate({"kind": "beeps", key: 0.0})


def test_two_beeps_are_the_least_that_can_be_asked_for():
    assert beeps(1.0, 16.0, end_s=30.0, least=2).verdict == "pass"
    with pytest.raises(ValidationError):
        Beeps(kind="beeps", least=1)


# --- calm


def calm(*spoken: tuple[str, float | None]) -> Finding:
    """Turns of role and activation, 10 s apart and 5 s long; raised is 0.5, usual 0.3."""
    turns = [say(role, 10.0 * i, 10.0 * i + 5, f"line {i}") for i, (role, _) in enumerate(spoken)]
    tone = tuple(tone_of(i, activation=value) for i, (_, value) in enumerate(spoken))
    return tried(a_case(*turns, tone=tone), a_rule(Calm(kind="calm", raised=0.5, usual=0.3)))


def test_a_stretch_of_pressure_ends_with_the_customers_next_calm_turn():
    found = calm(
        ("customer", 0.6),
        ("agent", 0.2),
        ("customer", 0.71236),
        ("agent", 0.1),
        ("customer", 0.1),
        ("agent", 0.9),
    )
    assert (found.verdict, found.start_s, found.end_s) == ("pass", 0.0, 40.0)
    assert found.detail["stretches"] == [{"start_s": 0.0, "end_s": 40.0, "customer": 0.712, "agent": 0.2}]
    assert (found.detail["raised"], found.detail["usual"], found.basis) == (0.5, 0.3, "measure")


def test_the_agents_most_raised_turn_is_the_evidence():
    found = calm(
        ("customer", 0.6),
        ("agent", 0.4),
        ("agent", 0.35),
        ("customer", 0.0),
        ("customer", 0.9),
        ("agent", 0.31),
    )
    assert (found.verdict, found.turn_index, found.quote) == ("fail", 1, "line 1")
    assert [s["start_s"] for s in found.detail["stretches"]] == [0.0, 40.0]
    assert found.detail["stretches"][1]["end_s"] == 56.0


def test_the_stretch_of_most_pressure_is_the_evidence_that_the_agent_stayed_calm():
    found = calm(
        ("customer", 0.6),
        ("agent", 0.1),
        ("customer", 0.0),
        ("customer", 0.9),
        ("agent", 0.1),
        ("customer", 0.0),
    )
    assert (found.verdict, found.start_s, found.end_s) == ("pass", 30.0, 50.0)


@pytest.mark.parametrize(
    ("spoken", "verdict"),
    [
        ((("customer", None), ("agent", 0.1)), "not_determinable"),
        ((("customer", 0.6), ("agent", None)), "not_determinable"),
        ((("customer", 0.6), ("ivr", 0.9)), "not_determinable"),
        ((("agent", 0.9), ("customer", 0.6)), "not_determinable"),
        ((("customer", 0.1), ("agent", None)), "not_applicable"),
        ((("customer", 0.6), ("customer", None), ("agent", 0.1), ("agent", None)), "pass"),
    ],
)
def test_what_was_not_measured_decides_nothing(spoken, verdict):
    assert calm(*spoken).verdict == verdict


@pytest.mark.parametrize("key", ["raised", "usual"])
def test_activation_lies_between_0_and_1(key):
    for value, good in ((0.0, False), (0.01, True), (0.99, True), (1.0, False), (1.5, False)):
        keys = {"kind": "calm", "raised": 0.5, "usual": 0.3, key: value}
        if good:
            Calm.model_validate(keys)
        else:
            with pytest.raises(ValidationError):
                Calm.model_validate(keys)


# --- every hold


def every_hold(
    field: str, value: object, *turns: Turn, holds: tuple = (), duration_s: float = 90.0, **changes: Any
) -> Finding:
    hold = a_hold(40.0, 60.0, hold_index=len(holds), **{field: value} | changes)
    good = ("granted",) if field == "permission" else (True,)
    case = a_case(HELLO, *turns, holds=(*holds, hold), duration_s=duration_s)
    return tried(case, a_rule(EveryHold(kind="every_hold", field=field, good=good)))


@pytest.mark.parametrize(
    ("field", "value", "verdict", "basis"),
    [
        ("permission", "granted", "pass", "phrase"),
        ("permission", "refused", "fail", "phrase"),
        ("permission", "not_awaited", "fail", "phrase"),
        ("permission", "not_asked", "fail", "absence"),
        ("permission", "not_determinable", "not_determinable", "absence"),
        ("thanked", True, "pass", "phrase"),
        ("thanked", False, "fail", "absence"),
        ("thanked", None, "not_determinable", "absence"),
    ],
)
def test_what_the_verdict_on_a_hold_rests_on(field, value, verdict, basis):
    found = every_hold(field, value)
    assert (found.verdict, found.basis) == (verdict, basis)


@pytest.mark.parametrize(
    ("before", "start_s"),
    [
        ((), 20.0),
        ((a_hold(10.0, 30.0, permission="granted"),), 30.0),
        ((a_hold(10.0, 40.0, permission="granted"),), 40.0),
    ],
)
def test_a_request_is_searched_from_20_s_before_the_hold_or_the_end_of_the_one_before(before, start_s):
    found = every_hold("permission", "not_asked", holds=before)
    assert (found.start_s, found.end_s, found.quote) == (start_s, 40.0, None)


@pytest.mark.parametrize(("duration_s", "end_s"), [(90.0, 70.0), (65.0, 65.0)])
def test_thanks_are_searched_for_10_s_after_the_hold(duration_s, end_s):
    found = every_hold("thanked", False, duration_s=duration_s)
    assert (found.start_s, found.end_s) == (60.0, end_s)


def test_the_turn_that_decides_is_quoted_alone():
    asks, also = say("agent", 30.0, 34.0, "May I put you on hold?"), say("customer", 32.0, 33.0, "What")
    found = every_hold("permission", "refused", asks, also, request_turn_index=1)
    assert (found.start_s, found.end_s, found.turn_index, found.quote) == (30.0, 34.0, 1, asks.text)
    assert found.confidence == pytest.approx(0.9)
    back = say("agent", 61.0, 63.0, "Here it is now")
    found = every_hold("thanked", False, asks, back, request_turn_index=1, return_turn_index=2)
    assert (found.start_s, found.end_s, found.turn_index, found.quote) == (61.0, 63.0, 2, back.text)


# --- the length of holds


def hold_length(*checks_s: float, probability: float = 0.9, end_s: float = 300.0) -> Finding:
    checks = [say("agent", at_s, at_s + 1.0, "still waiting") for at_s in checks_s]
    case = doubtful(a_case(HELLO, *checks, duration_s=400.0), {"still", "waiting"}, probability)
    rule = a_rule(HoldLength(kind="hold_length", check_back="back"), back="still waiting")
    return tried(replace(case, holds=(a_hold(10.0, end_s),)), rule)


@pytest.mark.parametrize(
    ("checks_s", "end_s", "verdict", "longest_s"),
    [
        ((), 130.0, "pass", 120.0),
        ((), 130.1235, "fail", 120.124),
        ((130.0,), 250.0, "pass", 120.0),
        ((130.0,), 251.0, "fail", 121.0),
        ((100.0, 200.0), 300.0, "pass", 100.0),
        # What is said before or after it divides nothing.
        ((5.0, 310.0), 300.0, "fail", 290.0),
    ],
)
def test_a_hold_goes_on_for_two_minutes_at_most_without_a_check_back(checks_s, end_s, verdict, longest_s):
    found = hold_length(*checks_s, end_s=end_s)
    assert (found.verdict, found.detail["holds"][0]["longest_wait_s"]) == (verdict, longest_s)


def test_a_doubtful_check_back_leaves_it_open_only_where_it_would_help():
    assert hold_length(130.0, end_s=250.0, probability=0.2).verdict == "not_determinable"
    assert hold_length(130.0, end_s=251.0, probability=0.2).verdict == "fail"


# --- measures

CALLS = say("customer", 4.0, 9.0, "My bill is wrong.")
CUTS_IN, GOES_ON = say("agent", 8.0, 12.0, "One moment"), say("agent", 14.0, 20.0, "And then")


def interrupting(*overlaps: Any, silences: tuple = (), evidence: str = "interruptions") -> Finding:
    metrics = (
        measured("interruptions", 3.0, 1.0, role="agent"),
        measured("interruptions", 0.0, 1.0, role="customer"),
    )
    check = Measure(kind="measure", metric="interruptions", role="agent", at_most=1, evidence=evidence)
    case = a_case(HELLO, CALLS, CUTS_IN, GOES_ON, metrics=metrics, overlaps=overlaps, silences=silences)
    return tried(case, a_rule(check))


def test_the_longest_interruption_by_the_role_is_the_evidence():
    found = interrupting(
        an_overlap("agent", 8.0, 9.0),
        an_overlap("agent", 14.5, 16.0),
        an_overlap("agent", 1.0, 3.0, "attempt"),
        an_overlap("customer", 4.0, 7.0),
    )
    assert (found.start_s, found.end_s, found.turn_index, found.quote) == (14.5, 16.0, 3, GOES_ON.text)


def test_the_turn_that_interrupts_is_quoted():
    found = interrupting(an_overlap("agent", 8.0, 9.0), an_overlap("agent", 14.5, 15.0))
    assert (found.start_s, found.turn_index, found.quote) == (8.0, 2, CUTS_IN.text)


def test_the_longest_silence_that_nobody_announced_is_the_evidence():
    found = interrupting(
        silences=(
            a_silence(3.0, 4.0),
            a_silence(9.0, 14.0),
            a_silence(20.0, 40.0, announced=True),
            a_silence(40.0, 60.0, kind="recorder_pause"),
        ),
        evidence="silences",
    )
    assert (found.start_s, found.end_s) == (9.0, 14.0)


def test_without_an_event_the_whole_call_is_the_evidence():
    found = interrupting()
    assert (found.start_s, found.end_s, found.turn_index) == (0.0, 21.0, None)


@pytest.mark.parametrize(
    ("of", "parts", "value"),
    [
        ("value", (1.0, 3.0), 0.3333),
        ("count", (2.0, 3.0), 2.0),
        ("value", (2.0, 0.0), None),
        ("count", (2.0, 0.0), None),
    ],
)
def test_a_metrics_value_has_four_decimals_and_none_over_zero(of, parts, value):
    check = Measure(kind="measure", metric="talk_ratio", of=of, at_least=0)
    found = tried(a_case(HELLO, metrics=(measured("talk_ratio", *parts),)), a_rule(check))
    assert (found.detail["value"], found.verdict) == (value, "pass" if value else "not_determinable")


def test_a_measure_needs_a_bound():
    for bounds in ({"at_most": 1.0}, {"at_least": 1.0}, {"at_most": 1.0, "at_least": 0.0}):
        Measure.model_validate({"kind": "measure", "metric": "talk_ratio", **bounds})
    with pytest.raises(ValidationError, match="a bound is needed"):
        Measure(kind="measure", metric="talk_ratio")


# --- where a step is searched

TURNS = conversation(
    say("agent", 1.0, 3.0, LONG),
    say("customer", 4.0, 6.0, LONG),
    say("agent", 7.0, 9.0, LONG),
    say("customer", 10.0, 12.0, LONG),
    say("agent", 13.0, 15.0, LONG),
)


@pytest.mark.parametrize(
    ("at_s", "keys", "start_s", "end_s"),
    [
        (6.0, {}, 6.0, 20.0),
        (6.0, {"within_s": 5.0}, 6.0, 11.0),
        (6.0, {"before": True}, 0.0, 6.0),
        (6.0, {"before": True, "within_s": 5.0}, 1.0, 6.0),
        (6.0, {"before": True, "within_s": 7.0}, 0.0, 6.0),
        (6.0, {"around": True, "within_s": 5.0}, 1.0, 11.0),
        (18.0, {"within_s": 5.0}, 18.0, 20.0),
        # By turns of the agent, to 150 ms after the last one.
        (6.0, {"within_turns": 1}, 6.0, 9.15),
        (6.0, {"within_turns": 2}, 6.0, 15.15),
        (6.0, {"within_turns": 3}, 6.0, 20.0),
        (9.0, {"within_turns": 1}, 9.0, 15.15),
        (8.0, {"within_turns": 1}, 8.0, 9.15),
        (12.0, {"before": True, "within_turns": 1}, 6.85, 12.0),
        (12.0, {"before": True, "within_turns": 2}, 0.85, 12.0),
        (12.0, {"before": True, "within_turns": 3}, 0.0, 12.0),
        # With the whole turn the moment lies in.
        (8.0, {"before": True, "within_turns": 1}, 6.85, 9.15),
        (7.0, {"before": True, "within_turns": 1}, 0.85, 9.15),
        (9.0, {"before": True, "within_turns": 1}, 6.85, 9.0),
        (8.0, {"around": True, "within_turns": 1}, 6.85, 9.15),
        (11.0, {"around": True, "within_turns": 1}, 6.85, 15.15),
        # The closer of two limits.
        (6.0, {"within_s": 2.0, "within_turns": 1}, 6.0, 8.0),
        (6.0, {"within_s": 8.0, "within_turns": 1}, 6.0, 9.15),
        (12.0, {"before": True, "within_s": 4.0, "within_turns": 1}, 8.0, 12.0),
        (12.0, {"before": True, "within_s": 8.0, "within_turns": 1}, 6.85, 12.0),
    ],
)
def test_the_window_of_a_step(at_s, keys, start_s, end_s):
    around = Around(duration_s=20.0, clock=Clock(start_s=0.0, outside=()), turns=TURNS)
    window = around.window(Step(say=("x",), **keys), Span(at_s, at_s), ("agent",))
    assert (window.start_s, window.end_s) == (pytest.approx(start_s), pytest.approx(end_s))


def test_a_window_covers_its_moment():
    around = Around(duration_s=20.0, clock=Clock(start_s=0.0, outside=()), turns=TURNS)
    moment = Span(5.0, 11.0)
    after, before = (
        around.window(Step(say=("x",), before=b, within_s=2.0), moment, ("agent",)) for b in (False, True)
    )
    assert (after, before) == (Span(5.0, 13.0), Span(3.0, 11.0))


@pytest.mark.parametrize(("begins_s", "count"), [(4.9, 2), (5.0, 1)])
def test_a_hold_that_begins_with_the_next_turn_does_not_cut(begins_s, count):
    turns = conversation(say("agent", 1.0, 3.0, LONG), say("agent", 5.0, 7.0, LONG))
    clock = Clock(start_s=0.0, outside=(Span(begins_s, 9.0),))
    around = Around(duration_s=120.0, clock=clock, turns=turns)
    assert len(around.floors(("agent",), Span(100.0, 100.0))) == count


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"within_s": 0.5},
        {"within_turns": 1},
        {"times": 2},
        {"never": True, "times": 1},
        {"before": True, "never": True},
        {"after": "previous"},
        {"around": True},
    ],
)
def test_good_steps(keys):
    Step.model_validate({"say": ["x"], **keys})


@pytest.mark.parametrize(
    "keys",
    [
        {"say": []},
        {"within_s": 0.0},
        {"within_turns": 0},
        {"times": 0},
        {"never": True, "times": 2},
        {"before": True, "around": True},
        {"before": True, "after": "previous"},
        {"around": True, "after": "previous"},
    ],
)
def test_bad_steps(keys):
    with pytest.raises(ValidationError):
        Step.model_validate({"say": ["x"], **keys})


# --- sequences


def sequence(*steps: dict[str, Any], **keys: Any) -> Rule:
    check = StepSequence.model_validate({"kind": "sequence", "at": "call", "steps": steps} | keys)
    return a_rule(check, sorry="so sorry", bye="goodbye now", trouble=("customer", "is broken"))


TALK = (
    say("agent", 1.0, 4.0, "Hello, what can I do for you?"),
    say("customer", 5.0, 9.0, "My washing machine is broken since Monday."),
    say("agent", 10.0, 14.0, "I am so sorry and I will"),
    say("customer", 15.0, 19.0, "Good, and it made a very loud noise too."),
    say("agent", 20.0, 24.0, "An engineer comes, goodbye now."),
)


@pytest.mark.parametrize(
    ("keys", "at", "verdict"),
    [
        # "so sorry" is said from 11.14 to 12.29 s; what overlaps the window counts.
        ({"within_s": 10.2}, "start", "pass"),
        ({"within_s": 10.1}, "start", "fail"),
        ({"before": True, "within_s": 11.8}, "end", "pass"),
        ({"before": True, "within_s": 11.7}, "end", "fail"),
    ],
)
def test_a_phrase_that_reaches_into_the_window_counts(keys, at, verdict):
    assert tried(a_case(*TALK), sequence({"say": ["sorry"], **keys}, at=at)).verdict == verdict


def test_the_start_is_the_agents_and_the_end_nobody_elses_than_peoples():
    early, late = say("customer", 0.5, 0.9, "Hello?"), say("ivr", 40.0, 44.0, "Please rate the call.")
    case = a_case(early, *TALK, late)
    for at, keys, end_s in (("start", {}, 4.0), ("end", {"before": True}, 24.0)):
        found = tried(case, sequence({"say": ["trouble"], "within_s": 3.0, **keys}, at=at))
        assert found.verdict == "fail"
        assert (found.start_s, found.end_s) == (pytest.approx(end_s - 3.0), pytest.approx(end_s))


def test_an_unknown_speaker_may_be_the_agent_at_the_start():
    case = a_case(*(replace(turn, role="unknown") if turn.role == "agent" else turn for turn in TALK))
    found = tried(case, sequence({"say": ["trouble"], "within_s": 3.0}, at="start"))
    assert (found.start_s, found.end_s) == (1.0, 4.0)


def test_where_any_moment_were_enough_the_time_of_all_was_searched():
    case = a_case(
        *TALK,
        say("customer", 26.0, 29.0, "Now the oven is broken."),
        holds=(a_hold(30.0, 33.0),),
        duration_s=60.0,
    )
    step = {"say": ["bye"], "within_s": 2.0}
    any_ = tried(case, sequence(step, at="said", said="trouble", enough="any"))
    all_ = tried(case, sequence(step, at="said", said="trouble"))
    assert (any_.verdict, any_.end_s) == ("fail", pytest.approx(31.0 + 3.0))
    assert (all_.verdict, all_.start_s) == ("fail", any_.start_s)
    assert all_.end_s < 10.0
    assert [moment["good"] for moment in any_.detail["moments"]] == [False, False]


@pytest.mark.parametrize(
    ("which", "starts_s"), [("first", [1.5]), ("last", [9.5]), ("each", [1.5, 5.5, 9.5])]
)
def test_which_moments_are_looked_at(which, starts_s):
    turns = [say("customer", at_s, at_s + 1.5, "it is broken") for at_s in (1.0, 5.0, 9.0)]
    answers = [say("agent", at_s + 1.8, at_s + 3.0, LONG) for at_s in (1.0, 5.0, 9.0)]
    found = tried(
        a_case(*turns, *answers), sequence({"say": ["sorry"]}, at="said", said="trouble", which=which)
    )
    assert [moment["at_s"] for moment in found.detail["moments"]] == starts_s


@pytest.mark.parametrize(
    ("keys", "basis", "reason"),
    [
        ({"at": "said", "said": "bye"}, "absence", "no moment: bye"),
        ({"at": "transfer"}, "absence", "no moment: transfer"),
        ({"at": "hold"}, "event", "no moment: hold"),
    ],
)
def test_what_a_verdict_without_a_moment_rests_on(keys, basis, reason):
    found = tried(a_case(*TALK[:3]), sequence({"say": ["sorry"]}, without="fail", **keys))
    assert (found.verdict, found.basis, found.detail["reason"]) == ("fail", basis, reason)


@pytest.mark.parametrize(
    ("role", "verdict"), [("customer", "not_determinable"), ("unknown", "not_determinable"), ("ivr", "fail")]
)
def test_a_moment_may_have_been_missed_in_speech_without_words(role, verdict):
    case = a_case(TALK[0], duration_s=40.0)
    case = replace(case, activities=(*case.activities, active(role, 5.0, 30.0)))
    assert (
        tried(case, sequence({"say": ["sorry"]}, at="said", said="trouble", without="fail")).verdict
        == verdict
    )


def test_the_detail_gives_times_to_the_millisecond():
    (moment,) = tried(a_case(*TALK), sequence({"say": ["sorry"]}, at="said", said="trouble")).detail[
        "moments"
    ]
    assert moment == {
        "at_s": 6.714,
        "good": True,
        "steps": [{"say": ["sorry"], "met": True, "found_s": [11.143]}],
    }


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"said": "trouble"}, "said names the groups"),
        ({"at": "said"}, "said names the groups"),
        ({"steps": ({"say": ["sorry"], "after": "previous"},)}, "no previous one"),
        ({"steps": ({"say": ["sorry"], "optional": True},)}, "a step that decides"),
        ({"steps": ()}, "steps"),
    ],
)
def test_bad_sequences(keys, message):
    with pytest.raises(ValidationError, match=message):
        sequence({"say": ["sorry"]}, **keys)


def test_the_time_for_each_step_counts_from_the_one_before():
    steps = {"say": ["sorry"]}, {"say": ["bye"], "after": "previous", "within_s": 5.0}
    assert tried(a_case(*TALK), sequence(*steps)).verdict == "fail"
    steps = steps[0], steps[1] | {"within_s": 12.0}
    assert tried(a_case(*TALK), sequence(*steps)).verdict == "pass"


def test_who_says_only_what_is_optional_does_not_count():
    rule = sequence({"say": ["sorry"]}, {"say": ["trouble"], "optional": True})
    assert tried(a_case(TALK[1]), rule).verdict == "not_applicable"
    assert tried(a_case(*TALK[:2]), rule).verdict == "fail"


def test_the_first_bad_moment_is_the_evidence():
    case = a_case(
        *TALK, say("customer", 26.0, 29.0, "Now the oven is broken."), say("agent", 30.0, 33.0, LONG)
    )
    found = tried(case, sequence({"say": ["sorry"], "within_turns": 1}, at="said", said="trouble"))
    assert found.verdict == "fail"
    assert found.start_s > 26.0


def test_what_must_never_be_said_is_no_step_to_count_from():
    steps = {"say": ["sorry"], "never": True, "within_s": 2.0}, {"say": ["trouble"], "after": "previous"}
    # "so sorry" lies outside of the window of the first one, so the second counts from the start.
    assert tried(a_case(*TALK), sequence(*steps, at="start")).verdict == "pass"


@pytest.mark.parametrize(("probability", "verdict"), [(0.4, "fail"), (0.39, "not_determinable")])
def test_personal_data_recognised_with_a_probability_of_40_percent_are_a_sure_moment(probability, verdict):
    number = "441-927-03"
    case = doubtful(a_case(*TALK, say("customer", 26.0, 30.0, number)), {number}, probability)
    step = {"say": ["sorry"], "before": True, "within_s": 1.0}
    assert tried(case, sequence(step, at="personal_data")).verdict == verdict


# --- the customer's name


@cache
def names() -> Rule:
    return own_rules().rule("customer_name_used")


CHAT = say("agent", 20.0, 26.0, "Let me look into that, it will take a moment, I have it here.")


def name_used(said: str, name: str = "Daniel Brooks", **parts: Any) -> Finding:
    """The verdict on what the agent says to a customer of that name."""
    turns = HELLO, say("customer", 5.0, 9.0, f"My name is {name}."), CHAT, say("agent", 30.0, 34.0, said)
    return tried(a_case(*turns, **parts), names())


@pytest.mark.parametrize(
    "before",
    "is for under to with from by of named called as i'm am name it's that's he's she's and or a the your my our in "
    "at".split(),
)
def test_a_word_that_speaks_of_the_name(before):
    found = name_used(f"So we have {before} Brooks right here now")
    assert (found.verdict, found.detail["times"]) == ("fail", 0)
    assert name_used("So we have then Brooks right here now").verdict == "pass"


@pytest.mark.parametrize("mark", [",", ".", "?", "!", ";"])
def test_after_a_mark_the_name_speaks_to_its_bearer(mark):
    assert name_used(f"That is what it is for{mark} Daniel let me see").verdict == "pass"
    assert name_used("That is what it is for Daniel let me see").verdict == "fail"


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("Am I speaking with Brooks right now then", "pass"),
        ("Am I talking to Brooks right now then", "pass"),
        ("Talking to Brooks right now then", "pass"),
        ("I was working with Brooks right now then", "fail"),
        ("Brooks here how are you then", "fail"),
        ("Brooks speaking how are you then", "fail"),
        ("Brooks how are you then", "pass"),
        ("Brooks it is what we have this for", "pass"),
        ("For Brooks I am then speaking", "fail"),
        ("Okay Brooks bill is here then", "pass"),
        ("For Mister Brooks here it is then", "fail"),
        ("Okay Mister Brooks it is here then", "pass"),
    ],
)
def test_who_is_spoken_to(said, verdict):
    assert name_used(said).verdict == verdict


def test_titles_and_all_parts_of_the_name_are_quoted():
    assert name_used("Okay Mister Daniel Brooks it is here then").quote == "Mister Daniel Brooks"
    assert name_used("Okay Daniel Marino, it is here then", "Daniel Moreno").quote == "Daniel Marino,"
    found = name_used("Okay Daniel Brooks, and Daniel, it is here then, Brooks")
    assert (found.quote, found.detail["times"]) == ("Daniel Brooks,", 2)


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        # Where a sentence begins, every word has a capital.
        ("Okay so Marino let me see", "pass"),
        ("okay so marino let me see", "fail"),
        ("Okay so. Marino let me see", "fail"),
        ("Okay so? Marino let me see", "fail"),
        ("Okay so! Marino let me see", "fail"),
        ("Marino let me see what it is", "fail"),
    ],
)
def test_a_capital_shows_a_name_within_a_sentence(said, verdict):
    assert name_used(said, "Moreno").verdict == verdict


def test_two_addresses_by_another_name_are_the_least_that_make_it_the_customers():
    assert name_used("Thank you, Jennifer, I see.").verdict == "not_determinable"
    again = name_used("Thank you, Jennifer, I see. Thank you, Jennifer, bye.")
    assert (again.verdict, again.detail["times"]) == ("pass", 2)


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("Thank you, Mr. Doyle, I see. Thank you, Mr. Doyle, bye.", "pass"),
        ("Thank you, Mr. Doyle, I see. Thank you, Mr. Smythe, I see.", "not_determinable"),
        ("Thank you, Mr. Okonkwo, I see. Thank you, Mr. Okonkwo, bye.", "pass"),
        ("Thank you, Mr. Okonkwo. And thank you, Mr. Okonkwo.", "pass"),
        ("Thank you, Mr. Okonkwo, I see. Thank you, Mr. Adeyemi, I see.", "not_determinable"),
        ("Thank you, Mr. Doyle, I see.", "not_determinable"),
        ("Thank you, Jennifer, I see. Thank you, Alice, I see.", "not_determinable"),
    ],
)
def test_of_an_address_with_a_title_the_name_after_it_is_compared(said, verdict):
    assert name_used(said).verdict == verdict


@pytest.mark.parametrize(("probability", "verdict"), [(0.9, "pass"), (0.1, "not_applicable")])
def test_where_no_name_was_given_an_address_must_be_sure(probability, verdict):
    turns = (
        HELLO,
        say("customer", 5.0, 9.0, "Hi, my bill is wrong."),
        CHAT,
        say("agent", 30, 34, "Thank you, Jennifer, I see."),
    )
    assert tried(doubtful(a_case(*turns), {"Jennifer,"}, probability), names()).verdict == verdict


def test_both_addresses_by_another_name_must_be_sure():
    turns = HELLO, say("customer", 5.0, 9.0, "My name is Daniel Brooks."), CHAT
    twice = (
        say("agent", 30, 34, "Thank you, Jennifer, I see."),
        say("agent", 40, 44, "Thank you, Jennifer. Bye."),
    )
    assert tried(a_case(*turns, *twice), names()).verdict == "pass"
    assert tried(doubtful(a_case(*turns, *twice), {"Jennifer."}, 0.1), names()).verdict == "not_determinable"


def test_one_unknown_speaker_may_have_been_given_the_name():
    turns = HELLO, say("customer", 5.0, 9.0, "Hi, my bill is wrong."), CHAT
    assert tried(a_case(*turns), names()).verdict == "not_applicable"
    found = tried(a_case(*turns, say("unknown", 30.0, 34.0, "That is fine by me.")), names())
    assert (found.verdict, found.detail["reason_code"]) == ("not_determinable", "speaker_unknown")


def test_a_name_used_before_it_was_given_is_no_use():
    turns = (
        say("agent", 0.0, 3.0, "Okay Brooks let me see"),
        say("customer", 5.0, 9.0, "My name is Daniel Brooks."),
        CHAT,
    )
    found = tried(a_case(*turns), names())
    assert (found.verdict, found.start_s, found.detail["known_s"]) == ("fail", 9.0, 9.0)


# --- reading back


@cache
def reading() -> Rule:
    return own_rules().rule("repeat_back")


NUMBER = "Yes, it's four four one, nine two seven, zero three."
AGAIN = "That was four four one, nine two seven, zero three then."


def read_back(details: str, agent: str, start_s: float = 10.0, **parts: Any) -> Finding:
    filled = HELLO, say("customer", 5.0, 9.0, details), say("agent", start_s, start_s + 5.0, agent)
    return tried(a_case(*filled, **parts), reading())


@pytest.mark.parametrize(("late_s", "verdict"), [(-2.0, "pass"), (0.5, "fail")])
def test_it_is_read_back_within_two_minutes(late_s, verdict):
    """In turns of ten words over 5 s, the digits begin with the third word."""
    assert read_back(NUMBER, AGAIN, start_s=9.0 + 120.0 + late_s).verdict == verdict


@pytest.mark.parametrize(
    ("details", "agent", "verdict"),
    [
        ("Thursday in the morning ten, please.", "Lovely, that's Thursday at ten.", "pass"),
        # The fifth word after the day is too far from it.
        ("Thursday in the morning at ten, please.", "Lovely, that's Thursday at ten.", "not_applicable"),
        ("Thursday at ten, please.", "Lovely, that's Thursday then.", "fail"),
        ("Thursday morning ten, please.", "Lovely, that's Thursday morning then.", "fail"),
        ("Thursday at ten, please.", "Lovely, that's ten then.", "fail"),
        ("Thursday at ten, please.", "Lovely, that's Friday at ten.", "fail"),
    ],
)
def test_a_day_is_read_back_with_its_time(details, agent, verdict):
    assert read_back(details, agent).verdict == verdict


REASON = "My bill this month is almost double what I normally pay and I don't know why."


@pytest.mark.parametrize("mark", [".", "?", "!", '."', ".'", ".)"])
def test_a_reason_is_told_again_within_one_sentence(mark):
    assert read_back(REASON, "I see that the bill has doubled this month then").verdict == "pass"
    assert (
        read_back(REASON, f"I see that the bill has doubled{mark} It is for this month then").verdict
        == "fail"
    )


def test_only_what_begins_after_it_was_given_tells_it_again():
    """The agent speaks on while the customer does; words are half a second long."""
    early = "I see that the bill has doubled this month. Yes I see that it is so then right now and here."
    late = "Yes I see that it is so then right now and here. I see that the bill has doubled this month."
    customer = say("customer", 5.0, 9.0, REASON)
    for agent, verdict in ((early, "fail"), (late, "pass")):
        assert tried(a_case(say("agent", 0.5, 11.0, agent), customer), reading()).verdict == verdict
    digits = "four four one nine two seven zero three"
    customer = say("customer", 5.0, 9.0, NUMBER)
    for agent, verdict in (
        (f"{digits} so let me see what we have here", "fail"),
        (f"so let me see what we have now {digits}", "pass"),
    ):
        assert tried(a_case(say("agent", 0.5, 14.0, agent), customer), reading()).verdict == verdict


def test_what_was_searched_ends_with_the_last_time_for_it():
    day = say("customer", 50.0, 54.0, "Thursday at ten, please.")
    found = tried(a_case(HELLO, say("customer", 5.0, 9.0, NUMBER), CHAT, day, duration_s=400.0), reading())
    assert (found.verdict, found.end_s) == ("fail", pytest.approx(174.0))


def test_another_speaker_reads_nothing_back():
    turns = HELLO, say("customer", 5.0, 9.0, NUMBER), CHAT
    assert tried(a_case(*turns, say("customer", 30.0, 35.0, AGAIN)), reading()).verdict == "fail"
    assert tried(a_case(*turns, say("ivr", 30.0, 35.0, AGAIN)), reading()).verdict == "fail"
    assert tried(a_case(*turns, say("agent", 30.0, 35.0, AGAIN)), reading()).verdict == "pass"


def test_asking_before_anything_was_given_is_no_check():
    asks = say("agent", 1.0, 4.0, "Did I get that right?")
    found = tried(a_case(asks, say("customer", 5.0, 9.0, NUMBER), CHAT), reading())
    assert (found.verdict, found.detail["asked_s"]) == ("fail", [])


def test_asking_after_one_of_several_is_enough():
    asks, day = (
        say("agent", 10.0, 14.0, "Did I get that right?"),
        say("customer", 16.0, 20.0, "Thursday at ten, please."),
    )
    found = tried(a_case(HELLO, say("customer", 5.0, 9.0, NUMBER), asks, day), reading())
    assert (found.verdict, len(found.detail["asked_s"])) == ("pass", 1)


def test_a_day_within_a_reason_is_a_datum_of_its_own_and_one_within_a_date_is_not():
    found = read_back(f"{REASON[:-1]} since Thursday at ten.", "Okay.")
    assert [each["kind"] for each in found.detail["given"]] == ["reason_with_details", "day"]
    found = read_back("I was born on the fourth of June 1981.", "Okay.")
    assert [each["kind"] for each in found.detail["given"]] == ["date_of_birth"]


def test_the_detail_gives_each_datum_and_when_it_was_read_back():
    turns = (
        HELLO,
        say("customer", 5.0, 9.0, NUMBER),
        say("agent", 10.0, 15.0, AGAIN),
        say("customer", 16.0, 20.0, "Thursday at ten, please."),
        say("agent", 21.0, 25.0, "So then, did I get that right?"),
    )
    found = tried(a_case(*turns), reading())
    kinds = [(each["kind"], each["repeated_s"] is not None) for each in found.detail["given"]]
    assert kinds == [("account_number", True), ("day", False)]
    (asked_s,) = found.detail["asked_s"]
    assert 21.0 <= asked_s < 25.0
    assert round(asked_s, 3) == asked_s
    assert (found.verdict, found.turn_index) == ("pass", 2)


@pytest.mark.parametrize(("probability", "verdict"), [(0.4, "fail"), (0.39, "not_determinable")])
def test_details_recognised_with_a_probability_of_40_percent_are_sure(probability, verdict):
    case = a_case(HELLO, say("customer", 5.0, 9.0, "441-927-03"), CHAT)
    assert tried(doubtful(case, {"441-927-03"}, probability), reading()).verdict == verdict


def test_of_several_details_one_must_be_sure():
    case = a_case(
        HELLO, say("customer", 5.0, 9.0, "441-927-03"), CHAT, say("customer", 27.0, 29.0, "Thursday at ten.")
    )
    assert tried(doubtful(case, {"441-927-03"}, 0.1), reading()).verdict == "fail"
    both = {"441-927-03", "Thursday", "at", "ten."}
    assert tried(doubtful(case, both, 0.1), reading()).verdict == "not_determinable"


# --- said in time


@pytest.mark.parametrize(("probability", "status"), [(0.4, "late"), (0.39, "unclear")])
def test_personal_data_recognised_with_a_probability_of_40_percent_limit_the_time(probability, status):
    case = notice(10.0)
    case = a_case(*case.turns, say("customer", 5.0, 7.0, "441-927-03"))
    assert disclosure(doubtful(case, {"441-927-03"}, probability)).detail["status"] == status


def notice(start_s: float = 5.0, **parts: Any) -> CallContext:
    """The notice's phrase, five of its eight words, is said from `start_s` to 5 s after that."""
    return a_case(say("agent", 0.0, 3.0, GREETING), say("agent", start_s, start_s + 8.0, NOTICE), **parts)


@pytest.mark.parametrize(("start_s", "status"), [(55.0, "in_time"), (55.1, "late")])
def test_the_notice_ends_within_a_minute(start_s, status):
    assert disclosure(notice(start_s)).detail["status"] == status


@pytest.mark.parametrize(("start_s", "status"), [(10.0, "in_time"), (9.9, "late")])
def test_the_notice_ends_before_personal_data_begin(start_s, status):
    turns = say("agent", 0.0, 3.0, GREETING), say("agent", 5.0, 13.0, NOTICE)
    case = a_case(*turns, say("customer", start_s, 14.0, "441-927-03"))
    assert disclosure(case).detail["status"] == status


@pytest.mark.parametrize(("end_s", "status"), [(10.0, "in_time"), (9.9, "late")])
def test_the_notice_ends_before_another_agent_takes_over(end_s, status):
    assert disclosure(notice(transfers=(a_transfer(4.0, end_s),))).detail["status"] == status


@pytest.mark.parametrize(
    ("start_s", "probability", "verdict"),
    [(5.0, 0.59, "not_determinable"), (5.0, 0.6, "fail"), (70.0, 0.59, "fail")],
)
def test_a_notice_may_have_been_misheard_in_a_word_below_60_percent_in_time(start_s, probability, verdict):
    text = "To serve you better we restored all calls."
    case = a_case(say("agent", 0.0, 3.0, GREETING), say("agent", start_s, start_s + 4.0, text))
    assert disclosure(doubtful(case, {"restored"}, probability)).verdict == verdict


FAR = "and I am the one who will try to look after it"


@pytest.mark.parametrize(
    ("between", "slots"),
    [
        (FAR.split()[:11], ["subject", "act", "modality", "purpose"]),
        (FAR.split()[:12], ["subject", "act", "modality"]),
    ],
)
def test_parts_of_the_notice_are_within_12_words_of_it_in_one_utterance(between, slots):
    text = " ".join(["This call is being recorded", *between, "for training purposes."])
    case = a_case(say("agent", 0.0, 3.0, GREETING), say("agent", 5.0, 13.0, text))
    assert disclosure(case).detail["slots"] == slots


def test_what_is_said_after_the_customer_is_no_part_of_the_notice():
    turns = (
        say("agent", 5.0, 8.0, "This call is being recorded"),
        say("customer", 9.0, 11.0, "Okay then, fine by me."),
    )
    case = a_case(
        say("agent", 0.0, 3.0, GREETING), *turns, say("agent", 12.0, 14.0, "for training purposes.")
    )
    assert disclosure(case).detail["slots"] == ["subject", "act", "modality"]


# --- what checks read, and what their verdicts rest on


@pytest.mark.parametrize(
    ("kind", "reads", "bases"),
    [
        ("beeps", "holds sounds", "event"),
        ("calm", "tone", "measure"),
        ("every_hold", "holds", "absence phrase"),
        ("hold_length", "holds", "event"),
        ("measure", "holds metrics overlaps silences", "measure"),
        ("name_used", "facts", "absence phrase"),
        ("repeat_back", "holds", "absence phrase"),
        ("said_in_time", "holds transfers", "absence phrase"),
        ("sequence", "holds", "absence event phrase"),
    ],
)
def test_what_a_check_declares(kind, reads, bases):
    check = check_kinds()[kind]
    assert (" ".join(sorted(check.reads)), " ".join(sorted(check.bases))) == (reads, bases)
