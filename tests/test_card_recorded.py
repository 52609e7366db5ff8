"""The rule payment_card_recorded: what is heard of a card, and a pause of the recorder that covers it."""

from dataclasses import replace

import pytest
from builders import a_silence, conversation, say, words_of
from fakes import own_rules

from pipeline.masking.find import find_masks
from pipeline.masking.model import labels_nothing
from pipeline.rules import CallContext, judge
from pipeline.settings import HoldSettings, RuleSettings

ASK = say("agent", 0, 4, "Can I take the long number across the front of your card please?")
NUMBER = say("customer", 5, 15, "it is 4929 1184 7702 3316")
CODE = say("customer", 20, 24, "the security code is 417")


def found(*turns, pauses=(), **changes):
    numbered = conversation(*turns)
    words = words_of(numbered)
    context = CallContext(
        duration_s=300.0,
        layout="stereo",
        words=words,
        turns=numbered,
        activities=(),
        masks=find_masks(words, labels_nothing),
        silences=tuple(
            a_silence(start_s, end_s, silence_index=at, kind="recorder_pause")
            for at, (start_s, end_s) in enumerate(pauses)
        ),
        kind="conversation",
    )
    rules = own_rules()
    context = replace(context, **changes)
    findings = judge(context, rules, RuleSettings(), HoldSettings())
    return next(finding for finding in findings if finding.rule_id == "payment_card_recorded")


@pytest.mark.parametrize(
    ("turns", "codes", "numbers"),
    [
        ((ASK, NUMBER), 0, 1),
        ((ASK, NUMBER, CODE), 1, 1),
        ((CODE,), 1, 0),
        ((ASK, say("customer", 5, 20, "four nine two nine one one eight four seven seven oh two double three one six")), 0, 1),
        ((ASK, say("customer", 5, 9, "4929 1184"), say("agent", 9, 10, "yes"), say("customer", 10, 14, "7702 3316")), 0, 1),
        ((ASK, say("customer", 5, 6, "hold on"), say("agent", 30, 40, "so your card number is 4929 1184 7702 3316")), 0, 1),
    ],
)  # fmt: skip
def test_what_is_heard_of_a_card_fails_without_telling_it(turns, codes, numbers):
    finding = found(*turns)
    assert finding.verdict == "fail"
    assert (finding.detail["security_codes"], finding.detail["card_numbers"]) == (codes, numbers)
    assert (finding.quote, finding.basis) == (None, "event")
    assert finding.start_s is not None


def test_a_pause_of_the_recorder_after_the_question_passes():
    finding = found(ASK, say("agent", 60, 62, "thank you that is done"), pauses=[(10.0, 50.0)])
    assert (finding.verdict, finding.start_s, finding.end_s) == ("pass", 10.0, 50.0)


@pytest.mark.parametrize(
    ("start_s", "verdict"), [(63.9, "pass"), (64.1, "not_applicable"), (1.0, "not_applicable")]
)
def test_the_pause_begins_soon_after_the_question(start_s, verdict):
    asked = replace(ASK, start_s=0.0, end_s=4.0, text="your card number please")
    later = say("agent", 200, 202, "thank you")
    assert found(asked, later, pauses=[(start_s, start_s + 40)]).verdict == verdict


def test_a_pause_does_not_excuse_what_is_heard_outside_it():
    assert found(ASK, CODE, pauses=[(5.0, 15.0)]).verdict == "fail"


@pytest.mark.parametrize(
    "turns",
    [
        (say("agent", 0, 4, "Just the last four digits of your card please."), say("customer", 5, 8, "3316")),
        (say("customer", 0, 4, "my card was declined twice"), say("agent", 5, 8, "let me look into that")),
        (ASK, say("customer", 5, 12, "4929 1184 7702")),
        (ASK, say("customer", 5, 9, "actually no I will pay by bank transfer")),
    ],
    ids=["last four", "no number", "twelve digits", "not given"],
)
def test_what_is_no_whole_number_does_not_count(turns):
    assert found(*turns).verdict == "not_applicable"


def test_twelve_digits_are_too_few_and_thirteen_are_enough():
    assert found(ASK, say("customer", 5, 12, "4929 1184 7702 3")).verdict == "fail"


def test_unsure_words_decide_nothing():
    numbered = conversation(ASK, CODE)
    words = words_of(numbered, probability=0.2)
    finding = found(ASK, CODE, words=words, masks=find_masks(words, labels_nothing))
    assert finding.verdict == "not_determinable"
