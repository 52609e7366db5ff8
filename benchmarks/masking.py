"""Recall, precision and needless masks of the finder for masking.

    python benchmarks/masking.py [CASES.jsonl] [--calls FOLDER] [--strict] [--missed]

A line of CASES is a call: `turns` with role and text, `spans` with a kind, a role and pieces of words
`[first, end)` of a turn. By kind of datum, as written and in lower case without punctuation: how many were
found (any word masked) and masked whole, with the 95 % interval, and the share of words. By kind of mask: the
share of its masks that touch a datum.

FOLDER has `*.json` files with `turns` of role (or speaker) and text: ordinary calls without marks. Printed is
how many words are masked, by kind; with --missed each mask, to be read by hand.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
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
Z = 1.96
"""Standard deviations of a 95 % interval."""
Place = tuple[int, int]
"""A turn and the place of a word in it."""


def words_of(turns: Sequence[dict[str, str]], *, lower: bool) -> list[Word]:
    """The words of the turns, 0.35 s each, with 0.5 s between turns."""
    out: list[Word] = []
    now_s = 0.0
    for turn, said in enumerate(turns):
        role: Any = said.get("role") or said["speaker"].lower()
        for text in said["text"].split():
            shown = re.sub(r"[.,?!;:]+$", "", text.lower()) if lower else text
            out.append(
                Word(
                    word_index=len(out),
                    turn_index=turn,
                    role=role,
                    channel=0 if role == "agent" else 1,
                    start_s=now_s,
                    end_s=now_s + 0.35,
                    text=shown,
                    probability=1.0,
                )
            )
            now_s += 0.35
        now_s += 0.5
    return out


def places_of_masks(words: Sequence[Word], masks: Sequence[Mask]) -> list[set[Place]]:
    """The words of each mask."""
    first_of: dict[int, int] = {}
    for word in words:
        first_of.setdefault(word.turn_index, word.word_index)
    return [
        {
            (mask.turn_index, at - first_of[mask.turn_index])
            for at in range(mask.first_word, mask.last_word + 1)
        }
        for mask in masks
    ]


def places_of(span: dict[str, Any]) -> set[Place]:
    """The words of a datum."""
    return {(p["turn"], at) for p in span["pieces"] for at in range(p["first"], p["end"])}


def interval(hits: int, n: int) -> str:
    """The share with its 95 % interval by Wilson's formula."""
    share = hits / n
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * (share * (1 - share) / n + Z**2 / (4 * n**2)) ** 0.5
    return f"{share:.2f} ({max(0.0, middle - half):.2f} to {min(1.0, middle + half):.2f})"


def measured(
    cases: list[dict[str, Any]], model: NameModel, profile: MaskProfile, *, lower: bool, missed: bool
) -> Iterator[str]:
    """The report, line by line, with what was missed where that is asked for."""
    counts: Counter[tuple[str, str]] = Counter()
    for case in cases:
        words = words_of(case["turns"], lower=lower)
        masks = find_masks(words, model, profile=profile)
        by_mask = places_of_masks(words, masks)
        masked: set[Place] = set().union(*by_mask)
        needed: set[Place] = set().union(*map(places_of, case["spans"]))
        for mask, places in zip(masks, by_mask, strict=True):
            counts[mask.kind, "masks"] += 1
            counts[mask.kind, "right"] += bool(places & needed)
        for span in case["spans"]:
            if span["kind"] not in OPTIONAL:
                _count(counts, span, masked)
                if missed and not places_of(span) <= masked:
                    yield f"  {case['id']} {span['kind']}: {span['words']!r}"
        counts["", "masked"] += len(masked)
        counts["", "needless"] += len(masked - needed)
        counts["", "clean"] += not case["spans"]
        counts["", "touched"] += not case["spans"] and bool(masked)
        if missed and masked - needed:
            texts = [case["turns"][turn]["text"].split()[at] for turn, at in sorted(masked - needed)]
            yield f"  {case['id']} needless: {' '.join(texts)}"
    yield from _report(counts)


def _count(counts: Counter[tuple[str, str]], span: dict[str, Any], masked: set[Place]) -> None:
    places = places_of(span)
    for name in (span["kind"], "all", *(group for group, kinds in GROUPS.items() if span["kind"] in kinds)):
        counts[name, "n"] += 1
        counts[name, "found"] += bool(places & masked)
        counts[name, "whole"] += places <= masked
        counts[name, "words"] += len(places)
        counts[name, "hidden"] += len(places & masked)


def _report(counts: Counter[tuple[str, str]]) -> Iterator[str]:
    for name in sorted({name for name, what in counts if what == "n"}):
        n = counts[name, "n"]
        found, whole = interval(counts[name, "found"], n), interval(counts[name, "whole"], n)
        share = counts[name, "hidden"] / counts[name, "words"]
        yield f"{name:24} n {n:3}  found {found}  whole {whole}  words {share:.2f}"
    for kind in sorted({name for name, what in counts if what == "masks"}):
        n = counts[kind, "masks"]
        yield f"masks of kind {kind:16} n {n:3}  precision {interval(counts[kind, 'right'], n)}"
    masked, needless = counts["", "masked"], counts["", "needless"]
    yield (
        f"needless {needless} of {masked} masked words ({needless / max(1, masked):.3f}); "
        f"clean calls touched {counts['', 'touched']} of {counts['', 'clean']}"
    )


def ordinary(
    folder: Path, model: NameModel, profile: MaskProfile, *, lower: bool, missed: bool
) -> Iterator[str]:
    """What is masked in calls without marks."""
    kinds: Counter[str] = Counter()
    count = 0
    for path in sorted(folder.glob("*.json")):
        words = words_of(json.loads(path.read_text(encoding="utf-8"))["turns"], lower=lower)
        count += len(words)
        for mask in find_masks(words, model, profile=profile):
            texts = [word.text for word in words[mask.first_word : mask.last_word + 1]]
            kinds[mask.kind] += len(texts)
            if missed:
                yield f"  {path.stem[:16]} {mask.role} {mask.kind}: {' '.join(texts)}"
    yield f"{sum(kinds.values())} of {count} words masked: {dict(kinds.most_common())}"


def main() -> None:
    """Print the report for what the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", type=Path, nargs="?")
    parser.add_argument("--calls", type=Path)
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--missed", action="store_true")
    given = parser.parse_args()
    model = NameModel(required_name_weights())
    profile: MaskProfile = "strict" if given.strict else "standard"
    for lower in (False, True):
        print("lower case" if lower else "as written")
        if given.cases:
            lines = given.cases.read_text(encoding="utf-8").splitlines()
            cases = [json.loads(line) for line in lines if line]
            print(*measured(cases, model, profile, lower=lower, missed=given.missed), sep="\n")
        if given.calls:
            print(*ordinary(given.calls, model, profile, lower=lower, missed=given.missed), sep="\n")


if __name__ == "__main__":
    main()
