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
(`automaton`), never by backtracking, so a search takes time in proportion to the words searched. Where
readings overlap, their union counts; the meaning is that of RE2's leftmost-longest match over tokens.

A group of phrases has `any` patterns. A reading is dropped when a reading of one of the group's `but`
patterns overlaps it (the decoys), or when its `unless` group is found in the same utterance. What is left
and overlaps is one match. A match never leaves its utterance (see `tokens`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from pipeline.phrases.automaton import Reading
from pipeline.phrases.matcher import Patterns
from pipeline.phrases.tokens import Transcript
from pipeline.records import Role, Word
from pipeline.spans import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A phrase that was found: tokens `[first, end)` of an utterance, and the words behind them.

    `span` is from the first word's start to the last word's end.
    """

    first: int
    end: int
    utterance: int
    words: tuple[Word, ...]
    span: Span

    @property
    def quote(self) -> str:
        """The words as recognised."""
        return " ".join(word.text.strip() for word in self.words)

    @property
    def probability(self) -> float:
        """Mean word probability, 0 to 1."""
        return fmean([word.probability for word in self.words])

    @property
    def turn_index(self) -> int:
        """The turn in which the phrase begins."""
        return self.words[0].turn_index

    @property
    def role(self) -> Role:
        """The role of the speaker."""
        return self.words[0].role

    def overlaps(self, other: Match) -> bool:
        """Whether a token belongs to both."""
        return self.first < other.end and other.first < self.end


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Phrases:
    """A compiled group of phrases.

    `roles` are those whose words are searched, `speakers` also include unknown ones.
    """

    roles: tuple[Role, ...]
    speakers: tuple[Role, ...] = field(init=False)
    any: Patterns
    but: Patterns
    unless: Phrases | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "speakers", (*self.roles, "unknown"))


def find(
    transcript: Transcript, phrases: Phrases, roles: Collection[Role] | None = None
) -> tuple[Match, ...]:
    """The matches of `phrases` in the words of `roles` (default: the group's), in order of time."""
    if not _readings(transcript, phrases.any):
        return ()
    key = (phrases, phrases.roles if roles is None else tuple(roles))
    found: tuple[Match, ...] | None = transcript.found.get(key)
    if found is None:
        found = transcript.found[key] = _find(transcript, *key)
    return found


def _find(transcript: Transcript, phrases: Phrases, roles: tuple[Role, ...]) -> tuple[Match, ...]:
    found = (
        _match(transcript, *stretch)
        for number, stretches in _kept(transcript, phrases).items()
        if transcript.utterances[number].role in roles
        for stretch in stretches
    )
    return tuple(sorted(found, key=lambda match: match.span))


def _kept(transcript: Transcript, phrases: Phrases) -> dict[int, list[Reading]]:
    """The readings that count, by utterance, where they overlap made one."""
    decoys = _readings(transcript, phrases.but)
    out: dict[int, list[Reading]] = {}
    for reading in _readings(transcript, phrases.any):
        if not any(_overlap(reading, decoy) for decoy in decoys):
            out.setdefault(reading[0], []).append(reading)
    if out and phrases.unless is not None:
        for number in _kept(transcript, phrases.unless):
            out.pop(number, None)
    return {number: _joined(readings) for number, readings in out.items()}


def _readings(transcript: Transcript, patterns: Patterns) -> Sequence[Reading]:
    """Every reading of the patterns as utterance and tokens `[first, end)` of the transcript, in order.

    The first question about a matcher reads the transcript for all its groups.
    """
    if patterns.label is None:
        return ()
    by_label: dict[int, list[Reading]] | None = transcript.found.get(patterns.matcher)
    if by_label is None:
        automaton = patterns.matcher.automaton
        by_label = transcript.found[patterns.matcher] = {}
        for number, utterance in enumerate(transcript.utterances):
            begin = utterance.first
            for label, first, end in automaton.readings(transcript.tokens[begin : utterance.end]):
                by_label.setdefault(label, []).append((number, begin + first, begin + end))
    return by_label.get(patterns.label, ())


def _overlap(one: Reading, other: Reading) -> bool:
    """Whether a token belongs to both; each token belongs to one utterance."""
    return one[1] < other[2] and other[1] < one[2]


def _match(transcript: Transcript, number: int, first: int, end: int) -> Match:
    from_word, to_word = transcript.tokens[first].first, transcript.tokens[end - 1].last
    words = transcript.words[from_word : to_word + 1]
    span = Span(words[0].start_s, max([word.end_s for word in words]))
    return Match(first=first, end=end, utterance=number, words=words, span=span)


def _joined(readings: Sequence[Reading]) -> list[Reading]:
    """Overlapping readings of one utterance made one; they are in order of their first token."""
    out: list[Reading] = []
    for reading in readings:
        if out and _overlap(reading, out[-1]):
            number, first, end = out[-1]
            out[-1] = number, first, max(end, reading[2])
        else:
            out.append(reading)
    return out
