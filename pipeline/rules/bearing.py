"""What a recording can bear: verdicts that depend on what it does not show become not determinable.

Each check declares what its verdicts need (`Check.needed`). Here, and nowhere else, the facts about the
recording are held against that: its kind, the speed of its speech, its channels, its languages and its end. A
doubtful fact never turns a pass into a fail or a fail into a pass. Every finding that is not determinable
gets a `reason_code` and a `reason`: one sentence on why, and what would help.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipeline.records import CallKind, Finding, Verdict
from pipeline.rules.check import Rule
from pipeline.rules.context import RuleContext
from pipeline.rules.reasons import REASONS
from pipeline.spans import Span, covered_s

HALVES: frozenset[CallKind] = frozenset({"one_sided", "monologue"})
"""Kinds in which a customer or an agent may only be missing from the recording."""
UNSURE_LANGUAGE = 0.5
"""Probability of the default language below which the call is probably in another one."""
CUT_OFF_S = 1.0
"""A window that ends so close to the recording's end was cut off by it."""
LATE_S = 8.0
"""Speech on one channel for so long, in several turns, before the other channel carries any sound."""
LATE_TURNS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Doubt:
    """Why a verdict cannot be kept."""

    code: str
    not_applicable: bool = False


def respect(context: RuleContext, rule: Rule, finding: Finding) -> Finding:
    """The finding as far as the recording bears it out, with its reason where it is not determinable."""
    doubt = _doubt(context, rule, finding)
    if doubt is None:
        return explained(finding)
    verdict: Verdict = "not_applicable" if doubt.not_applicable else "not_determinable"
    detail = {**finding.detail, "reason_code": doubt.code, "reason": REASONS[doubt.code]}
    if finding.verdict != verdict:
        detail["would_be"] = finding.verdict
    basis = None if doubt.not_applicable else finding.basis
    return replace(finding, verdict=verdict, basis=basis, detail=detail)


def explained(finding: Finding) -> Finding:
    """The finding with the sentence of its `reason_code` as `reason` if it is not determinable.

    Raises KeyError for a code that is not in REASONS: the fault of a check.
    """
    if finding.verdict != "not_determinable":
        return finding
    code = finding.detail.get("reason_code", "not_measured")
    return replace(finding, detail={**finding.detail, "reason_code": code, "reason": REASONS[code]})


def _doubt(context: RuleContext, rule: Rule, finding: Finding) -> _Doubt | None:
    """The first fact about the recording that the verdict cannot stand beside."""
    call, needed = context.call, rule.check.needed
    if call.kind is not None and call.kind not in rule.kinds and call.kind not in HALVES:
        return _Doubt(code="call_kind", not_applicable=True)
    if _by_events(rule, finding):
        return None
    if any(channel.speed not in (None, 1.0) for channel in call.quality):
        return _Doubt(code="speed")  # whatever else is in doubt follows from it
    if finding.verdict == "not_determinable":
        return None  # it keeps the reason that it has
    if "roles" in needed and any(channel.swap_suspected for channel in call.quality):
        return _Doubt(code="channels_swapped")
    if code := _language_doubt(context, rule, finding):
        return _Doubt(code=code)
    if finding.verdict == "fail" and _cut_off(context, rule, finding):
        return _Doubt(code="stops_mid_call")
    if call.kind in HALVES and call.kind not in rule.kinds and not _shown(rule, finding):
        return _Doubt(code=str(call.kind))
    if "roles" in needed and finding.verdict == "fail" and not _shown(rule, finding) and _late_leg(context):
        return _Doubt(code="late_leg")
    return None


def _by_events(rule: Rule, finding: Finding) -> bool:
    """Whether events alone say that the rule does not apply."""
    return finding.verdict == "not_applicable" and rule.check.applies_by_events


def _shown(rule: Rule, finding: Finding) -> bool:
    """Whether the verdict rests on words that were said, or there is none to doubt."""
    if finding.verdict in {"not_applicable", "not_determinable"}:
        return True
    return finding.basis in {"phrase", "meaning"} and not rule.check.rests_on_absence(finding)


def _language_doubt(context: RuleContext, rule: Rule, finding: Finding) -> str | None:
    """Why words in the language of the call do not bear out the verdict, if so."""
    if "words" not in rule.check.needed or not context.call.languages:
        return None
    if finding.verdict == "pass" and finding.basis in {"event", "measure"}:
        return None  # it rests on times alone
    spoken = set(context.call.languages)
    if not spoken & context.judged_in or (spoken - context.judged_in and not _shown(rule, finding)):
        return "language_without_pack"
    if finding.verdict == "fail" and any(
        channel.language_source == "default" and (channel.language_probability or 0.0) < UNSURE_LANGUAGE
        for channel in context.call.quality
        if channel.speech_s > 0
    ):
        return "language_unsure"
    return None


def _cut_off(context: RuleContext, rule: Rule, finding: Finding) -> bool:
    """Whether the recording stops before what was not found was due."""
    if not rule.check.rests_on_absence(finding) or finding.end_s is None or not context.stops_early():
        return False
    due_s = rule.check.due_s(context)
    if due_s is None:
        return finding.end_s >= context.call.duration_s - CUT_OFF_S
    return due_s >= context.call.duration_s


def _late_leg(context: RuleContext) -> bool:
    """Whether one channel of two carries nothing at all while the other talks with somebody at first."""
    if context.call.layout != "stereo":
        return False
    spoken: dict[int, list[Span]] = {}
    for activity in context.call.activities:
        spoken.setdefault(activity.channel, []).append(activity.span)
    if len(spoken) < 2:
        return False
    starts_s = {channel: min(span.start_s for span in spans) for channel, spans in spoken.items()}
    early, late = sorted(starts_s, key=lambda channel: starts_s[channel])[:2]
    before = Span(starts_s[early], _carries_from_s(context, late, starts_s[late]))
    turns = [t for t in context.call.turns if t.channel == early and t.start_s in before and t.role != "ivr"]
    return len(turns) >= LATE_TURNS and covered_s(before, spoken[early]) >= LATE_S


def _carries_from_s(context: RuleContext, channel: int, speaks_from_s: float) -> float:
    """From when a channel carries any sound; where that was not measured, from when it carries speech."""
    measured = (each.signal_start_s for each in context.call.quality if each.channel == channel)
    from_s = next(measured, None)
    return speaks_from_s if from_s is None else from_s
