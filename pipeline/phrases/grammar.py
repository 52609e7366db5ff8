"""Phrase patterns as written -> their parts. The language itself is described in `phrases`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.errors import UsageError
from pipeline.phrases.lexicon import Lexicon

MAX_GAP = 8
MAX_SHOWN = 200
"""How many characters of a pattern an error shows; one with word sets written out is long."""

_ITEM = re.compile(r"\{[a-z_]+\}|\.{2,3}\d+|[()|?^$_]|[a-z0-9]+")
_GRAMMAR = "words in lower case, {set}, (a | b), item?, _, ..n, ...n, ^ and $"


@dataclass(frozen=True, slots=True)
class WordPart:
    """One token."""

    text: str


@dataclass(frozen=True, slots=True)
class AnyWord:
    """One token of any kind, in the sentence of the token before it."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Up to `words` tokens of any kind; `across` sentences or not."""

    words: int
    across: bool


@dataclass(frozen=True, slots=True)
class Edge:
    """The utterance begins or ends here."""

    begins: bool


@dataclass(frozen=True, slots=True)
class InTurn:
    """One part after the other."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One of the parts; none, if it is `optional`.

    `least` and `open` are what `least_words` and `begins_open` say of it, found once: a set of names has
    thousands of parts and stands in many patterns.
    """

    parts: tuple[Part, ...]
    optional: bool = False
    least: int = field(init=False)
    open: bool = field(init=False)

    def __post_init__(self) -> None:
        least = 0 if self.optional else min(map(least_words, self.parts))
        object.__setattr__(self, "least", least)
        object.__setattr__(self, "open", any(map(begins_open, self.parts)))


Part = WordPart | AnyWord | Gap | Edge | InTurn | Either


def least_words(part: Part) -> int:
    """The fewest tokens that fit `part`."""
    if isinstance(part, WordPart | AnyWord):
        return 1
    if isinstance(part, InTurn):
        return sum(least_words(inner) for inner in part.parts)
    return part.least if isinstance(part, Either) else 0


def begins_open(part: Part) -> bool:
    """Whether the first token that fits `part` may be any."""
    if isinstance(part, InTurn):
        for inner in part.parts:
            if begins_open(inner):
                return True
            if isinstance(inner, Edge) or least_words(inner) > 0:
                return False
        return False
    return isinstance(part, AnyWord) or (isinstance(part, Either) and part.open)


class Grammar:
    """Reads patterns against a lexicon; each set is read once and kept in `sets`.

    `where` (file and key) goes into the errors.
    """

    def __init__(self, lexicon: Lexicon, where: str, sets: dict[str, Part] | None = None) -> None:
        self._lexicon = lexicon
        self._where = where
        self._sets = {} if sets is None else sets
        self._open: list[str] = []

    def read(self, pattern: str) -> Part:
        """The parts of `pattern`. Raises UsageError with the pattern, what is wrong and the remedy."""
        part = self._read(pattern)
        if least_words(part) == 0:
            raise self._fault("it fits no words at all", pattern, "make an item obligatory")
        if begins_open(part):
            raise self._fault("it may begin with any word", pattern, "begin with a word or ^")
        return part

    def _read(self, pattern: str) -> Part:
        items = _ITEM.findall(pattern)
        if not items or "".join(items) != re.sub(r"\s", "", pattern):
            raise self._fault("not the phrase grammar", pattern, f"write {_GRAMMAR}")
        reader = _Reader(items)
        part = self._choice(reader, pattern)
        if reader.peek() is not None:
            raise self._fault("brackets that do not match", pattern, "close what is open")
        return part

    def _choice(self, reader: _Reader, pattern: str) -> Part:
        options = [self._sequence(reader, pattern)]
        while reader.peek() == "|":
            reader.take()
            options.append(self._sequence(reader, pattern))
        return options[0] if len(options) == 1 else Either(tuple(options))

    def _sequence(self, reader: _Reader, pattern: str) -> Part:
        parts: list[Part] = []
        while reader.peek() not in {None, "|", ")"}:
            part = self._item(reader, pattern)
            if reader.peek() == "?":
                reader.take()
                part = Either((part,), optional=True)
            parts.append(part)
        if not parts:
            raise self._fault("an empty alternative", pattern, "write a word there or remove the bar")
        if isinstance(parts[0], Gap) or isinstance(parts[-1], Gap):
            raise self._fault("a gap that is not between words", pattern, "remove it")
        return parts[0] if len(parts) == 1 else InTurn(tuple(parts))

    def _item(self, reader: _Reader, pattern: str) -> Part:
        item = reader.take()
        if item == "(":
            part = self._choice(reader, pattern)
            if reader.peek() != ")":
                raise self._fault("brackets that do not match", pattern, "close what is open")
            reader.take()
            return part
        if item == "?":
            raise self._fault("'?' after nothing", pattern, "put it right after an item")
        if item == "_":
            return AnyWord()
        if item in {"^", "$"}:
            return Edge(begins=item == "^")
        if item.startswith("{"):
            return self._set(item[1:-1], pattern)
        return self._gap(item, pattern) if item.startswith(".") else self._word(item, pattern)

    def _gap(self, item: str, pattern: str) -> Gap:
        words = int(item.lstrip("."))
        if not 1 <= words <= MAX_GAP:
            raise self._fault(f"a gap of {words} words", pattern, f"use 1 to {MAX_GAP}")
        return Gap(words, across=item.startswith("..."))

    def _set(self, name: str, pattern: str) -> Part:
        if name in self._open:
            raise self._fault(f"the set {name!r} contains itself", pattern, "write words instead")
        if name not in self._sets:
            entries = self._lexicon.sets.get(name)
            if not entries:
                known = ", ".join(sorted(self._lexicon.sets))
                raise self._fault(f"unknown or empty word set {name!r}", pattern, f"known sets: {known}")
            self._open.append(name)
            self._sets[name] = Either(tuple(self._read(entry) for entry in entries))
            self._open.pop()
        return self._sets[name]

    def _word(self, word: str, pattern: str) -> WordPart:
        form = self._lexicon.contractions.get(word) or self._lexicon.rewrite.get((word,))
        if form is not None and form != (word,):
            normal = f"write {' '.join(form)!r}" if form else "it is a filler; leave it out"
            raise self._fault(f"{word!r} never occurs after normalising", pattern, normal)
        return WordPart(word)

    def _fault(self, what: str, pattern: str, remedy: str) -> UsageError:
        where = f"{self._lexicon.file}: sets.{self._open[-1]}" if self._open else self._where
        shown = pattern if len(pattern) <= MAX_SHOWN else f"{pattern[:MAX_SHOWN]}…"
        return UsageError(f"bad phrase, {what}", where=where, value=shown, remedy=remedy)


class _Reader:
    """The items of a pattern, read from the left."""

    def __init__(self, items: Sequence[str]) -> None:
        self._items = items
        self._at = 0

    def peek(self) -> str | None:
        return self._items[self._at] if self._at < len(self._items) else None

    def take(self) -> str:
        self._at += 1
        return self._items[self._at - 1]
