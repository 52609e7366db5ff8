"""Moments at which the customer gives personal data, as the disclosure's deadline needs them."""

from __future__ import annotations

import json

import pytest
from builders import conversation, say, words_of
from rule_cases import GREETING, RULES, a_case, disclosure

from pipeline.personal_data.find import find_personal_data
from pipeline.phrases.tokens import transcribe_tokens
from pipeline.records import Turn


def data_in(*turns: Turn) -> list[tuple[str, float]]:
    numbered = conversation(*turns)
    transcript = transcribe_tokens(numbered, words_of(numbered), RULES.lexicon)
    return [(d.kind, round(d.start_s, 2)) for d in find_personal_data(transcript, RULES.personal_data)]


@pytest.mark.parametrize("verb", ["cancel", "change"])
@pytest.mark.parametrize(
    "begin", ["I'd like", "I would like", "Hi, I would like", "Yes, hello, good morning, I'd like"]
)
def test_a_bare_wish_gives_no_details_however_it_begins(verb, begin):
    assert data_in(say("customer", 4.0, 8.0, f"{begin} to {verb} my policy, please.")) == []
    detailed = f"{begin} to {verb} my policy for the car that I sold."
    assert [kind for kind, _ in data_in(say("customer", 4.0, 8.0, detailed))] == ["reason_with_details"]


@pytest.mark.parametrize(
    ("text", "found"), [("I lost my card last night in town.", 1), ("I lost my card last night.", 0)]
)
def test_a_reason_with_details_has_eight_words(text, found):
    assert len(data_in(say("customer", 4.0, 8.0, text))) == found


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
