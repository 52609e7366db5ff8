"""Near misses: sentences that mean what a rule looks for, in words that no phrase foresaw.

They are searched only for rules that failed by absence, only among the sentences of their roles in the window
that was searched. What is found is a mark for people to review: it changes no verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.phrases.tokens import Transcript
from pipeline.records import CallAnalysis, Finding, Role, Word
from pipeline.rules.check import Rule
from pipeline.rules.load import RuleSet
from pipeline.settings import RuleSettings
from pipeline.spans import Span

Vectors = NDArray[np.float32]

LEAST_WORDS = 4
"""Shorter sentences mean little by themselves."""


class Embed(Protocol):
    """Turns sentences into vectors of length 1, one row each; like meanings lie close."""

    def __call__(self, sentences: Sequence[str]) -> Vectors:
        """Shape (sentences, dimensions)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """Cosine similarity of a sentence to a rule's nearest matching and nearest other example."""

    example: str
    similarity: float
    decoy_similarity: float

    def stands_out(self, least: float) -> bool:
        """Whether people should look: near enough, and nearer to the phrase than to its decoys."""
        return self.similarity >= least and self.similarity > self.decoy_similarity


class NearMissMarker:
    """Remembers the examples' vectors, which are the same for every call."""

    def __init__(self, embed: Embed) -> None:
        """Sentences are embedded when they are first needed."""
        self._embed = embed
        self._examples: dict[tuple[str, ...], Vectors] = {}

    def __call__(
        self,
        known: CallAnalysis,
        rules: RuleSet,
        settings: RuleSettings,
        transcript: Transcript | None = None,
    ) -> CallAnalysis:
        """`known` with `detail.review` in the findings where a sentence means what was not found.

        `transcript` is the call's, where it has been made already.
        """
        if not settings.near_miss:
            return known
        missing = [finding for finding in known.findings if _failed_by_absence(finding)]
        looked = [finding for finding in missing if rules.rule(finding.rule_id).check.by_meaning]
        if not looked:
            return known
        transcript = transcript or rules.transcript(known.turns, known.words)
        said = tuple(_sentences(transcript))
        reviews = {f.rule_id: self._review(f, rules.rule(f.rule_id), said, settings) for f in looked}
        findings = tuple(
            replace(finding, detail={**finding.detail, "review": review})
            if (review := reviews.get(finding.rule_id))
            else finding
            for finding in known.findings
        )
        return replace(known, findings=findings)

    def likeness(self, rule: Rule, role: Role, sentences: Sequence[str]) -> tuple[Likeness, ...]:
        """Similarity of each sentence, said by `role`, to the rule's examples; empty without examples."""
        matching = tuple(text for who, text, expect in rule.examples if expect and who == role)
        others = tuple(text for _, text, expect in rule.examples if not expect)
        if not matching or not sentences:
            return ()
        vectors = self._embed(sentences)
        near = vectors @ self._vectors(matching).T
        decoys = (vectors @ self._vectors(others).T).max(axis=1) if others else np.zeros(len(vectors))
        return tuple(
            Likeness(
                example=matching[int(row.argmax())],
                similarity=float(row.max()),
                decoy_similarity=float(decoy),
            )
            for row, decoy in zip(near, decoys, strict=True)
        )

    def _vectors(self, texts: tuple[str, ...]) -> Vectors:
        if texts not in self._examples:
            self._examples[texts] = self._embed(texts)
        return self._examples[texts]

    def _review(
        self, finding: Finding, rule: Rule, said: Sequence[tuple[Word, ...]], settings: RuleSettings
    ) -> dict[str, object] | None:
        """The sentence nearest to what the rule looks for; None if none is near enough."""
        window = Span(finding.start_s or 0.0, finding.end_s or 0.0)
        best: tuple[Likeness, tuple[Word, ...]] | None = None
        for role in rule.roles:
            near = [words for words in said if words[0].role == role and words[0].start_s in window]
            texts = [_text(words) for words in near]
            for likeness, words in zip(self.likeness(rule, role, texts), near, strict=False):
                stands_out = likeness.stands_out(settings.near_miss_similarity)
                if stands_out and (best is None or likeness.similarity > best[0].similarity):
                    best = likeness, words
        return None if best is None else _as_detail(*best)


def _failed_by_absence(finding: Finding) -> bool:
    """Whether a rule failed because something was not found in the window of its finding."""
    searched = finding.verdict == "fail" and finding.basis == "absence"
    return searched and finding.start_s is not None


def keep_reviews(now: CallAnalysis, before: Mapping[str, object]) -> CallAnalysis:
    """`now` with those marks of `before`, by rule, that still apply.

    A recheck loads no models: a mark stays as long as its rule fails by absence.
    """
    if not before:
        return now
    findings = tuple(
        replace(finding, detail={**finding.detail, "review": review})
        if (review := before.get(finding.rule_id)) and _failed_by_absence(finding)
        else finding
        for finding in now.findings
    )
    return replace(now, findings=findings)


def _sentences(transcript: Transcript) -> Iterator[tuple[Word, ...]]:
    """The words of the call, sentence by sentence."""
    for utterance in transcript.utterances:
        first = utterance.first_word
        ends = [t.last for t in transcript.tokens[utterance.first : utterance.end] if t.ends_sentence]
        for last in (*ends, utterance.end_word - 1):
            if last + 1 - first >= LEAST_WORDS:
                yield transcript.words[first : last + 1]
            first = max(first, last + 1)


def _text(words: Sequence[Word]) -> str:
    return " ".join(word.text.strip() for word in words)


def _as_detail(likeness: Likeness, words: Sequence[Word]) -> dict[str, object]:
    return {
        "sentence": _text(words),
        "similarity": round(likeness.similarity, 3),
        "nearest_example": likeness.example,
        "start_s": round(words[0].start_s, 3),
        "end_s": round(words[-1].end_s, 3),
        "turn_index": words[0].turn_index,
    }
