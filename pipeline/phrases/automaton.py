"""Groups of patterns -> one automaton over tokens that finds all of them in one pass, without backtracking.

The parts of all patterns become nodes that share their tails; sets of nodes become states when a text
first leads there, and every step after that is one look-up. No part repeats without bound, so a reading
ends after a bounded number of tokens and the time of a search grows in proportion to the text, however
many groups there are. A state in which a pattern ends is labelled with the pattern's group.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock

from pipeline.phrases.grammar import AnyWord, Edge, Either, Gap, InTurn, Part, WordPart
from pipeline.phrases.tokens import Token

Reading = tuple[int, int, int]
"""A group's label, and the tokens `[first, end)` that one of its patterns fits."""

# What holds between two tokens, as bits.
BEGINS = 1
ENDS = 2
IN_SENTENCE = 4
_CONTEXTS = 8

MIN_SET = 8
"""So many alternatives that are single words are one node."""
MAX_STEPS = 500_000
"""Steps remembered before all are forgotten (some 100 bytes each), so that memory stays bounded."""


@dataclass(frozen=True, slots=True)
class _End:
    """A pattern of this group ends here."""

    label: int


# What a node consumes (a word, one of a set of words, or None for any token), the condition it checks (a
# number), or the group that ends there.
_What = str | frozenset[str] | int | _End | None
_Nodes = tuple[int, ...]


class _State(dict[int, "_State | None"]):
    """Nodes that may come next: the groups that end here, and where each symbol read so far leads.

    A symbol is a word's number and what holds after the word.
    """

    __slots__ = ("_automaton", "_by_any", "_by_set", "_by_word", "labels")

    def __init__(
        self, automaton: Automaton, nodes: Iterable[tuple[_What, _Nodes]], labels: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.labels = labels
        self._automaton = automaton
        self._by_any: list[int] = []
        self._by_set: list[tuple[frozenset[str], _Nodes]] = []
        self._by_word: dict[str, list[int]] = {}
        for what, after in nodes:
            if isinstance(what, str):
                self._by_word.setdefault(what, []).extend(after)
            elif isinstance(what, frozenset):
                self._by_set.append((what, after))
            else:
                self._by_any.extend(after)

    def __missing__(self, symbol: int) -> _State | None:
        word, context = self._automaton.read(symbol)
        nodes = list(self._by_word.get(word, ()))
        for words, after in self._by_set:
            if word in words:
                nodes.extend(after)
        if nodes or symbol == context:
            state = self._automaton.state(nodes + self._by_any, context)
        else:
            state = self[context]  # as for a word that no pattern names, whose number is 0
        self[symbol] = state
        return state


class Automaton:
    """Finds every reading of the given groups of patterns; a group's label is its place."""

    def __init__(self, groups: Iterable[Iterable[Part]]) -> None:
        self._nodes: list[tuple[_What, _Nodes]] = []
        self._ids: dict[tuple[_What, _Nodes], int] = {}
        self._flat: dict[int, tuple[frozenset[str], tuple[Part, ...]]] = {}
        starts: set[int] = set()
        for label, parts in enumerate(groups):
            end = (self._node(_End(label), ()),)
            for part in parts:
                starts.update(self._before(part, end))
        # Number 0 stands for all words that no pattern names.
        self._words = ("", *sorted(self._named_words()))
        self._symbols = {word: number * _CONTEXTS for number, word in enumerate(self._words)}
        self._starts = tuple(starts)
        self._growing = Lock()
        self._forget()

    def readings(self, tokens: Sequence[Token]) -> Iterator[Reading]:
        """Every reading in the utterance `tokens`, in order of its first token."""
        if not tokens:
            return
        symbols = self._read(tokens)
        count = len(symbols)
        context = BEGINS | IN_SENTENCE
        for first, symbol in enumerate(symbols):
            state = self._begin(context)[symbol]
            context = symbol % _CONTEXTS
            end = first + 1
            while state is not None:
                for label in state.labels:
                    yield label, first, end
                if end == count:
                    break
                state = state[symbols[end]]
                end += 1

    def read(self, symbol: int) -> tuple[str, int]:
        """The word of a symbol (empty for one that no pattern names) and what holds after it."""
        with self._growing:
            self._steps += 1
        return self._words[symbol // _CONTEXTS], symbol % _CONTEXTS

    def state(self, nodes: Iterable[int], context: int) -> _State | None:
        """The state of `nodes`, conditions resolved; None if nothing can follow."""
        kept = self._resolved(nodes, context)
        if not kept:
            return None
        # Another thread may forget all states at any time; a state that is in use then lives on by itself.
        with self._growing:
            state = self._states.get(kept)
            if state is None:
                if self._steps > MAX_STEPS:
                    self._forget()
                state = self._states[kept] = self._new_state(kept)
        return state

    def _begin(self, context: int) -> _State:
        """The state in which a reading begins."""
        first = self._first
        state = first.get(context)
        if state is None:
            state = first[context] = self._new_state(self._resolved(self._starts, context))
        return state

    def _read(self, tokens: Sequence[Token]) -> list[int]:
        """The tokens' symbols."""
        known = self._symbols
        symbols = [known.get(t.text, 0) + (0 if t.ends_sentence else IN_SENTENCE) for t in tokens]
        symbols[-1] += ENDS
        return symbols

    def _forget(self) -> None:
        self._steps = 0
        self._states: dict[frozenset[int], _State] = {}
        self._first: dict[int, _State] = {}

    def _resolved(self, nodes: Iterable[int], context: int) -> frozenset[int]:
        """`nodes` with those behind conditions that are met."""
        kept: set[int] = set()
        seen: set[int] = set()
        waiting = list(nodes)
        while waiting:
            node = waiting.pop()
            if node in seen:
                continue
            seen.add(node)
            what, after = self._nodes[node]
            if not isinstance(what, int):
                kept.add(node)
            elif what & context:
                waiting += after
        return frozenset(kept)

    def _new_state(self, nodes: frozenset[int]) -> _State:
        labels, others = [], []
        for node in nodes:
            what, after = self._nodes[node]
            if isinstance(what, _End):
                labels.append(what.label)
            else:
                others.append((what, after))
        return _State(self, others, tuple(sorted(labels)))

    def _named_words(self) -> set[str]:
        out: set[str] = set()
        for what, _ in self._nodes:
            if isinstance(what, str):
                out.add(what)
            elif isinstance(what, frozenset):
                out |= what
        return out

    def _node(self, what: _What, after: _Nodes) -> int:
        key = (what, after)
        if key not in self._ids:
            self._ids[key] = len(self._nodes)
            self._nodes.append(key)
        return self._ids[key]

    def _before(self, part: Part, after: _Nodes) -> _Nodes:
        """The nodes that read `part` and go on with `after`."""
        if isinstance(part, WordPart):
            return (self._node(part.text, after),)
        if isinstance(part, Edge):
            return (self._node(BEGINS if part.begins else ENDS, after),)
        if isinstance(part, AnyWord):
            return (self._node(IN_SENTENCE, (self._node(None, after),)),)
        if isinstance(part, Gap):
            return self._before_gap(part, after)
        if isinstance(part, InTurn):
            for inner in reversed(part.parts):
                after = self._before(inner, after)
            return after
        return self._before_either(part, after)

    def _before_either(self, part: Either, after: _Nodes) -> _Nodes:
        # The parts live as long as the groups, so their identity is a key; hashing a set of names is slow.
        if id(part) not in self._flat:
            self._flat[id(part)] = _flattened(part)
        words, others = self._flat[id(part)]
        nodes = {self._node(words, after)} if words else set()
        for inner in others:
            nodes.update(self._before(inner, after))
        return tuple(sorted(nodes | set(after) if part.optional else nodes))

    def _before_gap(self, gap: Gap, after: _Nodes) -> _Nodes:
        def guarded(nodes: _Nodes) -> _Nodes:
            return nodes if gap.across else (self._node(IN_SENTENCE, nodes),)

        nodes = guarded(after)
        for _ in range(gap.words):
            nodes = guarded((*after, self._node(None, nodes)))
        return nodes


def _flattened(either: Either) -> tuple[frozenset[str], tuple[Part, ...]]:
    """The alternatives that are single words, if they are many, and the others."""
    parts: list[Part] = []
    waiting: list[Part] = list(reversed(either.parts))
    while waiting:
        part = waiting.pop()
        if isinstance(part, Either) and not part.optional:
            waiting += reversed(part.parts)
        else:
            parts.append(part)
    words = frozenset(part.text for part in parts if isinstance(part, WordPart))
    if len(words) < MIN_SET:
        return frozenset(), tuple(parts)
    return words, tuple(part for part in parts if not isinstance(part, WordPart))
