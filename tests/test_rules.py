"""The rules on whole calls: sequences of turns, holds, personal data, verdicts and their evidence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest
from builders import a_hold, active, activities_of, conversation, say, words_of
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import Activity, Finding, Hold, Turn, Word
from pipeline.rules import Case, hold_phrases, judge, judge_holds, load_rules
from pipeline.rules.personal_data import find_personal_data
from pipeline.rules.tokens import transcribe_tokens
from pipeline.settings import Settings
from pipeline.spans import Span

RULES = load_rules()
SETTINGS = Settings()
SAMPLES = files("pipeline.samples") / "truth"
SCRIPTED = sorted(path.name for path in SAMPLES.iterdir())

GREETING = "Good morning, Oak Mutual, this is Nina, how can I help you?"
NOTICE = "This call is being recorded for training purposes."
REASON = "Hi, I would like to add my new bicycle to my home policy please."


def a_case(*turns: Turn, probability: float = 0.9, **parts: Any) -> Case:
    numbered = conversation(*turns)
    filled: dict[str, Any] = {
        "duration_s": max((turn.end_s for turn in turns), default=0.0) + 1.0,
        "layout": "stereo",
        "words": words_of(numbered, probability),
        "turns": numbered,
        "activities": activities_of(numbered),
    }
    return Case(**filled | parts)


def finding(case: Case, rule_id: str, settings: Settings = SETTINGS) -> Finding:
    (found,) = [f for f in judge(case, RULES, settings.rules) if f.rule_id == rule_id]
    return found


def disclosure(case: Case, settings: Settings = SETTINGS) -> Finding:
    return finding(case, "recording_disclosure", settings)


def doubtful(case: Case, texts: set[str], probability: float) -> Case:
    """The case with another probability for the words in `texts`."""
    words = [replace(w, probability=probability) if w.text in texts else w for w in case.words]
    return replace(case, words=tuple(words))


def judged(holds: Sequence[Hold], turns: Sequence[Turn], **parts: Any) -> tuple[Hold, ...]:
    numbered = conversation(*turns)
    words: Sequence[Word] = parts.get("words", words_of(numbered))
    activities: Sequence[Activity] = parts.get("activities", activities_of(numbered))
    return judge_holds(holds, numbered, words, activities, RULES, SETTINGS)


# --- recording disclosure


def test_every_rule_gives_one_finding_even_for_an_empty_call():
    findings = judge(a_case(), RULES, SETTINGS.rules)
    assert [(f.rule_id, f.verdict) for f in findings] == [
        ("hold_permission", "not_applicable"),
        ("hold_thanks", "not_applicable"),
        ("recording_disclosure", "not_determinable"),
    ]
    assert all(f.rule_version == RULES.rule(f.rule_id).version for f in findings)


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
    assert (found.verdict, found.detail["reason"]) == ("not_determinable", "nobody but an ivr speaks")


def test_the_customers_words_do_not_disclose():
    case = a_case(
        say("agent", 1.0, 4.0, GREETING), say("customer", 5.0, 8.0, "I hope this call is recorded.")
    )
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
    assert (found.verdict, found.detail["reason"]) == ("not_determinable", "not heard well enough")
    assert found.quote == "This call is being recorded"


def test_words_without_activity_decide_nothing():
    case = a_case(say("agent", 1.0, 4.0, GREETING), say("agent", 5.0, 8.0, NOTICE))
    case = replace(case, activities=(active("agent", 1.0, 4.0), active("customer", 5.0, 8.0)))
    assert disclosure(case).detail["reason"] == "not heard well enough"


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
    assert (found.verdict, found.detail["reason"]) == ("not_determinable", "the recording starts mid-call")


@pytest.mark.parametrize("probability", [0.2, None])
def test_an_opening_that_was_not_understood(probability):
    case = a_case(say("agent", 1.0, 9.0, GREETING), say("customer", 10.0, 14.0, REASON))
    if probability is None:  # the agent speaks, nothing is recognised
        case = replace(case, words=tuple(word for word in case.words if word.role == "customer"))
    else:
        case = doubtful(case, set(GREETING.split()), probability)
    found = disclosure(case)
    assert (found.verdict, found.detail["reason"]) == ("not_determinable", "the opening was not understood")


def test_nobody_hears_the_agent():
    found = disclosure(a_case(say("customer", 1.0, 4.0, "Hello? Hello?")))
    assert found.verdict == "not_determinable"


# --- personal data


def data_in(*turns: Turn) -> list[tuple[str, float]]:
    numbered = conversation(*turns)
    transcript = transcribe_tokens(numbered, words_of(numbered), RULES.lexicon)
    return [(d.kind, round(d.start_s, 2)) for d in find_personal_data(transcript, RULES.personal_data)]


@pytest.mark.parametrize(
    ("asked", "text", "kind"),
    [
        ("", "It is four four one, nine two seven, zero three.", "account_number"),
        ("", "It is 441-927-03.", "account_number"),
        ("", "Three eight one one.", "account_number"),
        ("", "It is double four one nine.", "account_number"),
        ("", "The reference is K7P2R.", "account_number"),
        ("", "K seven P two R", "account_number"),
        ("", "4111 1111 1111 1111", "card_number"),
        ("", "five five five one two three four five six seven", "phone"),
        ("", "My phone number is 555 1234.", "phone"),
        ("", "It is ann@example.com", "email"),
        ("", "ann at example dot com", "email"),
        ("", "The fourth of June nineteen eighty one", "date_of_birth"),
        ("", "June 4th, 1981", "date_of_birth"),
        ("", "It is 06/04/1981.", "date_of_birth"),
        ("And your date of birth?", "The fourth of June.", "date_of_birth"),
        ("", "I live at twelve Mill Lane", "address"),
        ("What is your postcode?", "It's nine four one one zero.", "address"),
        ("What is the account number?", "1985", "account_number"),
        ("And the security code on the card?", "one two three", "card_number"),
        ("", "My bill this month is almost double what I normally pay.", "reason_with_details"),
        ("", "Hello, I lost my card last night and I want to cancel it.", "reason_with_details"),
        ("", "My internet has been down since yesterday morning at home.", "reason_with_details"),
        ("", "I need to change the date of my flight to Denver.", "reason_with_details"),
    ],
)
def test_personal_data(asked, text, kind):
    turns = [say("customer", 4.0, 8.0, text)]
    if asked:
        turns.append(say("agent", 1.0, 3.0, asked))
    found = data_in(*turns)
    assert found
    assert found[0][0] == kind
    assert 4.0 <= found[0][1] < 8.0


@pytest.mark.parametrize(
    "text",
    [
        "Hello.",
        "Hi Sarah, this is Daniel Brooks.",
        "Mary Fletcher.",
        "Yes please.",
        "I want to pay.",
        "About nine hundred pounds.",
        "It was $1500.",
        "It cost 1,500 dollars.",
        "I paid 1500 pounds.",
        "Sixty two dollars.",
        "Thursday at ten fifteen, please.",
        "At 10:15 on the third of May.",
        "In 2019.",
        "Two or three times, on the 4th.",
        "Around twenty twenty five.",
        "It is 100mbps.",
        "Can you hear me now or is it still very quiet?",
    ],
)
def test_no_personal_data(text):
    assert data_in(say("customer", 1.0, 4.0, text)) == []


def test_only_the_customer_gives_personal_data():
    assert data_in(say("agent", 1.0, 4.0, "So that is four four one nine two seven zero three?")) == []


def test_a_number_goes_on_over_the_agents_backchannel():
    found = data_in(
        say("customer", 1.0, 2.0, "four four one"),
        say("agent", 2.2, 2.6, "uh huh"),
        say("customer", 3.0, 4.0, "nine two seven"),
    )
    assert found == [("account_number", 1.0)]


def test_values_are_kept_nowhere():
    case = a_case(say("agent", 1.0, 4.0, GREETING), say("customer", 5.0, 9.0, "It is 441-927-03."))
    found = disclosure(case)
    assert found.detail["personal_data"] == {
        "kind": "account_number",
        "start_s": pytest.approx(7.667, abs=0.01),
    }
    assert "441" not in json.dumps(found.detail)


# --- permission and thanks

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
    phrases = hold_phrases(turns, words_of(turns), RULES)
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
    holds = judge_holds((HOLD,), case.turns, case.words, case.activities, RULES, SETTINGS)
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
    holds = judge_holds((HOLD,), case.turns, case.words, case.activities, RULES, SETTINGS)
    found = finding(replace(case, holds=holds), "hold_thanks")
    assert (found.verdict, found.turn_index, found.start_s, found.end_s) == ("fail", 2, 60.0, 70.0)
    assert found.quote == " ".join(["well"] * 10)


# --- whole calls


@pytest.mark.parametrize("name", SCRIPTED)
def test_the_sample_calls(name):
    """The scripts of the sample calls, as if recognised without a fault."""
    truth = json.loads((SAMPLES / name).read_text(encoding="utf-8"))
    turns = conversation(*(say(t["role"], t["start"], t["end"], t["text"]) for t in truth["turns"]))
    holds = tuple(
        a_hold(hold["start"], hold["end"], hold["kind"], hold_index=n)
        for n, hold in enumerate(truth["holds"])
    )
    holds = judged(holds, turns)
    assert [hold.permission == "granted" for hold in holds] == [
        hold["asked"] and hold["agreed"] for hold in truth["holds"]
    ]
    assert [hold.thanked for hold in holds] == [hold["thanked"] for hold in truth["holds"]]
    case = a_case(*turns, holds=holds, duration_s=truth["duration"])
    verdicts = {found.rule_id: found.verdict for found in judge(case, RULES, SETTINGS.rules)}
    expected = {rule: truth["findings"][rule] for rule in verdicts if rule in truth["findings"]}
    assert {rule: verdicts[rule] for rule in expected} == expected


@given(shift_s=st.floats(0.0, 500.0))
def test_shifting_time_changes_no_verdict(shift_s):
    turns = (say("agent", 1.0, 4.0, GREETING), say("agent", 4.5, 7.0, NOTICE), ASK, customer("Yes."), BACK)
    moved = [replace(turn, start_s=turn.start_s + shift_s, end_s=turn.end_s + shift_s) for turn in turns]
    holds = judged((a_hold(16.0 + shift_s, 60.0 + shift_s),), moved)
    case = a_case(*moved, holds=holds)
    assert {found.verdict for found in judge(case, RULES, SETTINGS.rules)} == {"pass"}
