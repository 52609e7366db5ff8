"""Words with masks applied."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pipeline.records import Mask, Word


def masked_words(words: Iterable[Word], masks: Iterable[Mask]) -> tuple[Word, ...]:
    """The words with those under a mask replaced by its label; numbers, times and order are kept.

    The first word under a mask has the label, such as "[card]" or "[name 1]", and the others are empty, so
    that the text of a turn has the label once. A word under two masks has the earlier one's label.
    """
    texts: dict[int, str] = {}
    for mask in masks:
        for at in range(mask.first_word, mask.last_word + 1):
            texts.setdefault(at, mask.label if at == mask.first_word else "")
    return tuple(
        word if word.word_index not in texts else replace(word, text=texts[word.word_index]) for word in words
    )


def text_of(words: Iterable[Word]) -> str:
    """The text of masked words, with a space between them."""
    return " ".join(word.text for word in words if word.text)
