"""The verdicts: one finding per active rule.

The phrases that find events come before: `judge` reads the events' fields. A call is judged in each of its
languages that there are packs for; what the recording does not bear out is not determinable (see `bearing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.phrases.tokens import Transcript
from pipeline.records import Finding
from pipeline.rules.bearing import respect
from pipeline.rules.check import Rule
from pipeline.rules.context import CallContext, RuleContext
from pipeline.rules.gate import reconsider
from pipeline.rules.load import RuleSet
from pipeline.rules.meanings import PATTERNS_ALONE, Meanings
from pipeline.settings import HoldSettings, RuleSettings

DEFAULT_HOLDS = HoldSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class _InLanguage:
    """The rules of one language, and the call as they see it."""

    rules: RuleSet
    context: RuleContext

    def judge(self, rule_id: str) -> Finding | None:
        """The finding of a rule in this language; None without such a rule."""
        rule = next((rule for rule in self.rules.rules if rule.id == rule_id), None)
        return None if rule is None else reconsider(self.context, rule, rule.check.judge(self.context, rule))


def judge(
    call: CallContext,
    rules: RuleSet,
    settings: RuleSettings,
    holds: HoldSettings = DEFAULT_HOLDS,
    transcript: Transcript | None = None,
    meanings: Meanings = PATTERNS_ALONE,
) -> tuple[Finding, ...]:
    """One finding per rule, in the rules' order.

    `holds` are the settings with which the call's holds were judged; they give the window that was
    searched for a request or thanks. `transcript` is the call's by `rules`, where it has been made already.
    `meanings` are the scores of its sentences, in the language of `rules`.
    """
    languages = tuple(
        _InLanguage(
            rules=own,
            context=replace(_context(call, own, settings, holds, given), meanings=scored),
        )
        for own in rules.in_languages(call.languages)
        for given, scored in [(transcript, meanings) if own is rules else (None, PATTERNS_ALONE)]
    )
    return tuple(_finding(rule, rules, languages) for rule in rules.rules)


def _context(
    call: CallContext,
    rules: RuleSet,
    settings: RuleSettings,
    holds: HoldSettings,
    transcript: Transcript | None,
) -> RuleContext:
    return RuleContext(
        call=call,
        transcript=rules.transcript(call.turns, call.words) if transcript is None else transcript,
        shared=rules.cues,
        data_phrases=rules.personal_data,
        first_names=rules.lexicon.first_names,
        settings=settings,
        holds=holds,
    )


def _finding(rule: Rule, rules: RuleSet, languages: Sequence[_InLanguage]) -> Finding:
    """The finding of a rule over the languages of the call, under the rule's own version."""
    judged = {one.rules.language: found for one in languages if (found := one.judge(rule.id)) is not None}
    if not judged:  # no pack in a language of the call: judged by its own, to be found not determinable
        return respect(
            replace(languages[0].context, judged_in=frozenset({rules.language})),
            rule,
            rule.check.judge(languages[0].context, rule),
        )
    finding = _together(list(judged.values()))
    if finding.rule_version != rule.version:
        detail = {**finding.detail, "language_rule_version": finding.rule_version}
        finding = replace(finding, rule_version=rule.version, detail=detail)
    return respect(replace(languages[0].context, judged_in=frozenset(judged)), rule, finding)


def _together(findings: Sequence[Finding]) -> Finding:
    """The finding of a call that was judged in several languages.

    What was said in any of them decides, a pass first; what was not found was not said in any.
    """
    said = [one for one in findings if one.basis == "phrase" and one.verdict in {"pass", "fail"}]
    for verdict in ("pass", "fail"):
        if found := next((one for one in said if one.verdict == verdict), None):
            return found
    for verdict in ("not_determinable", "fail", "pass"):
        if found := next((one for one in findings if one.verdict == verdict), None):
            return found
    return findings[0]
