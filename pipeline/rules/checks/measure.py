"""The logic `measure`: a metric of the call is within bounds."""

from __future__ import annotations

from pipeline.records import Finding, Metric, Verdict
from pipeline.rules.context import RuleContext
from pipeline.rules.load import Rule
from pipeline.rules.spec import Measure
from pipeline.spans import Span


def measure(hearing: RuleContext, rule: Rule, logic: Measure) -> Finding:
    """The verdict, with the event that weighs most as evidence of a fail.

    What could not be measured (denominator 0) is not determinable; where nobody but an ivr speaks there is
    no conversation to be measured.
    """
    if hearing.case.clock is None:
        return rule.finding("not_applicable")
    named = (m for m in hearing.case.metrics if (m.name, m.role) == (logic.metric, logic.role))
    value = next((_value(metric, logic) for metric in named), None)
    verdict: Verdict = "not_determinable"
    if value is not None:
        low = logic.at_least is not None and value < logic.at_least
        high = logic.at_most is not None and value > logic.at_most
        verdict = "fail" if low or high else "pass"
    event = _event(hearing, logic) if verdict == "fail" else None
    span = event or Span(0.0, hearing.case.duration_s)
    turns = [turn for turn in hearing.case.turns if turn.role == logic.role and event and turn.span & event]
    return rule.finding(
        verdict,
        span=span,
        turn_index=turns[-1].turn_index if turns else None,
        quote=turns[-1].text if turns else None,
        detail={
            "metric": logic.metric,
            "role": logic.role,
            "of": logic.of,
            "value": None if value is None else round(value, 4),
            "at_most": logic.at_most,
            "at_least": logic.at_least,
        },
    )


def _value(metric: Metric, logic: Measure) -> float | None:
    if metric.denominator == 0:
        return None
    return metric.numerator if logic.of == "count" else metric.numerator / metric.denominator


def _event(hearing: RuleContext, logic: Measure) -> Span | None:
    """The longest interruption by the role, or the longest silence that was not announced."""
    case = hearing.case
    spans: list[Span] = []
    if logic.evidence == "interruptions":
        mine = [o for o in case.overlaps if o.kind == "interruption" and o.by_role == logic.role]
        spans = [Span(overlap.start_s, overlap.end_s) for overlap in mine]
    elif logic.evidence == "silences":
        spans = [s.span for s in case.silences if not s.announced and s.kind == "silence"]
    return max(spans, key=lambda span: span.duration_s, default=None)
