"""The logic `calm`: while the customer's voice is raised, the agent's stays within its own usual range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.records import Finding, Turn, Verdict
from pipeline.rules.context import RuleContext
from pipeline.rules.load import Rule
from pipeline.rules.spec import Calm
from pipeline.spans import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pressure:
    """From a raised turn of the customer to their next one that is not, with the agent's turns in it."""

    span: Span
    customer: float
    replies: tuple[tuple[Turn, float], ...]
    """Those that could be judged, with their activation."""


def calm(hearing: RuleContext, rule: Rule, logic: Calm) -> Finding:
    """The verdict, with the agent's most raised turn as evidence of a fail, the stretch otherwise.

    It needs the agent's activation, which is measured only where the settings ask for it: without it
    nothing is determined. A customer who never raises the voice puts nobody under pressure.
    """
    activation = {t.turn_index: t.activation for t in hearing.case.tone if t.activation is not None}
    customer = [t for t in hearing.case.turns if t.role == "customer" and t.turn_index in activation]
    stretches = _pressures(hearing, logic, activation)
    replies = [reply for stretch in stretches for reply in stretch.replies]
    if not customer or (stretches and not replies):
        return _finding(rule, logic, "not_determinable", stretches)
    if not stretches:
        return _finding(rule, logic, "not_applicable", stretches)
    turn, highest = max(replies, key=lambda reply: reply[1])
    if highest > logic.usual:
        return _finding(rule, logic, "fail", stretches, turn)
    return _finding(rule, logic, "pass", stretches)


def _pressures(hearing: RuleContext, logic: Calm, activation: dict[int, float]) -> list[_Pressure]:
    """The stretches under pressure, in order."""
    turns = hearing.case.turns
    judged = [turn for turn in turns if turn.role == "customer" and turn.turn_index in activation]
    found: list[_Pressure] = []
    start: Turn | None = None
    highest = 0.0
    for turn in judged:
        value = activation[turn.turn_index]
        if value >= logic.raised:
            highest = value if start is None else max(highest, value)
            start = start or turn
        elif start is not None:
            found.append(_pressure(turns, Span(start.start_s, turn.start_s), highest, activation))
            start = None
    if start is not None:
        found.append(_pressure(turns, Span(start.start_s, hearing.case.duration_s), highest, activation))
    return found


def _pressure(turns: Sequence[Turn], span: Span, customer: float, activation: dict[int, float]) -> _Pressure:
    replies = tuple(
        (turn, activation[turn.turn_index])
        for turn in turns
        if turn.role == "agent" and turn.start_s in span and turn.turn_index in activation
    )
    return _Pressure(span=span, customer=customer, replies=replies)


def _finding(
    rule: Rule, logic: Calm, verdict: Verdict, stretches: Sequence[_Pressure], turn: Turn | None = None
) -> Finding:
    worst = max(stretches, key=lambda stretch: stretch.customer, default=None)
    span = turn.span if turn else worst.span if worst else None
    return rule.finding(
        verdict,
        span=span,
        turn_index=turn.turn_index if turn else None,
        quote=turn.text if turn else None,
        detail={
            "raised": logic.raised,
            "usual": logic.usual,
            "stretches": [_as_detail(stretch) for stretch in stretches],
        },
    )


def _as_detail(stretch: _Pressure) -> dict[str, Any]:
    agent = max((value for _, value in stretch.replies), default=None)
    return {
        "start_s": round(stretch.span.start_s, 3),
        "end_s": round(stretch.span.end_s, 3),
        "customer": round(stretch.customer, 3),
        "agent": None if agent is None else round(agent, 3),
    }
