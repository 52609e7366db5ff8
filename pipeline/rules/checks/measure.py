"""The check `measure`: a metric of the call is within bounds."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import model_validator

from pipeline.errors import UsageError
from pipeline.phrases.lexicon import Text
from pipeline.records import Basis, Finding, Metric, Role, Verdict
from pipeline.rules.check import Check, Evidence, Need, Part, Rule
from pipeline.rules.context import CallContext, RuleContext
from pipeline.rules.metric_names import metric_names
from pipeline.spans import Span


class Measure(Check):
    """A metric of the call is within bounds.

    A fail shows the event that weighs most. A metric that could not be measured (denominator 0) is not
    determinable; where nobody but an ivr speaks there is no conversation to measure.
    """

    reads: ClassVar[frozenset[Part]] = frozenset({"holds", "metrics", "overlaps", "silences"})
    bases: ClassVar[frozenset[Basis]] = frozenset({"measure"})
    needs: ClassVar[frozenset[Need]] = frozenset({"roles"})

    kind: Literal["measure"]
    metric: Text
    """Name of the metric."""
    role: Role | None = None
    """The role whose metric it is; without one, the whole call's."""
    of: Literal["value", "count"] = "value"
    """Its value (numerator over denominator), or its numerator alone, such as a number of events."""
    at_most: float | None = None
    """The highest good value, in the metric's unit."""
    at_least: float | None = None
    """The lowest good value, in the metric's unit."""
    evidence: Literal["interruptions", "silences"] | None = None
    """Events to point at when the bounds are broken."""

    @model_validator(mode="after")
    def _bounded(self) -> Measure:
        if self.at_most is None and self.at_least is None:
            message = "a bound is needed: at_most or at_least"
            raise ValueError(message)
        return self

    @property
    def needed(self) -> frozenset[Need]:
        """The roles, where the metric is that of one."""
        return self.needs if self.role else frozenset()

    def verify(self, where: str) -> None:
        """Raise UsageError for a metric that does not exist."""
        if (self.metric, self.role) not in metric_names():
            known = ", ".join(sorted(f"{name} ({role})" if role else name for name, role in metric_names()))
            value = f"{self.metric} ({self.role})" if self.role else self.metric
            raise UsageError("no such metric", where=f"{where}.metric", value=value, allowed=known)

    def judge(self, context: RuleContext, rule: Rule) -> Finding:
        """The verdict on the metric's value, which stands in the detail."""
        call = context.call
        if call.clock is None:
            return rule.finding("not_applicable")
        value = self._value(call.metrics)
        verdict: Verdict = "not_determinable" if value is None else "pass" if self._good(value) else "fail"
        event = self._event(call) if verdict == "fail" else None
        turns = [turn for turn in call.turns if turn.role == self.role and event and turn.span & event]
        return rule.finding(
            verdict,
            Evidence.of_turn("measure", event or call.whole, turns[-1] if turns else None),
            {
                "metric": self.metric,
                "role": self.role,
                "of": self.of,
                "value": None if value is None else round(value, 4),
                "at_most": self.at_most,
                "at_least": self.at_least,
            },
        )

    def _value(self, metrics: tuple[Metric, ...]) -> float | None:
        metric = next((m for m in metrics if (m.name, m.role) == (self.metric, self.role)), None)
        if metric is None or metric.denominator == 0:
            return None
        return metric.numerator if self.of == "count" else metric.numerator / metric.denominator

    def _good(self, value: float) -> bool:
        """Whether a value lies within the bounds, which are good themselves."""
        high_enough = self.at_least is None or value >= self.at_least
        return high_enough and (self.at_most is None or value <= self.at_most)

    def _event(self, call: CallContext) -> Span | None:
        """The longest interruption by the role, or the longest silence that was not announced."""
        spans: list[Span] = []
        if self.evidence == "interruptions":
            mine = [o for o in call.overlaps if o.kind == "interruption" and o.by_role == self.role]
            spans = [Span(overlap.start_s, overlap.end_s) for overlap in mine]
        elif self.evidence == "silences":
            spans = [s.span for s in call.silences if not s.announced and s.kind == "silence"]
        return max(spans, key=lambda span: span.duration_s, default=None)
