"""All groups of patterns of a language, found together.

Every group that is compiled with a lexicon lands in its book. A text is read once for all of them; what
was found for one group is then a look-up. The automaton is made when a text is first read. What a book
remembers to save time stays behind when it goes to another process.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.phrases.automaton import Automaton
from pipeline.phrases.grammar import Part


class PhraseBook:
    """The groups so far, and the word sets that were read for them, by name.

    `spelled` remembers how words are spelled out, `latest` what was read last, with its transcript.
    """

    def __init__(self) -> None:
        self.sets: dict[str, Part] = {}
        self.spelled: dict[str, tuple[tuple[str, bool], ...]] = {}
        self.latest: tuple[Any, Any, Any] | None = None
        self._groups: list[tuple[Part, ...]] = []
        self._automaton: Automaton | None = None

    def add(self, parts: Iterable[Part]) -> int:
        """Take in a group; its label in the readings of `automaton`."""
        self._groups.append(tuple(parts))
        self._automaton = None
        return len(self._groups) - 1

    @property
    def automaton(self) -> Automaton:
        """What finds all groups; another one after a group was added."""
        if self._automaton is None:
            self._automaton = Automaton(self._groups)
        return self._automaton

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_automaton": None, "spelled": {}, "latest": None}
