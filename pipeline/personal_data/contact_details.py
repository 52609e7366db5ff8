"""Birth dates, addresses and email addresses in one speaker's words: the words that give them.

A bare date, a number of minutes and a web site do not count. All functions take the words of one utterance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pipeline.personal_data.number_words import (
    MONTHS,
    ORDINALS,
    TENS,
    is_birth_year,
    is_date,
    is_month,
    is_number,
    parts_of,
    plain,
)
from pipeline.phrases.vocabulary import common_writings
from pipeline.phrases.word_lists import word_set
from pipeline.records import Word

DATE_WORDS = 6
"""A month and a year this close to each other are one date."""
DATE_GAP_WORDS = 3
"""How far day, month and year of one answer lie apart: "the fourth of June"."""
STREET_WORDS = 4
"""Largest number of words between the house number and the word for the street."""
AT_LETTERS = 8
"""The word "at" is no longer than this with the punctuation around it."""
POSTCODE_LETTERS = 2
"""A British postcode begins with one or two letters."""
LOCAL_WORDS = 6
"""How many words before "at" may belong to an email address."""

_OTHER_DATES = word_set("contact", "other_dates")
"""Before a date these tell that something else happened then."""
_STREETS = word_set("contact", "streets")
_STREETS_BY_NAME = word_set("contact", "streets_by_name")
"""Common words, believed only after a capitalised name."""
_NO_STREET_NAME = word_set("contact", "no_street_name")
_FLATS = word_set("contact", "flats")
_POSTCODE = re.compile(r"[a-z]{1,2}\d[a-z\d]?\d[a-z]{2}")
_TOP_DOMAINS = "com|net|org|co|edu|uk|us|io|gov|info|de|fr|ca|au|biz|me|mail"
_DOMAIN = re.compile(rf"[\w-]+(?:\.[\w-]+)*\.(?:{_TOP_DOMAINS})")
_TOP_DOMAIN = re.compile(rf"(?:[\w-]+\.)?(?:{_TOP_DOMAINS})")
_NOT_LOCAL = word_set("contact", "not_local")
_AT_A_SITE = word_set("contact", "at_a_site")


# By far most words are common ones that begin nothing; a look-up tells them.
_NO_DATE = frozenset(
    written
    for written in common_writings()
    if not (text := plain(written)) or (text.isalpha() and text not in MONTHS)
)
_NO_ADDRESS = frozenset(
    written
    for written in common_writings()
    if (text := plain(written)).isalpha()
    and len(text) > POSTCODE_LETTERS
    and text not in _FLATS
    and not is_number(text)
)


def birth_dates(words: Sequence[Word], *, asked: bool) -> Iterator[tuple[Word, ...]]:
    """Dates of birth: a date with a year in which customers are born, or, once `asked`, any date."""
    if asked:
        yield from _answered_date(words)
        return
    for at, word in enumerate(words):
        if word.text in _NO_DATE:
            continue
        text = plain(word.text)
        if is_date(text) and _birth_figures(text) and not _happened(words, at):
            yield (word,)
        elif text in MONTHS and (end := _birth_year_end(words, at)):
            first = _day_before(words, at)
            if not _happened(words, first):
                yield tuple(words[first:end])


def _answered_date(words: Sequence[Word]) -> Iterator[tuple[Word, ...]]:
    kept: list[int] = []
    for at in range(len(words)):
        if _dates(words, at) and (not kept or at - kept[-1] <= DATE_GAP_WORDS):
            kept.append(at)
    told = [words[at] for at in kept]
    digits = sum(len(part.text) for word in told for part in parts_of(word.text))
    if any(is_month(word.text) or is_date(word.text) for word in told) or (len(told) >= 2 or digits >= 4):
        yield tuple(words[kept[0] : kept[-1] + 1]) if kept else ()


def _dates(words: Sequence[Word], at: int) -> bool:
    """Whether the word may be part of a date; "one second" is not."""
    text, after = plain(words[at].text), plain(words[at + 1].text) if at + 1 < len(words) else ""
    if after in {"second", "sec", "moment", "minute"}:
        return False
    before = plain(words[at - 1].text) if at else ""
    if text == "second" and before in {"one", "a", "just", "1"}:
        return False
    return is_number(text) or (is_month(text) and (text != "may" or after not in {"i", "we", "be"}))


def _birth_figures(text: str) -> bool:
    years = re.findall(r"\d{4}", text)
    return not years or is_birth_year(years[0])


def _birth_year_end(words: Sequence[Word], month: int) -> int | None:
    """The position after a year of birth that follows the month."""
    for at in range(month + 1, min(len(words), month + 1 + DATE_WORDS)):
        following = words[at + 1].text if at + 1 < len(words) else ""
        if is_birth_year(words[at].text, following):
            end = at + 1
            spoken = plain(words[at].text) == "nineteen"
            end += 1 if spoken else 0
            unit = plain(words[end].text) if end < len(words) else ""
            tens = plain(following) in TENS if spoken else plain(words[at].text).split("-")[-1] in TENS
            return (
                end + 1 if tens and len(parts_of(unit)) == 1 and parts_of(unit)[0].kind == "single" else end
            )
    return None


def _day_before(words: Sequence[Word], month: int) -> int:
    """Where the day before the month begins: "the fourth of June", "4 June"."""
    first = month
    while (
        first
        and month - first < 4
        and (is_number(words[first - 1].text) or plain(words[first - 1].text) in {"of", "the"} | ORDINALS)
    ):
        first -= 1
    return first


def _happened(words: Sequence[Word], first: int) -> bool:
    before = {plain(word.text) for word in words[max(0, first - 4) : first]}
    return bool(before & _OTHER_DATES) and not before & {"born", "birth", "birthday", "dob"}


def addresses(words: Sequence[Word], *, asked: bool) -> Iterator[tuple[Word, ...]]:
    """A house number with its street, a flat or a British postcode; once `asked`, any number."""
    found = [span for at in range(len(words)) if (span := _address_at(words, at))]
    if asked and not found:
        numbers = [at for at in range(len(words)) if _dates(words, at) and not is_month(words[at].text)]
        if numbers:
            found = [(numbers[0], numbers[-1] + 1)]
    until = 0
    for first, end in found:
        if first >= until:
            yield tuple(words[first:end])
            until = end


def _address_at(words: Sequence[Word], at: int) -> tuple[int, int] | None:
    """The address that begins at a word."""
    if words[at].text in _NO_ADDRESS:
        return None
    text = plain(words[at].text)
    postcode = text + (plain(words[at + 1].text) if at + 1 < len(words) else "")
    if text not in _FLATS and not is_number(text) and not _POSTCODE.fullmatch(postcode):
        return None
    following = [plain(word.text) for word in words[at + 1 : at + 1 + STREET_WORDS]]
    if (
        text in _FLATS
        and following
        and (is_number(following[0]) or re.fullmatch(r"\d+[a-z]|[b-h]", following[0]))
    ):
        return at, at + 2
    if _POSTCODE.fullmatch(postcode) and not text.isdigit():
        return at, at + 2
    if not is_number(text) or text in ORDINALS:
        return None
    named = False
    for step, other in enumerate(following, start=1):
        if step > 1 and (other in _STREETS or (named and other in _STREETS_BY_NAME)):
            return at, at + step + 1
        if other in _NO_STREET_NAME:
            return None
        named = named or words[at + step].text[:1].isupper()
    return None


def emails(words: Sequence[Word]) -> Iterator[tuple[Word, ...]]:
    """Email addresses, written or said with "at" and "dot"; "I looked at example dot com" does not count."""
    for at, word in enumerate(words):
        if "@" in word.text:
            yield (word,)
        elif (
            len(word.text) <= AT_LETTERS
            and plain(word.text) == "at"
            and at
            and (end := _domain_end(words, at + 1))
        ):
            first = at
            while first and at - first < LOCAL_WORDS and plain(words[first - 1].text) not in _NOT_LOCAL:
                first -= 1
            if first < at and plain(words[at - 1].text) not in _AT_A_SITE:
                yield tuple(words[first:end])


def _domain_end(words: Sequence[Word], at: int) -> int | None:
    """The position after a domain that begins at `at`."""
    texts = [plain(word.text) for word in words[at : at + 6]]
    if texts and _DOMAIN.fullmatch(texts[0]):
        return at + 1
    end = None
    for step in range(1, len(texts) - 1):
        if texts[step] == "dot" and _TOP_DOMAIN.fullmatch(texts[step + 1]):
            end = at + step + 2
        elif end and at + step >= end:
            break
    return end
