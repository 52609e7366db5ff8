"""How well phrases find what 24 imagined speakers say, by rule and group of speakers.

    python benchmarks/speakers.py

Phrases were extended with the speakers of `a`, `b` and `c` in view; those of `d`, `e` and `f` were unknown.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from _line import write_result

from pipeline.rules import RuleSet, load_rules
from pipeline.settings import Settings

SENTENCES = Path(__file__).parent / "data" / "sentences"
KNOWN, UNKNOWN = ("a", "b", "c"), ("d", "e", "f")
Z = 1.959964
ORDINARY = "ordinary"


def main() -> None:
    """Measure both groups."""
    rules = load_rules()
    figures = {"known": _measured(rules, KNOWN), "unknown": _measured(rules, UNKNOWN)}
    for group, of_rules in figures.items():
        print(f"\n{group} speakers")
        for rule, row in of_rules.items():
            print(f"{rule:22} precision {_text(row['precision'])}  recall {_text(row['recall'])}")
    print(write_result("speakers", figures, Settings()))


def _measured(rules: RuleSet, names: tuple[str, ...]) -> dict[str, Any]:
    counts: dict[str, Counter[tuple[bool, bool]]] = {}
    for name in names:
        for line in (SENTENCES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            one = json.loads(line)
            if one["rule"] != ORDINARY:
                found = rules.says(one["rule"], one["role"], one["text"])
                counts.setdefault(one["rule"], Counter())[found, one["expect"]] += 1
    counts["all"] = sum(counts.values(), Counter())
    return {rule: _figures(counts[rule]) for rule in sorted(counts)}


def _figures(of_rule: Counter[tuple[bool, bool]]) -> dict[str, Any]:
    right, wrong, missed = of_rule[True, True], of_rule[True, False], of_rule[False, True]
    return {
        "sentences": of_rule.total(),
        "precision": share(right, right + wrong),
        "recall": share(right, right + missed),
    }


def share(count: int, of: int) -> list[float]:
    """The share and its 95 % Wilson interval."""
    part = count / of
    middle = (part + Z**2 / (2 * of)) / (1 + Z**2 / of)
    half = Z / (1 + Z**2 / of) * (part * (1 - part) / of + Z**2 / (4 * of**2)) ** 0.5
    return [round(value, 3) for value in (part, middle - half, middle + half)]


def _text(of: list[float]) -> str:
    return "{:.2f} ({:.2f} to {:.2f})".format(*of)


if __name__ == "__main__":
    main()
