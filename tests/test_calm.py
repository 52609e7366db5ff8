"""The agent's calm is judged on the agent's own voice, where it is measured, while the customer's is raised."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import say, tone_of
from rule_cases import RULES, SETTINGS, a_case

from pipeline.rules import judge

RULE = replace(RULES.rule("calm_under_pressure"), active=True)
ONLY = replace(RULES, rules=(RULE,))


def finding(*spoken):
    """The verdict on turns of role and activation, 10 s apart."""
    turns = [say(role, 10 * i, 10 * i + 5, f"line {i}") for i, (role, _) in enumerate(spoken)]
    tone = tuple(tone_of(i, activation=value) for i, (_, value) in enumerate(spoken))
    (found,) = judge(a_case(*turns, tone=tone), ONLY, SETTINGS.rules)
    return found


def test_the_rule_is_off_as_delivered():
    assert "calm_under_pressure" in {rule.id for rule in RULES.inactive}
    assert "calm_under_pressure" not in {rule.id for rule in RULES.rules}


def test_an_even_voice_under_pressure_passes():
    found = finding(("customer", 0.0), ("agent", 0.4), ("customer", 0.7), ("agent", 0.2), ("customer", 0.1))
    assert found.verdict == "pass"
    assert (found.start_s, found.end_s) == (20, 40)
    (stretch,) = found.detail["stretches"]
    assert (stretch["customer"], stretch["agent"]) == (0.7, 0.2)


def test_a_raised_answer_to_a_raised_voice_fails_with_that_answer():
    found = finding(("customer", 0.0), ("agent", 0.0), ("customer", 0.7), ("agent", 0.6), ("customer", 0.1))
    assert (found.verdict, found.turn_index, found.quote) == ("fail", 3, "line 3")


def test_a_raised_voice_without_pressure_is_no_fail():
    found = finding(("agent", 0.9), ("customer", 0.0), ("agent", 0.1))
    assert found.verdict == "not_applicable"
    lively_later = finding(("customer", 0.7), ("agent", 0.1), ("customer", 0.1), ("agent", 0.9))
    assert lively_later.verdict == "pass"


def test_pressure_lasts_until_the_customer_is_as_usual():
    found = finding(("customer", 0.7), ("agent", 0.1), ("customer", None), ("agent", 0.6))
    assert (found.verdict, found.turn_index) == ("fail", 3)
    assert found.detail["stretches"][0]["end_s"] == pytest.approx(36)


@pytest.mark.parametrize(
    "spoken",
    [
        (("customer", 0.7), ("agent", None)),
        (("customer", None), ("agent", 0.1)),
        (("agent", 0.1),),
        (),
    ],
    ids=["agent not measured", "customer not measured", "no customer", "nobody"],
)
def test_what_was_not_measured_is_not_determined(spoken):
    assert finding(*spoken).verdict == "not_determinable"
