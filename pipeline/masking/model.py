"""What masking asks of a model that recognises names and places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

Labels = dict[str, float]
"""Probabilities, 0 to 1, that a word is part of a datum, by the datum's label, such as GIVEN_NAME or CITY."""

PERSON = ("GIVEN_NAME", "SURNAME")
STREET = ("BUILDING_NUMBER", "STREET_NAME", "SECONDARY_ADDRESS", "ZIP_CODE")
PLACE = ("CITY", "STATE")


class LabelWords(Protocol):
    """Labels the words of one utterance, given as recognised."""

    def __call__(self, words: Sequence[str]) -> tuple[Labels, ...]:
        """The labels of each word, in order."""
        ...


def labels_nothing(words: Sequence[str]) -> tuple[Labels, ...]:
    """Stands for the model where nothing is masked: it labels no word."""
    return tuple({} for _ in words)


def likely(labels: Labels, kinds: Sequence[str]) -> float:
    """The probability, 0 to 1, that a word has one of `kinds`."""
    return min(1.0, sum(labels.get(kind, 0.0) for kind in kinds))
