"""The verdicts: one finding per active rule.

The phrases that find events come before: `judge` reads the events' fields.
"""

from __future__ import annotations

from pipeline.phrases.tokens import transcribe_tokens
from pipeline.records import Finding
from pipeline.rules.context import CallContext, RuleContext
from pipeline.rules.load import RuleSet
from pipeline.settings import HoldSettings, RuleSettings

DEFAULT_HOLDS = HoldSettings()


def judge(
    call: CallContext, rules: RuleSet, settings: RuleSettings, holds: HoldSettings = DEFAULT_HOLDS
) -> tuple[Finding, ...]:
    """One finding per rule, in the rules' order.

    `holds` are the settings with which the call's holds were judged; they give the window that was
    searched for a request or thanks.
    """
    transcript = transcribe_tokens(call.turns, call.words, rules.lexicon)
    context = RuleContext(
        call=call,
        transcript=transcript,
        shared=rules.cues,
        data_phrases=rules.personal_data,
        first_names=rules.lexicon.first_names,
        settings=settings,
        holds=holds,
    )
    return tuple(rule.check.judge(context, rule) for rule in rules.rules)
