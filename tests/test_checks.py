"""What every check keeps: documented keys, an allowed basis, declared inputs; and that one class is enough."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import ClassVar, Literal, get_args

import pytest
from builders import a_hold, a_mask, a_silence, a_transfer, an_overlap, measured, say, sound, tone_of
from rule_cases import GREETING, NOTICE, RULES, SETTINGS, a_case, tried

from pipeline.records import Basis, Call, Finding
from pipeline.rules import CallContext, Rule, judge, load_rules
from pipeline.rules.check import Check, Evidence, Part, check_kinds
from pipeline.rules.checks.windows import Step
from pipeline.rules.context import RuleContext

ALL = (*RULES.rules, *RULES.inactive)
CHECKS = tuple(check_kinds().items())


class Brevity(Check):
    """The call is short: a check that this module alone knows."""

    reads: ClassVar[frozenset[Part]] = frozenset()
    bases: ClassVar[frozenset[Basis]] = frozenset({"measure"})

    kind: Literal["test_brevity"]
    at_most_s: float
    """The longest good call, in seconds."""

    def judge(self, context: RuleContext, rule: Rule) -> Finding:
        """A long call fails."""
        good = context.call.duration_s <= self.at_most_s
        return rule.finding("pass" if good else "fail", Evidence(basis="measure", span=context.call.whole))


PACK = """
id = "brevity"
title = "Short calls"
why = "A test."
weight = 1
fatal = false
score = "quality"
roles = ["agent"]
counts = ["bye"]

[check]
kind = "test_brevity"
at_most_s = 30.0

[phrases.bye]
any = ["bye"]

[examples.agent]
match = ["bye a", "bye b", "bye c", "bye d", "bye e", "bye f", "bye g", "bye h"]
no_match = ["a", "b", "c", "d", "e", "f", "g", "h"]
"""

TURNS = (
    say("agent", 1.0, 4.0, GREETING),
    say("agent", 4.5, 7.0, NOTICE),
    say(
        "customer",
        8.0,
        12.0,
        "This is Mary Fletcher, my number is four four one, nine two seven, zero three.",
    ),
    say("agent", 13.0, 16.0, "Thank you, Mary. May I put you on hold for a minute?"),
    say("customer", 16.5, 17.5, "Yes, but I am really upset about that."),
    say("agent", 160.0, 163.0, "Thank you for holding, I will put you through to billing."),
    say("customer", 164.0, 166.0, "This is broken and I want to speak to a manager."),
    say("agent", 167.0, 172.0, "I am sorry. Is there anything else I can do for you? Goodbye now."),
)


def busy(**changes) -> CallContext:
    """A call in which there is something of everything."""
    parts = {
        "holds": (
            a_hold(
                18.0, 160.0, permission="granted", thanked=True, request_turn_index=3, return_turn_index=5
            ),
        ),
        "transfers": (a_transfer(163.0, 164.0),),
        "sounds": tuple(sound("tones", at_s, at_s + 0.2) for at_s in (3.0, 18.0, 33.0, 48.0)),
        "overlaps": (an_overlap("agent", 16.5, 17.5),),
        "silences": (a_silence(140.0, 158.0),),
        "metrics": (
            measured("dead_air_count", 1.0, unit="count"),
            measured("interruptions", 3.0, 1.0, role="agent"),
        ),
        "tone": tuple(tone_of(n, activation=0.8) for n in range(len(TURNS))),
        "masks": (a_mask(60.0, 62.0, kind="security_code"),),
        "facts": Call(extra={"customer_name": "Mary Fletcher"}),
    }
    return a_case(*TURNS, **parts | changes)


def other_calls() -> list[CallContext]:
    """Calls that fail, that were not recognised well, whose speakers are unknown, and in which nobody speaks."""
    bad = a_hold(18.0, 160.0, permission="not_asked", thanked=False, return_turn_index=5)
    return [
        busy(),
        busy(holds=()),
        busy(holds=(bad,)),
        busy(holds=(replace(bad, permission="not_determinable", thanked=None),)),
        replace(busy(), words=tuple(replace(word, probability=0.2) for word in busy().words)),
        a_case(*(replace(turn, role="unknown", speaker="speaker1") for turn in TURNS)),
        a_case(*TURNS[:1], duration_s=300.0),
        a_case(TURNS[2], duration_s=300.0),
        a_case(say("ivr", 1.0, 4.0, "All our agents are busy.")),
        a_case(),
    ]


# --- one class is enough


def test_a_check_is_known_by_its_class_alone(tmp_path):
    (tmp_path / "brevity.toml").write_text(PACK, encoding="utf-8")
    rules = load_rules(tmp_path)
    rule = rules.rule("brevity")
    assert isinstance(rule.check, Brevity)
    for duration_s, verdict in ((30.0, "pass"), (30.1, "fail")):
        found = tried(a_case(*TURNS[:1], duration_s=duration_s), rule)
        assert (found.verdict, found.basis, found.end_s) == (verdict, "measure", duration_s)


def test_kinds_are_named_once():
    assert len(check_kinds()) == len(Check.__subclasses__())


def test_every_kind_is_used_by_a_pack():
    used = {type(rule.check) for rule in ALL}
    assert used == {check for _, check in CHECKS if check is not Brevity}


# --- what each check keeps


@pytest.mark.parametrize(("kind", "check"), CHECKS)
def test_every_check_and_every_key_is_documented(kind, check):
    assert len(check.__doc__.split()) > 5
    keys = {name: field.description for name, field in check.model_fields.items() if name != "kind"}
    assert all(keys.values()), keys
    assert check.bases <= set(get_args(Basis))
    assert check.bases
    assert check.reads <= {field.name for field in fields(CallContext)}
    assert check.model_fields["kind"].annotation == Literal[kind]


def test_every_key_of_a_step_is_documented():
    assert all(field.description for field in Step.model_fields.values())


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.id)
def test_a_finding_rests_on_what_its_check_may_rest_on(rule):
    for call in other_calls():
        found = tried(call, rule)
        if found.verdict == "not_applicable":
            assert found.basis is None
        else:
            assert found.basis in rule.check.bases


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.id)
def test_a_quote_is_what_was_found_unless_something_else_was_said_in_its_place(rule):
    for call in other_calls():
        found = tried(call, rule)
        if found.basis == "phrase":
            assert found.quote
        if found.basis == "absence" and rule.check.kind != "every_hold":
            assert found.quote is None


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.id)
def test_a_check_reads_nothing_but_what_it_declares(rule):
    nothing = {part: type(getattr(busy(), part))() for part in get_args(Part)}
    unread = {part: empty for part, empty in nothing.items() if part not in rule.check.reads}
    for call in other_calls():
        assert tried(replace(call, **unread), rule) == tried(call, rule)


@pytest.mark.parametrize("part", get_args(Part))
def test_every_part_of_a_call_is_read_by_some_check(part):
    """And to declare it is no precaution: without it, one of their findings differs."""
    readers = [rule for rule in ALL if part in rule.check.reads]
    empty = type(getattr(busy(), part))()
    found = [(tried(call, rule), tried(replace(call, **{part: empty}), rule))
             for rule in readers for call in other_calls()]  # fmt: skip
    assert any(before != after for before, after in found)


def test_an_empty_call_is_judged_by_all():
    findings = judge(a_case(), replace(RULES, rules=ALL), SETTINGS.rules)
    assert {found.verdict for found in findings} <= {"not_applicable", "not_determinable"}


# --- the bases of holds


@pytest.mark.parametrize(
    ("rule_id", "changes", "verdict", "basis"),
    [
        ("hold_permission", {"permission": "granted"}, "pass", "phrase"),
        ("hold_permission", {"permission": "refused"}, "fail", "phrase"),
        ("hold_permission", {"permission": "not_awaited"}, "fail", "phrase"),
        ("hold_permission", {"permission": "not_asked"}, "fail", "absence"),
        ("hold_permission", {"permission": "not_determinable"}, "not_determinable", "absence"),
        ("hold_thanks", {"thanked": True}, "pass", "phrase"),
        ("hold_thanks", {"thanked": False}, "fail", "absence"),
        ("hold_thanks", {"thanked": None}, "not_determinable", "absence"),
        ("hold_length", {}, "fail", "event"),
    ],
)
def test_what_the_verdict_on_a_hold_rests_on(rule_id, changes, verdict, basis):
    hold = a_hold(18.0, 160.0, request_turn_index=3, return_turn_index=5, **changes)
    found = tried(busy(holds=(hold,)), RULES.rule(rule_id))
    assert (found.verdict, found.basis) == (verdict, basis)
