"""Runs of number words, figures and single letters, read so that no part of a value stays outside.

A run may hold corrections ("four no sorry five"), spelled letters ("Q for Queen") and counted figures ("six
fives"). `pipeline.personal_data.number_runs` reads the same words precisely, to date a disclosure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from dataclasses import field as data_field

from pipeline.masking.text import Line, word_list
from pipeline.personal_data.number_words import LETTER_WORDS, MONTHS, ORDINALS, SPOKEN

MAX_GLUE = 5
"""So many words without a figure or letter may stand inside a run, where they mend or join it."""

_GLUE = word_list("corrections")
_SCALES = {"hundred": "00", "thousand": "000"}
_TIMES = {"double": 2, "triple": 3, "treble": 3, "quadruple": 4}
_PLURALS = {f"{word}{'es' if word == 'six' else 's'}": word for word in SPOKEN}
_COMMON_MONTHS = frozenset({"may", "march"})
"""Months that are everyday words; they begin a run only beside a number."""
_ALPHABET = frozenset(LETTER_WORDS) | {"zed", "zee", "x-ray", "juliett"}
_WEIGHT = re.compile(r"\d+[a-z]{2,}|\d+(?:k|m|x|s|p|c|f)")
_ORDINAL = re.compile(r"\d{1,2}(?:st|nd|rd|th)")
_OUTWARD = re.compile(r"[a-z]{1,2}\d[a-z\d]?")
_INWARD = re.compile(r"\d[a-z]{2}")
_AMOUNT = re.compile(r"[$\u00a3\u20ac]|%|^\d{1,3}(?:,\d{3})+(?:\.\d+)?$|^\d+\.\d{1,2}$|^\d{1,2}:\d\d")
_LETTER = re.compile(r"[a-z](?:'s)?")
_LETTERS = re.compile(r"[a-z](?:-[a-z]){2,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Words `[first, end)` of a line; `code` has the run's digits and letters in order."""

    first: int
    end: int
    code: str = data_field(repr=False)
    figures: int
    """How many words add a digit each or are written in digits."""
    has_month: bool
    has_ordinal: bool
    is_large: bool
    """Whether it says "thousand"."""

    @property
    def digits(self) -> str:
        """The digits alone."""
        return re.sub(r"\D", "", self.code)

    @property
    def letters(self) -> str:
        """The letters alone."""
        return re.sub(r"\d", "", self.code)


def is_amount(text: str) -> bool:
    """Whether the word is a written price, share, time of day or number with thousands.

    >>> is_amount("$40"), is_amount("10:15"), is_amount("4000")
    (True, True, False)
    """
    return bool(_AMOUNT.search(text))


def number_runs(line: Line) -> Iterator[Run]:
    """The runs of a line, from left to right; each has a digit, a month or three letters."""
    at = 0
    while at < len(line.texts):
        end = at
        kept: list[int] = []
        while end < len(line.texts):
            taken = _taken(line, end, begun=bool(kept))
            if taken:
                kept += range(end, end + taken)
                end += taken
            elif kept and (joined := _joined(line, end)):
                end = joined
            else:
                break
        if kept and (run := _run(line, at, kept)):
            yield run
        at = max(at + 1, kept[-1] + 1 if kept else 0)


def _joined(line: Line, at: int) -> int:
    """Where the run goes on after words that join or mend it; 0 where it does not."""
    end = at
    while end < len(line.texts) and end - at < MAX_GLUE and line.texts[end] in _GLUE:
        end += 1
        if end < len(line.texts) and _taken(line, end, begun=True):
            return end
    return 0


def _taken(line: Line, at: int, *, begun: bool) -> int:
    """How many words from `at` on are figures, letters or a spelled letter of a run."""
    text = line.texts[at]
    if _figure(line, at, begun=begun):
        return 1
    if _LETTER.fullmatch(text):
        return _letter(line, at, begun=begun)
    if text in _ALPHABET:
        after = line.texts[at + 1] if at + 1 < len(line.texts) else ""
        beside = _is_code(after) or (begun and (not after or line.ends_sentence(at) or after in _GLUE))
        return 1 if beside and not (text == "november" and not begun) else 0
    return 0


def _figure(line: Line, at: int, *, begun: bool) -> bool:
    text = line.texts[at]
    after = line.texts[at + 1] if at + 1 < len(line.texts) else ""
    if text in {"oh", "o", "nought", "naught"}:
        return begun or _is_code(after)
    if text in {"double", "triple", "treble", "quadruple"}:
        return _is_code(after)
    if text in MONTHS:
        return (
            begun or text not in _COMMON_MONTHS or _is_number(after) or _is_ordinal(after)
        ) and after not in {"i", "we", "be"}
    if _is_ordinal(text):
        return text != "second" or begun or after in MONTHS or after == "of"
    if text in {"x-ray", "ray"} and at and line.texts[at - 1] == "x":
        return True
    if _LETTERS.fullmatch(text):
        return True
    return _is_number(text) and not _weighs(line, at)


def _is_ordinal(text: str) -> bool:
    """Whether the word is an ordinal, alone or behind tens: third, twenty-third, 23rd."""
    tens, hyphen, last = text.rpartition("-")
    return bool(_ORDINAL.fullmatch(text)) or (last in ORDINALS and (not hyphen or tens in SPOKEN))


def _weighs(line: Line, at: int) -> bool:
    """Whether the word is a number with its unit, such as 65inch; the end of a British postcode is not."""
    text = line.texts[at]
    if not _WEIGHT.fullmatch(text):
        return False
    return not (_INWARD.fullmatch(text) and at and _OUTWARD.fullmatch(line.texts[at - 1]))


def _is_number(text: str) -> bool:
    """Whether the word is a number or holds figures."""
    if text in SPOKEN or text in _SCALES or text in _PLURALS:
        return text not in {"double", "triple", "treble"}
    if is_amount(text):
        return False
    pieces = text.split("-")
    if len(pieces) > 1 and all(piece in SPOKEN for piece in pieces):
        return True
    return any(sign.isdigit() for sign in text)


def _is_code(text: str) -> bool:
    return _is_number(text) or bool(_LETTER.fullmatch(text)) or text in _ALPHABET or text in _TIMES


def _letter(line: Line, at: int, *, begun: bool) -> int:
    texts, text = line.texts, line.texts[at]
    spelled = _spelled(texts, at)
    if spelled:
        return spelled
    after = texts[at + 1] if at + 1 < len(texts) else ""
    before = texts[at - 1] if at else ""
    if text not in {"a", "i"}:
        return 1 if begun or _is_code(after) or _LETTER.fullmatch(before) else 0
    # The article and the pronoun are words, unless letters or figures stand on both sides.
    last = not after or line.ends_sentence(at)
    if begun:
        code_before = _is_number(before) or bool(_LETTER.fullmatch(before)) or before in _ALPHABET
        goes_on = _is_code(after) or (last and (line.is_capital(at) or len(before) == 1))
        spells = len(before) == 1 and (text == "i" or after in _GLUE)
        return 1 if code_before and (goes_on or spells) else 0
    return 1 if len(after) == 1 and after not in {"a", "i"} else 0


def _spelled(texts: Sequence[str], at: int) -> int:
    """The number of words of "Q for Queen" or "Q as in Queen"; 0 for anything else."""
    letter = texts[at][:1]
    for links in (("for",), ("as", "in"), ("like",), ("as",)):
        end = at + 1 + len(links)
        named = texts[end] if end < len(texts) else ""
        if tuple(texts[at + 1 : end]) == links and len(named) > 1 and named.startswith(letter):
            return len(links) + 2
    return 0


def _run(line: Line, at: int, kept: Sequence[int]) -> Run | None:
    """The run of the words `kept`, if they are more than a letter or two."""
    texts = [line.texts[place] for place in kept]
    code = _code([line.texts[place] for place in range(at, kept[-1] + 1)])
    month = any(text in MONTHS for text in texts)
    ordinal = any(_is_ordinal(text) for text in texts)
    if not month and not ordinal and not re.search(r"\d|[a-z]{3}", code):
        return None
    ones = sum(text in SPOKEN and SPOKEN[text].kind == "single" for text in texts)
    written = sum(len(re.sub(r"\D", "", text)) for text in texts)
    before = line.texts[at - 1] if at else ""
    leads = before == "plus" or (before == "the" and ordinal)
    return Run(
        first=at - leads,
        end=kept[-1] + 1,
        code=code,
        figures=ones + written,
        has_month=month,
        has_ordinal=ordinal,
        is_large="thousand" in texts,
    )


def _code(texts: Sequence[str]) -> str:
    """Digits and letters in order, roughly: enough to compare a value with its repeat."""
    out: list[str] = []
    times, last, at = 1, "", 0
    while at < len(texts):
        text = texts[at]
        if text in _TIMES:
            times, at = _TIMES[text], at + 1
            continue
        if text in _PLURALS and out and _PLURALS[text] in SPOKEN:
            count = int(out[-1]) if out[-1].isdigit() and int(out[-1]) < 10 else 1
            out[-1] = SPOKEN[_PLURALS[text]].text * count
        elif text in _SCALES:
            out.append(_SCALES[text])
        elif last == "tens" and text in SPOKEN and SPOKEN[text].kind == "single" and text not in {"oh", "o"}:
            out[-1] = out[-1][:-1] + SPOKEN[text].text
        elif text == "o" and _spells(texts, at):
            out.append("o" * times)
        else:
            out.append(_sign(text) * times)
        last = SPOKEN[text].kind if text in SPOKEN else ""
        times = 1
        at += _spelled(texts, at) or 1
    return "".join(out)


def _spells(texts: Sequence[str], at: int) -> bool:
    """Whether a letter stands beside the word, so that an O is one too and no zero."""
    beside = (*texts[max(0, at - 1) : at], *texts[at + 1 : at + 2])
    return any(_LETTER.fullmatch(each) for each in beside)


def _sign(text: str) -> str:
    """What one word adds."""
    if text in SPOKEN:
        return SPOKEN[text].text
    if "-" in text and all(piece in SPOKEN for piece in text.split("-")):
        return _code(text.split("-"))
    if _LETTER.fullmatch(text):
        return text[0]
    if text in LETTER_WORDS:
        return LETTER_WORDS[text]
    if any(sign.isdigit() for sign in text) or _LETTERS.fullmatch(text):
        return re.sub(r"[^a-z\d]", "", text)
    return ""
