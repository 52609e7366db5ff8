"""How many sentences phrases find, how many the gate flags besides, and what that does to verdicts.

    python benchmarks/gate.py [SENTENCES.jsonl ...] [--store DB.duckdb] [--composed CALLS]

A line of the sentences is {"rule", "role", "text", "expect", "speaker"}; `rule` is null or "ordinary" in
ordinary talk. Their speakers must be others than those the model was trained with. With `--store`, the calls
of a store are judged without and with the gate, with `--composed` so many random calls: the verdicts before
and after, and the share of calls that the gate changes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _line import write_result
from speakers import share

from pipeline.assess import find_events, find_findings, read
from pipeline.phrases.tokens import transcript_of_text
from pipeline.records import CallAnalysis
from pipeline.rules import RuleSet, load_rules
from pipeline.rules.gate import likeliest, score_sentences
from pipeline.rules.meanings import Meanings
from pipeline.rules.sentence_model import Embed
from pipeline.settings import RuleSettings, Settings
from pipeline.spans import Span
from pipeline.store.stored import batches, read_batch, reading_in_bulk
from pipeline.weights.sentences import EmbedOnDemand, required_weights

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from compose.analysis import analyse_composed
from compose.random_calls import random_call

OFF = Settings(rules=RuleSettings(meaning=False))
ALWAYS = Span(0.0, 3600.0)
ORDINARY = "ordinary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A sentence: whether phrases find its act, the gate flags it, and it passes by meaning."""

    rule: str
    expect: bool
    found: bool
    flagged: bool
    passes: bool


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sentences", type=Path, nargs="*")
    parser.add_argument("--store", type=Path)
    parser.add_argument("--composed", type=int, metavar="CALLS")
    given = parser.parse_args()
    rules, embed = load_rules(), EmbedOnDemand(required_weights())
    lines = [json.loads(line) for path in given.sentences for line in path.read_text("utf-8").splitlines()]
    acts = [line for line in lines if line["rule"] not in {None, ORDINARY}]
    talk = [line for line in lines if line["rule"] in {None, ORDINARY}]
    result: dict[str, Any] = {}
    if lines:
        result = {
            "sentences": len(acts),
            "ordinary": len(talk),
            "rules": _by_rule(acts, rules, embed),
            "ordinary_flagged": _ordinary(talk, rules, embed),
        }
    if given.store:
        result["store"] = _verdicts(_stored(given.store), rules, embed)
    if given.composed:
        result["composed"] = _verdicts(_composed(given.composed), rules, embed)
    print(json.dumps(result, indent=1))
    write_result("gate", result, Settings())


def _outcome(line: dict[str, Any], rule_id: str, rules: RuleSet, embed: Embed) -> Outcome:
    rule, model = rules.rule(rule_id), rules.sentence_model
    if model is None:
        raise SystemExit("there is no sentence model")
    transcript = transcript_of_text(line["text"], line["role"], rules.lexicon)
    meanings = Meanings(scores=score_sentences(transcript, model, embed), model=model)
    possible = likeliest(rule, meanings, transcript, ALWAYS)
    said = model.groups[rule_id].said
    return Outcome(
        rule=rule_id,
        expect=bool(line.get("expect")),
        found=rules.says(rule_id, line["role"], line["text"]),
        flagged=possible is not None,
        passes=possible is not None and said is not None and possible.score >= said,
    )


def _by_rule(lines: Sequence[dict[str, Any]], rules: RuleSet, embed: Embed) -> dict[str, Any]:
    outcomes = [_outcome(line, line["rule"], rules, embed) for line in lines]
    names = sorted({outcome.rule for outcome in outcomes})
    return {
        "all": _figures(outcomes),
        **{name: _figures([o for o in outcomes if o.rule == name]) for name in names},
    }


def _figures(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    every = list(outcomes)
    acts, decoys = [o for o in every if o.expect], [o for o in every if not o.expect]
    right, wrong = sum(o.found for o in acts), sum(o.found for o in decoys)
    by_meaning = [o for o in every if o.passes and not o.found]
    return {
        "acts": len(acts),
        "decoys": len(decoys),
        "precision": _share(right, right + wrong),
        "recall": _share(right, len(acts)),
        "found_or_flagged": _share(sum(o.found or o.flagged for o in acts), len(acts)),
        "decoys_flagged": _share(sum(o.flagged and not o.found for o in decoys), len(decoys)),
        "passed_by_meaning": _share(sum(o.expect for o in by_meaning), len(by_meaning)),
    }


def _share(part: int, whole: int) -> dict[str, Any]:
    """A share with its 95 % Wilson interval."""
    if not whole:
        return {"share": None, "of": 0}
    return dict(zip(("share", "low", "high"), share(part, whole), strict=True), of=whole)


def _ordinary(lines: Sequence[dict[str, Any]], rules: RuleSet, embed: Embed) -> dict[str, Any]:
    """The share of ordinary sentences of its roles that the gate flags, by rule."""
    model = rules.sentence_model
    out = {}
    for name in model.groups if model else ():
        own = [line for line in lines if line["role"] in rules.rule(name).roles]
        outcomes = [_outcome(line, name, rules, embed) for line in own]
        out[name] = _share(sum(o.flagged and not o.found for o in outcomes), len(outcomes))
    return out


def _stored(db: Path) -> Iterator[CallAnalysis]:
    """The calls of a store."""
    with reading_in_bulk(db) as connection:
        for batch in batches(connection, 400):
            for stored in read_batch(connection, batch):
                yield stored.analysis


def _composed(number: int) -> Iterator[CallAnalysis]:
    """Random calls, with their words from the script."""
    for seed in range(number):
        call = random_call(seed)
        yield analyse_composed(call.composer.render(call.line, name=f"call{seed:04d}"))


def _verdicts(calls: Iterable[CallAnalysis], rules: RuleSet, embed: Embed) -> dict[str, Any]:
    """The verdicts of calls without and with the gate, and what it changes."""
    counts: dict[str, Counter[str]] = {"without": Counter(), "with": Counter()}
    changed, number, flagged = Counter[str](), 0, 0
    for call in calls:
        verdicts = {}
        for name, settings in (("without", OFF), ("with", Settings())):
            known, said = read(call, rules, settings, embed)
            events = find_events(known, rules, settings, overlaps_known=True, said=said)
            found = find_findings(events, rules, settings, said).findings
            verdicts[name] = {finding.rule_id: finding for finding in found}
            counts[name].update(finding.verdict for finding in found)
        both = [(verdicts["without"][id_], new) for id_, new in verdicts["with"].items()]
        others = [(old, new) for old, new in both if old.verdict != new.verdict]
        changed.update(f"{new.rule_id}: {old.verdict} -> {new.verdict}: {new.quote}" for old, new in others)
        number, flagged = number + 1, flagged + bool(others)
    return {
        "verdicts": {name: dict(count) for name, count in counts.items()},
        "changed": dict(changed.most_common()),
        "calls_changed": _share(flagged, number),
    }


if __name__ == "__main__":
    main()
