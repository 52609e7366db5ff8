"""The keys of a rule pack as written. Those of the table `[check]` are in `pipeline.rules.checks`."""

from __future__ import annotations

from functools import cache, reduce
from operator import or_
from typing import Annotated, Any

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
