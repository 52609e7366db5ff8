"""Patterns -> one automaton over tokens that reads each start position once, without backtracking.

The parts of all patterns become nodes that share their tails; sets of nodes become states when a text
first leads there, and every step after that is one look-up. No part repeats without bound, so a reading
ends after a bounded number of tokens and the time of a search grows in proportion to the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pipeline.rules.grammar import AnyWord, Edge, Either, Gap, InTurn, Part, WordPart
from pipeline.rules.tokens import Token

# What holds between two tokens, as bits.
BEGINS = 1
ENDS = 2
IN_SENTENCE = 4

_ACCEPT = 0
_Nodes = tuple[int, ...]


@dataclass(slots=True)
class _State:
    """Nodes that may come next: whether they include the end, and where each token leads."""

    accepts: bool
    by_word: dict[str, tuple[int, ...]]
    by_any: tuple[int, ...]
    steps: dict[tuple[str | None, int], _State | None] = field(default_factory=dict)


class Automaton:
    """Finds every reading of the given patterns."""

    def __init__(self, patterns: Iterable[Part]) -> None:
        # A node is what it consumes (a word, or None for any token) or the condition it checks (a
        # number), and the nodes after it.
        self._nodes: list[tuple[str | int | None, _Nodes]] = [(0, ())]
        self._ids: dict[tuple[str | int | None, _Nodes], int] = {}
        self._states: dict[frozenset[int], _State] = {}
        starts = {node for part in patterns for node in self._before(part, (_ACCEPT,))}
        self._starts = tuple(sorted(starts))
        self._first: dict[int, _State | None] = {}

    def readings(self, tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
        """Every `[first, end)` of the utterance `tokens` that a pattern fits."""
        contexts = _contexts(tokens)
        for first in range(len(tokens)):
            state = self._start(contexts[first])
            at = first
            while state is not None:
                if state.accepts:
                    yield first, at
                if at == len(tokens):
                    break
                state = self._step(state, tokens[at].text, contexts[at + 1])
                at += 1

    def _start(self, context: int) -> _State | None:
        if context not in self._first:
            self._first[context] = self._state(self._starts, context)
        return self._first[context]

    def _step(self, state: _State, word: str, context: int) -> _State | None:
        key = (word if word in state.by_word else None, context)
        if key not in state.steps:
            nodes = state.by_any + (state.by_word[word] if key[0] is not None else ())
            state.steps[key] = self._state(nodes, context)
        return state.steps[key]

    def _state(self, nodes: Iterable[int], context: int) -> _State | None:
        """The state of `nodes`, conditions resolved; None if nothing can follow."""
        reached: set[int] = set()
        waiting = list(nodes)
        while waiting:
            node = waiting.pop()
            if node in reached:
                continue
            reached.add(node)
            what, after = self._nodes[node]
            if isinstance(what, int) and what & context:
                waiting += after
        kept = frozenset(
            node for node in reached if node == _ACCEPT or not isinstance(self._nodes[node][0], int)
        )
        if kept and kept not in self._states:
            self._states[kept] = self._new_state(kept)
        return self._states[kept] if kept else None

    def _new_state(self, nodes: frozenset[int]) -> _State:
        by_word: dict[str, tuple[int, ...]] = {}
        by_any: tuple[int, ...] = ()
        for node in nodes - {_ACCEPT}:
            what, after = self._nodes[node]
            if isinstance(what, str):
                by_word[what] = by_word.get(what, ()) + after
            else:
                by_any += after
        return _State(_ACCEPT in nodes, by_word, by_any)

    def _node(self, what: str | int | None, after: _Nodes) -> int:
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
        nodes = {node for inner in part.parts for node in self._before(inner, after)}
        return tuple(sorted(nodes | set(after) if part.optional else nodes))

    def _before_gap(self, gap: Gap, after: _Nodes) -> _Nodes:
        def guarded(nodes: _Nodes) -> _Nodes:
            return nodes if gap.across else (self._node(IN_SENTENCE, nodes),)

        nodes = guarded(after)
        for _ in range(gap.words):
            nodes = guarded((*after, self._node(None, nodes)))
        return nodes


def _contexts(tokens: Sequence[Token]) -> list[int]:
    """What holds before each token and after the last."""
    out = [BEGINS | IN_SENTENCE]
    out += [0 if token.ends_sentence else IN_SENTENCE for token in tokens]
    out[-1] |= ENDS
    return out
