"""Groups of patterns that are found together, in one pass over a text.

A `Compiler` reads the groups of a rule set against a lexicon and puts them into one `Matcher`. The first
search closes the matcher: from then on nothing changes but the automaton's bounded cache of steps, which
holds numbers of words that the patterns name and no words of calls. A matcher may be used by several threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from pipeline.phrases.automaton import Automaton
from pipeline.phrases.grammar import Grammar, Part
from pipeline.phrases.lexicon import Lexicon


class Matcher:
    """All groups of one rule set. A pickled matcher leaves its automaton behind, which is built again."""

    def __init__(self) -> None:
        self._groups: list[tuple[Part, ...]] = []
        self._automaton: Automaton | None = None
        self._building = Lock()

    def add(self, group: tuple[Part, ...]) -> int:
        """Take in a group and return its label. Raises RuntimeError after the first search."""
        if self._automaton is not None:
            raise RuntimeError("a matcher that has searched takes no more groups")
        self._groups.append(group)
        return len(self._groups) - 1

    @property
    def automaton(self) -> Automaton:
        """The automaton that finds all groups."""
        if self._automaton is None:
            with self._building:
                if self._automaton is None:
                    self._automaton = Automaton(self._groups)
        return self._automaton

    def __getstate__(self) -> dict[str, Any]:
        return {"_groups": self._groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._groups = state["_groups"]
        self._automaton = None
        self._building = Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Patterns:
    """Compiled patterns: the matcher that finds them and their label there, None without patterns."""

    matcher: Matcher
    label: int | None


class Compiler:
    """Reads patterns into one matcher. Each word set of the lexicon is read once."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.matcher = Matcher()
        self._sets: dict[str, Part] = {}

    def patterns(
        self, written: Sequence[str], where: str, own: Mapping[str, Sequence[str]] | None = None
    ) -> Patterns:
        """`written` ready to search, with sets of its `own` besides the lexicon's.

        UsageError names `where` (file and key) and the pattern at fault.
        """
        grammar = Grammar(self.lexicon, where, self._sets, own)
        parts = tuple(grammar.read(pattern) for pattern in written)
        return Patterns(matcher=self.matcher, label=self.matcher.add(parts) if parts else None)
