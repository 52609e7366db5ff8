"""Numbers as people say them and recognisers write them, word by word.

`parts_of` reads one word; `number_runs` puts words together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pipeline.phrases.vocabulary import common_writings
from pipeline.phrases.word_lists import load_words, word_set

PartKind = Literal["single", "teen", "tens", "hundred", "times", "numeral", "code", "letter"]

ONES: dict[str, str] = load_words("numbers")["ones"]
TEENS: dict[str, str] = load_words("numbers")["teens"]
TENS: dict[str, str] = load_words("numbers")["tens"]
TIMES: dict[str, int] = load_words("numbers")["times"]
LETTER_WORDS: dict[str, str] = load_words("numbers")["letter_words"]
"""The spelling alphabet of NATO and aviation."""

MONTHS = word_set("numbers", "months")
ORDINALS = word_set("numbers", "ordinals")

_NUMERAL = re.compile(r"\d+(?:[-.]\d+)*")
_DECIMAL = re.compile(r"\d+\.\d{1,2}")
_DATE = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-](?:19|20)\d\d|(?:19|20)\d\d-\d\d-\d\d|\d{1,2}/\d{1,2}/\d\d")
# "K7P2R" is a code; "100mbps" and "21st" are not.
_CODE = re.compile(r"(?=.*\d.*\d)(?!\d+[a-z]+$)[a-z]{0,4}-?\d[a-z\d]*(?:-[a-z\d]+)*")
_BIRTH_YEAR = re.compile(r"19\d\d|200\d|201[0-5]")


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a number that a word, or one side of a hyphen, adds: `text` is its digits or letters."""

    kind: PartKind
    text: str


def _spoken() -> dict[str, Part]:
    """The part that each spoken number word adds."""
    kinds: tuple[tuple[PartKind, Mapping[str, object]], ...] = (
        ("single", ONES),
        ("teen", TEENS),
        ("tens", TENS),
        ("times", TIMES),
        ("hundred", {"hundred": "00"}),
    )
    return {word: Part(kind, str(text)) for kind, words in kinds for word, text in words.items()}


SPOKEN = _spoken()


def plain(text: str) -> str:
    """The word in lower case, without the punctuation around it.

    >>> plain("(Forty-one,"), plain("a.m.")
    ('forty-one', 'am')
    """
    return _COMMON.get(text) or _plain(text)


def _plain(text: str) -> str:
    stripped = text.lower().strip(".,!?;:\"'()[]-…+# ")
    return "am" if stripped == "a.m" else "pm" if stripped == "p.m" else stripped


_COMMON = {written: _plain(written) for written in common_writings()}
"""The common words, worked out in advance; nothing is added, for words of calls are data of calls."""


def parts_of(text: str) -> tuple[Part, ...]:
    """What the word adds to a number; nothing for other words, prices, times of day, decimals and dates.

    >>> [part.text for part in parts_of("forty-one")], parts_of("$1,500"), parts_of("10:15")
    (['40', '1'], (), ())
    """
    word = plain(text)
    if (part := SPOKEN.get(word)) is not None:
        return (part,)
    if word.isalpha():  # by far most words; a number that is written has a digit or a hyphen
        return ()
    if re.search(r"[$£€%:,]", word) or _DECIMAL.fullmatch(word) or _DATE.fullmatch(word):
        return ()
    if _NUMERAL.fullmatch(word):
        return (Part("numeral", re.sub(r"\D", "", word)),)
    if re.search(r"[a-z]", word) and _CODE.fullmatch(word):
        return (Part("code", word.replace("-", "")),)
    pieces = [SPOKEN.get(piece) for piece in word.split("-")]
    said = tuple(piece for piece in pieces if piece is not None)
    return said if len(said) == len(pieces) else ()


def is_number(text: str) -> bool:
    """Whether the word is a number, spoken or written; ordinals count.

    >>> is_number("Twelve,"), is_number("4th"), is_number("third"), is_number("the")
    (True, True, True, False)
    """
    word = plain(text)
    if word in ORDINALS or (not word.isalpha() and re.search(r"\d", word)):
        return True
    return word not in {"o", "oh"} and any(part.kind in {"single", "teen", "tens"} for part in parts_of(word))


def is_date(text: str) -> bool:
    """Whether the word is a whole date in figures.

    >>> is_date("06/04/1981."), is_date("441-927-03")
    (True, False)
    """
    word = plain(text)
    return not word.isalpha() and bool(_DATE.fullmatch(word))


def is_month(text: str) -> bool:
    """Whether the word names a month."""
    return plain(text) in MONTHS


def is_birth_year(text: str, following: str = "") -> bool:
    """Whether the word, with the one after it, is a year in which a customer may be born.

    >>> is_birth_year("1981"), is_birth_year("nineteen", "eighty"), is_birth_year("2026")
    (True, True, False)
    """
    word = plain(text)
    if _BIRTH_YEAR.fullmatch(word):
        return True
    return word.startswith("nineteen-") or (word == "nineteen" and is_number(following))
