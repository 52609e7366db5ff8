"""The words of a call as masking reads them: lines of one turn each, in order of time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

from pipeline.phrases.word_lists import load_words
from pipeline.records import Role, Word

_EDGES = ".,!?;:\"'()[]-\u2013\u2014\u2026+# "
_SENTENCE_END = re.compile(r"[.?!\u2026][\"')]*$")
_TITLES = frozenset({"mr", "mrs", "ms", "mx", "dr", "st", "prof", "rev"})


def plain(text: str) -> str:
    """The word in lower case without the punctuation around it and with straight apostrophes.

    >>> plain("(Forty-one,"), plain("O\u2019Neil's.")
    ('forty-one', "o'neil's")
    """
    return text.lower().replace("\u2019", "'").strip(_EDGES)


def word_list(name: str, table: str = "context") -> frozenset[str]:
    """A list of `masking.toml`."""
    return frozenset(load_words("masking")[table][name])


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One turn's words; `texts` are the plain ones."""

    index: int
    role: Role
    words: tuple[Word, ...]
    texts: tuple[str, ...] = field(repr=False)

    def ends_sentence(self, at: int) -> bool:
        """Whether a full stop or the like is written after the word; false where none are written."""
        return bool(_SENTENCE_END.search(self.words[at].text)) and self.texts[at] not in _TITLES

    def is_capital(self, at: int) -> bool:
        """Whether the word is written with a capital."""
        return self.words[at].text.lstrip("\"'(")[:1].isupper()


def lines_of(words: Iterable[Word]) -> tuple[Line, ...]:
    """The call's turns in order of time; turns without words are left out."""
    ordered = sorted(words, key=attrgetter("turn_index", "word_index"))
    turns = [tuple(said) for _, said in groupby(ordered, key=attrgetter("turn_index"))]
    turns.sort(key=lambda said: (said[0].start_s, said[0].word_index))
    return tuple(
        Line(index=at, role=said[0].role, words=said, texts=tuple(plain(word.text) for word in said))
        for at, said in enumerate(turns)
    )


class Phrasebook:
    """Finds phrases of a few words, each with its kind; longer ones win over shorter ones within them."""

    def __init__(self, kinds: dict[str, Sequence[str]]) -> None:
        self._kinds: dict[tuple[str, ...], str] = {}
        for kind, phrases in kinds.items():
            for phrase in phrases:
                self._kinds[tuple(phrase.split())] = kind
        self._longest = max(map(len, self._kinds), default=0)

    def matches(self, texts: Sequence[str]) -> Iterator[tuple[int, int, str]]:
        """First word, end and kind of each phrase, from left to right, without overlaps."""
        at = 0
        while at < len(texts):
            for length in range(min(self._longest, len(texts) - at), 0, -1):
                kind = self._kinds.get(tuple(texts[at : at + length]))
                if kind is not None:
                    yield at, at + length, kind
                    at += length
                    break
            else:
                at += 1
