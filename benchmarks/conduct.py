"""Precision and recall of the conduct rules' phrases on sentences of strangers to them.

    python benchmarks/conduct.py [dev|test] [--missed]

Their author saw neither rules nor examples. The half `dev` was in view while the phrases were written, `test`
was not. A sentence counts as found if a phrase of the rule's counting groups is in it, said by its speaker.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pipeline.intervals import wilson
from pipeline.phrases.search import find
from pipeline.phrases.tokens import transcript_of_text
from pipeline.rules import load_rules

SENTENCES = Path(__file__).parent / "data" / "sentences"
GROUPS = {
    "not_rushed": ("rushing",),
    "finds_out": ("finds_out",),
    "customer_abuse": ("customer_abuse",),
    "complaint_handled": ("complaint_acknowledged",),
    "no_arguing": ("policy_shield",),
}
"""The group of sentences that a rule's phrases are to find."""
SPARED = {"no_arguing": ("warning_abuse", "ending_call_refused")}
"""Groups of which a rule's phrases are to find none, though they come near."""


def main() -> None:
    """Print the table."""
    half = next((arg for arg in sys.argv[1:] if not arg.startswith("-")), "test")
    lines = (SENTENCES / f"conduct_{half}.jsonl").read_text(encoding="utf-8").splitlines()
    sentences = [json.loads(line) for line in lines]
    rules = load_rules()
    for rule_id, groups in GROUPS.items():
        rule = rules.rule(rule_id)
        counts = {True: [0, 0], False: [0, 0]}
        for one in sentences:
            spared = one["group"] in SPARED.get(rule_id, ()) and one["label"]
            if one["group"] not in groups and not spared:
                continue
            wanted = bool(one["label"]) and not spared
            said = transcript_of_text(one["text"], one["role"], rules.lexicon)
            found = any(find(said, rule.phrases[name], (one["role"],)) for name in rule.counts)
            counts[wanted][found] += 1
            if found != wanted and "--missed" in sys.argv:
                print("missed" if wanted else "false ", one["text"])
        right, wrong, missed = counts[True][1], counts[False][1], counts[True][0]
        precision = f"{right}/{right + wrong} {_interval(right, right + wrong)}"
        recall = f"{right}/{right + missed} {_interval(right, right + missed)}"
        print(f"{rule_id:18} precision {precision}  recall {recall}")


def _interval(count: int, of: int) -> str:
    if not of:
        return "none"
    found = wilson(count, of)
    return f"{count / of:.2f} ({found.low:.2f} to {found.high:.2f})"


if __name__ == "__main__":
    main()
