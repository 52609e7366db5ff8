"""Consent to a recording that is asked for: the answer decides."""

from __future__ import annotations

import pytest
from builders import say
from rule_cases import (
    GREETING,
    NOTICE,
    REASON,
    RULES,
    SETTINGS,
    a_case,
    disclosure,
    doubtful,
    finding,
    tried,
)

from pipeline.errors import UsageError
from pipeline.rules import load_rules
from pipeline.rules.bearing import REASONS
from pipeline.settings import Settings

ASKS = "Before we start, do you consent to the recording of this call?"
MINDS = "Do you mind if I record this call?"


def asked(question, *answers, first_s=9.0):
    """A call in which the agent asks, and what is said then: (role, text) each, a second apart."""
    turns = [say("agent", 1.0, 4.0, GREETING), say("agent", 4.5, 8.5, question)]
    start_s = first_s
    for role, text in answers:
        turns.append(say(role, start_s, start_s + 2.0, text))
        start_s += 3.0
    return a_case(*turns)


@pytest.mark.parametrize(
    "question",
    [
        ASKS,
        "May I have your permission to record this call?",
        "Is it all right with you if this conversation is recorded?",
        "I'd like to record this call, is that okay with you?",
        "Are you happy for us to tape our chat?",
    ],
)
@pytest.mark.parametrize(
    "answer", ["Yes.", "Sure, go ahead.", "That's fine.", "I consent.", "You can record it."]
)
def test_a_yes_passes(question, answer):
    found = disclosure(asked(question, ("customer", answer)))
    assert (found.verdict, found.detail["status"], found.turn_index) == ("pass", "in_time", 1)
    assert (found.detail["answer"]["agrees"], found.detail["said_by"]) == (True, "agent")
    assert 9.0 <= found.detail["answer"]["start_s"] < 11.0
    assert "reason_code" not in found.detail


@pytest.mark.parametrize(
    "answer", ["No.", "No, I'd rather not.", "I don't consent to that.", "I'd rather you didn't."]
)
def test_a_refusal_discloses_too(answer):
    found = disclosure(asked(ASKS, ("customer", answer)))
    assert (found.verdict, found.detail["answer"]["agrees"]) == ("pass", False)


@pytest.mark.parametrize(
    ("question", "answer", "agrees"),
    [
        (MINDS, "No.", True),
        (MINDS, "No, not at all.", True),
        (MINDS, "Yes, I do mind.", False),
        (ASKS, "No.", False),
        ("Do you have any objection to being recorded?", "No.", True),
        ("Would it bother you if I taped this call?", "Nope.", True),
    ],
)
def test_a_bare_no_agrees_where_the_question_is_negative(question, answer, agrees):
    assert disclosure(asked(question, ("customer", answer))).detail["answer"]["agrees"] is agrees


@pytest.mark.parametrize(
    "answers",
    [
        [],
        [("customer", "Hi, I would like to add my bicycle to my policy.")],
        [("customer", "My name is John Smith."), ("agent", "Thank you."), ("customer", "Yes.")],
        [("agent", "And can I have your name?"), ("customer", "It's John Smith.")],
    ],
)
def test_without_an_answer_nothing_can_be_determined(answers):
    found = disclosure(asked(ASKS, *answers))
    assert (found.verdict, found.detail["status"]) == ("not_determinable", "unclear")
    assert found.detail["reason_code"] == "consent_unanswered"
    assert found.quote == "do you consent to the recording of this call?"
    assert "answer" not in found.detail


def test_the_answer_may_follow_a_question_back():
    replies = [("customer", "What for?"), ("agent", "For training."), ("customer", "Okay, that's fine.")]
    found = disclosure(asked(ASKS, *replies))
    assert found.verdict == "pass"
    assert 15.0 <= found.detail["answer"]["start_s"] < 17.0


@pytest.mark.parametrize(("first_s", "verdict"), [(16.4, "pass"), (16.6, "not_determinable")])
def test_an_answer_comes_soon(first_s, verdict):
    """The question ends at 8.5 s, and an answer counts within 8 s."""
    assert SETTINGS.holds.answer_within_s == 8.0
    assert disclosure(asked(ASKS, ("customer", "Yes."), first_s=first_s)).verdict == verdict


def test_an_answer_that_was_not_heard_well_decides_nothing():
    case = doubtful(asked(ASKS, ("customer", "Certainly.")), {"Certainly."}, 0.2)
    found = disclosure(case)
    assert (found.verdict, found.detail["reason_code"]) == (
        "not_determinable",
        "consent_answer_unsure",
    )


def test_a_question_that_was_not_heard_well_decides_nothing():
    case = doubtful(asked(ASKS, ("customer", "Certainly.")), set(ASKS.split()), 0.2)
    assert disclosure(case).detail["reason_code"] == "words_unsure"


@pytest.mark.parametrize(
    "text",
    [
        f"{NOTICE} Is that okay with you?",
        "Okay, this call is recorded.",
        "no problem this call is being recorded",
        "hi how are you good morning this call is being recorded",
        "Can I just remind you this call is recorded?",
        "Let me tell you that we record all calls.",
        "I'm recording this call, is that all right with you?",
        "I'd like to let you know this call is recorded.",
        "Are you aware that this call is being recorded?",
        "Okay, go ahead, you're on a recorded line.",
    ],
)
def test_an_announcement_needs_no_answer(text):
    found = disclosure(asked(text))
    assert (found.verdict, found.detail["status"]) == ("pass", "in_time")
    assert "answer" not in found.detail


def test_an_announcement_counts_beside_a_question_without_answer():
    found = disclosure(asked(f"{ASKS} {NOTICE}", ("customer", REASON)))
    assert found.verdict == "pass"


@pytest.mark.parametrize(
    "text",
    [
        "If you don't want to be recorded, say so now.",
        "If you do not wish this call to be recorded, please press two.",
        "You have the option not to be recorded.",
        "By continuing you consent to being recorded.",
        "If you object to recording, please hang up and write to us.",
    ],
)
def test_a_choice_is_a_disclosure(text):
    assert disclosure(asked(text)).verdict == "pass"


def test_a_question_after_the_data_is_late():
    case = a_case(
        say("agent", 1.0, 4.0, GREETING),
        say("customer", 5.0, 8.0, REASON),
        say("agent", 9.0, 12.0, ASKS),
        say("customer", 13.0, 14.0, "Yes."),
    )
    found = disclosure(case)
    assert (found.verdict, found.detail["status"]) == ("fail", "late")


def test_an_announcements_question_is_answered_before_an_agent_speaks():
    ivr = say("ivr", 0.5, 4.0, "Do you consent to the recording of this call?")
    answered = a_case(ivr, say("customer", 4.5, 5.0, "Yes."), say("agent", 6.0, 9.0, GREETING))
    assert disclosure(answered).verdict == "pass"
    unanswered = a_case(ivr, say("agent", 6.0, 9.0, GREETING), say("customer", 9.5, 10.0, "Yes."))
    assert disclosure(unanswered).detail["reason_code"] == "consent_unanswered"


def test_the_time_for_an_answer_is_a_setting():
    """The question ends at 8.5 s."""
    case = asked(ASKS, ("customer", "Yes."), first_s=12.0)
    for within_s, verdict in ((3.6, "pass"), (3.4, "not_determinable")):
        settings = Settings.model_validate({"holds": {"answer_within_s": within_s}})
        assert tried(case, RULES.rule("recording_disclosure"), settings).verdict == verdict


@pytest.mark.parametrize(
    "case",
    [
        a_case(say("ivr", 0.5, 4.0, "Welcome. Calls are recorded.")),
        asked(ASKS),
        doubtful(asked(ASKS, ("customer", "Certainly.")), {"Certainly."}, 0.2),
        doubtful(asked(NOTICE), set(NOTICE.split()), 0.2),
        a_case(say("unknown", 1.0, 4.0, NOTICE), layout="mono"),
        a_case(
            say("agent", 0.1, 4.0, "and as I said the balance is due"), say("customer", 5.0, 6.0, "Okay.")
        ),
        doubtful(asked("Thanks."), {*GREETING.split(), "Thanks."}, 0.2),
        doubtful(asked("To serve you better we restored all calls."), {"restored"}, 0.3),
    ],
)
def test_what_cannot_be_determined_says_why_in_a_sentence(case):
    found = disclosure(case)
    assert found.verdict == "not_determinable"
    assert found.detail["reason_code"] in REASONS
    assert found.detail["reason"][0].isupper()
    assert found.detail["reason"].endswith(".")


def test_a_question_needs_groups_for_its_answer(tmp_path):
    pack = RULES.rule("recording_disclosure").files[0].read_text(encoding="utf-8")
    broken = pack.replace('bare_no = "bare_no"\n', "", 1)
    (tmp_path / "recording_disclosure.toml").write_text(broken, encoding="utf-8")
    with pytest.raises(UsageError, match=r"check\.consent\.bare_no"):
        load_rules(tmp_path)


@pytest.mark.parametrize(
    ("question", "answer", "then", "verdict"),
    [
        (ASKS, "No.", "Right, what is your account number?", "fail"),
        (ASKS, "No.", "Then I will stop the recording.", "pass"),
        (ASKS, "I'd rather not.", "Right, what is your account number?", "fail"),
        (ASKS, "Yes.", "Right, what is your account number?", "not_applicable"),
        (MINDS, "No.", "Right, what is your account number?", "not_applicable"),
        (MINDS, "Yes, I do mind.", "Right, what is your account number?", "fail"),
        ("Can I have your name?", "No.", "Right, what is your account number?", "not_applicable"),
    ],
)
def test_a_no_is_an_objection(question, answer, then, verdict):
    replies = [
        ("customer", answer),
        ("agent", then),
        ("customer", "It's on the letter."),
        ("agent", "Thanks."),
    ]
    assert finding(asked(question, *replies), "recording_objection").verdict == verdict


def test_a_no_that_was_not_heard_well_is_no_sure_objection():
    replies = [("customer", "Nope."), ("agent", "Right, what is your number?"), ("customer", "It's here.")]
    case = doubtful(asked(ASKS, *replies), {"Nope."}, 0.2)
    assert finding(case, "recording_objection").verdict == "not_determinable"


def test_recording_objection_judges_what_follows_a_refusal():
    went_on = asked(
        ASKS,
        ("customer", "No, I do not want to be recorded."),
        ("agent", "Right, what is your account number?"),
        ("customer", "It's on the letter."),
        ("agent", "Thank you."),
    )
    assert disclosure(went_on).verdict == "pass"
    assert finding(went_on, "recording_objection").verdict == "fail"
