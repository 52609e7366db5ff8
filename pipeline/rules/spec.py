"""The keys of a rule pack as written. Those of the table `[check]` are in `pipeline.rules.checks`."""

from __future__ import annotations

from functools import cache, reduce
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny, TypeAdapter, model_validator

import pipeline.rules.checks  # noqa: F401 - its modules define the checks
from pipeline.phrases.lexicon import Spec, Text
from pipeline.phrases.shared import GroupSpec
from pipeline.records import CallKind, Role, Score
from pipeline.rules.check import Check, check_kinds

MIN_EXAMPLES = 8


@cache
def _adapter(kinds: tuple[type[Check], ...]) -> TypeAdapter[Check]:
    """The adapter that reads a table `[check]` as the class that its `kind` names."""
    any_of: Any = reduce(or_, kinds)
    return TypeAdapter(Annotated[any_of, Field(discriminator="kind")])


def _read_check(values: object) -> object:
    """The check that `values` describe."""
    return _adapter(tuple(check_kinds().values())).validate_python(values)


class ExamplesSpec(Spec):
    """Sentences that contain the rule's phrase, and sentences that do not."""

    match: tuple[Text, ...] = ()
    no_match: tuple[Text, ...] = ()


class AnswerSpec(Spec):
    """An answer to a rule's question; `means` is the verdict that it stands for, or unclear."""

    text: Text
    means: Literal["pass", "fail", "not_applicable", "unclear"]


DEFAULT_ANSWERS = (
    AnswerSpec(text="yes", means="pass"),
    AnswerSpec(text="no", means="fail"),
    AnswerSpec(text="does not apply", means="not_applicable"),
    AnswerSpec(text="cannot tell", means="unclear"),
)


class ReviewSpec(Spec):
    """What is asked of people who judge a call for a spot check; it does not decide any verdict."""

    question: Text
    answers: tuple[AnswerSpec, ...] = Field(DEFAULT_ANSWERS, min_length=2, max_length=9)

    @model_validator(mode="after")
    def _some_answer_is_unclear(self) -> ReviewSpec:
        texts = [answer.text for answer in self.answers]
        if len(set(texts)) < len(texts):
            raise ValueError("two answers with one text")
        if not any(answer.means == "unclear" for answer in self.answers):
            raise ValueError("no answer means unclear; people must be able to say that they cannot tell")
        return self


class PackSpec(Spec):
    """A pack, as written."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: Text
    why: Text
    weight: float = Field(ge=0)
    fatal: bool
    score: Score
    active: bool = True
    kinds: tuple[CallKind, ...] = Field(("conversation",), min_length=1)
    roles: tuple[Role, ...] = Field(min_length=1)
    counts: tuple[Text, ...] = Field(min_length=1)
    check: Annotated[SerializeAsAny[Check], BeforeValidator(_read_check)] = Field(serialization_alias="logic")
    phrases: dict[str, GroupSpec] = Field(min_length=1)
    examples: dict[Role, ExamplesSpec]
    review: ReviewSpec | None = None

    @model_validator(mode="after")
    def _enough_examples(self) -> PackSpec:
        matching = sum(len(examples.match) for examples in self.examples.values())
        others = sum(len(examples.no_match) for examples in self.examples.values())
        if min(matching, others) < MIN_EXAMPLES:
            given = f"{matching} and {others}"
            message = f"examples need {MIN_EXAMPLES} or more in match and in no_match, not {given}"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _known_groups(self) -> PackSpec:
        unless = tuple(group.unless for group in self.phrases.values() if group.unless)
        for key, names in {"counts": self.counts, "unless": unless, "check": self.check.groups()}.items():
            for name in names:
                if name not in self.phrases:
                    there = ", ".join(self.phrases)
                    message = f"no group {name!r} under phrases ({there}), named in {key}"
                    raise ValueError(message)
        return self


class ScorecardEntry(Spec):
    """A site's scorecard entry for one rule; keys that are not given keep the pack's values."""

    weight: float | None = Field(None, ge=0)
    fatal: bool | None = None
    score: Score | None = None
