"""Rules as the store keeps them: their place in the scorecard, and their text to show an auditor."""

from __future__ import annotations

import tomllib
from typing import Any

from pipeline.records import ScoredRule
from pipeline.rules import Rule, RuleSet
from pipeline.rules.load import pack_text


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
            text=(texts := texts_of(rule))[0],
            overlay=texts[1],
        )
        for rule in rules.rules
    )


def texts_of(rule: Rule) -> tuple[str, str | None]:
    """The text of a rule's pack with its shared groups written out, and that of a site's changes, if any."""
    changes = [file.read_text(encoding="utf-8") for file in rule.files[1:]]
    if rule.decisions:
        changes.append(rule.decisions)
    return pack_text(rule), "\n".join(changes) or None


def shown_text(rule_id: str, text: str, overlay: str | None) -> str:
    """A rule for people to read: its pack, then what a site changes in it."""
    if overlay is None:
        return text
    return f"{text}\n# ---- changed by this site: {rule_id}.toml\n{overlay}"


def read_rule(text: str, overlay: str | None) -> dict[str, Any]:
    """The keys of a rule, with the site's changes carried out.

    Raises tomllib.TOMLDecodeError for texts that are not those of a rule.
    """
    return tomllib.loads(text) | tomllib.loads(overlay or "")
