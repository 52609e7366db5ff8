"""Rules as the store keeps them: their place in the scorecard, and their text to show an auditor."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from pipeline.records import ScoredRule
from pipeline.rules import Rule, RuleSet
from pipeline.rules.load import pack_text

_CHANGED = "# ---- changed by this site: {name}\n"
_CHANGED_LINE = re.compile(r"^# ---- changed by this site: .*$", re.MULTILINE)


def scored_rules(rules: RuleSet) -> tuple[ScoredRule, ...]:
    """The active rules as rows of table `rule`, for `Writer.put_rules`."""
    return tuple(
        ScoredRule(
            rule_id=rule.id,
            rule_version=rule.version,
            title=rule.title,
            score=rule.score,
            weight=rule.weight,
            fatal=rule.fatal,
            text=rule_text(rule),
        )
        for rule in rules.rules
    )


def rule_text(rule: Rule) -> str:
    """The rule as it is written, shared groups included: its pack, then what a site's file changes in it."""
    changes = [file.read_text(encoding="utf-8") for file in rule.files[1:]]
    marked = (
        _CHANGED.format(name=file.name) + text for file, text in zip(rule.files[1:], changes, strict=True)
    )
    return "\n".join((pack_text(rule), *marked))


def read_rule_text(text: str) -> dict[str, Any]:
    """The keys of a rule from its text, with the site's changes carried out.

    Raises tomllib.TOMLDecodeError for a text that `rule_text` did not make.
    """
    values: dict[str, Any] = {}
    for part in _CHANGED_LINE.split(text):
        values |= tomllib.loads(part)
    return values
