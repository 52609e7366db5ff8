"""The phrase language: short patterns over normal tokens, found in what people say.

A pattern is written in lower case, items separated by blanks:

=============  ==========================================================================
``hold``       this token, as `tokens` leaves it: contractions spelled out, no fillers
``{subject}``  any entry of the set `subject` in `lexicon.toml`; entries are patterns too
``(a | b c)``  one of these patterns
``item?``      the item or nothing: ``please?``  ``{brief}?``  ``(on | at)?``
``_``          one token of any kind in the same sentence: ``welcome to _``
``..3``        up to 3 tokens of any kind within the sentence (at most 8)
``...3``       the same, but a sentence may end among them
``^``  ``$``   the utterance begins, or ends, here
=============  ==========================================================================

``(can | may) (i | we) just? {put} you {on_hold}`` finds "Can I, um, just pop you on a brief hold". These
are regular expressions over tokens, without unbounded repetition; they are read by an automaton
(`automaton`), never by backtracking, so a search takes time in proportion to the words searched.

A group of phrases has `any` patterns. A reading is dropped when a reading of one of the group's `but`
patterns overlaps it (the decoys), or when its `unless` group is found in the same utterance. What is left
and overlaps is one match. A match never leaves its utterance (see `tokens`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from pipeline.records import Role, Word
from pipeline.rules.automaton import Automaton
from pipeline.rules.grammar import Grammar
from pipeline.rules.lexicon import Lexicon
from pipeline.rules.tokens import Transcript
from pipeline.spans import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A phrase that was found: tokens `[first, end)` of an utterance, and the words behind them."""

    first: int
    end: int
    utterance: int
    words: tuple[Word, ...]

    @property
    def span(self) -> Span:
        """From the first word's start to the last word's end."""
        return Span(self.words[0].start_s, max(word.end_s for word in self.words))

    @property
    def quote(self) -> str:
        """The words as recognised."""
        return " ".join(word.text.strip() for word in self.words)

    @property
    def probability(self) -> float:
        """Mean word probability, 0 to 1."""
        return fmean(word.probability for word in self.words)

    @property
    def turn_index(self) -> int:
        """The turn in which the phrase begins."""
        return self.words[0].turn_index

    @property
    def role(self) -> Role:
        """Who said it."""
        return self.words[0].role

    def overlaps(self, other: Match) -> bool:
        """Whether a token belongs to both."""
        return self.first < other.end and other.first < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrases:
    """A compiled group of phrases; `roles` are those whose words are searched."""

    roles: tuple[Role, ...]
    any: Automaton
    but: Automaton
    unless: Phrases | None = None


def compile_patterns(patterns: Sequence[str], lexicon: Lexicon, where: str) -> Automaton:
    """`patterns` ready to search; UsageError names `where` (file and key) and the pattern at fault."""
    grammar = Grammar(lexicon, where)
    return Automaton(grammar.read(pattern) for pattern in patterns)


def find(
    transcript: Transcript, phrases: Phrases, roles: Collection[Role] | None = None
) -> tuple[Match, ...]:
    """What `roles` (default: the group's) say of `phrases`, in order of time."""
    roles = phrases.roles if roles is None else roles
    found = [
        match
        for number, utterance in enumerate(transcript.utterances)
        if utterance.role in roles
        for match in _found_in(transcript, number, phrases)
    ]
    return tuple(sorted(found, key=lambda match: match.span))


def _found_in(transcript: Transcript, number: int, phrases: Phrases) -> tuple[Match, ...]:
    found = list(_readings(transcript, number, phrases.any))
    if not found:
        return ()
    decoys = list(_readings(transcript, number, phrases.but))
    kept = [match for match in found if not any(match.overlaps(decoy) for decoy in decoys)]
    if kept and phrases.unless is not None and _found_in(transcript, number, phrases.unless):
        return ()
    return _joined(transcript, kept)


def _readings(transcript: Transcript, number: int, automaton: Automaton) -> Iterator[Match]:
    utterance = transcript.utterances[number]
    tokens = transcript.tokens[utterance.first : utterance.end]
    for first, end in automaton.readings(tokens):
        yield _match(transcript, number, utterance.first + first, utterance.first + end)


def _match(transcript: Transcript, number: int, first: int, end: int) -> Match:
    from_word, to_word = transcript.tokens[first].first, transcript.tokens[end - 1].last
    words = transcript.words[from_word : to_word + 1]
    return Match(first=first, end=end, utterance=number, words=words)


def _joined(transcript: Transcript, matches: Sequence[Match]) -> tuple[Match, ...]:
    """Overlapping matches of one utterance made one; `matches` are in order of their first token."""
    out: list[Match] = []
    for match in matches:
        if out and match.overlaps(out[-1]):
            end = max(out[-1].end, match.end)
            out[-1] = _match(transcript, match.utterance, out[-1].first, end)
        else:
            out.append(match)
    return tuple(out)
