"""The etiquette packs on whole calls: what passes, fails, does not apply and cannot be told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import say
from rule_cases import RULES, a_case, finding

from pipeline.records import Turn
from pipeline.rules import CallContext

RULE_IDS = (
    "greeting",
    "agent_introduction",
    "politeness",
    "empathy",
    "apology",
    "ownership",
    "plain_language",
    "no_arguing",
    "offer_further_help",
    "closing",
    "escalation_requested",
    "escalation_offered",
)


def talk(*lines: str, start_s: float = 1.0) -> CallContext:
    """A call of lines such as "agent: Hello", spoken one after the other at 2.5 words a second."""
    turns: list[Turn] = []
    for line in lines:
        role, text = line.split(": ", 1)
        end_s = start_s + len(text.split()) / 2.5
        assert role in {"agent", "customer", "ivr", "unknown"}
        turns.append(say(role, start_s, end_s, text))
        start_s = end_s + 0.5
    return a_case(*turns)


PLAIN = (
    "agent: Good morning, Oak Mutual, this is Nina, how can I help you?",
    "customer: Hi, I would like to add my bicycle to my home policy.",
    "agent: That is two pounds a month more. I have added it.",
    "customer: Lovely.",
)
COMPLAINT = "customer: My parcel still has not arrived and I am really frustrated."


@pytest.mark.parametrize(
    ("rule_id", "lines", "verdict"),
    [
        # A greeting names company or agent, at once.
        ("greeting", PLAIN, "pass"),
        ("greeting", ("agent: Thank you for calling Redwood Insurance.", COMPLAINT), "pass"),
        ("greeting", ("agent: Support.", COMPLAINT), "fail"),
        ("greeting", ("agent: Hello?", COMPLAINT), "fail"),
        ("greeting", ("agent: Hello, how can I help?", COMPLAINT, "agent: What is the number?"), "fail"),
        (
            "greeting",
            (
                "customer: Hello?",
                "agent: Good evening, may I speak to Mister Patel?",
                "customer: Speaking.",
                "agent: My name is Julia, calling from Clear Mobile.",
            ),
            "pass",
        ),
        ("greeting", ("ivr: Welcome to Blue Harbor Travel.", "agent: Yes?", COMPLAINT), "fail"),
        ("greeting", ("ivr: Welcome to Blue Harbor Travel.",), "not_applicable"),
        ("greeting", ("unknown: Good morning, Oak Mutual, this is Nina.",), "not_determinable"),
        # The customer's name, or the customer's own introduction, is not the agent's.
        ("agent_introduction", PLAIN, "pass"),
        ("agent_introduction", ("agent: Good afternoon, Harbor Bank, Tom speaking.", COMPLAINT), "pass"),
        ("agent_introduction", ("agent: Thank you for calling Harbor Bank.", COMPLAINT), "fail"),
        ("agent_introduction", ("agent: Hello?", "customer: This is Greg.", "agent: Hello Greg."), "fail"),
        ("agent_introduction", ("unknown: Hello, my name is Tom.",), "not_determinable"),
        ("agent_introduction", ("customer: Hello? Anybody there?",), "not_applicable"),
        # Once may be chance.
        ("politeness", ("agent: Your name, please.", "customer: Ann.", "agent: Thank you, Ann."), "pass"),
        ("politeness", ("agent: Your name, please.", "customer: Ann, please, thank you."), "fail"),
        ("politeness", ("customer: Please, hello?",), "not_applicable"),
        ("politeness", ("unknown: Please and thank you. Please, sir.",), "not_determinable"),
        # What answers trouble.
        ("empathy", (*PLAIN[:1], COMPLAINT, "agent: I understand how frustrating that is."), "pass"),
        ("empathy", (*PLAIN[:1], COMPLAINT, "agent: What is your order number?"), "fail"),
        ("empathy", (*PLAIN[:1], COMPLAINT, "customer: You must understand me."), "fail"),
        ("empathy", PLAIN, "not_applicable"),
        ("empathy", ("agent: Hello.", "customer: My cat has a view.", "agent: I hear you."), "pass"),
        ("empathy", ("agent: Hello.", COMPLAINT, "unknown: I am so sorry to hear that."), "not_determinable"),
        ("apology", (*PLAIN[:1], COMPLAINT, "agent: I'm sorry to hear that."), "pass"),
        ("apology", (*PLAIN[:1], COMPLAINT, "agent: Sorry, what was your name?"), "fail"),
        ("apology", PLAIN, "not_applicable"),
        ("apology", ("agent: Hello.", COMPLAINT, "unknown: I do apologise for that."), "not_determinable"),
        ("ownership", (*PLAIN[:1], COMPLAINT, "agent: Leave it with me, I'll chase it for you."), "pass"),
        ("ownership", (*PLAIN[:1], COMPLAINT, "agent: Somebody will get back to you."), "fail"),
        ("ownership", (*PLAIN[:1], COMPLAINT, "agent: I have already refunded it."), "pass"),
        ("ownership", (*PLAIN[:1], COMPLAINT, "agent: When it is refunded you get a letter."), "fail"),
        ("ownership", PLAIN, "not_applicable"),
        ("ownership", ("agent: Hello.", COMPLAINT, "unknown: Leave it with me."), "not_determinable"),
        # What must not be said.
        ("plain_language", PLAIN, "pass"),
        ("plain_language", (*PLAIN, "customer: Yeah dude, that sucks."), "pass"),
        ("plain_language", (*PLAIN, "agent: We need to flush your DNS cache."), "fail"),
        ("plain_language", (*PLAIN, "agent: No worries mate."), "fail"),
        ("plain_language", (*PLAIN, "unknown: No worries mate."), "not_determinable"),
        ("plain_language", ("customer: Hello?",), "not_applicable"),
        ("no_arguing", PLAIN, "pass"),
        ("no_arguing", (*PLAIN, "customer: Don't tell me to calm down."), "pass"),
        ("no_arguing", (*PLAIN, "agent: It's not your fault at all."), "pass"),
        ("no_arguing", (*PLAIN, "agent: You need to calm down."), "fail"),
        ("no_arguing", (*PLAIN, "unknown: You need to calm down."), "not_determinable"),
        ("no_arguing", ("customer: Hello?",), "not_applicable"),
        # How calls end.
        ("offer_further_help", (*PLAIN, "agent: Is there anything else?", "customer: No thanks."), "pass"),
        ("offer_further_help", PLAIN, "fail"),
        ("offer_further_help", (*PLAIN, "customer: Is there anything else you need from me?"), "fail"),
        ("offer_further_help", (*PLAIN, "unknown: Is there anything else?"), "not_determinable"),
        ("offer_further_help", ("customer: Hello?",), "not_applicable"),
        ("closing", (*PLAIN, "agent: Thanks for your call, goodbye."), "pass"),
        ("closing", (*PLAIN, "agent: Have a great day.", "customer: You too.", "agent: Bye bye."), "pass"),
        ("closing", (*PLAIN, "agent: They will tell you the same thing. Bye."), "fail"),
        ("closing", (*PLAIN, "customer: Have a great day."), "fail"),
        # Thanks for the call as it is opened close nothing; one turn may do both.
        (
            "closing",
            ("agent: Thank you for calling Oak Mutual.", COMPLAINT, "agent: It left us today."),
            "fail",
        ),
        (
            "closing",
            (
                "agent: Thank you for calling Oak Mutual. This call is recorded. How can I help?",
                COMPLAINT,
                "agent: Sure, one moment while I look it up.",
                "agent: It left the warehouse this morning.",
                "customer: Alright, thank you, bye.",
            ),
            "fail",
        ),
        ("closing", ("customer: Hi, thanks, that is all.", "agent: Have a great day."), "pass"),
        ("closing", (*PLAIN, "unknown: Thank you for calling, have a great day."), "not_determinable"),
        ("closing", ("customer: Hello?",), "not_applicable"),
        # Observed only.
        ("escalation_requested", (*PLAIN, "customer: I want to speak to your manager please."), "pass"),
        ("escalation_requested", (*PLAIN, "customer: My manager told me to call."), "not_applicable"),
        ("escalation_requested", (*PLAIN, "agent: I want to speak to your manager."), "not_applicable"),
        ("escalation_requested", (*PLAIN, "unknown: Get me your manager."), "not_determinable"),
        (
            "escalation_offered",
            (*PLAIN, "customer: Get me your manager.", "agent: Let me transfer you to my supervisor."),
            "pass",
        ),
        (
            "escalation_offered",
            (*PLAIN, "customer: Get me your manager.", "agent: They will tell you the same thing. Bye."),
            "fail",
        ),
        ("escalation_offered", PLAIN, "not_applicable"),
        ("escalation_offered", (*PLAIN, "agent: Let me get you a supervisor."), "not_applicable"),
        (
            "escalation_offered",
            (*PLAIN, "customer: Get me your manager.", "unknown: Let me get my manager."),
            "not_determinable",
        ),
    ],
)
def test_a_call_is_judged(rule_id, lines, verdict):
    assert finding(talk(*lines), rule_id).verdict == verdict


@pytest.mark.parametrize("rule_id", RULE_IDS)
def test_an_empty_call_is_not_judged(rule_id):
    assert finding(a_case(), rule_id).verdict == "not_applicable"


@pytest.mark.parametrize("rule_id", ["greeting", "agent_introduction"])
def test_a_recording_that_starts_mid_call_says_nothing_of_its_start(rule_id):
    case = talk("agent: and the second page has the amount.", "customer: Thanks.", start_s=0.0)
    assert finding(case, rule_id).verdict == "not_determinable"


@pytest.mark.parametrize("rule_id", ["offer_further_help", "closing"])
def test_a_recording_that_stops_mid_call_says_nothing_of_its_end(rule_id):
    case = talk(*PLAIN)
    case = replace(case, duration_s=max(turn.end_s for turn in case.turns))
    assert finding(case, rule_id).verdict == "not_determinable"


@pytest.mark.parametrize(("pause_s", "verdict"), [(2.0, "pass"), (9.0, "fail")])
def test_the_greeting_comes_at_once(pause_s, verdict):
    case = a_case(
        say("agent", 1.0, 1.5, "Yes?"),
        say("agent", 1.5 + pause_s, 6.0 + pause_s, "Good morning, Oak Mutual, this is Nina."),
    )
    assert finding(case, "greeting").verdict == verdict


@pytest.mark.parametrize(("start_s", "verdict"), [(25.0, "pass"), (35.0, "fail")])
def test_the_name_is_given_within_half_a_minute_of_conversation(start_s, verdict):
    case = a_case(
        say("agent", 1.0, 3.0, "Thank you for calling Oak Mutual."),
        say("customer", 4.0, 20.0, "I would like to add my bicycle."),
        say("agent", start_s, start_s + 3.0, "I can do that. My name is Nina."),
    )
    assert finding(case, "agent_introduction").verdict == verdict


def test_the_evidence_is_what_was_said():
    found = finding(talk(*PLAIN[:1], COMPLAINT, "agent: I do apologise for the delay."), "apology")
    assert (found.quote, found.turn_index) == ("apologise", 2)


def test_for_what_is_missing_the_evidence_is_where_it_was_looked_for():
    case = talk(*PLAIN)
    found = finding(case, "closing")
    assert (found.verdict, found.quote) == ("fail", None)
    assert found.end_s == pytest.approx(case.turns[-1].end_s, abs=0.2)


def test_doubtful_words_decide_nothing():
    case = talk(*PLAIN, "agent: You need to calm down.")
    last = max(word.turn_index for word in case.words)
    words = tuple(replace(w, probability=0.1) if w.turn_index == last else w for w in case.words)
    assert finding(replace(case, words=words), "no_arguing").verdict == "not_determinable"


@pytest.mark.parametrize("rule_id", RULE_IDS)
def test_etiquette_counts_as_quality_and_fails_no_call_by_itself(rule_id):
    rule = RULES.rule(rule_id)
    assert (rule.score, rule.fatal) == ("quality", False)
    assert (rule.weight == 0) == (rule_id == "escalation_requested")


@pytest.mark.parametrize(
    ("role", "text", "rule_ids"),
    [
        ("agent", "I'm sorry to hear that.", {"empathy", "apology"}),
        ("agent", "Sorry, what was your name?", set()),
        ("agent", "Great.", set()),
        ("agent", "They will tell you the same thing. Bye.", set()),
        ("agent", "Hello, am I speaking with Ms. Grant?", set()),
        ("agent", "Zo\u00eb speaking, how can I help?", {"greeting", "agent_introduction"}),
        ("agent", "Thank you for calling Oak Mutual.", {"greeting", "closing", "politeness"}),
        ("customer", "My name is Daniel, I'm sorry, please help me, thank you for calling.", set()),
    ],
)
def test_a_sentence_has_the_phrases_of_these_rules(role, text, rule_ids):
    assert {rule_id for rule_id in RULE_IDS if RULES.says(rule_id, role, text)} == rule_ids
