"""How right the rules about recording are on sentences by twelve imagined speakers of many trades and dialects.

The phrases were extended with these sentences in view, so that the figures are no measure of how right they are
on others; what is reached must not be lost.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from rule_cases import RULES

from pipeline.rules.labelled import read_sentences, try_rules

SENTENCES = Path(__file__).parent / "data" / "phrases"
LEAST_PRECISION = 0.98


@pytest.mark.parametrize(
    ("rule", "least_recall"), [("recording_disclosure", 0.96), ("recording_objection", 0.94)]
)
def test_precision_and_recall_on_the_speakers_do_not_fall(rule, least_recall):
    sentences = read_sentences(SENTENCES / f"{rule}_speakers.jsonl")
    assert {sentence.rule for sentence in sentences} == {rule}
    trial = try_rules(RULES, sentences)
    counts = trial.by_rule[rule]
    assert counts.tp / (counts.tp + counts.fn) >= least_recall, trial.wrong
    assert counts.tp / (counts.tp + counts.fp) >= LEAST_PRECISION, trial.wrong
