"""A classifier of sentences: how likely each is to say what a rule looks for.

For each group of phrases, named after its rule, it is a logistic regression over two views of a sentence: its
embedding, which has the meaning, and its words, word pairs and word triples, hashed, which have what an
embedding blurs ("may I" and "I will"). `benchmarks/train_gate.py` fits the coefficients to labelled
sentences and writes `meaning/LANGUAGE.npz`, and beside it a JSON file with their checksum, the thresholds and
the figures of the cross-validation.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UsageError

Vectors = NDArray[np.float32]

FOLDER = Path(__file__).parent / "meaning"
EMBEDDING_SCALE = 3.0
"""Weight of the embedding, a vector of length 1, beside the words, another."""
HASHED = 4096
LONGEST_RUN = 3
VERSION_DIGITS = 12

_WORD = re.compile(r"[a-z']+")
_REINSTALL = "install the program again"


class Embed(Protocol):
    """Turns sentences into vectors of length 1, one row each; like meanings lie close."""

    def __call__(self, sentences: Sequence[str]) -> Vectors:
        """Shape (sentences, dimensions)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What is known of a group of phrases: probabilities from which a sentence counts, 0 to 1.

    From `possible` on a sentence may be the phrase. From `said` on it counts as the phrase in rules of
    quality; None where cross-validation does not show enough precision for that.
    """

    possible: float
    said: float | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SentenceModel:
    """The coefficients of one language, shape (features, groups), and its groups in their order."""

    groups: Mapping[str, Group]
    coefficients: NDArray[np.float32]
    intercepts: NDArray[np.float32]
    version: str

    def probabilities(self, sentences: Sequence[str], embed: Embed) -> NDArray[np.float64]:
        """The probability of each group for each sentence, shape (sentences, groups)."""
        logits = features(sentences, embed) @ self.coefficients + self.intercepts
        return 1.0 / (1.0 + np.exp(-logits.astype(np.float64)))


def features(sentences: Sequence[str], embed: Embed) -> NDArray[np.float32]:
    """The features of each sentence: its embedding, then its hashed words."""
    embedded = EMBEDDING_SCALE * np.asarray(embed(sentences), np.float32)
    return np.hstack([embedded, np.array([_hashed(sentence) for sentence in sentences])])


def _hashed(sentence: str) -> NDArray[np.float32]:
    """The runs of one to three words of a sentence, with its edges, as a vector of length 1."""
    words = ["^", *_WORD.findall(sentence.lower()), "$"]
    row = np.zeros(HASHED, np.float32)
    for length in range(1, LONGEST_RUN + 1):
        for at in range(len(words) - length + 1):
            row[zlib.crc32(" ".join(words[at : at + length]).encode()) % HASHED] = 1.0
    return row / np.float32(np.sqrt(row.sum()))


@lru_cache(maxsize=4)
def load_model(language: str, folder: Path = FOLDER) -> SentenceModel | None:
    """The model of `language`; None where there is none. Raises UsageError for damaged files."""
    described = folder / f"{language}.json"
    if not described.is_file():
        return None
    arrays = described.with_suffix(".npz")
    try:
        text, content = described.read_bytes(), arrays.read_bytes()
    except OSError as error:
        raise UsageError(
            "cannot read the sentence model", where=arrays, value=error.strerror, remedy=_REINSTALL
        ) from None
    about = json.loads(text)
    found = hashlib.sha256(content).hexdigest()
    if found != about["sha256"]:
        raise UsageError(
            "the sentence model is damaged",
            where=arrays,
            value=f"sha256 {found}",
            allowed=about["sha256"],
            remedy=_REINSTALL,
        )
    with np.load(arrays) as loaded:
        coefficients, intercepts = loaded["coefficients"], loaded["intercepts"]
    return SentenceModel(
        groups={
            name: Group(possible=group["possible"], said=group["said"])
            for name, group in about["groups"].items()
        },
        coefficients=coefficients.astype(np.float32),
        intercepts=intercepts.astype(np.float32),
        version=hashlib.sha256(text).hexdigest()[:VERSION_DIGITS],
    )
