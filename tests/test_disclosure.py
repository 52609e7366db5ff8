"""The recording disclosure: said in time, late, absent, and what cannot be determined."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import a_hold, a_transfer, active, say
from rule_cases import GREETING, NOTICE, REASON, a_case, disclosure, doubtful

from pipeline.settings import Settings


def test_a_disclosure_in_time_passes_with_its_evidence():
    case = a_case(
        say("agent", 1.0, 5.0, GREETING), say("agent", 5.5, 8.7, NOTICE), say("customer", 9.0, 13.0, REASON)
    )
    found = disclosure(case)
    assert (found.verdict, found.turn_index) == ("pass", 1)
    assert found.quote == "This call is being recorded"
    assert found.start_s == pytest.approx(5.5)
    assert found.end_s == pytest.approx(7.5)
    assert found.confidence == pytest.approx(0.9)
    assert found.detail["status"] == "in_time"
    assert found.detail["said_by"] == "agent"
    assert found.detail["slots"] == ["subject", "act", "modality", "purpose"]
    assert found.detail["conversation_time_s"] == pytest.approx(6.5)
    assert found.detail["deadline_s"] == 60.0
    assert found.detail["personal_data"]["kind"] == "reason_with_details"
    assert found.detail["personal_data"]["start_s"] > 9.0


def test_an_ivr_may_say_it():
    case = a_case(
        say("ivr", 0.5, 4.0, "Welcome. Calls are recorded."),
        say("agent", 30.0, 33.0, GREETING),
        say("customer", 34.0, 38.0, REASON),
    )
    found = disclosure(case)
    assert (found.verdict, found.detail["said_by"], found.detail["conversation_time_s"]) == (
        "pass",
        "ivr",
        0.0,
    )


def test_only_an_ivr_is_no_conversation():
    case = a_case(say("ivr", 0.5, 4.0, "Welcome. Calls are recorded."))
    found = disclosure(case)
    assert (found.verdict, found.detail["reason_code"]) == ("not_determinable", "nobody_speaks")


def test_the_customers_words_do_not_disclose():
    case = a_case(
        say("agent", 1.0, 4.0, GREETING), say("customer", 5.0, 8.0, "I hope this call is recorded.")
    )
    assert disclosure(case).detail["status"] == "absent"


@pytest.mark.parametrize(
    ("text", "unsure", "verdict"),
    [
        ("To serve you better we restored all calls.", "restored", "not_determinable"),
        ("This line is retarded for training.", "retarded", "not_determinable"),
        ("Welcome back. You are on a corded line.", "corded", "not_determinable"),
        ("To serve you better we restored all calls.", "better", "fail"),
        ("We restored your account today.", "restored", "fail"),
    ],
)
def test_a_notice_that_may_have_been_misheard_is_not_taken_for_none(text, unsure, verdict):
    case = a_case(
        say("agent", 1.0, 5.0, GREETING), say("agent", 5.5, 8.7, text), say("customer", 9.0, 13.0, REASON)
    )
    words = tuple(replace(w, probability=0.3) if w.text.strip(".") == unsure else w for w in case.words)
    found = disclosure(replace(case, words=words))
    assert found.verdict == verdict
    if verdict == "not_determinable":
        assert found.detail["reason_code"] == "misheard"
        assert unsure in found.quote


def test_words_in_the_notices_place_that_were_heard_well_are_no_notice():
    case = a_case(say("agent", 1.0, 5.0, GREETING), say("agent", 5.5, 8.7, "Your call is important to us."))
    assert disclosure(case).detail["status"] == "absent"


def test_absence_gives_the_window_that_was_searched():
    case = a_case(say("agent", 1.0, 4.0, GREETING), say("customer", 5.0, 8.0, REASON))
    found = disclosure(case)
    assert (found.verdict, found.start_s, found.end_s) == ("fail", 0.0, case.duration_s)
    assert (found.quote, found.turn_index, found.detail["status"]) == (None, None, "absent")


@pytest.mark.parametrize(
    ("text", "status"), [(NOTICE, "late"), ("Some of our calls are recorded.", "partial")]
)
def test_after_the_reason_it_is_too_late(text, status):
    case = a_case(
        say("agent", 1.0, 4.0, GREETING), say("customer", 5.0, 9.0, REASON), say("agent", 10.0, 13.0, text)
    )
    found = disclosure(case)
    assert (found.verdict, found.detail["status"], found.turn_index) == ("fail", status, 2)


def test_a_call_that_starts_with_data_is_too_late_for_a_disclosure_in_the_same_breath():
    """The phrase must have ended before the data, not merely begun."""
    case = a_case(
        say("agent", 1.0, 4.0, GREETING),
        say("agent", 4.5, 9.0, NOTICE),
        say("customer", 5.0, 8.0, "four four one nine two seven zero three"),
    )
    assert disclosure(case).detail["status"] == "late"


@pytest.mark.parametrize(
    ("start_s", "hold", "verdict"),
    [
        (50.0, None, "pass"),
        (70.0, None, "fail"),
        # The 40 s of hold are not conversation.
        (70.0, (10.0, 50.0), "pass"),
        (105.0, (10.0, 50.0), "fail"),
    ],
)
def test_the_deadline_counts_conversation_time(start_s, hold, verdict):
    holds = (a_hold(*hold),) if hold else ()
    case = a_case(say("agent", 2.0, 5.0, GREETING), say("agent", start_s, start_s + 3.0, NOTICE), holds=holds)
    assert disclosure(case).verdict == verdict


def test_the_deadline_is_a_setting():
    case = a_case(say("agent", 2.0, 5.0, GREETING), say("agent", 20.0, 23.0, NOTICE))
    strict = Settings.model_validate({"rules": {"disclosure_deadline_s": 10.0}})
    assert disclosure(case).verdict == "pass"
    found = disclosure(case, strict)
    assert (found.verdict, found.detail["status"], found.detail["deadline_s"]) == ("fail", "late", 10.0)


def test_time_before_the_conversation_is_none_of_it():
    """Ringing and queueing before the agent answers do not use up the deadline."""
    case = a_case(say("agent", 90.0, 93.0, GREETING), say("agent", 94.0, 97.0, NOTICE))
    assert disclosure(case).verdict == "pass"


def test_doubtful_words_decide_nothing():
    case = doubtful(
        a_case(say("agent", 1.0, 4.0, GREETING), say("agent", 5.0, 8.0, NOTICE)), set(NOTICE.split()), 0.2
    )
    found = disclosure(case)
    assert (found.verdict, found.detail["reason_code"]) == ("not_determinable", "words_unsure")
    assert found.quote == "This call is being recorded"


def test_words_without_activity_decide_nothing():
    case = a_case(say("agent", 1.0, 4.0, GREETING), say("agent", 5.0, 8.0, NOTICE))
    case = replace(case, activities=(active("agent", 1.0, 4.0), active("customer", 5.0, 8.0)))
    assert disclosure(case).detail["reason_code"] == "words_unsure"


def test_doubtful_data_before_a_clear_disclosure_decides_nothing():
    number = "441-927-03"
    case = a_case(
        say("agent", 1.0, 4.0, GREETING), say("customer", 4.5, 6.0, number), say("agent", 7.0, 10.0, NOTICE)
    )
    assert disclosure(case).verdict == "fail"
    assert disclosure(doubtful(case, {number}, 0.2)).verdict == "not_determinable"


@pytest.mark.parametrize(
    ("text", "verdict"), [(NOTICE, "not_determinable"), ("I do not have a record of that.", "fail")]
)
def test_unknown_speakers(text, verdict):
    """Who said it cannot be told; but what nobody says the agent does not say either."""
    case = a_case(say("unknown", 1.0, 4.0, GREETING), say("unknown", 5.0, 8.0, text), layout="mono")
    found = disclosure(case)
    assert found.verdict == verdict
    assert found.quote == ("This call is being recorded" if verdict == "not_determinable" else None)


@pytest.mark.parametrize(
    ("start_s", "text", "verdict"),
    [
        (0.1, "and as I said the balance is due on Friday", "not_determinable"),
        (0.1, GREETING, "fail"),
        (0.6, "and as I said the balance is due on Friday", "fail"),
    ],
)
def test_a_recording_that_starts_mid_call(start_s, text, verdict):
    case = a_case(say("agent", start_s, 4.0, text), say("customer", 5.0, 7.0, "Okay thanks."))
    assert disclosure(case).verdict == verdict


def test_a_late_disclosure_in_half_a_call_may_not_be_the_first():
    case = a_case(
        say("agent", 0.1, 3.0, "and the balance is due"),
        say("customer", 4.0, 8.0, REASON),
        say("agent", 9.0, 12.0, NOTICE),
    )
    found = disclosure(case)
    assert (found.verdict, found.detail["reason_code"]) == ("not_determinable", "starts_mid_call")


@pytest.mark.parametrize("probability", [0.2, None])
def test_an_opening_that_was_not_understood(probability):
    case = a_case(say("agent", 1.0, 9.0, GREETING), say("customer", 10.0, 14.0, REASON))
    if probability is None:  # the agent speaks, nothing is recognised
        case = replace(case, words=tuple(word for word in case.words if word.role == "customer"))
    else:
        case = doubtful(case, set(GREETING.split()), probability)
    found = disclosure(case)
    assert (found.verdict, found.detail["reason_code"]) == ("not_determinable", "opening_not_understood")


def test_nobody_hears_the_agent():
    found = disclosure(a_case(say("customer", 1.0, 4.0, "Hello? Hello?")))
    assert found.verdict == "not_determinable"


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        # The second agent may rely on what the first one said, not the other way round.
        ({"end_s": 30.0}, "pass"),
        ({"end_s": 8.0}, "fail"),
        ({"end_s": 8.0, "kind": "returned"}, "pass"),
        ({"end_s": None, "kind": "announced"}, "pass"),
    ],
)
def test_whoever_takes_over_relies_on_what_was_said_before(changes, verdict):
    handed_on = a_transfer(7.0, **changes)
    case = a_case(say("agent", 1.0, 4.0, GREETING), say("agent", 10.0, 13.0, NOTICE), transfers=(handed_on,))
    found = disclosure(case)
    assert found.verdict == verdict
    assert found.detail["status"] == ("in_time" if verdict == "pass" else "late")
