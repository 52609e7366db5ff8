"""The check `hold_length`: no hold is too long unless the agent checks back."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar, Literal

from pipeline.phrases.lexicon import Text
from pipeline.phrases.search import Match, find
from pipeline.records import Basis, Finding, Hold, Verdict
from pipeline.rules.check import Check, Evidence, Part, Rule, rounded
from pipeline.rules.context import RuleContext


class HoldLength(Check):
    """No hold is longer than `holds.max_s` unless the agent checks back in between.

    A hold ends with the agent's first word after it, so an agent who checks back ends one hold and begins
    another. A check-back inside a hold, under music on one channel, divides it likewise. The evidence is the
    hold in which the customer waited longest unattended. Where doubtful words would make the difference, the
    verdict is not determinable.
    """

    reads: ClassVar[frozenset[Part]] = frozenset({"holds"})
    bases: ClassVar[frozenset[Basis]] = frozenset({"event"})
    applies_by_events: ClassVar[bool] = True

    kind: Literal["hold_length"]
    check_back: Text
    """Group with which the agent checks back."""

    def groups(self) -> tuple[str, ...]:
        """The groups it uses."""
        return (self.check_back,)

    def judge(self, context: RuleContext, rule: Rule) -> Finding:
        """The verdict, with the longest wait of each hold in the detail."""
        holds, max_s = context.call.holds, context.holds.max_s
        if not holds:
            return rule.finding("not_applicable", detail={"max_s": max_s, "holds": []})
        phrases = rule.phrases[self.check_back]
        found = find(context.transcript, phrases, phrases.speakers)
        sure = tuple(filter(context.sure, found))
        waits_s = {hold.hold_index: _longest_wait_s(hold, sure) for hold in holds}
        worst = max(holds, key=lambda hold: waits_s[hold.hold_index])
        verdict: Verdict = "pass"
        if waits_s[worst.hold_index] > max_s:
            at_best_s = max(_longest_wait_s(hold, found) for hold in holds)
            verdict = "fail" if at_best_s > max_s else "not_determinable"
        doubt = {"reason_code": "check_back_unclear"} if verdict == "not_determinable" else {}
        return rule.finding(
            verdict,
            Evidence(basis="event", span=worst.span, turn_index=worst.request_turn_index),
            {
                **doubt,
                "hold_index": worst.hold_index,
                "max_s": max_s,
                "holds": [
                    {
                        "hold_index": hold.hold_index,
                        "start_s": rounded(hold.start_s),
                        "end_s": rounded(hold.end_s),
                        "longest_wait_s": rounded(waits_s[hold.hold_index]),
                    }
                    for hold in holds
                ],
            },
        )


def _longest_wait_s(hold: Hold, checks: tuple[Match, ...]) -> float:
    """Seconds of the longest stretch of the hold in which nobody checked back."""
    edges_s = [hold.start_s, hold.end_s]
    edges_s += [match.span.start_s for match in checks if match.span.start_s in hold.span]
    edges_s.sort()
    return max(after - before for before, after in pairwise(edges_s))
