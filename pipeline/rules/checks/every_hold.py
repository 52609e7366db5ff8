"""The check `every_hold`: a field of each hold has a good value; one bad hold fails the call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from pipeline.phrases.confidence import mean_probability, words_in
from pipeline.records import Basis, Finding, Hold, Permission, Turn, Verdict
from pipeline.rules.check import Check, Evidence, Part, Rule, quote, rounded
from pipeline.rules.context import RuleContext
from pipeline.rules.gate import possible_finding, possible_wording
from pipeline.spans import Span

_UNKNOWN = (None, "not_determinable")
_BASIS: Mapping[Permission | bool | None, Basis] = {
    "granted": "phrase",
    "refused": "phrase",
    "not_awaited": "phrase",
    True: "phrase",
}
"""The basis of values that a phrase determined; the others rest on its absence."""


class EveryHold(Check):
    """A field of every hold has one of the good values.

    The first bad hold is the evidence of a fail, the first with an unknown value that of an open verdict.
    Where no request or thanks was found, the quote is what was said in its place. Without holds the rule does
    not apply.
    """

    reads: ClassVar[frozenset[Part]] = frozenset({"holds"})
    bases: ClassVar[frozenset[Basis]] = frozenset({"phrase", "absence"})
    applies_by_events: ClassVar[bool] = True

    kind: Literal["every_hold"]
    field: Literal["permission", "thanked"]
    """The field of table `hold`."""
    good: tuple[Permission | bool, ...] = Field(min_length=1)
    """The values that are good."""

    def judge(self, context: RuleContext, rule: Rule) -> Finding:
        """The verdict over all holds, with the field of each in the detail."""
        holds = context.call.holds
        if not holds:
            return rule.finding("not_applicable", detail={"holds": []})
        bad = [hold for hold in holds if self._value(hold) not in (*self.good, *_UNKNOWN)]
        unknown = [hold for hold in holds if self._value(hold) in _UNKNOWN]
        verdict: Verdict = "fail" if bad else "not_determinable" if unknown else "pass"
        hold = (bad or unknown or holds)[0]
        doubt = {"reason_code": "hold_unclear"} if verdict == "not_determinable" else {}
        detail = {**doubt, "hold_index": hold.hold_index, "holds": [self._as_detail(each) for each in holds]}
        finding = rule.finding(verdict, self._evidence(context, hold), detail)
        if verdict != "not_determinable":
            return finding
        possible = possible_wording(context, rule, self._window(context, hold))
        return finding if possible is None else possible_finding(context, rule, finding, possible)

    def rests_on_absence(self, finding: Finding) -> bool:
        """Also where the answer was not awaited: nothing was heard of it."""
        index = finding.detail.get("hold_index")
        holds = finding.detail.get("holds", ())
        missed = any(h["hold_index"] == index and h.get(self.field) == "not_awaited" for h in holds)
        return missed or super().rests_on_absence(finding)

    def searched_in_vain(self, context: RuleContext, rule: Rule, finding: Finding) -> Span | None:
        """The window of a bad hold, unless possible wordings have counted when the hold was judged."""
        return None if context.meanings.computed else super().searched_in_vain(context, rule, finding)

    def _value(self, hold: Hold) -> Permission | bool | None:
        value: Permission | bool | None = getattr(hold, self.field)
        return value

    def _evidence(self, context: RuleContext, hold: Hold) -> Evidence:
        """The turn that asked for the hold or ended it, or the window in which the phrase was searched."""
        window, turn = self._window(context, hold), self._turn(context, hold)
        # A turn that goes on long after the hold is evidence only as far as it was searched.
        span = (turn.span & window or turn.span) if turn else window
        words = words_in(context.call.words, span)
        if turn:
            words = [word for word in words if word.turn_index == turn.turn_index]
        return Evidence(
            basis=_BASIS.get(self._value(hold), "absence"),
            span=span,
            turn_index=turn.turn_index if turn else None,
            quote=quote(words) if turn else None,
            confidence=mean_probability(words),
        )

    def _turn(self, context: RuleContext, hold: Hold) -> Turn | None:
        """The turn that asked for the hold, or the one that ended it."""
        index = hold.request_turn_index if self.field == "permission" else hold.return_turn_index
        return next((turn for turn in context.call.turns if turn.turn_index == index), None)

    def _window(self, context: RuleContext, hold: Hold) -> Span:
        """The window in which the phrase was searched."""
        call, settings = context.call, context.holds
        if self.field == "thanked":
            return Span(hold.end_s, min(call.duration_s, hold.end_s + settings.thanks_within_s))
        earlier_s = [other.end_s for other in call.holds if other.end_s <= hold.start_s]
        return Span(max(0.0, hold.start_s - settings.request_within_s, *earlier_s), hold.start_s)

    def _as_detail(self, hold: Hold) -> dict[str, Any]:
        return {
            "hold_index": hold.hold_index,
            "start_s": rounded(hold.start_s),
            "end_s": rounded(hold.end_s),
            self.field: self._value(hold),
            "request_turn_index": hold.request_turn_index,
            "return_turn_index": hold.return_turn_index,
        }
