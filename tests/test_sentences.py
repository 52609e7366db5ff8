"""How right each rule's phrases are on sentences written apart from the rules.

A rule may get some of them wrong: they are there to be measured (`benchmarks/rules.py`), not to be learnt.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from rule_cases import RULES

from pipeline.rules.labelled import read_sentences, try_rules

SENTENCES = Path(__file__).parent / "data" / "phrases"
FILES = sorted(SENTENCES.glob("*_calls.jsonl"))
LEAST_PRECISION = 0.85
LEAST_RECALL = 0.9


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem.removesuffix("_calls"))
def test_precision_and_recall_do_not_fall(path):
    rule = path.stem.removesuffix("_calls")
    sentences = read_sentences(path)
    assert {sentence.rule for sentence in sentences} == {rule}
    assert sum(sentence.expect for sentence in sentences) * 2 == len(sentences)
    trial = try_rules(RULES, sentences)
    counts = trial.by_rule[rule]
    assert counts.tp / (counts.tp + counts.fn) >= LEAST_RECALL, trial.wrong
    assert counts.tp / (counts.tp + counts.fp) >= LEAST_PRECISION, trial.wrong


def test_no_sentence_stands_twice():
    texts = [sentence.text for path in FILES for sentence in read_sentences(path)]
    known = {s.text for p in SENTENCES.glob("*.jsonl") if p not in FILES for s in read_sentences(p)}
    assert len(texts) == len(set(texts))
    assert not known & set(texts)
