"""The rules: what was said when, judged by packs in TOML. See `engine`, `packs`, `phrases` and `cues`."""

from pipeline.rules.case import Case
from pipeline.rules.cues import HoldPhrase, hold_phrases, judge_holds
from pipeline.rules.details.personal_data import personal_data_records
from pipeline.rules.engine import judge
from pipeline.rules.packs import Rule, RuleSet, load_rules

__all__ = [
    "Case",
    "HoldPhrase",
    "Rule",
    "RuleSet",
    "hold_phrases",
    "judge",
    "judge_holds",
    "load_rules",
    "personal_data_records",
]
