"""The logic `hold_length`: no hold goes on too long without the agent checking back.

A hold ends with the agent's first word after it, so an agent who checks back ends one hold and begins
another; a check-back that was heard inside a hold (under music on one channel) divides it likewise.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from pipeline.phrases.search import Match, find
from pipeline.records import Finding, Hold, Verdict
from pipeline.rules.context import RuleContext
from pipeline.rules.load import Rule
from pipeline.rules.spec import HoldLength


def hold_length(hearing: RuleContext, rule: Rule, logic: HoldLength) -> Finding:
    """The verdict, with the hold in which the customer waited longest unattended as evidence.

    The longest wait allowed is the setting `holds.max_s`. Where doubtful words would make the difference
    nothing is determined.
    """
    holds = hearing.case.holds
    if not holds:
        detail = {"max_s": hearing.holds.max_s, "holds": []}
        return rule.finding("not_applicable", detail=detail)
    phrases = rule.phrases[logic.check_back]
    heard = find(hearing.transcript, phrases, phrases.speakers)
    sure = tuple(filter(hearing.sure, heard))
    waits_s = {hold.hold_index: _longest_wait_s(hold, sure) for hold in holds}
    worst = max(holds, key=lambda hold: waits_s[hold.hold_index])
    at_best_s = max(_longest_wait_s(hold, heard) for hold in holds)
    verdict: Verdict = "pass"
    if waits_s[worst.hold_index] > hearing.holds.max_s:
        verdict = "fail" if at_best_s > hearing.holds.max_s else "not_determinable"
    return rule.finding(
        verdict,
        span=worst.span,
        turn_index=worst.request_turn_index,
        detail={
            "hold_index": worst.hold_index,
            "max_s": hearing.holds.max_s,
            "holds": [_as_detail(hold, waits_s[hold.hold_index]) for hold in holds],
        },
    )


def _as_detail(hold: Hold, wait_s: float) -> dict[str, Any]:
    return {
        "hold_index": hold.hold_index,
        "start_s": round(hold.start_s, 3),
        "end_s": round(hold.end_s, 3),
        "longest_wait_s": round(wait_s, 3),
    }


def _longest_wait_s(hold: Hold, checks: tuple[Match, ...]) -> float:
    """Seconds of the longest stretch of the hold in which nobody checked back."""
    edges_s = [hold.start_s, hold.end_s]
    edges_s += [match.span.start_s for match in checks if match.span.start_s in hold.span]
    edges_s.sort()
    return max(after - before for before, after in pairwise(edges_s))
