"""When the customer gives personal or account data: kinds and times, never the values.

Phrases (`personal_data` in `lexicon.toml`) find reasons and what was asked for or announced; numbers, dates
and addresses are read here and in the modules beside. Bare names, greetings, prices, times of day,
appointments and small numbers in passing do not count, nor does what the agent reads back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from pipeline.personal_data.contact_details import addresses, birth_dates, emails
from pipeline.personal_data.number_runs import MIN_DIGITS, NumberRun, number_runs
from pipeline.personal_data.number_words import plain
from pipeline.phrases.search import Match, Phrases, find
from pipeline.phrases.tokens import Transcript
from pipeline.records import DatumKind, PersonalDatum, Role, Turn, Word
from pipeline.spans import Span

MIN_REASON_WORDS = 8
CONTRACTED = frozenset({"am", "are", "had", "has", "have", "is", "not", "will", "would"})
"""Words that may be said as part of the one before ("I'd like"); they do not count."""
ASKED_WITHIN_S = 12.0
"""Longest time, in seconds, between the agent's question and the start of the answer."""
LEAST_CARD_DIGITS = 3
"""A security code has three."""
CARD_DIGITS = range(13, 20)
"""Numbers of digits of payment cards (ISO/IEC 7812)."""
USUAL_CARD_DIGITS = frozenset({15, 16})
"""These many make a card even where one digit was misheard and the check digit fails."""

_ASKS: Mapping[str, DatumKind] = {
    "asks_birth": "date_of_birth",
    "asks_address": "address",
    "asks_phone": "phone",
    "asks_card": "card_number",
    "asks_number": "account_number",
    "asks_ssn": "ssn",
}
_CUSTOMER: tuple[Role, ...] = ("customer",)
_READERS: tuple[tuple[DatumKind, Callable[..., Iterator[tuple[Word, ...]]]], ...] = (
    ("date_of_birth", birth_dates),
    ("address", addresses),
)
_SSN = re.compile(r"\d{3}-\d{2}-\d{4}")
_LOCAL_PHONE = re.compile(r"\d{3}-\d{4}")
_NO_HOME = frozenset({"email", "mail", "ip", "web"})
"""Places with an address that is not the customer's."""
_STATES: Mapping[str, DatumKind] = {"birth": "date_of_birth", "address": "address"}
_NUMBER_KINDS: frozenset[DatumKind] = frozenset({"phone", "card_number", "account_number", "ssn"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalData:
    """A datum given by the customer: its words, and its digits and letters where it is a number.

    Both hold the value, which is for comparing inside the program: `as_record` leaves it behind.
    """

    kind: DatumKind
    words: tuple[Word, ...] = field(repr=False)
    code: str = field(default="", repr=False)

    @property
    def start_s(self) -> float:
        """The start of its first word, in seconds."""
        return self.words[0].start_s

    @property
    def end_s(self) -> float:
        """The end of its last word, in seconds."""
        return max(word.end_s for word in self.words)

    @property
    def confidence(self) -> float:
        """Mean word probability, 0 to 1."""
        return fmean(word.probability for word in self.words)

    @property
    def digits(self) -> int:
        """The number of digits of a number; 0 for other kinds."""
        return sum(character.isdigit() for character in self.code)

    @property
    def luhn_valid(self) -> bool | None:
        """Whether a card number's check digit is right; None for what is no whole card number."""
        if self.kind != "card_number" or self.digits not in CARD_DIGITS:
            return None
        return passes_luhn(self.code)


def passes_luhn(code: str) -> bool:
    """Whether the digits of `code` end in the check digit of ISO/IEC 7812-1, annex B.

    >>> passes_luhn("4111111111111111"), passes_luhn("4111111111111112")
    (True, False)
    """
    digits = [int(character) for character in reversed(code) if character.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return bool(digits) and (sum(digits[::2]) + sum(doubled)) % 10 == 0


def find_personal_data(
    transcript: Transcript, phrases: Mapping[str, Phrases], roles: Collection[Role] = _CUSTOMER
) -> tuple[PersonalData, ...]:
    """Every moment at which somebody of `roles` gives personal or account data, in order of time.

    `phrases` are those of `RuleSet.personal_data`. Several rules ask, so the transcript remembers the answer.
    """
    present = frozenset(utterance.role for utterance in transcript.utterances if utterance.role in roles)
    key = (phrases["reason"], present)
    if key not in transcript.found:
        transcript.found[key] = _find_personal_data(transcript, phrases, present)
    found: tuple[PersonalData, ...] = transcript.found[key]
    return found


def _find_personal_data(
    transcript: Transcript, phrases: Mapping[str, Phrases], roles: Collection[Role]
) -> tuple[PersonalData, ...]:
    named = _named(transcript, phrases)
    states = [
        (kind, match) for name, kind in _STATES.items() for match in find(transcript, phrases[name], roles)
    ]
    given = [utterance for utterance in transcript.utterances if utterance.role in roles]
    found: list[PersonalData] = []
    for utterance in given:
        words = transcript.utterance_words(utterance)
        answered = {data.kind: data.start_s for data in found}
        asked = {
            kind
            for kind, asked_s in _asked_before(words[0].start_s, named).items()
            # A question has one answer.
            if asked_s > answered.get(kind, -1.0)
        }
        announced = {
            kind: words.index(match.words[-1]) + 1
            for kind, match in states
            if transcript.utterances[match.utterance] is utterance
        }
        found += _in_utterance(words, asked, announced)
    taken = _indices(found)
    numbers = _numbers([transcript.utterance_words(utterance) for utterance in given], named)
    found += [data for data in numbers if not taken & _indices((data,))]
    found += _reasons(transcript, phrases, roles, _indices(found))
    return tuple(sorted(found, key=lambda data: (data.start_s, data.kind)))


def _indices(found: Iterable[PersonalData]) -> set[int]:
    return {word.word_index for data in found for word in data.words}


def _named(transcript: Transcript, phrases: Mapping[str, Phrases]) -> list[tuple[DatumKind, Match]]:
    """The data that somebody asks for or announces by name."""
    anybody: tuple[Role, ...] = ("agent", "ivr", "customer", "unknown")
    found = [
        (kind, match) for name, kind in _ASKS.items() for match in find(transcript, phrases[name], anybody)
    ]
    return [
        (kind, match)
        for kind, match in found
        if kind != "address" or match.first == 0 or transcript.tokens[match.first - 1].text not in _NO_HOME
    ]


def personal_data_records(
    transcript: Transcript, phrases: Mapping[str, Phrases], turns: Iterable[Turn]
) -> tuple[PersonalDatum, ...]:
    """What is kept of the data given in a call: of the reasons the first alone, of all others each.

    Where nobody knows who speaks, a number said a second time by another voice is read back, not given.
    """
    found = find_personal_data(transcript, phrases, ("customer", "unknown"))
    reasons = [data for data in found if data.kind == "reason_with_details"]
    kept = [data for data in found if data.kind != "reason_with_details" or data is reasons[0]]
    speakers = {turn.turn_index: (turn.speaker, turn.channel) for turn in turns}
    given = [data for n, data in enumerate(kept) if not _read_back(data, kept[:n], speakers)]
    return tuple(as_record(index, data) for index, data in enumerate(given))


def as_record(index: int, data: PersonalData) -> PersonalDatum:
    """The record of a datum: everything except its value."""
    return PersonalDatum(
        datum_index=index,
        kind=data.kind,
        start_s=data.start_s,
        end_s=data.end_s,
        turn_index=data.words[0].turn_index,
        role=data.words[0].role,
        digits=data.digits,
        luhn_valid=data.luhn_valid,
        confidence=data.confidence,
    )


def _read_back(
    data: PersonalData, earlier: Iterable[PersonalData], speakers: Mapping[int, tuple[str, int]]
) -> bool:
    if data.words[0].role != "unknown" or not data.code:
        return False
    speaker = speakers.get(data.words[0].turn_index)
    return any(
        data.code in other.code and speakers.get(other.words[0].turn_index) != speaker
        for other in earlier
        if other.code
    )


def _reasons(
    transcript: Transcript, phrases: Mapping[str, Phrases], roles: Collection[Role], taken: Collection[int]
) -> Iterator[PersonalData]:
    """Problems and requests stated in the first person, in an utterance long enough to contain details.

    A reason extends to the end of its sentence. Words that are `taken` give other data and are not a reason,
    nor do greetings and courtesies count.
    """
    beside = find(transcript, phrases["no_reason"], roles)
    courtesies = find(transcript, phrases["no_detail"], roles)
    for match in find(transcript, phrases["reason"], roles):
        utterance = transcript.utterances[match.utterance]
        polite = {n for other in courtesies for n in range(other.first, other.end)}
        said = (n for n in range(utterance.first, utterance.end) if n not in polite)
        if sum(_counts(transcript, n, taken) for n in said) < MIN_REASON_WORDS:
            continue
        if any(other.utterance == match.utterance and other.overlaps(match) for other in beside):
            continue
        following = transcript.tokens[match.end - 1 : utterance.end]
        last = next((token.last for token in following if token.ends_sentence), utterance.end_word - 1)
        after = transcript.words[following[0].last + 1 : utterance.end_word]
        # "My phone number is", followed by the number, is not a reason.
        if not after or after[0].word_index not in taken:
            words = transcript.words[transcript.tokens[match.first].first : last + 1]
            yield PersonalData(kind="reason_with_details", words=words)


def _counts(transcript: Transcript, number: int, taken: Collection[int]) -> bool:
    """Whether a token is one of the words of a reason."""
    token = transcript.tokens[number]
    return token.text not in CONTRACTED and transcript.words[token.first].word_index not in taken


def _in_utterance(
    words: Sequence[Word], asked: Collection[DatumKind], announced: Mapping[DatumKind, int]
) -> Iterator[PersonalData]:
    """Dates of birth, addresses and email addresses in one utterance.

    `asked` are the kinds asked for just before; `announced` says after which word a kind is announced.
    """
    for kind, read in _READERS:
        found = list(read(words, asked=kind in asked))
        if not found and kind in announced:
            found = list(read(words[announced[kind] :], asked=True))
        yield from (PersonalData(kind=kind, words=each) for each in found)
    yield from (PersonalData(kind="email", words=each) for each in emails(words))


def _asked_before(time_s: float, named: Iterable[tuple[DatumKind, Match]]) -> dict[DatumKind, float]:
    """The kinds asked for last, shortly before `time_s`, with the time of the question."""
    window = Span(time_s - ASKED_WITHIN_S, time_s)
    asked = [
        (kind, match) for kind, match in named if match.role != "customer" and match.span.start_s in window
    ]
    last = max((match.utterance for _, match in asked), default=None)
    return {kind: match.span.start_s for kind, match in asked if match.utterance == last}


def _announced(within: Span, role: Role, named: Iterable[tuple[DatumKind, Match]]) -> DatumKind | None:
    """The kind that the speaker announced last in the same utterance; None without one."""
    own = [(match.span, kind) for kind, match in named if match.role == role and match.span.start_s in within]
    return max(own)[1] if own else None


def _numbers(
    said: Sequence[Sequence[Word]], named: Sequence[tuple[DatumKind, Match]]
) -> Iterator[PersonalData]:
    """Account, card and phone numbers; a short pause between two utterances does not end one."""
    begins_s = {word.word_index: words[0].start_s for words in said for word in words}
    by_customer = [word for words in said for word in words if word.role == "customer"]
    # Where nobody knows who speaks, two utterances may be two people's.
    by_unknown = [words for words in said if words[0].role == "unknown"]
    for spoken in (by_customer, *by_unknown):
        for run in number_runs(sorted(spoken, key=lambda word: word.start_s)):
            first = run.words[0]
            utterance_s = begins_s[first.word_index]
            own = _announced(Span(utterance_s, first.start_s), first.role, named)
            kind = _number_kind(run, own, _asked_before(utterance_s, named))
            if kind is not None:
                yield PersonalData(kind=kind, words=run.words, code=run.code)


def _number_kind(
    run: NumberRun, announced: DatumKind | None, asked: Mapping[DatumKind, float]
) -> DatumKind | None:
    """The kind of a run of digits; None for incidental numbers."""
    digits = len(run.digits)
    latest = max(_NUMBER_KINDS & asked.keys(), key=lambda kind: (asked[kind], kind), default=None)
    named = announced if announced in _NUMBER_KINDS else None if run.in_passing else latest
    if named is not None and not run.is_quantity:
        needed = LEAST_CARD_DIGITS if named == "card_number" else MIN_DIGITS
        if digits >= needed or (run.letters and digits and len(run.code) >= MIN_DIGITS):
            return named
    if not run.is_identifier:
        return None
    if digits in USUAL_CARD_DIGITS or (digits in CARD_DIGITS and not run.letters and passes_luhn(run.digits)):
        return "card_number"
    written = " ".join(plain(word.text) for word in run.words)
    if _SSN.fullmatch(written):
        return "ssn"
    phone = not run.letters and (digits in {10, 11} or _LOCAL_PHONE.fullmatch(written))
    return "phone" if phone else "account_number"
