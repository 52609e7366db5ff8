"""Recall and needless masking on written calls: benchmarks/masking.py CASES.jsonl [--missed] [--strict].

A line is a call: `turns` with role and text, `spans` with a kind, a role and pieces of words `[first, end)`
of a turn. Printed by kind, as written and in lower case without punctuation: the share of data with any word
masked, masked whole, and with all words counted; then how many of the masked words belong to no datum.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.masking.find import find_masks
from pipeline.records import Mask, Word
from pipeline.settings import MaskProfile
from pipeline.weights.names import NameModel, required_name_weights

GROUPS = {
    "money and state": "card cvv expiry account sortcode routing iban ssn nino pin".split(),
    "phone and birth": ["phone", "dob"],
    "reference and document": "reference passport licence plate".split(),
}
OPTIONAL = {"agent_name"}
"""Kinds that need not be masked; their words are never needless."""


def words_of(case: dict[str, Any], *, lower: bool) -> list[Word]:
    """The words of a case, 0.35 s each, with 0.5 s between turns."""
    out: list[Word] = []
    now_s = 0.0
    for turn, said in enumerate(case["turns"]):
        for text in said["text"].split():
            shown = re.sub(r"[.,?!;:]+(?=$)", "", text.lower()) if lower else text
            out.append(
                Word(
                    word_index=len(out),
                    turn_index=turn,
                    role=said["role"],
                    channel=0 if said["role"] == "agent" else 1,
                    start_s=now_s,
                    end_s=now_s + 0.35,
                    text=shown,
                    probability=1.0,
                )
            )
            now_s += 0.35
        now_s += 0.5
    return out


def covered(words: list[Word], masks: tuple[Mask, ...]) -> set[tuple[int, int]]:
    """The masked words, by turn and place in the turn."""
    first_of: dict[int, int] = {}
    for word in words:
        first_of.setdefault(word.turn_index, word.word_index)
    return {
        (mask.turn_index, index - first_of[mask.turn_index])
        for mask in masks
        for index in range(mask.first_word, mask.last_word + 1)
    }


def places_of(span: dict[str, Any]) -> set[tuple[int, int]]:
    """The words of a datum, by turn and place."""
    return {(p["turn"], at) for p in span["pieces"] for at in range(p["first"], p["end"])}


def measured(cases: list[dict[str, Any]], model: NameModel, profile: MaskProfile, *, lower: bool) -> Iterator[str]:
    """The report, line by line, and what was missed."""
    counts: Counter[tuple[str, str]] = Counter()
    for case in cases:
        words = words_of(case, lower=lower)
        masked = covered(words, find_masks(words, model, profile=profile))
        needed: set[tuple[int, int]] = set()
        for span in case["spans"]:
            places = places_of(span)
            needed |= places
            for name in (span["kind"], "all", *(g for g, kinds in GROUPS.items() if span["kind"] in kinds)):
                if span["kind"] not in OPTIONAL:
                    counts[name, "n"] += 1
                    counts[name, "found"] += bool(places & masked)
                    counts[name, "whole"] += places <= masked
                    counts[name, "words"] += len(places)
                    counts[name, "masked"] += len(places & masked)
            if not places <= masked and span["kind"] not in OPTIONAL and "--missed" in sys.argv:
                yield f"  {case['id']} {span['kind']}: {span['words']!r}"
        counts["", "masked"] += len(masked)
        counts["", "needless"] += len(masked - needed)
        counts["", "touched"] += not case["spans"] and bool(masked)
        if masked - needed and "--missed" in sys.argv:
            texts = [case["turns"][turn]["text"].split()[at] for turn, at in sorted(masked - needed)]
            yield f"  {case['id']} needless: {' '.join(texts)}"
    yield from _report(counts)


def _report(counts: Counter[tuple[str, str]]) -> Iterator[str]:
    for name in sorted({name for name, _ in counts if name}):
        n, words = counts[name, "n"], counts[name, "words"]
        yield (
            f"{name:24} n {n:3}  found {counts[name, 'found'] / n:.2f}  whole {counts[name, 'whole'] / n:.2f}"
            f"  words {counts[name, 'masked'] / words:.2f}"
        )
    masked, needless = counts["", "masked"], counts["", "needless"]
    share = needless / masked if masked else 0.0
    yield f"needless {needless} of {masked} masked words ({share:.3f}); clean calls touched {counts['', 'touched']}"


def main() -> None:
    """Print the report for the file named on the command line."""
    path = next(argument for argument in sys.argv[1:] if not argument.startswith("--"))
    cases = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines() if line]
    model = NameModel(required_name_weights())
    profile: MaskProfile = "strict" if "--strict" in sys.argv else "standard"
    for lower in (False, True):
        print("lower case" if lower else "as written")
        for line in measured(cases, model, profile, lower=lower):
            print(line)


if __name__ == "__main__":
    main()
