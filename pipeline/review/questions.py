"""The question that a rule asks of people, and what their answer says of the program's verdict."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import ValidationError

from pipeline.records import Judgement, Verdict
from pipeline.rules.spec import DEFAULT_ANSWERS, ReviewSpec
from pipeline.store.scorecard import read_rule

Means = Literal["pass", "fail", "not_applicable", "unclear"]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in the words of the rule, and the verdict that it stands for."""

    text: str
    means: Means


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What people are asked of a call, and what they can answer, in the order of the keys 1, 2 and so on."""

    text: str
    answers: tuple[Answer, ...]


def question_of(rule: Mapping[str, Any] | None) -> Question:
    """The question of a row of table `rule`; a general one where the rule states none, or is not known."""
    answers = tuple(Answer(answer.text, answer.means) for answer in DEFAULT_ANSWERS)
    if rule is None:
        return Question(text="Does the call meet this rule?", answers=answers)
    general = Question(text=f"Does the call meet this rule: {rule['title']}?", answers=answers)
    try:
        written = read_rule(rule["text"], rule["overlay"]).get("review")
        spec = ReviewSpec.model_validate(written) if written else None
    except (tomllib.TOMLDecodeError, ValidationError):  # of a release that had other keys
        return general
    if spec is None:
        return general
    return Question(
        text=spec.question, answers=tuple(Answer(answer.text, answer.means) for answer in spec.answers)
    )


def judgement_of(means: Means, verdict: Verdict) -> Judgement:
    """Whether `verdict` is right if people answer `means`.

    That people cannot tell either confirms `not_determinable`.
    """
    if verdict == "not_determinable":
        return "confirmed" if means == "unclear" else "wrong"
    if means == "unclear":
        return "unclear"
    return "confirmed" if means == verdict else "wrong"


VERDICT_ANSWERS: tuple[Judgement, ...] = get_args(Judgement)
"""What is answered where the verdict is shown."""
