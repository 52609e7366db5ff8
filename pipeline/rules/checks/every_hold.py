"""The logic `every_hold`: a field of each hold has a good value; one bad hold fails the call."""

from __future__ import annotations

from typing import Any

from pipeline.phrases.confidence import mean_probability, words_in
from pipeline.records import Finding, Hold, Turn, Verdict
from pipeline.rules.context import RuleContext
from pipeline.rules.load import Rule
from pipeline.rules.spec import EveryHold
from pipeline.spans import Span

_UNKNOWN = (None, "not_determinable")


def every_hold(hearing: RuleContext, rule: Rule, logic: EveryHold) -> Finding:
    """The verdict over all holds, with the deciding one as evidence; without holds it does not apply."""
    holds = hearing.case.holds
    if not holds:
        return rule.finding("not_applicable", detail={"holds": []})
    bad = [hold for hold in holds if getattr(hold, logic.field) not in (*logic.good, *_UNKNOWN)]
    unknown = [hold for hold in holds if getattr(hold, logic.field) in _UNKNOWN]
    verdict: Verdict = "fail" if bad else "not_determinable" if unknown else "pass"
    return _finding(hearing, rule, logic, verdict, (bad or unknown or holds)[0])


def _finding(hearing: RuleContext, rule: Rule, logic: EveryHold, verdict: Verdict, hold: Hold) -> Finding:
    turn = _turn(hearing, logic, hold)
    window = _window(hearing, logic, hold)
    # A turn that goes on long after the hold is evidence only as far as it was searched.
    span = (turn.span & window or turn.span) if turn else window
    words = words_in(hearing.case.words, span)
    if turn:
        words = [word for word in words if word.turn_index == turn.turn_index]
    return rule.finding(
        verdict,
        span=span,
        turn_index=turn.turn_index if turn else None,
        quote=" ".join(word.text.strip() for word in words) if turn else None,
        confidence=mean_probability(words),
        detail={
            "hold_index": hold.hold_index,
            "holds": [_as_detail(each, logic) for each in hearing.case.holds],
        },
    )


def _turn(hearing: RuleContext, logic: EveryHold, hold: Hold) -> Turn | None:
    """The turn that asked for the hold, or the one that ended it."""
    index = hold.request_turn_index if logic.field == "permission" else hold.return_turn_index
    return next((turn for turn in hearing.case.turns if turn.turn_index == index), None)


def _window(hearing: RuleContext, logic: EveryHold, hold: Hold) -> Span:
    """Where the phrase was looked for."""
    if logic.field == "thanked":
        return Span(hold.end_s, min(hearing.case.duration_s, hold.end_s + hearing.holds.thanks_within_s))
    earlier_s = [other.end_s for other in hearing.case.holds if other.end_s <= hold.start_s]
    return Span(max(0.0, hold.start_s - hearing.holds.request_within_s, *earlier_s), hold.start_s)


def _as_detail(hold: Hold, logic: EveryHold) -> dict[str, Any]:
    return {
        "hold_index": hold.hold_index,
        "start_s": round(hold.start_s, 3),
        "end_s": round(hold.end_s, 3),
        logic.field: getattr(hold, logic.field),
        "request_turn_index": hold.request_turn_index,
        "return_turn_index": hold.return_turn_index,
    }
