"""The rules: what was said when, judged by packs in TOML. See `evaluate` and `load`."""

from pipeline.rules.context import CallContext
from pipeline.rules.evaluate import judge
from pipeline.rules.load import Rule, RuleSet, load_rules

__all__ = [
    "CallContext",
    "Rule",
    "RuleSet",
    "judge",
    "load_rules",
]
