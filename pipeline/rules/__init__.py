"""The rules: packs in TOML, read by `load`, judged by `evaluate` with the checks in `checks`."""

from pipeline.rules.check import Rule
from pipeline.rules.context import CallContext
from pipeline.rules.evaluate import judge
from pipeline.rules.load import RuleSet, load_rules

__all__ = [
    "CallContext",
    "Rule",
    "RuleSet",
    "judge",
    "load_rules",
]
