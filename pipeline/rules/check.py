"""A rule, and the check that gives its verdict.

A check is one class in one module of `pipeline.rules.checks`: a subclass of `Check` whose fields are the keys
of a pack's table `[check]`, whose docstring documents them, and whose `judge` gives the finding. Nothing else
has to be changed to add one: every module there is imported, and `check_kinds` lists the subclasses.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

from pydantic import ConfigDict

from pipeline.phrases.confidence import mean_probability
from pipeline.phrases.lexicon import Spec
from pipeline.phrases.search import Match, Phrases
from pipeline.records import Basis, CallKind, Finding, Role, Score, Turn, Verdict, Word
from pipeline.rules.context import RuleContext
from pipeline.spans import Span

Part = Literal["holds", "transfers", "sounds", "overlaps", "silences", "metrics", "tone", "facts", "masks"]
"""A part of `CallContext` that a check may read beside the words, turns and activities of the call."""

Need = Literal["words", "roles"]
"""What the verdicts of a check depend on: what was said, and who the agent is."""


class Check(Spec):
    """What a rule asks of a call: the keys of a pack's table `[check]`, and the verdict they lead to.

    A subclass has a field `kind: Literal["its_name"]` first, and fields with docstrings. `reads` are the
    parts of the call that it reads beside what was said, `bases` what its verdicts may rest on, and `needs`
    what its verdicts depend on (see `pipeline.rules.bearing`).
    """

    model_config = ConfigDict(use_attribute_docstrings=True)

    reads: ClassVar[frozenset[Part]]
    bases: ClassVar[frozenset[Basis]]
    needs: ClassVar[frozenset[Need]] = frozenset({"words", "roles"})
    reads_values: ClassVar[bool] = False
    """Whether the verdict depends on what names or numbers are said, which are masked in the store."""
    applies_by_events: ClassVar[bool] = False
    """Whether events alone decide that a rule does not apply, in whatever language people speak."""

    @property
    def needed(self) -> frozenset[Need]:
        """What the verdicts of this check, with its keys, depend on."""
        return self.needs

    def due_s(self, context: RuleContext) -> float | None:  # noqa: ARG002 - what subclasses need
        """When at the latest the thing was due, in seconds of the recording; None: when the window ends."""
        return None

    def rests_on_absence(self, finding: Finding) -> bool:
        """Whether the verdict is as it is because something was not found."""
        return finding.basis == "absence"

    def searched_in_vain(self, context: RuleContext, rule: Rule, finding: Finding) -> Span | None:  # noqa: ARG002 - what subclasses need
        """The window in which nothing was said of what counts, if the finding says so."""
        failed = finding.verdict == "fail" and finding.basis == "absence"
        if not failed or finding.start_s is None or finding.end_s is None:
            return None
        return Span(finding.start_s, finding.end_s)

    def groups(self) -> tuple[str, ...]:
        """The groups it uses, which must stand under `phrases`; none where it is judged on events."""
        return ()

    def slot_patterns(self) -> Mapping[str, tuple[str, ...]]:
        """Patterns that are written in the check itself, by their name; they become `Rule.slots`."""
        return {}

    def verify(self, where: str) -> None:
        """Raise UsageError if the check names something that does not exist; `where` is its file and key."""

    @abstractmethod
    def judge(self, context: RuleContext, rule: Rule) -> Finding:
        """The finding of `rule`, whose check this is, for the call in `context`."""


def check_kinds() -> dict[str, type[Check]]:
    """Every check by the `kind` that names it in a pack."""
    kinds = ((get_args(check.model_fields["kind"].annotation)[0], check) for check in Check.__subclasses__())
    return dict(sorted(kinds, key=lambda item: item[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a verdict rests on: its basis, where that is in the recording, and in which words.

    For `absence` the span is the window that was searched, and `confidence` the mean probability of the words
    recognised there, 0 to 1.
    """

    basis: Basis | None = None
    span: Span | None = None
    turn_index: int | None = None
    quote: str | None = None
    confidence: float | None = None

    @classmethod
    def of_match(cls, match: Match) -> Evidence:
        """A phrase that was found."""
        return cls(
            basis="phrase",
            span=match.span,
            turn_index=match.turn_index,
            quote=match.quote,
            confidence=match.probability,
        )

    @classmethod
    def of_words(cls, words: Sequence[Word]) -> Evidence:
        """Words that were found; there must be some."""
        return cls(
            basis="phrase",
            span=Span(words[0].start_s, words[-1].end_s),
            turn_index=words[0].turn_index,
            quote=quote(words),
            confidence=mean_probability(words),
        )

    @classmethod
    def of_turn(cls, basis: Basis, span: Span | None, turn: Turn | None) -> Evidence:
        """An event or a measure in `span`, with the turn that shows it if there is one."""
        return cls(
            basis=basis,
            span=span,
            turn_index=turn.turn_index if turn else None,
            quote=turn.text if turn else None,
        )

    @classmethod
    def absent(cls, context: RuleContext, roles: Collection[Role], window: Span) -> Evidence:
        """Nothing that `roles` say in `window` is what was searched."""
        confidence = context.call.confidence.probability(roles, window)
        return cls(basis="absence", span=window, confidence=confidence)


NOWHERE = Evidence(basis="absence")
"""Something was not found, and there is no window to show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule ready to judge.

    `version` is a short hash of what decides the verdict: id, roles, check, phrases and, where words decide
    it, the lexicon. Title, weight, fatal and score may change without a new verdict, so they are not in it.
    """

    id: str
    version: str
    title: str
    why: str
    weight: float
    fatal: bool
    score: Score
    active: bool
    kinds: tuple[CallKind, ...]
    """The kinds of calls it applies to."""
    roles: tuple[Role, ...]
    counts: tuple[str, ...]
    check: Check
    phrases: Mapping[str, Phrases]
    slots: Mapping[str, Phrases]
    examples: tuple[tuple[Role, str, bool], ...]
    """Role, sentence, and whether it contains the rule's phrase."""
    files: tuple[Path, ...]
    """The pack's file, and a site's file that changes it."""
    shared: Mapping[str, dict[str, Any]]
    """The shared groups that the pack names, by their name in shared.toml, as the rule uses them."""
    not_said: Phrases | None = None
    """Wordings that a site decided not to be the phrase."""
    decisions: str = ""
    """What a site decided about wordings, in TOML."""

    @property
    def speakers(self) -> tuple[Role, ...]:
        """The rule's roles, and whoever cannot be distinguished from them."""
        return (*self.roles, "unknown")

    def finding(
        self, verdict: Verdict, evidence: Evidence | None = None, detail: dict[str, Any] | None = None
    ) -> Finding:
        """A finding of this rule; a verdict `not_applicable` rests on nothing."""
        shown = evidence or Evidence()
        return Finding(
            rule_id=self.id,
            rule_version=self.version,
            verdict=verdict,
            basis=None if verdict == "not_applicable" else shown.basis,
            start_s=None if shown.span is None else shown.span.start_s,
            end_s=None if shown.span is None else shown.span.end_s,
            turn_index=shown.turn_index,
            quote=shown.quote,
            confidence=shown.confidence,
            detail=detail or {},
        )


def quote(words: Sequence[Word]) -> str:
    """Words as they were recognised, in one line."""
    return " ".join(word.text.strip() for word in words)


def rounded(time_s: float | None) -> float | None:
    """A time for `Finding.detail`: seconds with milliseconds."""
    return None if time_s is None else round(time_s, 3)
