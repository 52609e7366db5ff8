"""What a recording can bear: verdicts that depend on what it does not show become not determinable.

Each check declares what its verdicts need (`Check.needed`). Here, and nowhere else, the facts about the
recording are held against that: its kind, the speed of its speech, its channels, its languages and its end. A
doubtful fact never turns a pass into a fail or a fail into a pass. Every finding that is not determinable
gets a `reason_code` and a `reason`: one sentence on why, and what would help.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from pipeline.records import CallKind, Finding, Verdict
from pipeline.rules.check import Rule
from pipeline.rules.context import RuleContext
from pipeline.spans import Span, covered_s

REASONS: Mapping[str, str] = MappingProxyType(
    {
        # What checks find themselves.
        "speaker_unknown": "Who said the words that decide is not known; set the agent's channel.",
        "words_unsure": "The deciding words were not recognised reliably; listen to the evidence.",
        "misheard": "The words that decide may have been misheard; listen to the evidence.",
        "opening_not_understood": "The opening of the call was not understood; listen to it.",
        "call_not_understood": "What was said in the call was not understood; listen to it.",
        "agent_not_understood": "What the agent said was not understood; listen to the evidence.",
        "customer_not_understood": "What the customer said was not understood; listen to the evidence.",
        "window_not_understood": "What was said there was not understood; listen to the evidence.",
        "starts_mid_call": "The recording starts mid-call; look for its earlier part.",
        "stops_mid_call": "The recording stops mid-call, before the thing was due; look for the rest of it.",
        "nobody_speaks": "Only an announcement speaks; check that both sides of the call were recorded.",
        "consent_unanswered": "Consent was asked for and no answer was recognised; listen to the evidence.",
        "consent_answer_unsure": "The answer about consent was not recognised reliably; listen to it.",
        "other_name": "The customer was addressed by a name that was heard otherwise; listen to it.",
        "not_measured": "The audio does not allow this to be measured; see the facts in audio_quality.",
        "tone_not_measured": "The voices' activation was not measured; for agents, set tone.agents.",
        "hold_unclear": "What was said around the hold was not understood; listen to the evidence.",
        "possible_wording": (
            "The sentence may say it in words that no phrase foresees; listen to it, and decide."
        ),
        "gate_not_computed": (
            "Sentences of other wording were not looked for; install the sentence model and run"
            " `earwitness recheck`."
        ),
        "check_back_unclear": "Doubtful words may have been a check-back in the hold; listen to them.",
        # What the recording does not show.
        "speed": "Speech plays at another speed than it was spoken; correct the sample rate in the header.",
        "channels_swapped": (
            "What is said speaks for the agent on the other channel; set audio.agent_channel, or give the"
            " channel in the metadata."
        ),
        "language_without_pack": "There is no rule pack for the language of the call; add one for it.",
        "language_unsure": (
            "The language of the call is not certain; set asr.language, or add it to asr.languages."
        ),
        "one_sided": "One side of the call was not recorded; look for the other leg.",
        "monologue": "Only one voice is heard, so the other side may be missing; look for the other leg.",
        "late_leg": "One side of the call was recorded later than the other; look for its earlier part.",
        # Where the rule does not speak of the call.
        "call_kind": "The rule does not apply to calls of this kind.",
    }
)
HALVES: frozenset[CallKind] = frozenset({"one_sided", "monologue"})
"""Kinds in which a customer or an agent may only be missing from the recording."""
UNSURE_LANGUAGE = 0.5
"""Probability of the default language below which the call is probably in another one."""
CUT_OFF_S = 1.0
"""A window that ends so close to the recording's end was cut off by it."""
LATE_S = 8.0
"""Speech on one channel for so long, in several turns, before the other channel carries any."""
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
    """The finding with `reason_code` and `reason` in its detail if it is not determinable.

    A check gives the code of its reason as `reason`; here the sentence takes its place.
    """
    if finding.verdict != "not_determinable":
        return finding
    code = str(finding.detail.get("reason_code") or finding.detail.get("reason") or "not_measured")
    reason = REASONS.get(code, code)
    return replace(finding, detail={**finding.detail, "reason_code": code, "reason": reason})


def _doubt(context: RuleContext, rule: Rule, finding: Finding) -> _Doubt | None:
    """The first fact about the recording that the verdict cannot stand beside."""
    call, needed = context.call, rule.check.needed
    if any(channel.speed not in (None, 1.0) for channel in call.quality):
        return _Doubt(code="speed")
    if call.kind is not None and call.kind not in rule.kinds and call.kind not in HALVES:
        return _Doubt(code="call_kind", not_applicable=True)
    if "roles" in needed and any(channel.swap_suspected for channel in call.quality):
        return _Doubt(code="channels_swapped")
    if code := _language_doubt(context, rule, finding):
        return _Doubt(code=code)
    if finding.verdict == "fail" and _cut_off(context, rule, finding):
        return _Doubt(code="stops_mid_call")
    if call.kind in HALVES and call.kind not in rule.kinds and not _shown(finding):
        return _Doubt(code=str(call.kind))
    if "roles" in needed and finding.verdict == "fail" and not _shown(finding) and _late_leg(context):
        return _Doubt(code="late_leg")
    return None


def _shown(finding: Finding) -> bool:
    """Whether the verdict rests on words that were said, or there is none to doubt."""
    return finding.verdict in {"not_applicable", "not_determinable"} or (
        finding.verdict == "pass" and finding.basis == "phrase"
    )


def _language_doubt(context: RuleContext, rule: Rule, finding: Finding) -> str | None:
    """Why words in the language of the call do not bear out the verdict, if so."""
    if "words" not in rule.check.needed or not context.call.languages:
        return None
    if finding.verdict == "pass" and finding.basis in {"event", "measure"}:
        return None  # it rests on times alone
    if finding.verdict == "not_applicable" and rule.check.applies_by_events:
        return None
    spoken = set(context.call.languages)
    if not spoken & context.judged_in or (spoken - context.judged_in and not _shown(finding)):
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
    nothing = finding.basis == "absence" or finding.detail.get("status") == "partial"
    if not nothing or finding.end_s is None or not context.stops_early():
        return False
    due_s = rule.check.due_s(context)
    if due_s is None:
        return finding.end_s >= context.call.duration_s - CUT_OFF_S
    return due_s >= context.call.duration_s


def _late_leg(context: RuleContext) -> bool:
    """Whether one channel of two is without any speech while the other talks with somebody at first."""
    if context.call.layout != "stereo":
        return False
    spoken: dict[int, list[Span]] = {}
    for activity in context.call.activities:
        spoken.setdefault(activity.channel, []).append(activity.span)
    if len(spoken) < 2:
        return False
    starts_s = {channel: min(span.start_s for span in spans) for channel, spans in spoken.items()}
    early, late = sorted(starts_s, key=lambda channel: starts_s[channel])[:2]
    before = Span(starts_s[early], starts_s[late])
    turns = [t for t in context.call.turns if t.channel == early and t.start_s in before and t.role != "ivr"]
    return len(turns) >= LATE_TURNS and covered_s(before, spoken[early]) >= LATE_S
