"""Leave before a hold and thanks after it: what was asked, answered and said, and the verdicts over all holds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import a_hold, active, activities_of, conversation, say, words_of
from rule_cases import GREETING, RULES, a_case, finding, judged, with_permission

from pipeline.events.hold_phrases import hold_phrases
from pipeline.records import Turn
from pipeline.spans import Span

ASK = say("agent", 10.0, 14.0, "May I put you on hold for a minute?")
BACK = say("agent", 60.0, 63.0, "Thank you for holding, I have it now.")
HOLD = a_hold(16.0, 60.0)


def customer(text: str, start_s: float = 14.5, end_s: float = 15.5) -> Turn:
    return say("customer", start_s, end_s, text)


def agent(text: str, start_s: float = 10.0, end_s: float = 14.0) -> Turn:
    return say("agent", start_s, end_s, text)


@pytest.mark.parametrize(
    ("turns", "permission"),
    [
        ((ASK, customer("Sure, go ahead.")), "granted"),
        ((ASK, customer("Actually no, I am in a hurry.")), "refused"),
        ((ASK, customer("Yes. Actually no, please don't.")), "refused"),
        ((ASK,), "not_awaited"),
        ((ASK, customer("How long will it take?")), "not_awaited"),
        # An answer during the hold comes too late.
        ((ASK, customer("Yes sure.", 20.0, 21.0)), "not_awaited"),
        # Told, not asked; a go-ahead afterwards answers no question.
        ((agent("Please hold."),), "not_asked"),
        ((agent("I'm going to put you on hold."), customer("Okay.")), "not_asked"),
        ((agent("Just bear with me."),), "not_asked"),
        ((agent("The bill was sent on Monday."),), "not_asked"),
        ((agent("I was on hold for an hour yesterday."),), "not_asked"),
        ((agent("I will not put you on hold."),), "not_asked"),
        ((agent("I'll put you on hold."), customer("No, please don't.")), "refused"),
        # Volunteered.
        ((agent("I need to check that."), customer("You can put me on hold.")), "granted"),
        ((agent("I'm going to put you on hold."), customer("Please do not put me on hold.")), "refused"),
        # The agent says something between answer and hold.
        ((ASK, customer("Yes.", 14.1, 14.5), agent("Thank you, one moment.", 14.8, 15.8)), "granted"),
        # A question back, then the answer.
        (
            (
                agent("May I put you on hold?", 5.0, 7.0),
                customer("How long will it take?", 7.5, 9.0),
                agent("About two minutes.", 9.5, 11.0),
                customer("Fine.", 11.5, 12.0),
            ),
            "granted",
        ),
        # Refused, persuaded.
        (
            (
                agent("May I put you on hold?", 3.0, 5.0),
                customer("I would rather not.", 5.5, 6.5),
                agent("It is only for a moment, is it okay if I put you on hold?", 7.0, 11.0),
                customer("Oh, all right then.", 11.5, 12.5),
            ),
            "granted",
        ),
        # Refused, asked again, held without an answer.
        (
            (
                agent("May I put you on hold?", 3.0, 5.0),
                customer("No thanks.", 5.5, 6.5),
                agent("Can I put you on hold, just quickly?", 7.0, 11.0),
            ),
            "refused",
        ),
        # No to "do you mind?".
        ((agent("Do you mind if I put you on hold?"), customer("No.")), "granted"),
        ((agent("Would you mind holding for a moment?"), customer("No, not at all.")), "granted"),
        ((agent("Do you mind holding?"), customer("Yes I do mind, I am late.")), "refused"),
        ((ASK, customer("No.")), "refused"),
        ((ASK, customer("No problem.")), "granted"),
        ((ASK, customer("No, that's fine.")), "granted"),
        # The answer starts under the end of the question.
        ((ASK, customer("Yeah sure.", 13.9, 14.6)), "granted"),
    ],
)
def test_permission(turns, permission):
    (hold,) = judged((HOLD,), (*turns, BACK))
    assert hold.permission == permission


def test_a_request_long_before_the_hold_is_not_for_it():
    hold = a_hold(40.0, 60.0)
    turns = (ASK, customer("Yes."), agent("Your balance is ten dollars.", 36.0, 39.0), BACK)
    (found,) = judged((hold,), turns)
    assert (found.permission, found.request_turn_index) == ("not_asked", None)


def test_one_permission_is_for_one_hold():
    first, second = a_hold(16.0, 20.0), a_hold(24.0, 60.0, hold_index=1)
    turns = (ASK, customer("Yes."), agent("Thanks for waiting. Hold on.", 20.0, 23.0), BACK)
    assert [hold.permission for hold in judged((first, second), turns)] == ["granted", "not_asked"]


def test_the_request_and_return_turns_are_named():
    (hold,) = judged((HOLD,), (say("agent", 1.0, 3.0, GREETING), ASK, customer("Yes."), BACK))
    assert (hold.request_turn_index, hold.return_turn_index) == (1, 3)
    assert (hold.start_s, hold.end_s, hold.kind) == (16.0, 60.0, "music")


def test_unknown_speakers_leave_the_hold_open():
    turns = [replace(turn, role="unknown") for turn in (ASK, customer("Yes."), BACK)]
    (hold,) = judged((HOLD,), turns)
    assert (hold.permission, hold.thanked) == ("not_determinable", None)
    assert hold.request_turn_index == 0


@pytest.mark.parametrize("role", ["agent", "customer"])
def test_doubtful_words_leave_the_permission_open(role):
    turns = conversation(ASK, customer("Yes."), BACK)
    words = [replace(w, probability=0.1) if w.role == role else w for w in words_of(turns)]
    (hold,) = judged((HOLD,), turns, words=words)
    assert hold.permission == "not_determinable"


def test_an_answer_that_was_heard_but_not_recognised_leaves_the_permission_open():
    turns = conversation(ASK, BACK)
    (hold,) = judged((HOLD,), turns, activities=(*activities_of(turns), active("customer", 14.5, 15.5)))
    assert hold.permission == "not_determinable"


def test_an_agent_who_was_not_recognised_leaves_the_permission_open():
    turns = conversation(BACK)
    (hold,) = judged((HOLD,), turns, activities=(*activities_of(turns), active("agent", 10.0, 14.0)))
    assert hold.permission == "not_determinable"
    (silent,) = judged((HOLD,), turns)
    assert silent.permission == "not_asked"


@pytest.mark.parametrize(
    ("after", "thanked"),
    [
        ((BACK,), True),
        ((agent("Sorry to keep you waiting.", 60.0, 62.0),), True),
        ((agent("Right, so there is a fault in your area.", 60.0, 63.0),), False),
        ((agent("Sorry about that.", 60.0, 61.0),), False),
        # Calling the customer back does not use up the first turn.
        (
            (
                agent("Hello, are you still there?", 60.0, 61.5),
                customer("Yes.", 62.0, 62.3),
                agent("Thanks for waiting.", 62.5, 64.0),
            ),
            True,
        ),
        # A full turn does.
        (
            (
                agent("So I have checked the order and it was sent.", 60.0, 63.0),
                customer("Great.", 63.5, 64.0),
                agent("Thanks for waiting.", 64.5, 66.0),
            ),
            False,
        ),
        # Later than the first ten seconds of a long turn.
        ((agent("well " * 20 + "the bill was right after all. Thanks for waiting.", 60.0, 80.0),), False),
        ((customer("Thanks for waiting.", 60.0, 62.0), agent("I have it now.", 62.5, 64.0)), False),
        ((), None),
    ],
)
def test_thanks(after, thanked):
    (hold,) = judged((HOLD,), (ASK, customer("Yes."), *after))
    assert hold.thanked is thanked


def test_an_announcement_does_not_thank_for_the_agent():
    ivr = say("ivr", 30.0, 33.0, "Thank you for holding. Please stay on the line.")
    (hold,) = judged((HOLD,), (ASK, customer("Yes."), ivr, agent("I have it now.", 60.0, 62.0)))
    assert (hold.thanked, hold.permission) == (False, "granted")


def test_doubtful_thanks_are_open():
    turns = conversation(ASK, customer("Yes."), BACK)
    words = [replace(w, probability=0.1) if w.start_s >= 60.0 else w for w in words_of(turns)]
    (hold,) = judged((HOLD,), turns, words=words)
    assert (hold.thanked, hold.permission) == (None, "granted")


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Would it be okay if I place you on a brief hold?", ["request_question"]),
        ("Can you hold please?", ["request_question"]),
        ("Okay, hold on.", ["request_told"]),
        ("I'm going to put you on hold.", ["request_told"]),
        ("Okay, I'm going to put you on hold while I check.", ["request_told"]),
        ("All right. I'll put you on hold for a second.", ["request_told", "wait"]),
        ("That's fine, I need to put you on hold.", ["request_told"]),
        ("Okay I put you on hold?", ["request_question"]),
        ("Is it okay if I put you on hold?", ["request_question"]),
        ("Just bear with me.", ["wait"]),
        ("One moment, please.", ["wait"]),
        ("Thank you for holding.", ["thanks"]),
        ("Sorry to keep you waiting.", ["thanks"]),
        ("Are you still there?", ["return"]),
        ("Hello again, sorry about that.", ["return", "return"]),
        ("Thank you for calling.", []),
        ("I will not put you on hold.", []),
    ],
)
def test_hold_phrases(text, kinds):
    turns = conversation(say("agent", 1.0, 4.0, text), say("customer", 5.0, 6.0, "Please hold."))
    phrases = hold_phrases(RULES.transcript(turns, words_of(turns)), RULES.cues)
    assert [phrase.kind for phrase in phrases] == kinds
    for phrase in phrases:
        assert (phrase.role, phrase.turn_index, phrase.probability) == ("agent", 0, pytest.approx(0.9))
        assert phrase.span == phrase.span & Span(1.0, 4.01)


# --- the verdicts over all holds


@pytest.mark.parametrize(
    ("permissions", "verdict", "index"),
    [
        ((), "not_applicable", None),
        (("granted", "granted"), "pass", 0),
        (("granted", "not_asked"), "fail", 1),
        (("not_determinable", "refused"), "fail", 1),
        (("granted", "not_determinable"), "not_determinable", 1),
        (("not_awaited",), "fail", 0),
    ],
)
def test_one_bad_hold_fails_the_call(permissions, verdict, index):
    holds = tuple(
        a_hold(20.0 + 20 * n, 30.0 + 20 * n, hold_index=n, permission=permission)
        for n, permission in enumerate(permissions)
    )
    found = finding(a_case(say("agent", 1.0, 4.0, GREETING), holds=holds, duration_s=90.0), "hold_permission")
    assert (found.verdict, found.detail.get("hold_index")) == (verdict, index)
    assert [hold["permission"] for hold in found.detail["holds"]] == list(permissions)


@pytest.mark.parametrize(
    ("thanked", "verdict"),
    [((True,), "pass"), ((True, False), "fail"), ((None, False), "fail"), ((True, None), "not_determinable")],
)
def test_one_hold_without_thanks_fails_the_call(thanked, verdict):
    holds = tuple(
        a_hold(20.0 + 20 * n, 30.0 + 20 * n, hold_index=n, thanked=t) for n, t in enumerate(thanked)
    )
    case = a_case(say("agent", 1.0, 4.0, GREETING), holds=holds, duration_s=90.0)
    assert finding(case, "hold_thanks").verdict == verdict


def test_the_request_is_the_evidence():
    case = a_case(ASK, customer("No."), BACK)
    holds = with_permission((HOLD,), case.turns, case.words, case.activities)
    found = finding(replace(case, holds=holds), "hold_permission")
    assert (found.verdict, found.turn_index, found.quote) == ("fail", 0, ASK.text)
    assert (found.start_s, found.end_s) == (10.0, 14.0)


def test_without_a_request_the_window_is_the_evidence():
    case = a_case(agent("The bill was sent on Monday."), BACK, holds=(replace(HOLD, permission="not_asked"),))
    found = finding(case, "hold_permission")
    assert (found.verdict, found.turn_index, found.quote) == ("fail", None, None)
    assert (found.start_s, found.end_s) == (0.0, 16.0)


def test_the_first_turn_after_the_hold_is_the_evidence_as_far_as_it_was_searched():
    case = a_case(ASK, customer("Yes."), agent("well " * 20, 60.0, 80.0))
    holds = with_permission((HOLD,), case.turns, case.words, case.activities)
    found = finding(replace(case, holds=holds), "hold_thanks")
    assert (found.verdict, found.turn_index, found.start_s, found.end_s) == ("fail", 2, 60.0, 70.0)
    assert found.quote == " ".join(["well"] * 10)
