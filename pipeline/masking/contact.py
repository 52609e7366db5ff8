"""Addresses with town and postcode, and email addresses, also when they are told in pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.masking.masks import Found
from pipeline.masking.model import PLACE, STREET, Labels, likely
from pipeline.masking.numbers import number_runs
from pipeline.masking.text import Line, word_list
from pipeline.masking.values import LABELS, REMEMBERED_LINES
from pipeline.phrases.vocabulary import common_writings
from pipeline.phrases.word_lists import word_set

SURE = 0.35
"""The model's probability, 0 to 1, from which a word is part of an address."""
SURE_STREET = 0.6
"""The probability, 0 to 1, from which a word names a street even without a house number."""
GAP_WORDS = 3
"""So many joining words may stand between two parts of an address."""
STREET_WORDS = 4
LOCAL_WORDS = 16
"""How many words before "at" may belong to an email address, when they are spelled."""

_STREETS = word_set("contact", "streets") | word_set("contact", "streets_by_name")
_SURE_STREETS = word_set("contact", "streets")
_NO_STREET = word_set("contact", "no_street_name")
_FLATS = word_set("contact", "flats") | {"unit"}
_STATES = word_list("states")
_GLUE = word_list("address_glue")
_HOSTS = word_list("mail_hosts")
_SURE_HOSTS = _HOSTS - word_list("everyday_hosts")
_DOMAINS = word_list("top_domains")
_MAIL = word_list("mail_words")
_WEBSITES = word_list("websites")
_AT_A_SITE = word_set("contact", "at_a_site")
_NOT_LOCAL = word_set("contact", "not_local") - {"and"} | word_list("before_mail")
_PIECES = word_list("mail_pieces")


def find_addresses(lines: Sequence[Line], labels: Sequence[Sequence[Labels]]) -> Iterator[Found]:
    """Addresses of all lines; `labels` are the model's of each line."""
    asked_at = -REMEMBERED_LINES
    for line in lines:
        told = [kind for *_, kind in LABELS.matches(line.texts)]
        asked = "address" in told or line.index - asked_at <= 3
        company = "none" in told and "address" not in told
        if not company:
            yield from _in_line(line, labels[line.index], asked=asked)
        if told:
            asked_at = line.index if told[-1] == "address" else -REMEMBERED_LINES


def _in_line(line: Line, labels: Sequence[Labels], *, asked: bool) -> Iterator[Found]:
    sure, weak = _evidence(line, labels)
    for first, end in _clusters(line, sure | weak):
        places = range(first, end)
        strong = any(at in sure for at in places)
        if strong or (asked and any(likely(labels[at], PLACE) > SURE for at in places)):
            yield Found(kind="address", line=line.index, first=first, end=end, by="model")


def _evidence(line: Line, labels: Sequence[Labels]) -> tuple[set[int], set[int]]:
    """Words that make an address, and words that belong to one beside those."""
    sure, weak = set(_streets(line)), set()
    for at, text in enumerate(line.texts):
        odds = likely(labels[at], STREET)
        if labels[at].get("STREET_NAME", 0.0) > SURE_STREET and len(text) > 1 and text.isalpha():
            sure.add(at)
        elif odds > SURE or likely(labels[at], PLACE) > SURE or text in _STATES:
            weak.add(at)
        if line.texts[at : at + 3] == ("p", "o", "box") or line.texts[at : at + 2] == ("po", "box"):
            sure |= {at, at + 1, min(at + 2, len(line.texts) - 1)}
    for run in number_runs(line):
        if not run.has_month:
            weak |= set(range(run.first, run.end))
    return sure, weak


def _streets(line: Line) -> Iterator[int]:
    """A house number with its street, and a flat with its number."""
    for run in number_runs(line):
        if run.end - run.first > 6 or run.has_month:
            continue
        if run.first and line.texts[run.first - 1] in _FLATS:
            yield from range(run.first - 1, run.end)
        following = line.texts[run.end : run.end + STREET_WORDS]
        for step, text in enumerate(following):
            if text in _STREETS and step and (text in _SURE_STREETS or line.is_capital(run.end)):
                yield from range(run.first, run.end + step + 1)
                break
            if text in _NO_STREET:
                break


def _clusters(line: Line, places: set[int]) -> Iterator[tuple[int, int]]:
    """Stretches of address words with joining words between; a sentence's end parts them."""
    first = last = -1
    for at in sorted(places):
        between = range(last + 1, at)
        joined = last >= 0 and len(between) <= GAP_WORDS and all(_may_join(line, gap) for gap in between)
        if not joined:
            if last >= 0:
                yield first, last + 1
            first = at
        last = at
    if last >= 0:
        yield first, last + 1


def _may_join(line: Line, at: int) -> bool:
    """Whether a word may stand inside an address: a joining word, or what may be a town's name."""
    text = line.texts[at]
    return text in _GLUE or line.is_capital(at) or text not in common_writings()


def find_emails(lines: Sequence[Line]) -> Iterator[Found]:
    """Email addresses, written or said, whole or in pieces."""
    asked_at = -REMEMBERED_LINES
    for line in lines:
        told = [kind for *_, kind in LABELS.matches(line.texts)]
        asked = "email" in told or line.index - asked_at <= 4
        for first, end in _emails(line, asked=asked):
            yield Found(kind="email", line=line.index, first=first, end=end)
            asked_at = line.index
        if "email" in told:
            asked_at = line.index


def _emails(line: Line, *, asked: bool) -> Iterator[tuple[int, int]]:
    texts = line.texts
    for at, text in enumerate(texts):
        if "@" in line.words[at].text:
            yield at, at + 1
        elif text == "at" and (end := _domain_end(texts, at + 1)):
            first = _local_start(texts, at)
            before = texts[at - 1] if at else ""
            if before not in _AT_A_SITE and (first < at or asked):
                yield first, end
        elif asked and text in {"dot", "underscore", "hyphen"} and 0 < at < len(texts) - 1:
            if not set(texts[max(0, at - 4) : at]) & _WEBSITES:
                end = at + 2
                while end + 1 < len(texts) and texts[end] in _MAIL:
                    end += 2
                yield _local_start(texts, at - 1), end
        elif asked and text in _SURE_HOSTS:
            yield at, at + 1


def _local_start(texts: Sequence[str], at: int) -> int:
    """Where the part before "at" begins: names and words up to six, spelled letters and their joints more."""
    first, words = at, 0
    while first and at - first < LOCAL_WORDS and words < 6:
        text = texts[first - 1]
        if text in _NOT_LOCAL and text not in _PIECES:
            break
        words += len(text) > 1 and text not in _MAIL and text not in _PIECES
        first -= 1
    return first


def _domain_end(texts: Sequence[str], at: int) -> int:
    """The position after a domain that begins at `at`; 0 if none does."""
    for step in range(1, 5):
        place = at + step
        if place + 1 < len(texts) and texts[place] == "dot" and texts[place + 1] in _DOMAINS:
            end = place + 2
            while end + 1 < len(texts) and texts[end] == "dot" and texts[end + 1] in _DOMAINS:
                end += 2
            return end
        if place >= len(texts):
            break
    text = texts[at] if at < len(texts) else ""
    host, _, domain = text.rpartition(".")
    return at + 1 if text in _SURE_HOSTS or (host and domain in _DOMAINS) else 0
