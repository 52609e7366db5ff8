"""The check `calm`: while the customer's voice is raised, the agent's stays within its own usual range."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import Field

from pipeline.records import Basis, Finding, Turn
from pipeline.rules.check import Check, Evidence, Need, Part, Rule, rounded
from pipeline.rules.context import CallContext, RuleContext
from pipeline.spans import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pressure:
    """From a raised turn of the customer to their next one that is not, with the agent's turns in it."""

    span: Span
    customer: float
    replies: tuple[tuple[Turn, float], ...]
    """Those that could be judged, with their activation."""

    def as_detail(self) -> dict[str, Any]:
        """Its time, and the highest activation of both, without unit."""
        return {
            "start_s": rounded(self.span.start_s),
            "end_s": rounded(self.span.end_s),
            "customer": rounded(self.customer),
            "agent": rounded(max((value for _, value in self.replies), default=None)),
        }


class Calm(Check):
    """While the customer's activation is raised, the agent's stays as usual.

    It needs the agent's activation, which is measured only where the settings ask for it: without it
    nothing is determined. A customer who never raises the voice puts nobody under pressure, so the rule does
    not apply. A fail shows the agent's most raised turn, other verdicts the stretch of most pressure.
    """

    reads: ClassVar[frozenset[Part]] = frozenset({"tone"})
    bases: ClassVar[frozenset[Basis]] = frozenset({"measure"})
    needs: ClassVar[frozenset[Need]] = frozenset({"roles"})

    kind: Literal["calm"]
    raised: float = Field(gt=0, lt=1)
    """The customer's activation from which the agent is under pressure."""
    usual: float = Field(gt=0, lt=1)
    """The agent's activation up to which the voice is as usual."""

    def judge(self, context: RuleContext, rule: Rule) -> Finding:
        """The verdict, with the stretches of pressure in the detail."""
        call = context.call
        activation = {t.turn_index: t.activation for t in call.tone if t.activation is not None}
        customer = [t for t in call.turns if t.role == "customer" and t.turn_index in activation]
        stretches = tuple(self._pressures(call, customer, activation))
        replies = [reply for stretch in stretches for reply in stretch.replies]
        worst = max(stretches, key=lambda stretch: stretch.customer, default=None)
        evidence = Evidence(basis="measure", span=worst.span if worst else None)
        detail = {
            "raised": self.raised,
            "usual": self.usual,
            "stretches": [stretch.as_detail() for stretch in stretches],
        }
        if not customer or (stretches and not replies):
            return rule.finding("not_determinable", evidence, {"reason_code": "tone_not_measured", **detail})
        if not stretches:
            return rule.finding("not_applicable", detail=detail)
        turn, highest = max(replies, key=lambda reply: reply[1])
        if highest > self.usual:
            return rule.finding("fail", Evidence.of_turn("measure", turn.span, turn), detail)
        return rule.finding("pass", evidence, detail)

    def _pressures(
        self, call: CallContext, customer: Sequence[Turn], activation: Mapping[int, float]
    ) -> Iterator[_Pressure]:
        """The stretches under pressure, in order; `customer` are the turns whose activation is known."""
        raised: list[Turn] = []
        for turn in customer:
            if activation[turn.turn_index] >= self.raised:
                raised.append(turn)
            elif raised:
                yield _pressure(call, raised, turn.start_s, activation)
                raised = []
        if raised:
            yield _pressure(call, raised, call.duration_s, activation)


def _pressure(
    call: CallContext, raised: Sequence[Turn], end_s: float, activation: Mapping[int, float]
) -> _Pressure:
    """The stretch from the first of the customer's `raised` turns to `end_s`."""
    span = Span(raised[0].start_s, end_s)
    replies = tuple(
        (turn, activation[turn.turn_index])
        for turn in call.turns
        if turn.role == "agent" and turn.start_s in span and turn.turn_index in activation
    )
    highest = max(activation[turn.turn_index] for turn in raised)
    return _Pressure(span=span, customer=highest, replies=replies)
