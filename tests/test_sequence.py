"""The check `sequence`: moments, windows, steps in order, and what leaves a verdict open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import a_hold, active, say
from hypothesis import given
from hypothesis import strategies as st
from rule_cases import RULES, SETTINGS, a_case, a_rule, doubtful, tried

from pipeline.rules import CallContext, Rule
from pipeline.rules.checks.sequence import StepSequence
from pipeline.rules.checks.windows import Around, Step
from pipeline.rules.context import Clock
from pipeline.spans import Span

FILLER = "so the next bill will be sent to you on the first of the month"


def steps(*written: dict[str, Any], **keys: Any) -> StepSequence:
    filled = {"kind": "sequence", "at": "call", "steps": written} | keys
    return StepSequence.model_validate(filled)


def a_sequence(*written: dict[str, Any], **keys: Any) -> Rule:
    """A rule over what the agent says (`sorry`, `help`, `bye`, `curse`) and the customer (`trouble`)."""
    return a_rule(
        steps(*written, **keys),
        sorry="so sorry",
        help="will help you",
        bye="goodbye now",
        curse="bloody hell",
        trouble=("customer", "is broken"),
    )


def verdict(case: CallContext, *written: dict[str, Any], **keys: Any) -> str:
    return tried(case, a_sequence(*written, **keys)).verdict


TALK = (
    say("agent", 1.0, 4.0, "Hello, what can I do for you?"),
    say("customer", 5.0, 9.0, "My washing machine is broken since Monday."),
    say("agent", 10.0, 14.0, "I am so sorry and I will help you."),
    say("customer", 15.0, 19.0, "Good, and it made a very loud noise too."),
    say("agent", 20.0, 24.0, "An engineer comes, goodbye now."),
)


# --- the whole call


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ({"say": ["sorry"]}, "pass"),
        ({"say": ["curse", "bye"]}, "pass"),
        ({"say": ["curse"]}, "fail"),
        ({"say": ["sorry"], "times": 2}, "fail"),
        ({"say": ["sorry", "help"], "times": 2}, "pass"),
        ({"say": ["curse"], "never": True}, "pass"),
        ({"say": ["sorry"], "never": True}, "fail"),
        # Each group in the words of its own role only.
        ({"say": ["trouble"]}, "pass"),
    ],
)
def test_somewhere_in_the_call(step, expected):
    assert verdict(a_case(*TALK), step) == expected


def test_missing_need_not_be_a_fault():
    found = tried(a_case(*TALK), a_sequence({"say": ["curse"]}, missing="not_applicable"))
    assert (found.verdict, found.start_s, found.quote) == ("not_applicable", None, None)


def test_an_optional_step_is_only_reported():
    found = tried(a_case(*TALK), a_sequence({"say": ["curse"], "optional": True}, {"say": ["sorry"]}))
    assert found.verdict == "pass"
    assert [step["met"] for step in found.detail["moments"][0]["steps"]] == [False, True]


def test_the_deciding_phrase_is_the_evidence():
    found = tried(a_case(*TALK), a_sequence({"say": ["sorry"], "never": True}))
    assert (found.verdict, found.quote, found.turn_index) == ("fail", "so sorry", 2)
    assert (found.start_s, found.end_s) == (pytest.approx(10.89, abs=0.01), pytest.approx(11.78, abs=0.01))
    assert found.confidence == pytest.approx(0.9)


def test_the_group_named_first_is_the_evidence():
    case = a_case(say("agent", 1.0, 9.0, "So sorry, will help you. And again so sorry, goodbye now."))
    assert tried(case, a_sequence({"say": ["help", "sorry"]})).quote == "will help you."
    before = {"say": ["sorry", "bye"], "before": True}
    found = tried(case, a_sequence(before, at="end"))
    assert (found.quote, found.start_s) == ("so sorry,", pytest.approx(6.09, abs=0.01))


def test_a_doubtful_phrase_does_not_hide_a_sure_one():
    rule = a_rule(steps({"say": ["long", "short"]}), long="really so very sorry", short="sorry")
    case = doubtful(a_case(say("agent", 1.0, 4.0, "really so very sorry")), {"really", "so", "very"}, 0.1)
    assert tried(case, rule).verdict == "pass"


def test_what_was_said_is_not_in_the_detail():
    assert "sorry and" not in str(tried(a_case(*TALK), a_sequence({"say": ["sorry"]})).detail)


# --- start and end


@pytest.mark.parametrize(
    ("start_s", "limits", "expected"),
    [
        (3.0, {"within_s": 5}, "pass"),
        (8.0, {"within_s": 5}, "fail"),
        (8.0, {"within_turns": 1}, "pass"),
        (8.0, {}, "pass"),
    ],
)
def test_seconds_from_the_agents_first_word(start_s, limits, expected):
    case = a_case(say("agent", 1.0, 2.0, FILLER), say("agent", start_s, start_s + 1, "so sorry"))
    assert verdict(case, {"say": ["sorry"], **limits}, at="start") == expected


def test_seconds_are_seconds_of_conversation():
    turns = (say("agent", 1.0, 2.0, FILLER), say("agent", 33.0, 35.0, "so sorry"))
    step = {"say": ["sorry"], "within_s": 5}
    assert verdict(a_case(*turns), step, at="start") == "fail"
    assert verdict(a_case(*turns, holds=(a_hold(2.0, 32.0),)), step, at="start") == "pass"
    announced = say("ivr", 2.0, 32.0, "All our agents are busy.")
    assert verdict(a_case(*turns, announced), step, at="start") == "pass"


def test_fail_by_absence_gives_the_window():
    case = a_case(say("agent", 1.0, 4.0, FILLER), say("agent", 5.0, 9.0, FILLER))
    found = tried(case, a_sequence({"say": ["sorry"], "within_s": 6}, at="start"))
    assert (found.verdict, found.start_s, found.end_s) == ("fail", 1.0, 7.0)
    assert (found.quote, found.turn_index) == (None, None)


@pytest.mark.parametrize(("turns", "expected"), [(1, "pass"), (2, "pass")])
def test_turns_before_the_end(turns, expected):
    step = {"say": ["bye"], "before": True, "within_turns": turns}
    assert verdict(a_case(*TALK), step, at="end") == expected


def test_the_last_turn_but_one_is_not_the_last():
    step = {"say": ["sorry"], "before": True, "within_turns": 1}
    assert verdict(a_case(*TALK), step, at="end") == "fail"
    assert verdict(a_case(*TALK), step | {"within_turns": 2}, at="end") == "pass"


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ((0.1, "and that is why the balance is due"), "not_determinable"),
        ((0.1, "Good morning, Oak Mutual, and that is why"), "fail"),
        ((0.8, "and that is why the balance is due"), "fail"),
    ],
)
def test_a_recording_that_starts_mid_call_says_nothing_of_its_start(first, expected):
    case = a_case(say("agent", first[0], 4.0, first[1]), say("customer", 5.0, 7.0, "Okay thanks."))
    assert verdict(case, {"say": ["sorry"], "within_s": 10}, at="start") == expected


@pytest.mark.parametrize(("duration_s", "expected"), [(24.1, "not_determinable"), (25.0, "fail")])
def test_a_recording_that_stops_mid_call_says_nothing_of_its_end(duration_s, expected):
    case = a_case(*TALK, duration_s=duration_s)
    assert verdict(case, {"say": ["curse"], "before": True, "within_s": 10}, at="end") == expected
    assert verdict(case, {"say": ["bye"], "before": True, "within_s": 10}, at="end") == "pass"


# --- moments that are said


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"within_turns": 1}, "pass"),
        ({"within_s": 4}, "pass"),
        ({"within_s": 2}, "fail"),
        ({"before": True}, "fail"),
        ({"around": True, "within_turns": 1}, "pass"),
    ],
)
def test_an_answer_to_what_the_customer_says(limits, expected):
    assert verdict(a_case(*TALK), {"say": ["sorry"], **limits}, at="said", said="trouble") == expected


@pytest.mark.parametrize(
    ("which", "enough", "expected"),
    [
        ("each", "all", "fail"),
        ("each", "any", "pass"),
        ("first", "all", "pass"),
        ("last", "all", "fail"),
        ("last", "any", "fail"),
    ],
)
def test_which_and_how_many_moments(which, enough, expected):
    case = a_case(
        *TALK, say("customer", 26.0, 29.0, "And now the oven is broken."), say("agent", 30.0, 33.0, FILLER)
    )
    step = {"say": ["sorry"], "within_turns": 2}
    assert verdict(case, step, at="said", said="trouble", which=which, enough=enough) == expected


@pytest.mark.parametrize("without", ["not_applicable", "pass", "fail"])
def test_no_moment(without):
    step = {"say": ["sorry"]}
    assert verdict(a_case(*TALK), step, at="said", said="curse", without=without) == without
    assert verdict(a_case(*TALK), step, at="hold", without=without) == without


def test_a_phrase_may_be_its_own_moment():
    """Groups of several roles as moments: an apology is one even where the trouble was not recognised."""
    case = a_case(say("customer", 1.0, 3.0, FILLER), say("agent", 4.0, 6.0, "I am so sorry to hear that."))
    step = {"say": ["sorry"], "within_turns": 1}
    assert verdict(case, step, at="said", said=["trouble", "sorry"], enough="any") == "pass"


# --- order


@pytest.mark.parametrize(
    ("text", "expected"), [("so sorry, will help you", "pass"), ("will help you, so sorry", "fail")]
)
def test_steps_in_order(text, expected):
    case = a_case(say("agent", 1.0, 5.0, text))
    assert verdict(case, {"say": ["sorry"]}, {"say": ["help"], "after": "previous"}) == expected
    assert verdict(case, {"say": ["sorry"]}, {"say": ["help"]}) == "pass"


# --- turns


def test_signs_of_listening_take_no_turn():
    case = a_case(
        say("customer", 1.0, 4.0, "The machine is broken since"),
        say("agent", 4.2, 4.6, "Okay."),
        say("customer", 5.0, 8.0, "Monday or maybe Tuesday morning."),
        say("agent", 9.0, 12.0, "I am so sorry."),
    )
    assert verdict(case, {"say": ["sorry"], "within_turns": 1}, at="said", said="trouble") == "pass"


def test_a_hold_ends_a_turn():
    turns = (
        say("customer", 1.0, 3.0, "It is broken."),
        say("agent", 4.0, 6.0, FILLER),
        say("agent", 30.0, 33.0, "I am so sorry."),
    )
    step = {"say": ["sorry"], "within_turns": 1}
    assert verdict(a_case(*turns), step, at="said", said="trouble") == "pass"
    held = a_case(*turns, holds=(a_hold(6.0, 30.0),))
    assert verdict(held, step, at="said", said="trouble") == "fail"


def test_before_a_moment_lies_the_whole_turn_it_lies_in():
    rule = a_rule(
        steps({"say": ["why"], "before": True, "within_turns": 2}, at="said", said="tells"),
        tells="will transfer you",
        why="because they can",
    )
    earlier = say("agent", 1.0, 4.0, "That works because they can see it.")
    asked = say("customer", 5.0, 7.0, "Really? And what now please?")
    told = say("agent", 8.0, 12.0, "I will transfer you, because they can see it.")
    bare = replace(told, text="I will transfer you, one moment please.")
    between = say("agent", 7.2, 7.9, FILLER)
    assert tried(a_case(told), rule).verdict == "pass"
    assert tried(a_case(earlier, asked, bare), rule).verdict == "pass"
    further = (earlier, asked, between, say("customer", 7.9, 8.0, "Oh is that so then?"), bare)
    assert tried(a_case(*further), rule).verdict == "fail"
    late = (
        bare,
        say("customer", 13.0, 15.0, "Why do you do that now?"),
        replace(earlier, start_s=16, end_s=19),
    )
    assert tried(a_case(*late), rule).verdict == "fail"


def test_holds_as_moments():
    case = a_case(*TALK, say("agent", 60.0, 62.0, "I am so sorry."), holds=(a_hold(25.0, 60.0),))
    assert verdict(case, {"say": ["bye"], "before": True, "within_s": 6}, at="hold") == "pass"
    assert verdict(case, {"say": ["sorry"], "within_s": 6}, at="hold_end") == "pass"
    assert verdict(case, {"say": ["help"], "within_s": 6}, at="hold_end") == "fail"


def test_personal_data_as_a_moment():
    case = a_case(*TALK, say("customer", 26.0, 30.0, "It is four four one, nine two seven, zero three."))
    assert verdict(case, {"say": ["sorry"], "before": True}, at="personal_data") == "pass"
    assert verdict(case, {"say": ["sorry"]}, at="personal_data") == "fail"
    assert verdict(a_case(*TALK[:1]), {"say": ["sorry"]}, at="personal_data") == "not_applicable"


# --- what leaves it open


@pytest.mark.parametrize(("never", "certain"), [(False, "pass"), (True, "fail")])
def test_doubtful_words_decide_nothing(never, certain):
    case = a_case(*TALK)
    step = {"say": ["sorry"], "never": never}
    assert verdict(case, step) == certain
    assert verdict(doubtful(case, {"so", "sorry"}, 0.2), step) == "not_determinable"
    silent = replace(case, activities=tuple(a for a in case.activities if a.start_s != 10.0))
    found = tried(silent, a_sequence(step))
    assert (found.verdict, found.detail["reason_code"]) == ("not_determinable", "words_unsure")
    assert found.quote == "so sorry"


def test_unknown_speakers_decide_nothing():
    case = a_case(*(replace(turn, role="unknown") for turn in TALK))
    found = tried(case, a_sequence({"say": ["sorry"]}))
    assert (found.verdict, found.detail["reason_code"]) == ("not_determinable", "speaker_unknown")
    # What nobody says the agent does not say either.
    assert verdict(case, {"say": ["curse"]}) == "fail"
    assert verdict(case, {"say": ["curse"], "never": True}) == "pass"


@pytest.mark.parametrize("never", [False, True])
def test_what_was_not_understood_decides_nothing(never):
    case = a_case(*TALK, duration_s=91.0)
    case = replace(case, activities=(*case.activities, active("agent", 30.0, 90.0)))
    found = tried(case, a_sequence({"say": ["curse"], "never": never}))
    assert (found.verdict, found.detail["reason_code"]) == (
        "not_determinable",
        "window_not_understood",
    )


def test_a_doubtful_moment_decides_nothing():
    case = doubtful(a_case(*TALK), {"is", "broken"}, 0.2)
    assert verdict(case, {"say": ["curse"]}, at="said", said="trouble") == "not_determinable"
    assert verdict(case, {"say": ["sorry"]}, at="said", said="trouble") == "pass"


def test_a_moment_may_have_been_missed_where_nothing_was_understood():
    case = a_case(*TALK[:1], duration_s=30.0)
    case = replace(case, activities=(*case.activities, active("customer", 5.0, 20.0)))
    assert verdict(case, {"say": ["sorry"]}, at="said", said="trouble") == "not_determinable"


@pytest.mark.parametrize(
    "turns",
    [(), (say("ivr", 1.0, 4.0, "Welcome."),), (say("customer", 1.0, 4.0, "Hello, is anybody there?"),)],
)
def test_nobody_whose_words_count(turns):
    assert verdict(a_case(*turns), {"say": ["curse"], "never": True}) == "not_applicable"


# --- windows


CLOCK = Clock(start_s=0.0, outside=(Span(10.0, 20.0), Span(30.0, 35.0)))


@given(time_s=st.floats(0.0, 60.0), by_s=st.floats(0.0, 40.0))
def test_later_and_earlier_count_conversation(time_s, by_s):
    later_s = CLOCK.later(time_s, by_s)
    assert later_s >= time_s
    assert CLOCK.at(later_s) - CLOCK.at(time_s) == pytest.approx(by_s, abs=1e-6)
    earlier_s = CLOCK.earlier(time_s, by_s)
    if earlier_s >= 0:
        assert CLOCK.at(time_s) - CLOCK.at(earlier_s) == pytest.approx(by_s, abs=1e-6)


@given(
    moment=st.tuples(st.floats(0.0, 25.0), st.floats(0.0, 3.0)),
    within_s=st.none() | st.floats(0.1, 30.0),
    within_turns=st.none() | st.integers(1, 4),
    side=st.sampled_from(["after", "before", "around"]),
)
def test_a_window_lies_in_the_call_and_touches_its_moment(moment, within_s, within_turns, side):
    case = a_case(*TALK)
    around = Around(duration_s=case.duration_s, clock=CLOCK, turns=case.turns)
    step = Step(
        say=("x",),
        within_s=within_s,
        within_turns=within_turns,
        before=side == "before",
        around=side == "around",
    )
    at = Span(moment[0], min(case.duration_s, moment[0] + moment[1]))
    window = around.window(step, at, ("agent",))
    assert 0.0 <= window.start_s <= at.start_s
    assert at.end_s <= window.end_s <= case.duration_s


def test_every_sequence_of_the_program_is_sound_on_an_empty_call():
    for rule in (rule for rule in RULES.rules if isinstance(rule.check, StepSequence)):
        assert tried(a_case(), rule, SETTINGS).verdict == "not_applicable"
