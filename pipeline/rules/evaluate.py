"""The rules: packs in TOML, judged by a small closed set of logics; one finding per active rule.

`load_rules` reads and tries the packs, `judge` gives the findings of a case. The cues that find and
judge events are in `cues`; they come before `judge`, which reads the events' fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pipeline.phrases.tokens import Transcript
from pipeline.records import Finding
from pipeline.rules.checks.beeps import beeps
from pipeline.rules.checks.calm import calm
from pipeline.rules.checks.every_hold import every_hold
from pipeline.rules.checks.hold_length import hold_length
from pipeline.rules.checks.measure import measure
from pipeline.rules.checks.name_used import name_used
from pipeline.rules.checks.repeat_back import repeat_back
from pipeline.rules.checks.said_in_time import said_in_time
from pipeline.rules.checks.sequence import sequence
from pipeline.rules.context import CallContext, RuleContext
from pipeline.rules.load import Rule, RuleSet, load_rules
from pipeline.rules.spec import (
    Beeps,
    Calm,
    CheckSpec,
    EveryHold,
    HoldLength,
    Measure,
    NameUsed,
    RepeatBack,
    SaidInTime,
    Sequence,
)
from pipeline.settings import HoldSettings, RuleSettings

__all__ = ["CallContext", "Rule", "RuleSet", "judge", "load_rules"]

DEFAULT_HOLDS = HoldSettings()

LOGICS: Mapping[type[CheckSpec], Callable[[RuleContext, Rule, Any], Finding]] = {
    Beeps: beeps,
    Calm: calm,
    EveryHold: every_hold,
    HoldLength: hold_length,
    Measure: measure,
    SaidInTime: said_in_time,
    Sequence: sequence,
    NameUsed: name_used,
    RepeatBack: repeat_back,
}
"""The closed set of logics: what a pack's `logic` is judged by."""


def judge(
    case: CallContext,
    rules: RuleSet,
    settings: RuleSettings,
    holds: HoldSettings = DEFAULT_HOLDS,
    transcript: Transcript | None = None,
) -> tuple[Finding, ...]:
    """One finding per rule, in the rules' order.

    `holds` are the settings with which the case's holds were judged; they give the window that was
    searched for a request or thanks. `transcript` is the case's, where it has been made already.
    """
    if transcript is None:
        transcript = rules.transcript(case.turns, case.words)
    hearing = RuleContext(case=case, rules=rules, transcript=transcript, settings=settings, holds=holds)
    return tuple(LOGICS[type(rule.logic)](hearing, rule, rule.logic) for rule in rules.rules)
