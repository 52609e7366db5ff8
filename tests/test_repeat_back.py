"""Reading back: what of the customer's details the agent repeats, in which words, and in time."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from builders import a_hold, conversation, say, words_of
from fakes import own_rules
from hypothesis import given
from hypothesis import strategies as st
from rule_cases import a_case

from pipeline.personal_data.key_words import key_words
from pipeline.phrases.tokens import transcript_of_text
from pipeline.records import Finding, Turn
from pipeline.rules import RuleSet, judge
from pipeline.rules.labelled import read_sentences, try_rules
from pipeline.settings import Settings

SENTENCES = Path(__file__).parent / "data" / "phrases" / "repeat_back.jsonl"
HELLO = say("agent", 1.0, 4.0, "Good morning, Oak Mutual, this is Nina, how can I help you?")
NUMBER = "Yes, it's four four one, nine two seven, zero three."
REASON = "My bill this month is almost double what I normally pay and I don't know why."
NOTHING = "Thank you, bear with me while I have a look into it."


@cache
def rules() -> RuleSet:
    own = own_rules()
    return replace(own, rules=(own.rule("repeat_back"),))


def verdict_of(*turns: Turn, **parts: Any) -> Finding:
    (found,) = judge(a_case(*turns, **parts), rules(), Settings().rules)
    return found


def after(details: str, agent: str, **parts: Any) -> Finding:
    """The agent's words after the customer's."""
    return verdict_of(HELLO, say("customer", 5.0, 9.0, details), say("agent", 10.0, 15.0, agent), **parts)


@pytest.mark.parametrize(
    ("details", "agent", "kind"),
    [
        (NUMBER, "Thank you. Four four one, nine two seven, zero three.", "account_number"),
        (NUMBER, "Thanks, 441-927-03, I see it.", "account_number"),
        # One digit misheard on either side.
        (NUMBER, "That was 441 927 02 then.", "account_number"),
        (NUMBER, "The one that ends in nine two seven zero three.", "account_number"),
        ("The reference is K seven P two R.", "Okay, K7P2R, found it.", "account_number"),
        ("It's 4111 1111 1111 1111.", "The card ending 1111, thank you.", "card_number"),
        ("I was born on the fourth of June 1981.", "June 4th, 1981, thank you.", "date_of_birth"),
        ("It's 12 Mill Lane.", "Twelve Mill Lane, lovely.", "address"),
        ("Thursday at ten fifteen, please.", "Lovely, that's Thursday at 10:15 for you.", "day"),
        ("May the third, please.", "We will see you on the 3rd of May.", "day"),
        (REASON, "I see that the bill has doubled this month, I will find out.", "reason_with_details"),
        ("I would like to add my new bicycle to my home policy today please.",
         "Happy to add the bicycle to your home policy.", "reason_with_details"),
    ],
)  # fmt: skip
def test_details_read_back(details, agent, kind):
    found = after(details, agent)
    assert (found.verdict, found.turn_index) == ("pass", 2)
    assert found.detail["asked_s"] == []
    (given_,) = [g for g in found.detail["given"] if g["repeated_s"] is not None]
    assert given_["kind"] == kind
    assert found.start_s == pytest.approx(given_["repeated_s"], abs=0.001)


@pytest.mark.parametrize(
    "agent",
    [
        "Let me make sure I have that right.",
        "So you are asking why it went up?",
        "Did I get that right?",
        "And is that correct?",
    ],
)
def test_asking_whether_it_was_understood(agent):
    found = after(NUMBER, agent)
    assert found.verdict == "pass"
    assert found.detail["asked_s"]


@pytest.mark.parametrize(
    ("details", "agent"),
    [
        (NUMBER, NOTHING),
        (NUMBER, "Our own number is five five five, one two one two."),
        (NUMBER, "That will be four to five days."),
        ("Mary Fletcher, 12 Mill Lane.", "Thank you, Mary, one moment."),
        ("It's nine four one one zero.", "Did you restart the router?"),
        (REASON, "I can see your account here, please wait a moment."),
        (
            "I lost my card last night and I want to cancel it.",
            "I have sent you a new one, it takes five days.",
        ),
    ],
)
def test_nothing_is_read_back(details, agent):
    asks = say("agent", 1.0, 4.0, "What is your postcode?")
    found = verdict_of(asks, say("customer", 5.0, 9.0, details), say("agent", 10.0, 15.0, agent))
    assert (found.verdict, found.quote, found.turn_index) == ("fail", None, None)
    assert (found.start_s, found.end_s) == (
        pytest.approx(found.detail["given"][0]["start_s"], abs=0.01),
        16.0,
    )


def test_what_the_agent_said_before_is_no_reading_back():
    found = verdict_of(
        say("agent", 1.0, 4.0, "Just to confirm, is it four four one, nine two seven, zero three?"),
        say("customer", 5.0, 9.0, NUMBER),
        say("agent", 10.0, 15.0, NOTHING),
    )
    assert found.verdict == "fail"


@pytest.mark.parametrize(("hold", "verdict"), [(None, "fail"), ((20.0, 160.0), "pass")])
def test_the_time_for_it_counts_conversation(hold, verdict):
    found = verdict_of(
        HELLO,
        say("customer", 5.0, 9.0, NUMBER),
        say("agent", 10.0, 15.0, NOTHING),
        say("agent", 200.0, 205.0, "That was 44192703, thank you for holding."),
        holds=(a_hold(*hold),) if hold else (),
    )
    assert found.verdict == verdict


def test_without_details_it_does_not_apply():
    found = after("Hello, can you hear me?", "Yes I can, is that correct?")
    assert (found.verdict, found.detail["reason"]) == ("not_applicable", "the customer gave no details")


def test_what_was_not_heard_well_decides_nothing():
    found = after(NUMBER, "Four four one, nine two seven, zero three.", probability=0.2)
    assert (found.verdict, found.detail["reason_code"]) == ("not_determinable", "words_unsure")
    found = after(NUMBER, NOTHING, probability=0.2)
    assert (found.verdict, found.detail["reason_code"]) == (
        "not_determinable",
        "customer_not_understood",
    )


def test_an_agent_who_was_not_understood_may_have_read_it_back():
    turns = conversation(HELLO, say("customer", 5.0, 9.0, NUMBER), say("agent", 10.0, 25.0, NOTHING))
    heard = tuple(word for word in words_of(turns) if word.turn_index < 2)
    found = verdict_of(*turns, words=heard)
    assert (found.verdict, found.detail["reason_code"]) == ("not_determinable", "agent_not_understood")


def test_who_speaks_must_be_known():
    unknown = say("unknown", 10.0, 15.0, "Four four one, nine two seven, zero three.")
    found = verdict_of(HELLO, say("customer", 5.0, 9.0, NUMBER), unknown)
    assert (found.verdict, found.detail["reason_code"]) == ("not_determinable", "speaker_unknown")
    found = verdict_of(say("unknown", 1.0, 4.0, NUMBER), unknown)
    assert (found.verdict, found.detail["reason_code"]) == ("not_determinable", "speaker_unknown")


@given(st.text(alphabet="23456789", min_size=8, max_size=12))
def test_the_detail_holds_no_value(digits):
    found = after(f"It is {digits}.", f"That is {digits}.")
    assert found.verdict == "pass"
    assert digits not in json.dumps(found.detail)
    assert "quote" not in found.detail


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("the fourth of June nineteen eighty one", "June 4th, 1981"),
        ("I cancelled the bills", "we are cancelling your bill"),
        ("four four one nine", "4419"),
    ],
)
def test_key_words_are_the_same_however_it_is_said(one, other):
    lexicon = own_rules().lexicon
    first, second = (key_words(transcript_of_text(t, "agent", lexicon).words) for t in (one, other))
    assert first == second
    assert first


def test_sentences_of_agents():
    sentences = read_sentences(SENTENCES)
    assert sum(sentence.expect for sentence in sentences) >= 20
    assert try_rules(own_rules(), sentences).wrong == ()
