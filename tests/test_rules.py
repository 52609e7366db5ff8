"""The rules on whole calls."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files

import pytest
from builders import a_hold, conversation, say
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_cases import GREETING, NOTICE, RULES, SETTINGS, a_case, judged

from pipeline.rules import judge

SAMPLES = files("pipeline.samples") / "truth"
SCRIPTED = sorted(path.name for path in SAMPLES.iterdir())


def test_every_active_rule_gives_one_finding_even_for_an_empty_call():
    findings = judge(a_case(), RULES, SETTINGS.rules)
    assert [f.rule_id for f in findings] == [rule.id for rule in RULES.rules]
    assert all(f.rule_version == RULES.rule(f.rule_id).version for f in findings)
    # Nobody spoke, so nobody did well or badly.
    assert {f.verdict for f in findings} <= {"not_applicable", "not_determinable"}


@pytest.mark.parametrize("rule", RULES.rules, ids=lambda rule: rule.id)
def test_every_pack_says_where_it_comes_from(rule):
    assert len(rule.why.split()) >= 8
    assert rule.score in {"compliance", "quality"}


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


@settings(max_examples=20)
@given(shift_s=st.floats(0.0, 500.0))
def test_shifting_time_changes_no_verdict(shift_s):
    turns = (
        say("agent", 1.0, 4.0, GREETING),
        say("agent", 4.5, 7.0, NOTICE),
        say("agent", 10.0, 14.0, "May I put you on hold for a minute?"),
        say("customer", 14.5, 15.5, "Yes."),
        say("agent", 60.0, 63.0, "Thank you for holding, I have it now."),
    )
    moved = [replace(turn, start_s=turn.start_s + shift_s, end_s=turn.end_s + shift_s) for turn in turns]
    assert _verdicts(moved, shift_s) == _verdicts(turns, 0.0)


def _verdicts(turns, shift_s):
    holds = judged((a_hold(16.0 + shift_s, 60.0 + shift_s),), turns)
    return {f.rule_id: f.verdict for f in judge(a_case(*turns, holds=holds), RULES, SETTINGS.rules)}
