"""Numbers that identify somebody or give access: which runs are data, and of what kind.

The nearest label in the utterance decides ("the security code is …"), else the last one said before, by
either speaker, else the shape of the number. What a label of the kind `none`, a unit or an amount goes with
is no datum.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pipeline.masking.masks import Found
from pipeline.masking.numbers import Run, number_runs
from pipeline.masking.text import Line, Phrasebook, word_list
from pipeline.personal_data.number_words import is_birth_year, is_date
from pipeline.phrases.word_lists import load_words, word_set
from pipeline.settings import MaskKind

NEAR_WORDS = 10
"""A label this close before a number is the number's."""
AFTER_WORDS = 5
"""A label this close after a number is the number's: "… is my account number"."""
REMEMBERED_LINES = 7
"""A question is answered within so many turns."""
NEXT_LINES = 2
"""A single digit that is all of a turn goes on with a number said so many turns before."""
LEAST_REPEATED = 3
"""So many digits in common make a repeat."""
LEAST_SIGNS: dict[str, int] = {
    "card": 3,
    "security_code": 3,
    "card_expiry": 3,
    "account": 4,
    "sort_code": 4,
    "routing_number": 4,
    "iban": 6,
    "ssn": 4,
    "nino": 4,
    "pin": 3,
    "one_time_code": 3,
    "phone": 3,
    "age": 1,
    "secret": 1,
    "date_of_birth": 3,
    "reference": 4,
    "document": 4,
    "address": 1,
    "email": 1,
    "name": 3,
    "number": 4,
}
"""The fewest digits and letters of a value by kind; less is a count ("my two cards")."""

LEAST_SAME = 5
"""So many digits and letters are the same value when they are said again."""
MOST_BETWEEN = 6
"""Words between a value's label and what it belongs to, as in "on the back of the card"."""
_OF = frozenset({"on", "of", "for", "from", "to", "with"})
_OF_A_CARD = frozenset({"security_code", "card_expiry", "pin", "one_time_code"})

LABELS = Phrasebook(load_words("masking")["labels"])
_UNITS = word_set("numbers", "units")
_AMOUNTS = word_set("numbers", "amounts")
_COMMON_LABELS = word_set("numbers", "labels")
_OTHER_DATES = word_set("contact", "other_dates")
_TELL_AGE = frozenset({("is",), ("turned",), ("turns",)})
_WEEKDAYS = word_list("weekdays")
_ENDS = word_list("number_ends")
_PERSONS = word_list("persons")
_IBAN = re.compile(r"[a-z]{2}\d{2}[a-z\d]{10,30}")
_NINO = re.compile(r"[a-z]{2}\d{6}[a-d]?")
_SSN = re.compile(r"\d{3}-\d{2}-\d{4}")
_POSTCODE = re.compile(r"[a-z]{1,2}\d[a-z\d]?\d[a-z]{2}|[a-z]\d[a-z]\d[a-z]\d")
_WITHOUT_NUMBER: frozenset[str] = frozenset({"name", "email", "secret"})
_LETTER_KINDS = frozenset({"reference", "document", "account", "iban", "nino", "address", "number"})


def find_values(lines: Sequence[Line]) -> Iterator[Found]:
    """The numbers and codes of all speakers that are data, in order."""
    remembered, said_at, found_at = "", -REMEMBERED_LINES, -REMEMBERED_LINES
    kinds: dict[str, MaskKind] = {}
    for line in lines:
        labels = _labels(line)
        before = remembered if line.index - said_at < REMEMBERED_LINES else ""
        for run in number_runs(line):
            local = _local(run, labels)
            goes_on = line.index - found_at <= NEXT_LINES
            kind = _kind(line, run, local, before, goes_on=goes_on)
            if kind is not None:
                if not local and len(run.code) >= LEAST_SAME:  # a value read back is what it was
                    kind = kinds.get(run.code, kind)
                kinds.setdefault(run.code, kind)
                yield Found(kind=kind, line=line.index, first=run.first, end=run.end, code=run.code)
                said_at = found_at = line.index
        told = [kind for *_, kind in labels if kind != "number"]
        if not told and labels and not before:
            told = ["number"]
        if told:
            remembered, said_at = told[-1], line.index


def _labels(line: Line) -> list[tuple[int, int, str]]:
    """The labels of values in a line; not those of what a value belongs to."""
    found: list[tuple[int, int, str]] = []
    for label in LABELS.matches(line.texts):
        if not (found and _belongs(line, found[-1], label)):
            found.append(label)
    return found


def _local(run: Run, labels: Sequence[tuple[int, int, str]]) -> str:
    """The kind of the label that stands by the run; empty if none does."""
    left = [(end, kind) for _, end, kind in labels if end <= run.first and run.first - end <= NEAR_WORDS]
    if left and left[-1][1] == "number":  # "the account number is", "the card ending in"
        return next((kind for _, kind in reversed(left) if kind != "number"), "number")
    if left:
        return left[-1][1]
    right = [kind for first, _, kind in labels if 0 <= first - run.end <= AFTER_WORDS]
    return right[0] if right else ""


def _belongs(line: Line, owned: tuple[int, int, str], owner: tuple[int, int, str]) -> bool:
    """Whether a label says what the one before it belongs to: "the security code on the card"."""
    between = line.texts[owned[1] : owner[0]]
    return bool(between) and between[0] in _OF and len(between) <= MOST_BETWEEN and owned[2] in _OF_A_CARD


def _kind(line: Line, run: Run, local: str, before: str, *, goes_on: bool) -> MaskKind | None:
    """The kind of datum that a run is; None for a count, an amount, a date and what is nobody's."""
    shaped = _shape(line, run)
    if _is_age(run) and "age" in {local, before, _age_said(line, run)}:
        return "age"
    if spells_word_before(line, run):
        return "name"
    if local == "none":
        return None
    asked = local or before
    if run.has_month or run.has_ordinal:
        return _dated(line, run, asked)
    if _is_quantity(line, run, direct=bool(local) or bool(before)):
        return None
    if shaped and not (shaped == "address" and asked in _LETTER_KINDS - {"number"}):
        return shaped  # but what looks like a postcode is a reference where one was asked for
    if (
        asked in LEAST_SIGNS
        and asked != "age"
        and _enough(line, run, asked, near=bool(local), goes_on=goes_on)
    ):
        return _specific(asked, run)
    return _unasked(line, run)


def spells_word_before(line: Line, run: Run) -> bool:
    """Whether the run spells the word before it: "Smith, S M I T H"."""
    word = line.texts[run.first - 1] if run.first else ""
    whole = word[:2] == run.code[:2] and word[-1:] == run.code[-1:]
    corrected = len(run.letters) >= len(word) and run.code.startswith(word[:3])
    return len(word) > 2 and (corrected or (whole and not run.digits))


def _enough(line: Line, run: Run, asked: str, *, near: bool, goes_on: bool) -> bool:
    """Whether the run is long enough for what was asked; one without digits needs a kind with letters."""
    if not run.digits:
        return asked in {"name", "email", "secret"} or (asked in _LETTER_KINDS and len(run.code) >= 3)
    if asked in _WITHOUT_NUMBER:
        return False
    if len(run.code) >= LEAST_SIGNS[asked]:
        # A year or a count in passing is no answer.
        return near or run.figures >= 2 or len(run.digits) >= 4
    # A part of a number that was broken off stands alone in its turn.
    beside = len(line.words) - (run.end - run.first)
    return beside <= 3 and len(run.digits) >= (1 if goes_on and not beside else 2)


def _specific(asked: str, run: Run) -> MaskKind:
    kinds: dict[str, MaskKind] = {kind: kind for kind in LEAST_SIGNS}  # type: ignore[misc]
    digits = len(run.digits)
    if asked == "number":
        return "phone" if digits in {10, 11, 12} else "card" if digits >= 13 else "account"
    if asked == "account" and digits >= 15:
        return "card"
    return kinds[asked]


def _shape(line: Line, run: Run) -> MaskKind | None:
    """The kind of a run that no other number looks like."""
    text = " ".join(line.texts[run.first : run.end])
    if _IBAN.fullmatch(run.code):
        return "iban"
    if _SSN.search(text):
        return "ssn"
    if _NINO.fullmatch(run.code):
        return "nino"
    if _POSTCODE.fullmatch(run.code):
        return "address"
    return None


def _unasked(line: Line, run: Run) -> MaskKind | None:
    """The kind of a run that nobody asked for or announced."""
    digits = len(run.digits)
    if run.is_large or _passing(line, run):
        return None
    if digits >= 13:
        return "card"
    if digits in {10, 11, 12} and not run.letters:
        return "phone"
    if run.letters and digits >= 2 and len(run.code) >= 5:
        return "reference"
    if digits >= 6 or run.figures >= 4 <= digits:
        return None if len(run.code) == 4 and re.fullmatch(r"(?:19|20)\d\d", run.code) else "number"
    return None


def _passing(line: Line, run: Run) -> bool:
    near = line.texts[max(0, run.first - 4) : run.first]
    return bool(_COMMON_LABELS & set(near)) or (
        bool(near) and near[-1] in _AMOUNTS and len(run.digits) < 6 and not run.letters
    )


def _is_quantity(line: Line, run: Run, *, direct: bool) -> bool:
    """Whether a unit follows, or a word before makes it an amount or a year."""
    follows = line.texts[run.end] if run.end < len(line.texts) else ""
    stops = line.ends_sentence(run.end - 1) or line.words[run.end - 1].text.endswith(",")
    if follows in _UNITS and not stops and len(run.digits) < 7:
        return True
    near = line.texts[max(0, run.first - 3) : run.first]
    if "at" in near and _WEEKDAYS & set(near) and len(run.digits) <= 4:
        return True
    if near and near[-1] in _AMOUNTS and len(run.digits) < 6 and not run.letters:
        return not direct or not (set(near[:-1]) & _ENDS or near[-1] in {"for", "from", "at"})
    return False


def _dated(line: Line, run: Run, asked: str) -> MaskKind | None:
    if (
        not run.has_month
        and not run.figures
        and run.end < len(line.texts)
        and not line.ends_sentence(run.end - 1)
    ):
        return None  # "the first line"
    if asked in {"date_of_birth", "card_expiry"}:
        return "date_of_birth" if asked == "date_of_birth" else "card_expiry"
    words = line.texts[run.first : run.end]
    happened = set(line.texts[max(0, run.first - 4) : run.first]) & _OTHER_DATES
    years = [
        is_birth_year(word, words[at + 1] if at + 1 < len(words) else "") for at, word in enumerate(words)
    ]
    return "date_of_birth" if run.has_month and len(words) >= 3 and any(years) and not happened else None


def _is_age(run: Run) -> bool:
    return 1 <= len(run.digits) <= 3 and not run.letters and not run.has_month and run.end > run.first


def _age_said(line: Line, run: Run) -> str:
    """Whether the words around say that somebody is so old: "she is 61 years old", "my son is six"."""
    after = line.texts[run.end : run.end + 2]
    near = line.texts[max(0, run.first - 4) : run.first]
    old = after[:2] in {("years", "old"), ("year", "old")}
    if old and set(near) & _PERSONS:
        return "age"
    last = not after or line.ends_sentence(run.end - 1) or line.words[run.end - 1].text.endswith(",")
    told = near[-1:] in _TELL_AGE and near[-2:-1] and near[-2] in _PERSONS
    short = run.end - run.first <= 2  # "one of two" is no age
    return "age" if told and short and (last or after[0] in {"and", "now"}) else ""


def repeats(lines: Sequence[Line], found: Sequence[Found]) -> Iterator[Found]:
    """Runs outside `found` that say a value of it again, whole or in part."""
    taken = {(each.line, at) for each in found for at in range(each.first, each.end)}
    known = [(re.sub(r"\D", "", each.code), each.kind) for each in found if each.code]
    for line in lines:
        for run in number_runs(line):
            if any((line.index, at) in taken for at in range(run.first, run.end)):
                continue
            kind = next((kind for code, kind in known if _same(run.digits, code)), None)
            if kind is not None:
                yield Found(kind=kind, line=line.index, first=run.first, end=run.end, code=run.code)


def _same(one: str, other: str) -> bool:
    return min(len(one), len(other)) >= LEAST_REPEATED and (one in other or other in one)


def written_dates(line: Line, *, birth: bool) -> Iterator[tuple[int, int]]:
    """Dates written in figures, where a birth date was asked for."""
    for at, word in enumerate(line.words):
        if birth and is_date(word.text):
            yield at, at + 1
