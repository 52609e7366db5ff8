"""Numbers as people say them and recognisers write them: runs of digits that may identify something."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.records import Word

MAX_PAUSE_S = 3.0
"""A longer pause ends a run of digits."""
MIN_DIGITS = 4

_ONES = {
    "zero": "0", "oh": "0", "o": "0", "nought": "0", "naught": "0", "one": "1", "two": "2", "three": "3",
    "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
}  # fmt: skip
_TEENS = {
    "ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13", "fourteen": "14", "fifteen": "15",
    "sixteen": "16", "seventeen": "17", "eighteen": "18", "nineteen": "19",
}  # fmt: skip
_TENS = {
    "twenty": "20", "thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70",
    "eighty": "80", "ninety": "90",
}  # fmt: skip
_TIMES = {"double": 2, "triple": 3, "treble": 3}
_INSIDE = frozenset({"dash", "hyphen", "slash", "space", "then", "um", "uh", "er", "erm", "and"})
_QUANTITY = frozenset({
    "hundred", "thousand", "million", "point", "percent", "dollars", "dollar", "pounds", "pound",
    "euros", "euro", "cents", "pence", "bucks", "quid", "miles", "kilometers", "kilometres", "meters",
    "metres", "minutes", "hours", "days", "weeks", "months", "years", "times", "people", "am", "pm",
    "kilowatt", "kilowatts", "units", "degrees", "gigabytes", "megabytes", "megabits", "megs", "gigs",
    "o'clock",
})  # fmt: skip
_NUMERAL = re.compile(r"\d+(?:[-/.]\d+)*")
_DECIMAL = re.compile(r"\d+\.\d{1,2}")
# "K7P2R" is a code; "100mbps" and "21st" are not.
_CODE = re.compile(r"(?=.*\d.*\d)(?!\d+[a-z]+$)[a-z]{0,4}\d[a-z\d]*")
_SINGLE_LETTER = re.compile(r"[b-hj-z]")
_YEAR = re.compile(r"(19|20)\d\d")
_BIRTH_YEAR = re.compile(r"19\d\d|200\d|201[0-5]")


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRun:
    """Digits said in one go: `digits` in order, `singles` of them said or written one by one.

    `letters` counts letters between them; `follows` is the word after the run.
    """

    words: tuple[Word, ...]
    digits: str
    singles: int
    letters: int
    longest_numeral: int
    follows: str

    @property
    def is_quantity(self) -> bool:
        """Whether a unit follows: so much money, time or distance."""
        return self.follows in _QUANTITY and len(self.digits) < 6

    @property
    def is_identifier(self) -> bool:
        """Whether it reads as an account, card or phone number rather than a quantity, year or time."""
        if self.is_quantity:
            return False
        if self.letters:
            return len(self.digits) >= 2 and len(self.digits) + self.letters >= 5
        if len(self.digits) < MIN_DIGITS:
            return False
        if len(self.words) == 1 and _YEAR.fullmatch(self.digits):
            return False
        # "Ten fifteen" and "nineteen eighty one" are a time and a year; longer runs are neither.
        return self.singles >= MIN_DIGITS or self.longest_numeral >= MIN_DIGITS or len(self.digits) >= 6


def is_number(text: str) -> bool:
    """Whether the word is a number, spoken or written; ordinals count.

    >>> is_number("Twelve,"), is_number("4th"), is_number("the")
    (True, True, False)
    """
    plain = _plain(text)
    return bool(re.search(r"\d", plain)) or plain in _ONES.keys() - {"o", "oh"} | _TEENS.keys() | _TENS.keys()


def is_birth_year(text: str, following: str = "") -> bool:
    """Whether the word, with the one after it, is a year in which a customer may be born.

    >>> is_birth_year("1981"), is_birth_year("nineteen", "eighty"), is_birth_year("2026")
    (True, True, False)
    """
    plain = _plain(text)
    if _BIRTH_YEAR.fullmatch(plain):
        return True
    return plain == "nineteen" and is_number(following)


def number_runs(words: Sequence[Word]) -> Iterator[NumberRun]:
    """Runs of digits in one speaker's `words`, which are in order of time."""
    run: list[Word] = []
    for word in words:
        if run and word.start_s - run[-1].end_s > MAX_PAUSE_S:
            yield from _finished(run, "")
            run = []
        plain = _plain(word.text)
        if _is_part(word.text) or (run and (plain in _INSIDE or _SINGLE_LETTER.fullmatch(plain))):
            run.append(word)
        elif run:
            yield from _finished(run, plain)
            run = []
        elif _SINGLE_LETTER.fullmatch(plain):
            run.append(word)
    if run:
        yield from _finished(run, "")


def _plain(text: str) -> str:
    return text.lower().strip(".,!?;:\"'()[]-… ")


def _is_part(text: str) -> bool:
    """Whether the word belongs to a run of digits; prices, times, decimals and thousands do not."""
    plain = _plain(text)
    if plain in _ONES or plain in _TEENS or plain in _TENS or plain in _TIMES:
        return True
    if re.search(r"[$£€%:]", plain) or _DECIMAL.fullmatch(plain):
        return False
    return bool(_NUMERAL.fullmatch(plain) or (re.search(r"[a-z]", plain) and _CODE.fullmatch(plain)))


def _finished(run: Sequence[Word], follows: str) -> Iterator[NumberRun]:
    """The run, if it holds a digit, without connecting words at its end."""
    plain = [_plain(word.text) for word in run]
    while plain and plain[-1] in _INSIDE:
        plain.pop()
    digits, singles, letters, times = "", 0, 0, 1
    for at, text in enumerate(plain):
        if text in _TIMES:
            times = _TIMES[text]
            continue
        if text in _ONES and at and plain[at - 1] in _TENS and _ONES[text] != "0":
            digits = digits[:-1] + _ONES[text]
        else:
            written = re.sub(r"\D", "", text)
            digits += (_ONES | _TEENS | _TENS).get(text, written) * times
            singles += times if text in _ONES or len(written) == 1 else 0
            letters += len(re.sub(r"[^a-z]", "", text)) if written or (len(text) == 1 and text != "o") else 0
        times = 1
    if digits:
        longest = max(len(re.sub(r"\D", "", text)) for text in plain)
        words = tuple(run[: len(plain)])
        yield NumberRun(
            words=words,
            digits=digits,
            singles=singles,
            letters=letters,
            longest_numeral=longest,
            follows=follows,
        )
