"""What people are asked about a rule, and what follows from their answer for the program's verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes import own_rules

from pipeline.errors import UsageError
from pipeline.records import Judgement, Verdict
from pipeline.review.questions import Answer, judgement_of, question_of
from pipeline.rules import load_rules
from pipeline.store.scorecard import read_rule, texts_of


def row_of(rule: Any) -> dict[str, Any]:
    text, overlay = texts_of(rule)
    return {"title": rule.title, "text": text, "overlay": overlay}


@pytest.mark.parametrize("rule", [*own_rules().rules, *own_rules().inactive], ids=lambda rule: rule.id)
def test_every_rule_states_its_question(rule: Any) -> None:
    question = question_of(row_of(rule))
    assert question.text == read_rule(*texts_of(rule))["review"]["question"]
    assert question.text.endswith("?")
    assert {"pass", "unclear"} < {answer.means for answer in question.answers}


def test_a_rule_without_a_question_is_asked_by_its_title() -> None:
    for row in (None, {"title": "Said hello", "text": 'id = "x"', "overlay": None}):
        question = question_of(row)
        assert [answer.means for answer in question.answers] == ["pass", "fail", "not_applicable", "unclear"]
    assert question.text == "Does the call meet this rule: Said hello?"


def test_a_site_can_ask_otherwise(tmp_path: Path) -> None:
    (tmp_path / "greeting.toml").write_text(
        'id = "greeting"\n[review]\nquestion = "Hello?"\n'
        'answers = [{ text = "ja", means = "pass" }, { text = "hm", means = "unclear" }]\n'
    )
    rule = load_rules(tmp_path).rule("greeting")
    assert rule.version == own_rules().rule("greeting").version
    assert question_of(row_of(rule)).answers == (Answer("ja", "pass"), Answer("hm", "unclear"))


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ('[{ text = "a", means = "pass" }, { text = "b", means = "fail" }]', "no answer means unclear"),
        ('[{ text = "a", means = "pass" }, { text = "a", means = "unclear" }]', "two answers with one text"),
        ('[{ text = "a", means = "perhaps" }, { text = "b", means = "unclear" }]', "means"),
    ],
)
def test_bad_answers_are_told(tmp_path: Path, answers: str, says: str) -> None:
    (tmp_path / "greeting.toml").write_text(
        f'id = "greeting"\n[review]\nquestion = "Hello?"\nanswers = {answers}\n'
    )
    with pytest.raises(UsageError, match=says):
        load_rules(tmp_path)


@pytest.mark.parametrize(
    ("means", "verdict", "expected"),
    [
        ("pass", "pass", "confirmed"),
        ("pass", "fail", "wrong"),
        ("fail", "not_applicable", "wrong"),
        ("not_applicable", "not_applicable", "confirmed"),
        ("unclear", "pass", "unclear"),
        ("unclear", "not_determinable", "confirmed"),
        ("fail", "not_determinable", "wrong"),
    ],
)
def test_the_judgement_follows_from_the_answer(means: Any, verdict: Verdict, expected: Judgement) -> None:
    assert judgement_of(means, verdict) == expected
