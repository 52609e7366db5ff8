"""Recognised words -> normal tokens, with the way back to the words.

A word is put into lower case without accents, cut at everything that is no letter, digit or inner
apostrophe, its contraction spelled out ("we're" -> "we are"), variants brought to one form and fillers
dropped, all by the tables of `lexicon.toml`. A token said twice in a row counts once. What one speaker
says without a long pause and without anybody else between is an utterance; phrases are looked for inside
utterances.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, NamedTuple

from pipeline.phrases.lexicon import Lexicon
from pipeline.phrases.spelling import Pieces, pieces_of
from pipeline.records import Role, Turn, Word

MAX_PAUSE_S = 2.0
"""A longer pause between two turns of one speaker ends the utterance."""


_Spelled = dict[str, Pieces]


class Token(NamedTuple):
    """A normal token; `first` and `last` are positions of the words it stands for."""

    text: str
    first: int
    last: int
    ends_sentence: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """Tokens `[first, end)` said by one speaker; `words` are positions `[first_word, end_word)`."""

    role: Role
    first: int
    end: int
    first_word: int
    end_word: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """A call's words, ordered by utterance, with their tokens."""

    words: tuple[Word, ...]
    tokens: tuple[Token, ...]
    utterances: tuple[Utterance, ...]
    found: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)
    """Matches found so far, by group."""

    def utterance_words(self, utterance: Utterance) -> tuple[Word, ...]:
        """The words said in `utterance`."""
        return self.words[utterance.first_word : utterance.end_word]

    def utterance_of(self, word: Word) -> tuple[Word, ...]:
        """The words said in the same utterance."""
        said = (self.utterance_words(utterance) for utterance in self.utterances)
        return next(words for words in said if any(other is word for other in words))


def transcribe_tokens(turns: Iterable[Turn], words: Iterable[Word], lexicon: Lexicon) -> Transcript:
    """The searchable transcript of `words`; words of turns that are not in `turns` are left out.

    It is made once per call and handed to all that read the call. Nothing of it outlives the call.
    """
    by_turn: dict[int, list[Word]] = {}
    for word in sorted(words, key=attrgetter("word_index")):
        by_turn.setdefault(word.turn_index, []).append(word)
    ordered: list[Word] = []
    tokens: list[Token] = []
    utterances: list[Utterance] = []
    spelled: _Spelled = {}
    for run in _runs(turns):
        said = [word for turn in run for word in by_turn.get(turn.turn_index, ())]
        if not said:
            continue
        first, first_word = len(tokens), len(ordered)
        tokens += _normalise(said, first_word, lexicon, spelled)
        ordered += said
        utterances.append(
            Utterance(
                role=run[0].role,
                first=first,
                end=len(tokens),
                first_word=first_word,
                end_word=len(ordered),
            )
        )
    return Transcript(words=tuple(ordered), tokens=tuple(tokens), utterances=tuple(utterances))


def transcript_of_text(text: str, role: Role, lexicon: Lexicon) -> Transcript:
    """The transcript of one sentence said by `role`, with even word times and full probability."""
    words = tuple(
        Word(
            word_index=index,
            turn_index=0,
            role=role,
            channel=0,
            start_s=index * 0.4,
            end_s=index * 0.4 + 0.35,
            text=word,
            probability=1.0,
        )
        for index, word in enumerate(text.split())
    )
    turn = Turn(
        turn_index=0, speaker=role, role=role, channel=0, start_s=0.0, end_s=len(words) * 0.4, text=text
    )
    return transcribe_tokens((turn,), words, lexicon)


def _runs(turns: Iterable[Turn]) -> list[tuple[Turn, ...]]:
    """Turns of one speaker with short pauses and nobody else's turn between, in order of time."""
    runs: list[list[Turn]] = []
    latest: dict[tuple[str, int], list[Turn]] = {}
    heard_until_s: dict[tuple[str, int], float] = {}
    for turn in sorted(turns, key=lambda turn: (turn.start_s, turn.turn_index)):
        speaker = (turn.speaker, turn.channel)
        others_s = max((end_s for other, end_s in heard_until_s.items() if other != speaker), default=0.0)
        run = latest.get(speaker)
        if run and _goes_on(run[-1], turn, others_s):
            run.append(turn)
        else:
            latest[speaker] = [turn]
            runs.append(latest[speaker])
        heard_until_s[speaker] = max(turn.end_s, heard_until_s.get(speaker, 0.0))
    return [tuple(run) for run in runs]


def _goes_on(before: Turn, after: Turn, others_s: float) -> bool:
    """Whether `after` continues `before`; the other speakers have spoken until `others_s`."""
    pause_s = after.start_s - before.end_s
    return before.role == after.role and pause_s <= MAX_PAUSE_S and others_s <= before.end_s


def _normalise(words: Sequence[Word], offset: int, lexicon: Lexicon, spelled: _Spelled) -> list[Token]:
    return _without_repeats(_rewritten(_spelled_out(words, offset, lexicon, spelled), lexicon))


def _spelled_out(words: Sequence[Word], offset: int, lexicon: Lexicon, known: _Spelled) -> list[Token]:
    """The pieces of all words; within a call, each way to write a word is taken apart once."""
    common = lexicon.spelled
    out: list[Token] = []
    for position, word in enumerate(words, offset):
        pieces = common.get(word.text) or known.get(word.text)
        if pieces is None:
            pieces = known[word.text] = pieces_of(word.text, lexicon.contractions, lexicon.endings)
        for text, ends in pieces:
            out.append(Token(text, position, position, ends))
    return out


def _rewritten(tokens: Sequence[Token], lexicon: Lexicon) -> list[Token]:
    """Variants brought to one form, fillers dropped; the longest entry wins."""
    lengths = lexicon.rewrite_lengths
    out: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.text not in lengths:
            out.append(token)
            at += 1
            continue
        for length in lengths[token.text]:
            piece = tokens[at : at + length]
            new = lexicon.rewrite.get(tuple(token.text for token in piece))
            if new is not None and not any(token.ends_sentence for token in piece[:-1]):
                _append(out, new, piece)
                at += len(piece)
                break
        else:
            out.append(token)
            at += 1
    return out


def _append(out: list[Token], new: Sequence[str], piece: Sequence[Token]) -> None:
    """Add `new` for `piece`; a dropped filler leaves its sentence end to the token before it."""
    first, last, ends = piece[0].first, piece[-1].last, piece[-1].ends_sentence
    if not new and ends and out:
        out[-1] = Token(out[-1].text, out[-1].first, out[-1].last, ends_sentence=True)
    for number, text in enumerate(new, 1):
        out.append(Token(text, first, last, ends and number == len(new)))


def _without_repeats(tokens: Sequence[Token]) -> list[Token]:
    out: list[Token] = []
    for token in tokens:
        if out and out[-1].text == token.text and not out[-1].ends_sentence:
            out[-1] = Token(token.text, out[-1].first, token.last, token.ends_sentence)
        else:
            out.append(token)
    return out
