"""What people write in a rule pack: its keys, and the closed set of logics with the keys of each.

A new rule is a new file. A new logic is a `CheckSpec` here, a name in `Logic`, and a module whose function is
in the engine's `LOGICS`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from pipeline.phrases.lexicon import Spec, Text
from pipeline.records import Permission, Role

MIN_EXAMPLES = 8

Score = Literal["compliance", "quality"]
Moment = Literal["call", "start", "end", "hold", "hold_end", "transfer", "personal_data", "said"]


class CheckSpec(Spec):
    """The keys of a logic."""

    def groups(self) -> tuple[str, ...]:
        """The groups it uses, which must stand under phrases; none where it is judged on events."""
        return ()


class SaidInTime(CheckSpec):
    """Said before the deadline and before the customer gives personal data."""

    kind: Literal["said_in_time"]
    said: Text
    """Group of the phrases that count."""
    partial: Text
    """Group of the phrases that come near and do not count."""
    opening: Text
    """Group of the phrases with which calls begin: without one the recording may start mid-call."""
    misheard: Text | None = None
    """Group of the phrases with any word in the place that decides; they count where a word is improbable."""
    slots: dict[str, tuple[Text, ...]] = Field(min_length=1)
    """Parts of the statement that are reported where they are found."""

    def groups(self) -> tuple[str, ...]:
        """The groups it uses."""
        return (self.said, self.partial, self.opening, *([self.misheard] if self.misheard else []))


class EveryHold(CheckSpec):
    """A field of every hold has one of the good values."""

    kind: Literal["every_hold"]
    field: Literal["permission", "thanked"]
    good: tuple[Permission | bool, ...] = Field(min_length=1)


class Step(Spec):
    """Something that is to be said, or never said, near a moment."""

    say: tuple[Text, ...] = Field(min_length=1)
    """Groups of which any counts, each searched in the words of its own roles."""
    within_s: float | None = Field(None, gt=0)
    """Seconds of conversation, holds and announcements not counted."""
    within_turns: int | None = Field(None, ge=1)
    """Turns of the roles that say it; the one the moment lies in is the first."""
    before: bool = False
    """Looked for before the moment instead of after it; what overlaps the moment counts either way."""
    around: bool = False
    """Looked for on both sides of the moment, with the same limits on each."""
    after: Literal["moment", "previous"] = "moment"
    """What both limits count from: the moment, or where the step before was found."""
    never: bool = False
    """Must not be said there."""
    times: int = Field(1, ge=1)
    """How often it must be said at least."""
    optional: bool = False
    """Reported, does not decide."""

    @model_validator(mode="after")
    def _fitting(self) -> Step:
        if self.before + self.around + (self.after == "previous") > 1:
            message = "only one of before = true, around = true and after = 'previous'"
            raise ValueError(message)
        if self.never and self.times != 1:
            message = "times counts what must be said; it does not go with never = true"
            raise ValueError(message)
        return self


class Sequence(CheckSpec):
    """Steps that are said, or not said, around the moments of a kind."""

    kind: Literal["sequence"]
    at: Moment
    """The moments: the whole call, the agent's first word, the end of the conversation, the start or end
    of each hold, each announcement of a transfer, each time the customer gives personal data, or each
    place where a group of `said` is found."""
    said: tuple[Text, ...] = ()
    """With at = "said": groups, each searched in the words of its own roles; one may stand without a list."""
    which: Literal["first", "last", "each"] = "each"
    """Which of the moments are looked at."""
    enough: Literal["all", "any"] = "all"
    """How many of them must be good."""
    without: Literal["not_applicable", "pass", "fail"] = "not_applicable"
    """The verdict when there is no such moment."""
    missing: Literal["fail", "not_applicable"] = "fail"
    """The verdict when a step is not met."""
    steps: tuple[Step, ...] = Field(min_length=1)

    def groups(self) -> tuple[str, ...]:
        """The groups it uses."""
        return (*self.said, *(name for step in self.steps for name in step.say))

    @field_validator("said", mode="before")
    @classmethod
    def _one_or_many(cls, said: object) -> object:
        return (said,) if isinstance(said, str) else said

    @model_validator(mode="after")
    def _fitting(self) -> Sequence:
        if (self.at == "said") != bool(self.said):
            message = "said names the groups for at = 'said', and goes with nothing else"
            raise ValueError(message)
        if self.steps[0].after == "previous":
            message = "the first step has no previous one; its after is 'moment'"
            raise ValueError(message)
        if all(step.optional for step in self.steps):
            message = "a step that decides is needed: one without optional = true"
            raise ValueError(message)
        return self


class Measure(CheckSpec):
    """A metric of the call is within bounds."""

    kind: Literal["measure"]
    metric: Text
    """Name of the metric."""
    role: Role | None = None
    """Whose; none for the whole call."""
    of: Literal["value", "count"] = "value"
    """Its value (numerator over denominator), or its numerator alone, such as a number of events."""
    at_most: float | None = None
    at_least: float | None = None
    evidence: Literal["interruptions", "silences"] | None = None
    """Events to point at when the bounds are broken."""

    @model_validator(mode="after")
    def _bounded(self) -> Measure:
        if self.at_most is None and self.at_least is None:
            message = "a bound is needed: at_most or at_least"
            raise ValueError(message)
        return self


class HoldLength(CheckSpec):
    """No hold is longer than `holds.max_s` unless the agent checks back in between."""

    kind: Literal["hold_length"]
    check_back: Text
    """Group with which the agent checks back."""

    def groups(self) -> tuple[str, ...]:
        """The groups it uses."""
        return (self.check_back,)


class Beeps(CheckSpec):
    """A beep tone is heard at regular times over the conversation."""

    kind: Literal["beeps"]
    near_hz: float = Field(1400.0, gt=0)
    within_hz: float = Field(150.0, gt=0)
    """How far a beep's pitch may lie off."""
    every_s: float = Field(15.0, gt=0)
    """The usual time from beep to beep, in seconds."""
    tolerance_s: float = Field(4.0, gt=0)
    """How far one gap may lie off it."""
    longest_s: float = Field(0.6, gt=0)
    """A longer tone is no beep."""
    least: int = Field(3, ge=2)
    """Fewer beeps show no regular tone."""
    without: Literal["not_applicable", "fail"] = "not_applicable"
    """The verdict when no regular beep is heard."""


class NameUsed(CheckSpec):
    """The agent addresses the customer by name at least once after it is known."""

    kind: Literal["name_used"]
    introduces: Text
    """Group with which the customer tells the name."""
    perhaps: Text
    """Group after which a known first name is the customer's."""
    asks_name: Text
    """Group with which the agent asks for the name."""
    asks_for: Text
    """Group with which the agent asks for somebody by name."""
    denies: Text
    """Group with which the customer says that it is somebody else."""
    addressed: Text
    """Group that addresses somebody by any name."""

    def groups(self) -> tuple[str, ...]:
        """The groups it uses."""
        return (
            self.introduces,
            self.perhaps,
            self.asks_name,
            self.asks_for,
            self.denies,
            self.addressed,
        )


class RepeatBack(CheckSpec):
    """What the customer gave is read back, or the agent asks whether it was understood rightly."""

    kind: Literal["repeat_back"]
    checks: Text
    """Group with which the agent asks or begins to read back."""

    def groups(self) -> tuple[str, ...]:
        """The groups it uses."""
        return (self.checks,)


class Calm(CheckSpec):
    """While the customer's activation is raised, the agent's stays as usual."""

    kind: Literal["calm"]
    raised: float = Field(gt=0, lt=1)
    """The customer's activation from which the agent is under pressure."""
    usual: float = Field(gt=0, lt=1)
    """The agent's activation up to which the voice is as usual."""


Logic = Annotated[
    SaidInTime | EveryHold | Sequence | Measure | HoldLength | Beeps | NameUsed | RepeatBack | Calm,
    Field(discriminator="kind"),
]


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
    score: Score
    active: bool = True
    roles: tuple[Role, ...] = Field(min_length=1)
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
        unless = tuple(group.unless for group in self.phrases.values() if group.unless)
        for key, names in {"counts": self.counts, "unless": unless, "logic": self.logic.groups()}.items():
            for name in names:
                if name not in self.phrases:
                    there = ", ".join(self.phrases)
                    message = f"no group {name!r} under phrases ({there}), named in {key}"
                    raise ValueError(message)
        return self


class ScorecardEntry(Spec):
    """What a site's scorecard says of one rule; what it does not say stays as the pack has it."""

    weight: float | None = Field(None, ge=0)
    fatal: bool | None = None
    score: Score | None = None
