"""Runs of digits and letters said in one go, and whether one of them identifies something."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pipeline.personal_data.number_words import LETTER_WORDS, SPOKEN, Part, parts_of, plain
from pipeline.phrases.vocabulary import common_writings
from pipeline.phrases.word_lists import word_set
from pipeline.records import Word

MAX_PAUSE_S = 3.0
"""A longer pause ends a run of digits."""
MIN_DIGITS = 4
NEAR_WORDS = 4
"""Number of words before a run that show what it counts."""

_INSIDE = word_set("numbers", "inside")
_SPELLS = word_set("numbers", "spells")
_UNITS = word_set("numbers", "units")
_LABELS = word_set("numbers", "labels")
"""Things that have a number which is not the customer's."""
_AMOUNTS = word_set("numbers", "amounts")
"""Before a short number these announce an amount, a time or a year."""
_YEAR = re.compile(r"(?:19|20)\d\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRun:
    """Digits and letters said in one go.

    `code` has them in order, letters in lower case; `singles` counts the digits said or written one by
    one. `before` are the words that come before the run and `follows` is the one after it.
    """

    words: tuple[Word, ...]
    code: str = field(repr=False)
    singles: int
    longest_numeral: int
    before: tuple[str, ...]
    follows: str

    @property
    def digits(self) -> str:
        """The digits alone."""
        return re.sub(r"\D", "", self.code)

    @property
    def letters(self) -> int:
        """The number of letters among the digits."""
        return len(self.code) - len(self.digits)

    @property
    def is_quantity(self) -> bool:
        """Whether a unit follows: so much money, time or distance."""
        return self.follows in _UNITS and len(self.digits) < 6

    @property
    def in_passing(self) -> bool:
        """Whether the words before it make it an amount, a time, a year or a label of something common."""
        if _LABELS & set(self.before):
            return True
        last = self.before[-1] if self.before else ""
        return last in _AMOUNTS and not self.letters and len(self.digits) < 6

    @property
    def is_identifier(self) -> bool:
        """Whether it reads as an account, card or phone number rather than a quantity, year or time."""
        if self.is_quantity or self.in_passing:
            return False
        if self.letters:
            return len(self.digits) >= 2 and len(self.code) >= 5
        if len(self.digits) < MIN_DIGITS:
            return False
        if len(self.words) == 1 and _YEAR.fullmatch(self.digits):
            return False
        # "Ten fifteen" and "nineteen eighty one" are a time and a year; longer runs are neither.
        return self.singles >= MIN_DIGITS or self.longest_numeral >= MIN_DIGITS or len(self.digits) >= 6


@dataclass(frozen=True, slots=True)
class _Said:
    """A word of a run with what it adds."""

    word: Word
    parts: tuple[Part, ...]


def number_runs(words: Sequence[Word]) -> Iterator[NumberRun]:
    """Runs of digits in one speaker's `words`, which are in order of time."""
    run: list[_Said] = []
    start = at = 0
    while at < len(words):
        if not run and (words[at].text in _NO_BEGINNING or not _may_begin(words[at].text)):
            at += 1
            continue
        if run and words[at].start_s - run[-1].word.end_s > MAX_PAUSE_S:
            yield from _finished(words, run, start, at)
            run = []
        taken = _taken(words, at, run)
        if taken and not run:
            start = at
        run += taken
        if not taken and run:
            yield from _finished(words, run, start, at)
            run = []
        at += max(1, len(taken))
    if run:
        yield from _finished(words, run, start, at)


def _may_begin(written: str) -> bool:
    """Whether a run can begin with this word; few words can."""
    text = plain(written)
    if text.isalpha():
        return len(text) == 1 or text in LETTER_WORDS or text in SPOKEN
    return len(text) <= 1 or bool(parts_of(written))


_NO_BEGINNING = frozenset(written for written in common_writings() if not _may_begin(written))
"""The common words with which no run begins."""


def _taken(words: Sequence[Word], at: int, run: Sequence[_Said]) -> list[_Said]:
    """The words from `at` on that belong to the run, which may be empty as yet; none if it ends here."""
    word = words[at]
    if parts := parts_of(word.text):
        return [_Said(word, parts)]
    text = plain(word.text)
    nearby = [plain(other.text) for other in words[at + 1 : at + 4]]
    if letter := _letter(word.text, text, nearby, run):
        spelled = _spelling(nearby, letter)
        return [
            _Said(word, (Part("letter", letter),)),
            *(_Said(w, ()) for w in words[at + 1 : at + 1 + spelled]),
        ]
    if (
        run
        and text in _INSIDE
        and nearby
        and (parts_of(nearby[0]) or nearby[0] in _INSIDE or len(nearby[0]) == 1)
    ):
        return [_Said(word, ())]
    if run and text == "and" and run[-1].parts and run[-1].parts[-1].kind in {"single", "hundred"}:
        return [_Said(word, (Part("times", "1"),))]
    return []


def _letter(written: str, text: str, nearby: Sequence[str], run: Sequence[_Said]) -> str:
    """The letter that the word stands for beside digits and other letters; empty for other words."""
    if re.fullmatch(r"[b-hj-z]", text):
        return text
    if text in {"a", "i"}:
        # The article and the pronoun are words, unless a code goes on.
        return text if run and written[:1].isupper() and nearby and _goes_on(nearby[0]) else ""
    if text not in LETTER_WORDS:
        return ""
    if run:
        return LETTER_WORDS[text]
    # "November four" is a date; with another letter after it a code begins.
    starts = nearby and (nearby[0] in LETTER_WORDS or (text != "november" and parts_of(nearby[0])))
    return LETTER_WORDS[text] if starts else ""


def _goes_on(text: str) -> bool:
    return bool(parts_of(text)) or len(text) == 1


def _spelling(nearby: Sequence[str], letter: str) -> int:
    """How many words after a letter only spell it: "as in bravo", "for bravo"."""
    if len(nearby) >= 3 and nearby[:2] == ["as", "in"] and nearby[2].startswith(letter):
        return 3
    if len(nearby) >= 2 and nearby[0] in _SPELLS and len(nearby[1]) > 1 and nearby[1].startswith(letter):
        return 2
    return 0


def _finished(words: Sequence[Word], run: Sequence[_Said], start: int, end: int) -> Iterator[NumberRun]:
    """The run, if it holds a digit, without connecting words at its end."""
    kept = list(run)
    while kept and all(part.kind == "times" for part in kept[-1].parts):
        kept.pop()
    code, singles = _code([part for said in kept for part in said.parts])
    if not re.search(r"\d", code):
        return
    written = (len(re.sub(r"\D", "", part.text)) for said in kept for part in said.parts)
    yield NumberRun(
        words=tuple(said.word for said in kept),
        code=code,
        singles=singles,
        longest_numeral=max(written, default=0),
        before=tuple(plain(word.text) for word in words[max(0, start - NEAR_WORDS) : start]),
        follows=plain(words[end].text) if end < len(words) else "",
    )


def _code(parts: Sequence[Part]) -> tuple[str, int]:
    """Digits and letters in order, and how many digits were said one by one."""
    code, singles, times = "", 0, 1
    last = ""
    for at, part in enumerate(parts):
        if part.kind == "times":
            times = int(part.text)
            # "And" joins parts; "four hundred and twelve" is one number.
            last = last if times == 1 else ""
            continue
        if part.kind == "single" and last == "tens" and part.text != "0":
            code = code[:-1] + part.text
        elif last == "hundred" and part.kind in {"teen", "tens"}:
            code = code[:-2] + part.text
        elif last == "hundred" and part.kind == "single" and parts[at - 1].kind == "times":
            code = code[:-1] + part.text
        else:
            code += part.text * times
            singles += times if len(part.text) == 1 and part.kind in {"single", "numeral"} else 0
        last, times = part.kind, 1
    return code, singles
