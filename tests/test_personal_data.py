"""Personal data: what counts as given, from when to when, and that its value is kept nowhere."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from builders import conversation, say, words_of
from fakes import own_rules
from hypothesis import given
from hypothesis import strategies as st

from pipeline.personal_data.find import passes_luhn, personal_data_records
from pipeline.personal_data.number_runs import number_runs
from pipeline.phrases.tokens import transcript_of_text
from pipeline.records import PersonalDatum, Turn


def data_in(*turns: Turn) -> tuple[PersonalDatum, ...]:
    numbered = conversation(*turns)
    rules = own_rules()
    transcript = rules.transcript(numbered, words_of(numbered))
    return personal_data_records(transcript, rules.personal_data, numbered)


def given_by_customer(text: str, asked: str = "") -> list[tuple[str, str]]:
    """Kind and words of what the customer gives, after the agent's question."""
    turns = [say("customer", 4.0, 4.0 + len(text.split()), text)]
    if asked:
        turns.append(say("agent", 1.0, 3.0, asked))
    words = [word for word in words_of(conversation(*turns)) if word.role == "customer"]
    return [
        (
            datum.kind,
            " ".join(w.text for w in words if datum.start_s <= w.start_s < datum.end_s - 1e-6),
        )
        for datum in data_in(*turns)
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("four four one, nine two seven, zero three", "44192703"),
        ("double four oh nine", "4409"),
        ("triple eight, treble one", "888111"),
        ("forty-one eleven", "4111"),
        ("forty one eleven", "4111"),
        ("twenty-three forty-five sixty seven", "234567"),
        ("one eight hundred five five five one two one two", "18005551212"),
        ("four hundred and twelve", "412"),
        ("nought one six one", "0161"),
        ("K seven P two R", "k7p2r"),
        ("K for kilo seven P as in papa two R", "k7p2r"),
        ("kilo seven papa two romeo", "k7p2r"),
        ("four four one and then nine two seven", "441927"),
        ("4-4-1 9.2.7 03", "44192703"),
        ("+44 (7700) 900-123", "447700900123"),
        ("ABC-123-456", "abc123456"),
    ],
)
def test_numbers_are_read_as_they_are_said(text, code):
    words = transcript_of_text(text, "customer", own_rules().lexicon).words
    assert [run.code for run in number_runs(words)] == [code]


@given(st.text(alphabet="0123456789", min_size=4, max_size=19))
def test_digits_said_one_by_one_come_back(digits):
    names = "zero one two three four five six seven eight nine".split()
    words = transcript_of_text(" ".join(names[int(d)] for d in digits), "customer", own_rules().lexicon).words
    (run,) = number_runs(words)
    assert (run.code, run.singles) == (digits, len(digits))


@given(st.integers(1, 10**18 - 1))
def test_luhn_notices_every_single_wrong_digit(number):
    body = str(number)
    (check,) = [d for d in "0123456789" if passes_luhn(body + d)]
    for at, digit in enumerate(body):
        wrong = body[:at] + str((int(digit) + 1) % 10) + body[at + 1 :]
        assert not passes_luhn(wrong + check)


@pytest.mark.parametrize(
    ("asked", "text", "kind", "words"),
    [
        ("", "Yes, it's four four one, nine two seven, zero three.", "account_number",
         "four four one, nine two seven, zero three."),
        ("", "My booking reference is K seven P two R.", "account_number", "K seven P two R."),
        ("", "The order number is forty-one eleven please.", "account_number", "forty-one eleven"),
        ("What is your policy number?", "Sure, HX 20 45.", "account_number", "20 45."),
        ("", "four one one one, one one one one, one one one one, one one one one okay", "card_number",
         "four one one one, one one one one, one one one one, one one one one"),
        ("", "It's my Visa ending in 4242.", "card_number", "4242."),
        ("And the security code?", "It's one two three.", "card_number", "one two three."),
        ("", "You can call me on 0161 496 0123 any time", "phone", "0161 496 0123"),
        ("And your phone number?", "555-1234", "phone", "555-1234"),
        ("", "My social security number is 123-45-6789.", "ssn", "123-45-6789."),
        ("The last four of your social?", "Six seven eight nine.", "ssn", "Six seven eight nine."),
        ("", "It's ann dot lee at example dot com, all lower case.", "email",
         "ann dot lee at example dot com,"),
        ("", "Send it to ann.lee@example.com please", "email", "ann.lee@example.com"),
        ("", "Daniel Brooks, born on the fourth of June nineteen eighty-one.", "date_of_birth",
         "the fourth of June nineteen eighty-one."),
        ("", "June 4th, 1981.", "date_of_birth", "June 4th, 1981."),
        ("", "Mary Fletcher, 06/04/1981.", "date_of_birth", "06/04/1981."),
        ("What is your date of birth?", "Fourth of June eighty one.", "date_of_birth",
         "Fourth of June eighty one."),
        ("", "It's 12 Mill Lane.", "address", "12 Mill Lane."),
        ("", "we moved to four hundred and twelve Elm Street", "address", "twelve Elm Street"),
        ("", "Send it to 9 Harbour Court please.", "address", "9 Harbour Court"),
        ("", "Apartment 4B", "address", "Apartment 4B"),
        ("", "The postcode is BS3 4QT.", "address", "BS3 4QT."),
        ("And the first line of your address?", "Seventeen Oakfield.", "address", "Seventeen"),
        ("What's your zip code?", "nine four one one zero", "address", "nine four one one zero"),
    ],
)  # fmt: skip
def test_what_is_given_and_exactly_when(asked, text, kind, words):
    assert given_by_customer(text, asked) == [(kind, words)]


@pytest.mark.parametrize(
    "text",
    [
        "Hi Sarah, this is Daniel Brooks.",
        "It was $1500.",
        "I paid 1500 last time.",
        "About twelve hundred and fifty dollars.",
        "The total is one ninety nine ninety nine.",
        "My appointment is on 12/05/2026.",
        "On March 15th 2026 at 1030 please.",
        "Thursday at ten fifteen.",
        "Half past four, or quarter to five.",
        "Between 2019 and 2020.",
        "In nineteen eighty four.",
        "I have been with you since March 1998.",
        "We opened it on June 4th, 1998.",
        "Flight BA 2456 to Denver.",
        "flight two four five six",
        "Room 4112, I think.",
        "It was a ten minute drive.",
        "One second, please.",
        "There were two close friends and one big court case.",
        "I have three kids and 2 dogs.",
        "I looked at example dot com.",
        "I ordered it at shop.com.",
        "It's 4 to 5 days, or 10 to 12.",
        "The light has been red for 48 hours.",
        "Version 10.15 of windows 11.",
        "Error code four oh four.",
        "Hello, yes, I would like to speak to somebody please, thank you.",
        "Sorry, I can not hear you very well at all.",
        "Can I ask you a question about something else today?",
    ],
)
def test_what_is_said_in_passing_is_no_data(text):
    assert given_by_customer(text) == []


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("What is your date of birth?", "One second, please."),
        ("Could I have your address?", "Just a moment."),
        ("What is the account number?", "Well, I paid 1500."),
    ],
)
def test_an_answer_without_the_data_is_none(asked, text):
    assert given_by_customer(text, asked) == []


def test_what_was_asked_for_last_is_what_is_given():
    turns = [
        say("agent", 1.0, 3.0, "Your account number?"),
        say("customer", 3.5, 5.0, "I have it somewhere."),
        say("agent", 6.0, 7.5, "Or the phone number?"),
        say("customer", 8.0, 9.0, "four four one nine two"),
    ]
    assert [datum.kind for datum in data_in(*turns)] == ["phone"]


def test_the_agent_reading_back_gives_nothing():
    turns = [
        say("customer", 1.0, 3.0, "It's four four one nine two."),
        say("agent", 4.0, 7.0, "Four four one nine two. And is it 12 Mill Lane?"),
    ]
    assert [datum.role for datum in data_in(*turns)] == ["customer"]


def test_where_nobody_knows_who_speaks_the_second_voice_reads_back():
    turns = [
        say("unknown", 1.0, 3.0, "It's four four one nine two.", speaker="one"),
        say("unknown", 4.0, 7.0, "Four four one nine two, thank you.", speaker="two"),
    ]
    (datum,) = data_in(*turns)
    assert (datum.role, datum.turn_index, datum.digits) == ("unknown", 0, 5)


def test_announcing_a_number_is_no_reason():
    text = "My email is ann@example.com and my phone number is one two three, four five six."
    assert [kind for kind, _ in given_by_customer(text)] == ["email", "phone"]


def test_only_the_first_reason_is_kept():
    reason = "I lost my card last night and I want to cancel it."
    turns = [say("customer", 1.0, 4.0, reason), say("customer", 9.0, 12.0, reason)]
    assert [(d.kind, d.digits, d.turn_index) for d in data_in(*turns)] == [("reason_with_details", 0, 0)]


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("4111 1111 1111 1111", True),
        ("4111 1111 1111 1112", False),
        ("My card number is 4242.", None),
        ("It is 441-927-03.", None),
    ],
)
def test_only_whole_card_numbers_are_checked(text, valid):
    (datum,) = data_in(say("customer", 1.0, 4.0, text))
    assert datum.luhn_valid is valid


@given(st.text(alphabet="23456789", min_size=8, max_size=16))
def test_the_value_is_nowhere_in_the_record(digits):
    (datum,) = data_in(say("customer", 11.0, 11.5, f"It is {digits}."))
    assert datum.digits == len(digits)
    # Three digits in a row would be a piece of the value; times and counts are taken out first.
    told = asdict(datum) | dict.fromkeys(("start_s", "end_s", "digits", "turn_index", "confidence"))
    assert not any(character.isdigit() for character in json.dumps(told).replace('"datum_index": 0', ""))


def test_a_shift_in_time_only_shifts_the_data():
    text = "It's four four one nine two, and I live at 12 Mill Lane."
    early, late = (data_in(say("customer", at, at + 12.0, text)) for at in (0.0, 30.0))
    assert [d.kind for d in early] == [d.kind for d in late] == ["account_number", "address"]
    assert [d.start_s + 30.0 for d in early] == pytest.approx([d.start_s for d in late])
