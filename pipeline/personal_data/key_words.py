"""The words of a sentence by which it is known again: its content, not its grammar."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.personal_data.number_runs import number_runs
from pipeline.personal_data.number_words import MONTHS, ORDINALS, is_number, plain
from pipeline.phrases.vocabulary import common_writings
from pipeline.phrases.word_lists import word_set
from pipeline.records import Word

_ORDINAL_NUMBERS = {
    word: str(number)
    for number, word in enumerate(
        """
        first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
        fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth
        """.split(),
        start=1,
    )
} | {"thirtieth": "30"}
_COMMON = word_set("grammar", "common")
_WEEKDAYS = word_set("grammar", "weekdays")
_DAYS = _WEEKDAYS | MONTHS
_FIGURES = re.compile(r"\d+(?:st|nd|rd|th)|\d{1,2}[:.]\d\d")
"""Ordinals and times of day."""
_LEAST_LETTERS = 3


def key_words(words: Sequence[Word]) -> frozenset[str]:
    """Content words by their stems, and numbers by their digits, however they were said.

    "The fourth of June" and "June 4th" have the same.
    """
    numbers = list(number_runs(words))
    in_numbers = {word.word_index for run in numbers for word in run.words}
    out = {run.code.lstrip("0") or "0" for run in numbers}
    for at, word in enumerate(words):
        if word.word_index in in_numbers:
            continue
        key = _COMMON_KEYS.get(word.text)
        if key is None:
            key = plain(word.text) if is_day(words, at) else _key(word.text)
        if key:
            out.add(key)
    return frozenset(out)


def _key(written: str) -> str:
    """By what a word that is no day and no number is known again; empty for grammar."""
    text = plain(written)
    if text in ORDINALS:
        return _ORDINAL_NUMBERS[text]
    if text[:1].isdigit() and _FIGURES.fullmatch(text):
        return re.sub(r"\D", "", text)
    return "" if text in _COMMON or len(text) < _LEAST_LETTERS else _stem(text)


def is_day(words: Sequence[Word], at: int) -> bool:
    """Whether the word at `at` names a day of the week or a month; "may" does beside a number."""
    text = plain(words[at].text)
    if text != "may":
        return text in _DAYS
    beside = [plain(word.text) for word in (*words[max(0, at - 1) : at], *words[at + 1 : at + 3])]
    return any(is_number(other) for other in beside) or (at > 0 and beside[0] == "of")


def _stem(text: str) -> str:
    """The word without the endings that grammar puts there.

    >>> _stem("cancelled") == _stem("cancel"), _stem("bills") == _stem("bill's")
    (True, True)
    """
    text = text.removesuffix("'s")
    for ending in ("ing", "ed", "es", "s"):
        if text.endswith(ending) and len(text) - len(ending) >= _LEAST_LETTERS and not text.endswith("ss"):
            text = text.removesuffix(ending)
            break
    if len(text) > _LEAST_LETTERS and text[-1] == text[-2]:
        text = text[:-1]
    return text.removesuffix("e")


_COMMON_KEYS = {written: _key(written) for written in common_writings() if plain(written) not in _DAYS}
"""The keys of common words that name no day, worked out in advance."""
