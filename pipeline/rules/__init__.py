"""The rules: packs in TOML, read by `load`, judged by `evaluate` with the checks in `checks`."""

from pipeline.events.hold_phrases import HoldPhrase, hold_phrases, judge_holds
from pipeline.personal_data.find import personal_data_records
from pipeline.rules.check import Rule
from pipeline.rules.context import CallContext
from pipeline.rules.evaluate import judge
from pipeline.rules.load import RuleSet, load_rules

__all__ = [
    "CallContext",
    "HoldPhrase",
    "Rule",
    "RuleSet",
    "hold_phrases",
    "judge",
    "judge_holds",
    "load_rules",
    "personal_data_records",
]
