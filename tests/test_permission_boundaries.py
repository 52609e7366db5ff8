"""The numbers by which permission and thanks are judged, each with an example on both sides of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import a_hold, active, activities_of, conversation, say, words_of
from rule_cases import judged

from pipeline.records import Activity, Hold, Turn

ASK = say("agent", 10.0, 14.0, "May I put you on hold?")
BACK = say("agent", 60.0, 63.0, "Thank you for holding, I have it now.")


def customer(text: str, start_s: float, end_s: float) -> Turn:
    return say("customer", start_s, end_s, text)


def hold_after(*turns: Turn, start_s: float = 16.0, **parts) -> Hold:
    (found,) = judged((a_hold(start_s, 60.0),), turns, **parts)
    return found


# --- the request


@pytest.mark.parametrize(("start_s", "permission"), [(13.6, "not_awaited"), (13.4, "not_asked")])
def test_the_request_may_end_half_a_second_after_the_hold_began(start_s, permission):
    assert hold_after(ASK, BACK, start_s=start_s).permission == permission


@pytest.mark.parametrize(("start_s", "permission"), [(30.4, "not_awaited"), (30.6, "not_asked")])
def test_the_request_may_begin_half_a_second_before_the_20_s(start_s, permission):
    assert hold_after(ASK, BACK, start_s=start_s).permission == permission


def test_a_request_before_the_hold_before_is_for_that_one():
    holds = a_hold(16.0, 20.0), a_hold(22.0, 60.0, hold_index=1)
    found = judged(holds, (ASK, customer("Sure.", 14.5, 15.0), say("agent", 20.0, 21.5, "Okay so."), BACK))
    assert [hold.permission for hold in found] == ["granted", "not_asked"]
    assert [hold.request_turn_index for hold in found] == [0, None]


@pytest.mark.parametrize(
    ("start_s", "permission"), [(14.5, "not_determinable"), (8.0, "granted"), (62.0, "granted")]
)
def test_an_unknown_speaker_leaves_it_open_only_shortly_before_the_hold(start_s, permission):
    unknown = say("unknown", start_s, start_s + 1.0, "well then")
    hold = hold_after(replace(ASK, start_s=30.0, end_s=34.0), customer("Sure.", 34.5, 35.0),
                      replace(unknown, start_s=start_s + 20.0, end_s=start_s + 21.0) if start_s == 14.5 else unknown,
                      BACK, start_s=36.0)  # fmt: skip
    assert hold.permission == permission


# --- the answer


@pytest.mark.parametrize(("start_s", "permission"), [(13.75, "granted"), (13.6, "not_awaited")])
def test_an_answer_may_begin_300_ms_before_the_question_has_ended(start_s, permission):
    assert hold_after(ASK, customer("Sure.", start_s, 14.5), BACK).permission == permission


@pytest.mark.parametrize(("start_s", "permission"), [(22.0, "granted"), (22.1, "not_awaited")])
def test_an_answer_follows_within_8_s(start_s, permission):
    answer = customer("Sure.", start_s, start_s + 0.5)
    assert hold_after(ASK, answer, BACK, start_s=26.0).permission == permission


def test_the_8_s_count_from_the_end_of_what_was_asked_and_of_what_was_said_since():
    asks = say("agent", 5.0, 14.0, "May I put you on hold while I look for it?")
    assert hold_after(asks, customer("Sure.", 20.0, 20.5), BACK, start_s=22.0).permission == "granted"
    turns = (
        customer("How long will it take?", 15.0, 20.0),
        say("agent", 15.5, 16.0, "About"),
        customer("Fine.", 27.0, 27.5),
    )
    assert hold_after(ASK, *turns, BACK, start_s=28.0).permission == "granted"


@pytest.mark.parametrize(("start_s", "permission"), [(16.0, "granted"), (16.1, "not_awaited")])
def test_an_answer_begins_before_the_hold_does(start_s, permission):
    assert hold_after(ASK, customer("Sure.", start_s, start_s + 0.4), BACK).permission == permission


def test_an_announcement_answers_nothing_and_ends_no_waiting():
    turns = say("ivr", 14.2, 14.4, "Yes."), customer("Sure.", 15.0, 15.5)
    assert hold_after(ASK, *turns, BACK).permission == "granted"
    assert hold_after(ASK, turns[0], BACK).permission == "not_awaited"
    # Not even by its length.
    long = say("ivr", 14.5, 40.0, "All our agents are busy.")
    assert (
        hold_after(ASK, long, customer("Sure.", 25.0, 25.5), BACK, start_s=28.0).permission == "not_awaited"
    )


def test_an_answer_is_to_the_request_before_it():
    minds = say("agent", 8.0, 10.0, "Do you mind holding?")
    asks = say("agent", 11.0, 13.0, "Can I put you on hold?")
    assert hold_after(minds, asks, customer("No.", 13.5, 14.0), BACK).permission == "refused"
    later = replace(asks, start_s=13.0, end_s=15.0)
    assert hold_after(minds, customer("No.", 10.5, 11.0), later, BACK).permission == "granted"
    first = replace(asks, start_s=8.0, end_s=10.0), replace(minds, start_s=11.0, end_s=13.0)
    assert hold_after(*first, customer("No.", 13.5, 14.0), BACK).permission == "granted"


def test_an_offer_needs_no_request_that_was_heard():
    turns = conversation(ASK, customer("You can put me on hold.", 14.5, 15.5), BACK)
    words = [replace(w, probability=0.1) if w.role == "agent" else w for w in words_of(turns)]
    assert hold_after(*turns, words=words).permission == "granted"


# --- what was not recognised


def with_speech(*turns: Turn, **speech) -> tuple[Activity, ...]:
    return (*activities_of(conversation(*turns)), *(active(role, *times) for role, times in speech.items()))


@pytest.mark.parametrize(("end_s", "permission"), [(15.41, "not_determinable"), (15.39, "not_awaited")])
def test_400_ms_of_the_customers_speech_may_have_been_an_answer(end_s, permission):
    activities = with_speech(ASK, BACK, customer=(15.0, end_s))
    assert hold_after(ASK, BACK, activities=activities).permission == permission


@pytest.mark.parametrize(("end_s", "permission"), [(0.4, "not_determinable"), (0.39, "not_asked")])
def test_400_ms_of_the_agents_speech_may_have_been_a_request(end_s, permission):
    activities = with_speech(BACK, agent=(0.0, end_s))
    assert hold_after(BACK, activities=activities).permission == permission


@pytest.mark.parametrize("role", ["customer", "ivr"])
def test_somebody_elses_speech_is_no_request(role):
    activities = with_speech(BACK, **{role: (0.0, 5.0)})
    assert hold_after(BACK, activities=activities).permission == "not_asked"


def test_speech_outside_the_time_for_an_answer_is_none():
    for times in ((8.0, 12.0), (17.0, 20.0)):
        activities = with_speech(ASK, BACK, customer=times)
        assert hold_after(ASK, BACK, activities=activities).permission == "not_awaited"


@pytest.mark.parametrize(("probability", "permission"), [(0.4, "not_awaited"), (0.39, "not_determinable")])
def test_a_reply_recognised_with_a_probability_of_40_percent_was_understood(probability, permission):
    turns = conversation(ASK, customer("How long?", 14.5, 15.5), BACK)
    words = [replace(w, probability=probability) if w.role == "customer" else w for w in words_of(turns)]
    assert hold_after(*turns, words=words).permission == permission


def test_words_elsewhere_do_not_make_a_reply_doubtful():
    turns = conversation(
        customer("And then it broke again and again", 2.0, 3.0), ASK, customer("How long?", 14.5, 15.5), BACK
    )
    words = [replace(w, probability=0.1) if w.start_s < 4.0 else w for w in words_of(turns)]
    assert hold_after(*turns, words=words).permission == "not_awaited"


# --- thanks


def test_of_two_thanks_one_must_be_sure():
    first, second = (
        say("agent", 60.0, 62.0, "Thank you for holding."),
        say("agent", 62.0, 64.0, "Thanks for waiting."),
    )
    turns = conversation(ASK, first, second)
    for doubtful, thanked in (({1}, True), ({2}, True), ({1, 2}, None)):
        words = [replace(w, probability=0.1) if w.turn_index in doubtful else w for w in words_of(turns)]
        assert hold_after(*turns, words=words).thanked is thanked


@pytest.mark.parametrize(("start_s", "thanked"), [(59.6, True), (59.5, True), (59.4, None)])
def test_the_agent_may_be_back_half_a_second_before_the_hold_ends(start_s, thanked):
    assert hold_after(ASK, replace(BACK, start_s=start_s)).thanked is thanked


@pytest.mark.parametrize(("words_before", "thanked"), [(19, True), (20, False)])
def test_thanks_begin_within_10_s(words_before, thanked):
    """In a turn of 40 words, half a second each."""
    said = ("the bill was sent by us " * 6).split()
    text = " ".join([*said[:words_before], "thanks for waiting", *said[words_before:], "then"])
    assert hold_after(ASK, say("agent", 60.0, 80.0, text)).thanked is thanked


@pytest.mark.parametrize(
    ("text", "thanked"), [("Hello, are you still there?", True), ("Hello there, are you still there?", False)]
)
def test_five_words_only_call_the_customer_back(text, thanked):
    turns = say("agent", 60.0, 61.5, text), say("agent", 62.5, 64.0, "Thanks for waiting.")
    assert hold_after(ASK, *turns).thanked is thanked


@pytest.mark.parametrize(("start_s", "thanked"), [(69.9, None), (70.0, False)])
def test_an_agent_who_says_nothing_for_10_s_has_not_thanked(start_s, thanked):
    turns = conversation(ASK, say("agent", start_s, 75.0, "So."))
    words = [word for word in words_of(turns) if word.turn_index == 0]
    assert hold_after(*turns, words=words).thanked is thanked


@pytest.mark.parametrize(("probability", "thanked"), [(0.4, False), (0.39, None)])
def test_a_first_turn_recognised_with_a_probability_of_40_percent_was_understood(probability, thanked):
    turns = conversation(ASK, say("agent", 60.0, 61.0, "So then."))
    words = [replace(w, probability=probability) if w.turn_index == 1 else w for w in words_of(turns)]
    assert hold_after(*turns, words=words).thanked is thanked


@pytest.mark.parametrize(
    ("role", "thanked"), [("agent", True), ("unknown", None), ("customer", None), ("ivr", None)]
)
def test_who_thanks(role, thanked):
    found = hold_after(ASK, replace(BACK, role=role, channel=1 if role == "customer" else 0))
    assert found.thanked is thanked
    assert found.return_turn_index == (1 if role in {"agent", "unknown"} else None)
