"""Rule packs: one TOML file a rule, with its phrases, its logic and the examples that are its tests.

::

    id = "hold_thanks"            # the file's name without .toml
    title = "Thanked for holding"
    why = "where the rule comes from"
    weight = 2                    # share in the score, 0 or more
    fatal = false                 # a fail fails the call
    roles = ["agent"]             # whose words are searched
    where = "after_hold"          # call, before_hold or after_hold
    counts = ["thanks"]           # the groups whose presence is the rule's phrase

    [logic]                       # one of the kinds in `Logic`, with its own keys
    kind = "every_hold"
    field = "thanked"
    good = [true]

    [phrases.thanks]              # as many groups as the logic needs; grammar: pipeline/rules/phrases.py
    any = ["{thank} for {holding}"]
    but = ["holding an account"]  # decoys: a match that overlaps one is dropped
    unless = "group"              # a match is dropped where this group is found in the same utterance
    roles = ["customer"]          # instead of the rule's roles

    [examples.agent]              # by the role that speaks: at least 8 each over all roles
    match = ["…"]
    no_match = ["…"]
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from pipeline.errors import UsageError
from pipeline.records import Permission, Role
from pipeline.rules.lexicon import Lexicon, Spec, Text, load_lexicon, read_toml, readable
from pipeline.rules.phrases import Phrases, compile_patterns, find
from pipeline.rules.tokens import transcript_of_text

PACKS_FOLDER = Path(__file__).parent / "packs"
MIN_EXAMPLES = 8
VERSION_DIGITS = 12

Place = Literal["call", "before_hold", "after_hold"]


class SaidInTime(Spec):
    """Said before the deadline and before the customer gives personal data."""

    kind: Literal["said_in_time"]
    said: Text
    """Group of the phrases that count."""
    partial: Text
    """Group of the phrases that come near and do not count."""
    opening: Text
    """Group of the phrases with which calls begin: without one the recording may start mid-call."""
    slots: dict[str, tuple[Text, ...]] = Field(min_length=1)
    """Parts of the statement that are reported where they are found."""


class EveryHold(Spec):
    """A field of every hold has one of the good values."""

    kind: Literal["every_hold"]
    field: Literal["permission", "thanked"]
    good: tuple[Permission | bool, ...] = Field(min_length=1)


Logic = Annotated[SaidInTime | EveryHold, Field(discriminator="kind")]


class PhrasesSpec(Spec):
    """A group of phrases, as written."""

    any: tuple[Text, ...] = Field(min_length=1)
    but: tuple[Text, ...] = ()
    unless: Text | None = None
    roles: tuple[Role, ...] | None = None


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
    roles: tuple[Role, ...] = Field(min_length=1)
    where: Place
    counts: tuple[Text, ...] = Field(min_length=1)
    logic: Logic
    phrases: dict[str, PhrasesSpec] = Field(min_length=1)
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
        named = [*self.counts, *(group.unless for group in self.phrases.values() if group.unless)]
        if isinstance(self.logic, SaidInTime):
            named += [self.logic.said, self.logic.partial, self.logic.opening]
        for name in named:
            if name not in self.phrases:
                message = f"no group {name!r} under phrases; there are: {', '.join(self.phrases)}"
                raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _fitting_place(self) -> PackSpec:
        if (self.where == "call") != isinstance(self.logic, SaidInTime):
            message = "where is call for said_in_time, before_hold or after_hold for every_hold"
            raise ValueError(message)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule ready to judge; `version` is a short hash of its file and the lexicon."""

    id: str
    version: str
    title: str
    why: str
    weight: float
    fatal: bool
    roles: tuple[Role, ...]
    where: Place
    counts: tuple[str, ...]
    logic: SaidInTime | EveryHold
    phrases: Mapping[str, Phrases]
    slots: Mapping[str, Phrases]
    examples: tuple[tuple[Role, str, bool], ...]
    """Role, sentence, and whether it contains the rule's phrase."""
    file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """The active rules in order of their ids, the language they share and the cues that find holds.

    `cues` are the phrase groups of hold_permission and hold_thanks by name, the program's own where the
    rules have none. `version` is a hash over all rules and cues.
    """

    rules: tuple[Rule, ...]
    lexicon: Lexicon
    cues: Mapping[str, Phrases]
    personal_data: Mapping[str, Phrases]
    version: str

    def rule(self, rule_id: str) -> Rule:
        """The rule of this id. Raises UsageError for an unknown one."""
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        known = ", ".join(rule.id for rule in self.rules)
        raise UsageError("unknown rule", value=rule_id, allowed=known)

    def says(self, rule_id: str, role: Role, text: str) -> bool:
        """Whether `text`, said by `role`, contains the rule's phrase; UsageError for an unknown rule."""
        return contains_phrase(self.rule(rule_id), role, text, self.lexicon)


CUE_GROUPS: Mapping[str, tuple[str, ...]] = {
    "hold_permission": ("ask", "told", "wait", "agree", "refuse", "bare_no", "offer", "negative"),
    "hold_thanks": ("thanks", "back"),
}


def contains_phrase(rule: Rule, role: Role, text: str, lexicon: Lexicon) -> bool:
    """Whether `text`, said by `role`, contains a phrase of a group that counts."""
    transcript = transcript_of_text(text, role, lexicon)
    return any(find(transcript, rule.phrases[name]) for name in rule.counts)


def load_rules(folder: Path | None = None) -> RuleSet:
    """The rules in `folder` (default: the program's own), each tried on its own examples.

    A `lexicon.toml` in `folder` adds to the program's lexicon. Raises UsageError, naming file, key and
    remedy, for a folder without packs, a broken file, an unknown key, a bad phrase, an id used twice or
    other than its file's name, and an example that the phrases get wrong.
    """
    own = folder is None
    folder = folder or PACKS_FOLDER
    extra = folder / "lexicon.toml"
    lexicon = load_lexicon(extra if extra.is_file() else None)
    files = sorted(path for path in folder.glob("*.toml") if path.name != extra.name)
    if not files:
        raise UsageError("no rule packs", where=folder, remedy="put one TOML file a rule there")
    rules = tuple(_load(path, lexicon) for path in files)
    _check_ids(rules)
    for rule in rules:
        _check_examples(rule, lexicon)
    cue_rules = rules if own else (*rules, *_missing_cue_rules(rules, lexicon))
    versions = "".join(f"{rule.id}:{rule.version};" for rule in cue_rules)
    return RuleSet(
        rules=rules,
        lexicon=lexicon,
        cues=_cues(cue_rules),
        personal_data=_personal_data(lexicon),
        version=_digest(versions),
    )


def _missing_cue_rules(rules: Sequence[Rule], lexicon: Lexicon) -> list[Rule]:
    """Holds are found by phrases even when no rule judges them."""
    there = {rule.id for rule in rules}
    return [_load(PACKS_FOLDER / f"{name}.toml", lexicon) for name in CUE_GROUPS if name not in there]


def _load(path: Path, lexicon: Lexicon) -> Rule:
    values, digest = read_toml(path)
    try:
        spec = PackSpec.model_validate(values)
    except ValidationError as error:
        raise readable(error, path) from None
    for group in CUE_GROUPS.get(spec.id, ()):
        if group not in spec.phrases:
            raise UsageError("missing key", where=f"{path}: phrases.{group}", remedy="add the group")
    return Rule(
        id=spec.id,
        version=_digest(digest + lexicon.digest),
        title=spec.title,
        why=spec.why,
        weight=spec.weight,
        fatal=spec.fatal,
        roles=spec.roles,
        where=spec.where,
        counts=spec.counts,
        logic=spec.logic,
        phrases=_compiled_groups(spec, lexicon, path),
        slots=_compiled_slots(spec, lexicon, path),
        examples=tuple(_examples(spec)),
        file=path,
    )


def _compiled_groups(spec: PackSpec, lexicon: Lexicon, path: Path) -> dict[str, Phrases]:
    done: dict[str, Phrases] = {}
    for name, group in sorted(spec.phrases.items(), key=lambda item: item[1].unless is not None):
        if group.unless and spec.phrases[group.unless].unless:
            raise UsageError(
                "a group with 'unless' cannot be another's 'unless'",
                where=f"{path}: phrases.{name}.unless",
                value=group.unless,
                remedy="name a group without one",
            )
        done[name] = Phrases(
            roles=group.roles or spec.roles,
            any=compile_patterns(group.any, lexicon, f"{path}: phrases.{name}.any"),
            but=compile_patterns(group.but, lexicon, f"{path}: phrases.{name}.but"),
            unless=done[group.unless] if group.unless else None,
        )
    return done


def _compiled_slots(spec: PackSpec, lexicon: Lexicon, path: Path) -> dict[str, Phrases]:
    if not isinstance(spec.logic, SaidInTime):
        return {}
    return {
        name: _phrases(patterns, spec.roles, lexicon, f"{path}: logic.slots.{name}")
        for name, patterns in spec.logic.slots.items()
    }


def _personal_data(lexicon: Lexicon) -> dict[str, Phrases]:
    return {
        name: _phrases(patterns, ("customer",), lexicon, f"{lexicon.file}: personal_data.{name}")
        for name, patterns in lexicon.personal_data.items()
    }


def _phrases(patterns: Sequence[str], roles: tuple[Role, ...], lexicon: Lexicon, where: str) -> Phrases:
    """A group without decoys."""
    return Phrases(
        roles=roles, any=compile_patterns(patterns, lexicon, where), but=compile_patterns((), lexicon, where)
    )


def _examples(spec: PackSpec) -> list[tuple[Role, str, bool]]:
    out: list[tuple[Role, str, bool]] = []
    for role, examples in spec.examples.items():
        out += [(role, text, True) for text in examples.match]
        out += [(role, text, False) for text in examples.no_match]
    return out


def _check_ids(rules: Sequence[Rule]) -> None:
    files: dict[str, Path] = {}
    for rule in rules:
        if rule.id in files:
            raise UsageError(
                "two rules with one id",
                where=f"{rule.file}: id",
                value=rule.id,
                remedy=f"{files[rule.id].name} has it too; rename one",
            )
        files[rule.id] = rule.file
    for rule in rules:
        if rule.file.stem != rule.id:
            remedy = "make it the file's name without .toml"
            raise UsageError(
                "id is not the file's name", where=f"{rule.file}: id", value=rule.id, remedy=remedy
            )


def _check_examples(rule: Rule, lexicon: Lexicon) -> None:
    for role, text, expect in rule.examples:
        if contains_phrase(rule, role, text, lexicon) != expect:
            raise UsageError(
                f"an example that should {'' if expect else 'not '}match does {'not' if expect else 'match'}",
                where=f"{rule.file}: examples.{role}.{'match' if expect else 'no_match'}",
                value=text,
                remedy="mend the phrases or the example",
            )


def _cues(rules: Sequence[Rule]) -> dict[str, Phrases]:
    return {group: rule.phrases[group] for rule in rules for group in CUE_GROUPS.get(rule.id, ())}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:VERSION_DIGITS]
