"""Verdicts of the program's own sequences: objections to recording and transfers."""

from __future__ import annotations

import pytest
from builders import say
from rule_cases import a_case, finding

from pipeline.records import Finding, Turn

FILLER = "so the next bill will be sent to you on the first of the month"


def objection(*turns: Turn) -> Finding:
    return finding(a_case(*turns), "recording_objection")


SAID = say("customer", 5.0, 8.0, "Hang on, I do not want this call to be recorded.")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("No problem, I will stop the recording right now.", "pass"),
        ("Of course, I've turned the recording off.", "pass"),
        ("In that case we have to end the call, but you can write to us by email.", "pass"),
        ("I can't turn it off, but you are welcome to visit any of our branches.", "pass"),
        ("I'll call you back on an unrecorded line.", "pass"),
        ("Okay. And what is your account number please?", "fail"),
        ("It is only for training purposes. What is your date of birth?", "fail"),
        ("I'm afraid I can't stop the recording. So, which plan do you have?", "fail"),
        ("Alright, I've paused the recording for you.", "pass"),
        ("No worries, recording is off now.", "pass"),
        ("Then I'm afraid I'll have to end the call here, but feel free to use our web chat.", "pass"),
        ("You could do this online instead, nothing is recorded there.", "pass"),
        ("I can give you another number that isn't recorded.", "pass"),
        ("If you'd rather, you can send us a letter or visit a branch.", "pass"),
        ("Understood, we won't record this call.", "pass"),
        ("I respect that. I'll disconnect now and you can contact us by mail.", "pass"),
        ("Let me get that switched off for you. Okay, it's no longer being recorded.", "pass"),
        ("We can handle this by email if you prefer.", "pass"),
        ("Okay, I'm going to hang up now then. You can drop by any store.", "pass"),
        ("I'm stopping the recording as we speak.", "pass"),
        ("Sure, I have disabled call recording on my side.", "pass"),
        ("All our calls are recorded, sorry. What's your zip code?", "fail"),
        ("It's company policy, I can't do anything about it. Now, your name please?", "fail"),
        ("Okay. So are you calling about your bill today?", "fail"),
        ("I understand. Can I have the last four digits of your card?", "fail"),
        ("We record for quality purposes, it's nothing to worry about.", "fail"),
        ("I cannot turn the recording off.", "fail"),
        ("Right, let me send you the contract by email. What is your address?", "fail"),
        ("We have no option to stop the recording, it is automatic.", "fail"),
        ("Sorry, I don't have control over that. Shall we go on?", "fail"),
    ],
)
def test_an_objection_to_recording(answer, expected):
    found = objection(say("agent", 1.0, 4.0, "This call is recorded."), SAID, say("agent", 9.0, 13.0, answer))
    assert found.verdict == expected


def test_an_objection_that_is_honoured_too_late():
    turns = [SAID]
    for n, text in enumerate(
        ["Your number please?", "And your date of birth?", "I will stop the recording now."]
    ):
        turns.append(say("agent", 10.0 + 10 * n, 13.0 + 10 * n, f"Alright then sir. {text}"))
        turns.append(say("customer", 15.0 + 10 * n, 17.0 + 10 * n, "Yes that is the one I have here."))
    assert objection(*turns).verdict == "fail"


def test_an_objection_that_is_taken_back():
    why = say("agent", 9.0, 12.0, "It is only used for training, and it is deleted after a week.")
    assert objection(SAID, why, say("customer", 13.0, 15.0, "Oh, okay, that's fine then.")).verdict == "pass"
    assert objection(SAID, why, say("customer", 13.0, 15.0, "That is not okay at all.")).verdict == "fail"


def test_a_polite_objection_is_not_taken_back():
    asked = say("customer", 5.0, 8.0, "I'd rather you didn't record me, if that's okay with you.")
    assert objection(asked, say("agent", 9.0, 12.0, "So, what is the claim about?")).verdict == "fail"


def test_asking_about_the_recording_is_no_objection():
    assert objection(say("customer", 1.0, 3.0, "Are you recording this?")).verdict == "not_applicable"


@pytest.mark.parametrize(
    ("texts", "explained", "details"),
    [
        (["Let me transfer you to our billing team. I'll let them know what happened."], "pass", "pass"),
        (["One moment, I'll transfer you."], "fail", "fail"),
        (["That is handled by our claims department.", "Fine, do that please.", "Transferring you now."], "pass", "fail"),
        (["You should speak to our sales team.", "What about my bill then?", FILLER, "Okay and what else is there?", "Putting you through."], "fail", "fail"),
        (["I can transfer the money today."], "not_applicable", "not_applicable"),
    ],
)  # fmt: skip
def test_transfers(texts, explained, details):
    turns = [
        say("customer" if n % 2 else "agent", 1.0 + 5 * n, 5.0 + 5 * n, text) for n, text in enumerate(texts)
    ]
    case = a_case(*turns)
    assert finding(case, "transfer_explained").verdict == explained
    assert finding(case, "transfer_details").verdict == details
