"""The nearest miss: what came closest to a phrase that was not said, so that people can judge for themselves.

Closeness is RapidFuzz's `ratio`: twice the characters both have in the same order, over all characters of
both. It compares runs of words with the rule's own examples; a rule never decides by it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from rapidfuzz import fuzz, process

from pipeline.records import Word

MIN_SIMILARITY = 0.6
"""Less has nothing to do with the phrase: the best of a whole unrelated call reaches 0.5 to 0.6."""

_LETTERS = re.compile(r"[^\w' ]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class NearMiss:
    """The run of words most like an example; `similarity` is 0 to 1."""

    words: tuple[Word, ...]
    example: str
    similarity: float

    @property
    def text(self) -> str:
        """The words as recognised."""
        return " ".join(word.text.strip() for word in self.words)


def nearest_miss(words: Sequence[Word], examples: Sequence[str]) -> NearMiss | None:
    """What of `words` comes closest to one of `examples`; None when nothing is at all like them.

    A run of words is as long as the example it is compared with and stays within a turn. The first of
    equally close ones is given.
    """
    best: NearMiss | None = None
    turns = [tuple(said) for _, said in groupby(words, key=lambda word: word.turn_index)]
    for example in examples:
        wanted = _plain(example)
        runs = [run for turn in turns for run in _runs(turn, len(wanted.split()))]
        said = [_plain(" ".join(word.text for word in run)) for run in runs]
        found = process.extractOne(wanted, said, scorer=fuzz.ratio, score_cutoff=100 * MIN_SIMILARITY)
        if found and (best is None or found[1] / 100 > best.similarity):
            best = NearMiss(words=runs[found[2]], example=example, similarity=found[1] / 100)
    return best


def _runs(turn: tuple[Word, ...], length: int) -> list[tuple[Word, ...]]:
    """Every run of `length` words in the turn; the whole turn if it is shorter."""
    return [turn[first : first + length] for first in range(max(1, len(turn) - length + 1))]


def _plain(text: str) -> str:
    """Lower case, without punctuation."""
    return " ".join(_LETTERS.sub(" ", text.lower().replace("\u2019", "'")).split())
