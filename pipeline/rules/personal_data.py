"""When the customer gives personal or account data: kinds and times, never the values.

Phrases (`personal_data` in `lexicon.toml`) find reasons, addresses and what the agent asked for; numbers
are read here. Bare names, greetings, prices, times of day and small numbers in passing do not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from pipeline.records import Word
from pipeline.rules.numbers import MIN_DIGITS, NumberRun, is_birth_year, is_number, number_runs
from pipeline.rules.phrases import Match, Phrases, find
from pipeline.rules.tokens import Transcript, Utterance
from pipeline.spans import Span

Kind = Literal[
    "date_of_birth", "address", "account_number", "card_number", "phone", "email", "reason_with_details"
]

MIN_REASON_WORDS = 8
ASKED_WITHIN_S = 12.0
"""How long after the agent's question an answer may begin."""
LEAST_CARD_DIGITS = 3
"""A security code has three."""
DATE_TOKENS = 6
"""A month and a year this close to each other are one date."""

_MONTHS = frozenset({
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
    "november", "december", "jan", "feb", "aug", "sept", "oct", "nov", "dec",
})  # fmt: skip
_FULL_DATE = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-](19\d\d|20[01]\d|\d\d)\D*")
_ASKS: Mapping[str, Kind] = {
    "asks_birth": "date_of_birth",
    "asks_address": "address",
    "asks_phone": "phone",
    "asks_card": "card_number",
    "asks_number": "account_number",
}
_NUMBER_KINDS: frozenset[Kind] = frozenset({"phone", "card_number", "account_number"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalData:
    """A moment at which the customer gives data; `confidence` is the mean word probability."""

    kind: Kind
    start_s: float
    confidence: float


def find_personal_data(transcript: Transcript, phrases: Mapping[str, Phrases]) -> tuple[PersonalData, ...]:
    """Every moment at which the customer gives personal or account data, in order of time.

    `phrases` are those of `RuleSet.personal_data`.
    """
    named = [
        (kind, match)
        for name, kind in _ASKS.items()
        for match in find(transcript, phrases[name], ("agent", "ivr", "customer"))
    ]
    found = [*_reasons(transcript, phrases["reason"]), *_stated(transcript, phrases)]
    customer = [utterance for utterance in transcript.utterances if utterance.role == "customer"]
    for utterance in customer:
        words = transcript.utterance_words(utterance)
        kinds = _asked_before(words[0].start_s, named)
        found += _dates(transcript, utterance, asked="date_of_birth" in kinds)
        found += _answered_address(words) if "address" in kinds else []
        found += [_data("email", (word,)) for word in words if "@" in word.text]
    found += _numbers([transcript.utterance_words(utterance) for utterance in customer], named)
    return tuple(sorted(found, key=lambda data: data.start_s))


def _data(kind: Kind, words: Sequence[Word]) -> PersonalData:
    confidence = fmean(word.probability for word in words)
    return PersonalData(kind=kind, start_s=words[0].start_s, confidence=confidence)


def _reasons(transcript: Transcript, phrases: Phrases) -> list[PersonalData]:
    """Problems and requests told in the first person, in an utterance long enough to hold details."""
    return [
        _data("reason_with_details", match.words)
        for match in find(transcript, phrases)
        if _length(transcript.utterances[match.utterance]) >= MIN_REASON_WORDS
    ]


def _length(utterance: Utterance) -> int:
    return utterance.end_word - utterance.first_word


def _stated(transcript: Transcript, phrases: Mapping[str, Phrases]) -> list[PersonalData]:
    kinds: Mapping[str, Kind] = {"birth": "date_of_birth", "address": "address", "email": "email"}
    return [
        _data(kind, match.words) for name, kind in kinds.items() for match in find(transcript, phrases[name])
    ]


def _asked_before(time_s: float, named: Iterable[tuple[Kind, Match]]) -> set[Kind]:
    """What the agent asked for shortly before `time_s` (an answer may cut the question short)."""
    window = Span(time_s - ASKED_WITHIN_S, time_s)
    return {kind for kind, match in named if match.role != "customer" and match.span.start_s in window}


def _announced(within: Span, named: Iterable[tuple[Kind, Match]]) -> Kind | None:
    """What the customer said last, in the same utterance, that the number is."""
    own = [
        (match.span, kind)
        for kind, match in named
        if match.role == "customer" and match.span.start_s in within
    ]
    return max(own)[1] if own else None


def _answered_address(words: Sequence[Word]) -> list[PersonalData]:
    numbers = [word for word in words if is_number(word.text)]
    return [_data("address", numbers[:1])] if numbers else []


def _dates(transcript: Transcript, utterance: Utterance, *, asked: bool) -> list[PersonalData]:
    """A date with a year of birth; after the agent asked for it any month or number is one."""
    words = transcript.utterance_words(utterance)
    if asked:
        given = [word for word in words if is_number(word.text) or _plain(word.text) in _MONTHS]
        return [_data("date_of_birth", given[:1])] if given else []
    full = [word for word in words if _FULL_DATE.fullmatch(word.text)]
    if full:
        return [_data("date_of_birth", full[:1])]
    for at, word in enumerate(words):
        near = words[max(0, at - DATE_TOKENS) : at]
        month = next((other for other in near if _plain(other.text) in _MONTHS), None)
        following = words[at + 1].text if at + 1 < len(words) else ""
        if month is not None and is_birth_year(word.text, following):
            return [_data("date_of_birth", words[words.index(month) : at + 1])]
    return []


def _plain(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower())


def _numbers(said: Sequence[Sequence[Word]], named: Sequence[tuple[Kind, Match]]) -> list[PersonalData]:
    """Account, card and phone numbers; a short pause between two utterances does not end one."""
    begins_s = {word.word_index: words[0].start_s for words in said for word in words}
    spoken = sorted((word for words in said for word in words), key=lambda word: word.start_s)
    out: list[PersonalData] = []
    for run in number_runs(spoken):
        utterance_s = begins_s[run.words[0].word_index]
        asked = _asked_before(utterance_s, named) & _NUMBER_KINDS
        announced = _announced(Span(utterance_s, run.words[0].start_s), named)
        kind = _number_kind(run, announced or next(iter(sorted(asked)), None))
        out += [_data(kind, run.words)] if kind else []
    return out


def _number_kind(run: NumberRun, named: Kind | None) -> Kind | None:
    """What a run of digits is; None for numbers in passing."""
    if named is not None:
        needed = LEAST_CARD_DIGITS if named == "card_number" else MIN_DIGITS
        return named if len(run.digits) >= needed and not run.is_quantity else None
    if not run.is_identifier:
        return None
    if len(run.digits) >= 15:
        return "card_number"
    return "phone" if len(run.digits) in {10, 11} else "account_number"
