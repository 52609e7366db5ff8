"""Precision and recall of each rule's phrases on labelled sentences.

    python benchmarks/rules.py [--markdown] [--name NAME]

The sentences in tests/data/phrases form two sets. The set `apart` (*_calls.jsonl) was written by somebody who
had not seen the rules' phrases. Its first result, before the phrases were changed because of it, is kept in
results/rules_first_contact.json. Only that result estimates how a rule performs on unseen language; today's
result is a regression test. The set `with` was known when the phrases were written, so each miss in it is an
error. Intervals are 95 % Wilson intervals (E. B. Wilson, Journal of the American Statistical Association 22
(1927) 209). The result is written to results/NAME.json (rules); `--markdown` prints the table of the set
`apart` for docs/accuracy.md.
"""

from __future__ import annotations

import argparse
import json
from math import sqrt
from pathlib import Path
from typing import Any

from _line import RESULTS, write_result

from pipeline.rules import load_rules
from pipeline.rules.labelled import Confusion, Sentence, Trial, read_sentences, try_rules
from pipeline.settings import Settings

SENTENCES = Path(__file__).parent.parent / "tests" / "data" / "phrases"
APART = "_calls"  # suffix of the files with the set `apart`
Z_95 = 1.959964  # standard normal quantile of 0.975


def main(*, markdown: bool, name: str) -> None:
    """Try the rules, print and store the figures."""
    rules = load_rules()
    trials = {kind: try_rules(rules, sentences) for kind, sentences in sentence_sets().items()}
    print(markdown_table(trials["apart"]) if markdown else as_text(trials))
    figures = {
        "rules_version": rules.version,
        **{kind: figures_of(trial) for kind, trial in trials.items()},
    }
    write_result(name, figures, Settings())


def sentence_sets() -> dict[str, tuple[Sentence, ...]]:
    """The sentences written `apart` from the rules and `with` them."""
    sets: dict[str, tuple[Sentence, ...]] = {"apart": (), "with": ()}
    for path in sorted(SENTENCES.glob("*.jsonl")):
        sets["apart" if path.stem.endswith(APART) else "with"] += read_sentences(path)
    return sets


def figures_of(trial: Trial) -> dict[str, Any]:
    """Figures by rule and pooled, and the sentences that a rule gets wrong."""
    return {
        "pooled": counted(pooled(trial)),
        "by_rule": {rule: counted(confusion) for rule, confusion in trial.by_rule.items()},
        "missed": [f"{s.rule}: {s.role}: {s.text}" for s in trial.wrong if s.expect],
        "mistaken": [f"{s.rule}: {s.role}: {s.text}" for s in trial.wrong if not s.expect],
    }


def counted(c: Confusion) -> dict[str, Any]:
    """A rule's counts, precision and recall with their intervals; None of nothing."""
    return {
        "sentences": c.tp + c.fp + c.fn + c.tn,
        "tp": c.tp,
        "fp": c.fp,
        "fn": c.fn,
        "tn": c.tn,
        "precision": share(c.tp, c.tp + c.fp),
        "precision_95": wilson(c.tp, c.tp + c.fp),
        "recall": share(c.tp, c.tp + c.fn),
        "recall_95": wilson(c.tp, c.tp + c.fn),
    }


def pooled(trial: Trial) -> Confusion:
    """The counts of all rules together."""
    of = trial.by_rule.values()
    return Confusion(
        tp=sum(c.tp for c in of), fp=sum(c.fp for c in of), fn=sum(c.fn for c in of), tn=sum(c.tn for c in of)
    )


def share(part: int, whole: int) -> float | None:
    """`part` of `whole`, 0 to 1."""
    return round(part / whole, 3) if whole else None


def wilson(part: int, whole: int) -> tuple[float, float] | None:
    """Wilson's 95 % interval of a share."""
    if not whole:
        return None
    p, z2 = part / whole, Z_95**2
    middle = p + z2 / (2 * whole)
    half = Z_95 * sqrt(p * (1 - p) / whole + z2 / (4 * whole**2))
    scale = 1 + z2 / whole
    return round(max(0.0, (middle - half) / scale), 3), round(min(1.0, (middle + half) / scale), 3)


def as_text(trials: dict[str, Trial]) -> str:
    """The figures as a table, one part a set, and what went wrong."""
    lines = []
    for kind, trial in trials.items():
        width = max(map(len, trial.by_rule))
        lines.append(f"{kind:{width}}  {'tp':>4} {'fp':>4} {'fn':>4} {'tn':>4}  {'precision':18} recall")
        for rule, c in (*trial.by_rule.items(), ("together", pooled(trial))):
            precision, recall = ranged(c.tp, c.tp + c.fp), ranged(c.tp, c.tp + c.fn)
            lines.append(f"{rule:{width}}  {c.tp:4} {c.fp:4} {c.fn:4} {c.tn:4}  {precision:18} {recall}")
        lines += [
            f"{'missed' if s.expect else 'mistaken'}: {s.rule}: {s.role}: {s.text}" for s in trial.wrong
        ]
    return "\n".join(lines)


def markdown_table(trial: Trial) -> str:
    """Figures by rule as a Markdown table: at first contact, and now that the sentences are known."""
    first = json.loads((RESULTS / "rules_first_contact.json").read_text(encoding="utf-8"))["apart"]
    by_rule = {rule: confusion_of(figures) for rule, figures in first["by_rule"].items()}
    rows = [(f"`{rule}`", before, trial.by_rule[rule]) for rule, before in by_rule.items()]
    rows.append(("together", confusion_of(first["pooled"]), pooled(trial)))
    lines = [
        "| rule | precision at first contact | recall | precision now | recall |",
        "|---|---|---|---|---|",
    ]
    for rule, *counts in rows:
        cells = (ranged(c.tp, found) for c in counts for found in (c.tp + c.fp, c.tp + c.fn))
        lines.append(f"| {rule} | {' | '.join(cells)} |")
    return "\n".join(lines)


def confusion_of(figures: dict[str, Any]) -> Confusion:
    """The counts among stored figures."""
    return Confusion(**{name: figures[name] for name in ("tp", "fp", "fn", "tn")})


def ranged(part: int, whole: int) -> str:
    """A share with its interval, such as `0.92 (0.65-0.99)`; `-` of nothing."""
    interval = wilson(part, whole)
    return f"{part / whole:.2f} ({interval[0]:.2f}-{interval[1]:.2f})" if interval else "-"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table for docs/accuracy.md")
    parser.add_argument("--name", default="rules", help="name of the result's file")
    chosen = parser.parse_args()
    main(markdown=chosen.markdown, name=chosen.name)
