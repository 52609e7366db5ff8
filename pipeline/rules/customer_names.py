"""The customer's name, and words that are it however the recogniser spelled them.

It is known from the call's metadata, from what the customer says (unasked, or when asked), or from the
person the agent asks for, if that is who answers. Names are kept in memory alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import jellyfish
from rapidfuzz.distance import JaroWinkler

from pipeline.personal_data.number_words import MONTHS, plain
from pipeline.phrases.search import Match, Phrases, find
from pipeline.phrases.tokens import Transcript
from pipeline.records import Call, Word
from pipeline.rules.context import RuleContext

METADATA_KEYS = ("customer_name", "caller_name", "contact_name", "client_name", "customer")
"""Columns of the metadata that hold the customer's name, in the order they are looked at."""
ANSWERED_WITHIN_S = 12.0
"""Longest time, in seconds, between the agent's question and the start of the answer."""
MAX_NAME_WORDS = 3
SAME_SPELLING = 0.88
"""Jaro-Winkler similarity from which two spellings are one name."""

Source = Literal["metadata", "customer", "agent"]

TITLES = frozenset("mr mister mrs missus ms miss mx dr doctor professor reverend".split())
"""Words right before a name that belong to it."""
_NO_PARTS = TITLES | {"sir", "madam"}
_NOT_NAMES = MONTHS - {"april", "may", "june"} | frozenset(
    """
    yes yeah yep sure it's it its my i i'm i've i'd the that's that okay ok um uh hi hello hey well
    so name is this of course a an certainly absolutely no why what who sorry thanks thank you
    please and speaking here calling first last surname under for good morning afternoon evening
    great right alright all not oh could can do yours we he she they monday tuesday wednesday
    thursday friday saturday sunday there but just now because how where when with in on at to
    account card one moment let pardon fine perfect bye goodbye god english internet customer
    """.split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerName:
    """A name by its parts in lower case, when it became known and from whom."""

    parts: tuple[str, ...] = field(repr=False)
    known_s: float
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class NamePhrases:
    """The groups with which names are given and asked for."""

    introduces: Phrases
    perhaps: Phrases
    asks_name: Phrases
    asks_for: Phrases
    denies: Phrases


def find_customer_names(context: RuleContext, phrases: NamePhrases) -> tuple[CustomerName, ...]:
    """All that is known of the customer's name, in the order it became known."""
    finder = _Finder(
        transcript=context.transcript,
        phrases=phrases,
        first_names=context.first_names,
    )
    found = [*_from_metadata(context.call.facts), *finder.said(), *finder.answered(), *finder.asked_for()]
    return tuple(sorted(found, key=lambda name: name.known_s))


def is_name(text: str, parts: Collection[str], *, proper: bool) -> bool:
    """Whether a word is one of the name's parts; `proper` says whether it was written or is known as a name.

    >>> is_name("Kathryn,", {"catherine"}, proper=True), is_name("time", {"tom"}, proper=False)
    (True, False)
    """
    word = plain(text)
    if word in parts:
        return True
    if not proper or len(word) < 3:
        return False
    return any(_sounds_alike(word, part) or (len(word) >= 3 and part.startswith(word)) for part in parts)


def _sounds_alike(word: str, part: str) -> bool:
    if JaroWinkler.similarity(word, part) >= SAME_SPELLING:
        return True
    sound = jellyfish.metaphone(word)
    return len(sound) >= 2 and sound == jellyfish.metaphone(part)


def _from_metadata(call: Call) -> Iterator[CustomerName]:
    given = {str(key).lower(): value for key, value in call.extra.items()}
    for key in METADATA_KEYS:
        name = given.get(key)
        if isinstance(name, str) and (parts := _parts(name.replace(",", " ").split())):
            yield CustomerName(parts=parts, known_s=0.0, source="metadata")
            return


def _parts(words: Sequence[str]) -> tuple[str, ...]:
    plain_words = (plain(word) for word in words)
    return tuple(word for word in plain_words if len(word) > 1 and word.isalpha() and word not in _NO_PARTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finder:
    transcript: Transcript
    phrases: NamePhrases
    first_names: Collection[str]

    def said(self) -> Iterator[CustomerName]:
        """Names with which customers introduce themselves; after "I am" only known ones."""
        for group, sure in ((self.phrases.introduces, True), (self.phrases.perhaps, False)):
            for match in find(self.transcript, group):
                words = self._after(match)
                if words and (sure or self._may_be_name(words[0])):
                    yield self._named(words, "customer")

    def answered(self) -> Iterator[CustomerName]:
        """Names given when the agent asked for one."""
        for match in find(self.transcript, self.phrases.asks_name):
            answer = self._answer(match)
            for at, word in enumerate(answer[:8]):
                if plain(word.text) in _NOT_NAMES:
                    continue
                words = self._name_at(answer, at, begins=True)
                if words:
                    yield self._named(words, "customer")
                break

    def asked_for(self) -> Iterator[CustomerName]:
        """The person the agent asks for, if the customer does not deny being that."""
        denials = {match.words[0].word_index for match in find(self.transcript, self.phrases.denies)}
        for match in find(self.transcript, self.phrases.asks_for):
            words = self._after(match)
            answer = self._answer(match)
            if words and answer and not denials & {word.word_index for word in answer}:
                yield CustomerName(
                    parts=_parts([word.text for word in words]), known_s=answer[0].start_s, source="agent"
                )

    def _may_be_name(self, word: Word) -> bool:
        text = plain(word.text)
        return text in self.first_names or text in _NO_PARTS

    def _named(self, words: Sequence[Word], source: Source) -> CustomerName:
        return CustomerName(
            parts=_parts([word.text for word in words]), known_s=words[-1].end_s, source=source
        )

    def _after(self, match: Match) -> list[Word]:
        """The name that follows a phrase."""
        said = self.transcript.utterance_words(self.transcript.utterances[match.utterance])
        return self._name_at(said, said.index(match.words[-1]) + 1, begins=False)

    def _answer(self, match: Match) -> tuple[Word, ...]:
        """The customer's next words."""
        for utterance in self.transcript.utterances:
            words = self.transcript.utterance_words(utterance)
            wait_s = words[0].start_s - match.span.end_s
            # Questions go on, and answers come before their end.
            if (
                utterance.role == "customer"
                and words[-1].end_s > match.span.end_s
                and wait_s <= ANSWERED_WITHIN_S
            ):
                return words
        return ()

    def _name_at(self, words: Sequence[Word], at: int, *, begins: bool) -> list[Word]:
        """The words from `at` on that form a name; empty if they form none."""
        out: list[Word] = []
        for word in words[at : at + MAX_NAME_WORDS + 1]:
            text = plain(word.text)
            known = text in self.first_names
            if text not in _NO_PARTS and (not text.isalpha() or text in _NOT_NAMES):
                break
            # In text without capitals only known first names are names.
            if not (
                known
                or text in _NO_PARTS
                or (word.text[:1].isupper() and (out or not begins or len(text) > 1))
            ):
                break
            out.append(word)
            if word.text.rstrip("\"')")[-1:] in {".", "?", "!", ","} and text not in _NO_PARTS:
                break
        return out if _parts([word.text for word in out]) else []
