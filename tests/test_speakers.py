"""How right the rules of holds, greeting and good-bye are on the sentences of twelve speakers.

The speakers are of many trades and dialects; about a third is written as a recogniser writes. The floors lie
slightly below what is reached.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from rule_cases import RULES

from pipeline.rules.labelled import read_sentences, try_rules

SENTENCES = Path(__file__).parent / "data" / "phrases"
LEAST = {
    # precision, recall
    "agent_introduction": (0.98, 0.82),
    "closing": (0.98, 0.92),
    "greeting": (0.98, 0.81),
    "hold_permission": (0.98, 0.96),
    "hold_thanks": (0.98, 0.96),
    "offer_further_help": (0.98, 0.94),
}


@pytest.mark.parametrize("rule", LEAST)
def test_precision_and_recall_reach_their_floors(rule):
    trial = try_rules(RULES, read_sentences(SENTENCES / f"{rule}_speakers.jsonl"))
    counts = trial.by_rule[rule]
    least_precision, least_recall = LEAST[rule]
    assert counts.tp / (counts.tp + counts.fp) >= least_precision, trial.wrong
    assert counts.tp / (counts.tp + counts.fn) >= least_recall, trial.wrong
