"""The customer's name: how it becomes known, and whether the agent addresses the customer by it."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from builders import say
from fakes import own_rules
from hypothesis import given
from hypothesis import strategies as st
from rule_cases import a_case

from pipeline.records import Call, Finding, Turn
from pipeline.rules import RuleSet, judge
from pipeline.rules.customer_names import is_name
from pipeline.rules.labelled import read_sentences, try_rules
from pipeline.settings import Settings

SENTENCES = Path(__file__).parent / "data" / "phrases" / "customer_name_used.jsonl"
HELLO = say("agent", 1.0, 4.0, "Good morning, Oak Mutual, this is Nina, how can I help you?")
ASKED = say("agent", 1.0, 4.0, "Oak Mutual, may I have your name, please?")
CHAT = say("agent", 20.0, 26.0, "Let me look into that, it will take a moment, I have it here.")


@cache
def rules() -> RuleSet:
    own = own_rules()
    return replace(own, rules=(own.rule("customer_name_used"),))


def verdict_of(*turns: Turn, **parts: Any) -> Finding:
    (found,) = judge(a_case(*turns, **parts), rules(), Settings().rules)
    return found


def customer(text: str, start_s: float = 5.0, end_s: float = 9.0) -> Turn:
    return say("customer", start_s, end_s, text)


def agent(text: str, start_s: float = 30.0, end_s: float = 34.0) -> Turn:
    return say("agent", start_s, end_s, text)


@pytest.mark.parametrize(
    ("before", "said", "used"),
    [
        (HELLO, "Hi Nina, this is Daniel Brooks. My bill is wrong.", "I'm sorry to hear that, Daniel."),
        (HELLO, "My name is Okonkwo, Chidi Okonkwo.", "Thank you, Mister Okonkwo, one moment."),
        (HELLO, "Hello, I'm Greg and I have a question.", "Hello Greg, thank you for your patience."),
        (HELLO, "Hello, you're speaking with Alice Moreno.", "That's no problem at all, Alice."),
        (ASKED, "Sure, it's Mary Fletcher.", "Thank you, Mary, bear with me."),
        (ASKED, "Mary.", "Okay Mary let me see."),
        (ASKED, "mary fletcher", "thank you mary let me see"),
        (ASKED, "Yes, the account is under Priya Sharma.", "All done, Ms. Sharma."),
    ],
)
def test_a_name_that_was_given_and_used(before, said, used):
    found = verdict_of(before, customer(said), CHAT, agent(used))
    assert (found.verdict, found.detail["times"], found.detail["known_from"]) == ("pass", 1, ["customer"])
    assert found.turn_index == 3
    assert found.start_s >= 30.0


@pytest.mark.parametrize(
    "used",
    [
        "And is the account under Daniel Brooks?",
        "I will put you through to Daniel in billing.",
        "Daniel speaking, how can I help?",
        "We have changed Daniel's policy.",
        "Thank you very much for waiting.",
        "You have time until Monday, and then we will book it.",
    ],
)
def test_a_name_that_is_never_used_in_address(used):
    found = verdict_of(HELLO, customer("This is Daniel Brooks."), CHAT, agent(used))
    assert (found.verdict, found.quote, found.turn_index) == ("fail", None, None)
    assert (found.start_s, found.end_s) == (pytest.approx(9.0), 35.0)


@pytest.mark.parametrize(
    ("given_name", "written"),
    [
        ("Catherine", "Kathryn"),
        ("Moreno", "Marino"),
        ("Stephen", "Steven"),
        ("Daniel", "Dan"),
        ("Patel", "Patell"),
    ],
)
def test_the_recogniser_may_spell_it_otherwise(given_name, written):
    found = verdict_of(
        HELLO, customer(f"This is {given_name}."), CHAT, agent(f"Thank you, {written}, I see.")
    )
    assert (found.verdict, found.quote) == ("pass", f"{written},")


def test_the_person_the_agent_asks_for():
    asks = say("agent", 1.0, 4.0, "Good evening, may I speak to Mister Patel, please?")
    used = agent("I understand, Mister Patel.")
    found = verdict_of(asks, customer("Speaking."), used)
    assert (found.verdict, found.quote, found.detail["known_from"]) == ("pass", "Mister Patel.", ["agent"])
    assert verdict_of(asks, customer("Speaking."), CHAT).verdict == "fail"


def test_somebody_else_answers():
    asks = say("agent", 1.0, 4.0, "Good evening, may I speak to Daniel Patel, please?")
    found = verdict_of(asks, customer("No, he is not here."), CHAT)
    assert (found.verdict, found.detail["reason"]) == ("not_applicable", "the customer's name is not known")


@pytest.mark.parametrize("key", ["customer_name", "Caller_Name", "customer"])
def test_the_metadata_may_know_the_name(key):
    call = Call(extra={key: "Brooks, Daniel"})
    used = verdict_of(HELLO, agent("There you are, Mr. Brooks."), facts=call)
    assert (used.verdict, used.detail["known_from"], used.detail["known_s"]) == ("pass", ["metadata"], 0.0)
    assert verdict_of(HELLO, CHAT, facts=call).verdict == "fail"


def test_without_a_name_the_rule_does_not_apply():
    found = verdict_of(HELLO, customer("Hi, my bill is wrong."), CHAT)
    assert (found.verdict, found.start_s) == ("not_applicable", None)


def test_an_agent_may_know_the_name_from_elsewhere():
    found = verdict_of(HELLO, customer("Hi, my bill is wrong."), agent("Thank you, Mrs. Jones, I see it."))
    assert (found.verdict, found.detail["known_from"]) == ("pass", [])


def test_another_name_may_be_the_recognisers():
    found = verdict_of(HELLO, customer("This is Daniel."), CHAT, agent("Thank you, Jennifer."))
    assert found.verdict == "not_determinable"
    assert "otherwise" in found.detail["reason"]


@pytest.mark.parametrize(
    ("given_name", "used"),
    [
        ("Martin Boyle", ("Oh no, Mr. Doyle, I see.", "Thanks for waiting, Mr. Doyle.")),
        ("Joe", ("I'm so sorry, Joanne.", "Thanks for getting in touch, Joanne.")),
    ],
)
def test_one_other_name_used_again_is_the_customers_as_the_agent_says_it(given_name, used):
    first, again = agent(used[0]), agent(used[1], 40.0, 44.0)
    before = (HELLO, customer(f"This is {given_name}."), CHAT)
    found = verdict_of(*before, first, again)
    assert (found.verdict, found.detail["times"], found.turn_index) == ("pass", 2, 3)
    assert "otherwise" in found.detail["reason"]
    assert used[0].split()[-1] not in json.dumps(found.detail)
    other = agent("Thank you, Jennifer.", 40.0, 44.0)
    assert verdict_of(*before, first, other).verdict == "not_determinable"
    unknown = (*before, first, replace(again, role="unknown"))
    assert verdict_of(*unknown).verdict == "not_determinable"


def test_another_name_than_the_metadatas_is_not_made_right_by_using_it_again():
    turns = (HELLO, CHAT, agent("There you are, Mr. Doyle."), agent("Bye, Mr. Doyle.", 40.0, 44.0))
    assert verdict_of(*turns, facts=Call(extra={"customer_name": "Anna Smith"})).verdict == "not_determinable"


def test_a_name_given_at_the_very_end_leaves_no_occasion():
    found = verdict_of(
        CHAT, customer("It's Daniel, by the way, this is Daniel.", 30.0, 33.0), agent("Bye.", 34.0, 35.0)
    )
    assert (found.verdict, found.detail["reason"]) == ("not_applicable", "the name was not known in time")


def test_what_was_not_heard_well_decides_nothing():
    turns = (HELLO, customer("This is Daniel."), CHAT, agent("Thank you, Daniel."))
    found = verdict_of(*turns, probability=0.2)
    assert (found.verdict, found.detail["reason_code"]) == ("not_determinable", "words_unsure")


def test_who_speaks_must_be_known():
    turns = [say("unknown", t.start_s, t.end_s, t.text) for t in (HELLO, CHAT)]
    assert verdict_of(*turns).detail["reason_code"] == "speaker_unknown"
    named = say("unknown", 30.0, 34.0, "Thank you, Daniel.")
    found = verdict_of(HELLO, customer("This is Daniel."), CHAT, named)
    assert (found.verdict, found.detail["reason_code"]) == ("not_determinable", "speaker_unknown")


def test_the_name_stands_in_the_quote_alone():
    found = verdict_of(HELLO, customer("This is Daniel."), CHAT, agent("Thank you, Daniel."))
    assert found.quote == "Daniel."
    assert "daniel" not in json.dumps(found.detail).lower()


@given(st.sampled_from(["time", "tom", "mary", "very", "great", "detail", "also", "books"]))
def test_common_words_are_names_only_when_they_are_spelled_alike(word):
    assert is_name(word, {"tom", "mary", "greg", "daniel", "alice", "brooks"}, proper=False) == (
        word in {"tom", "mary"}
    )


def test_sentences_of_agents():
    sentences = read_sentences(SENTENCES)
    assert sum(sentence.expect for sentence in sentences) >= 20
    assert try_rules(own_rules(), sentences).wrong == ()
