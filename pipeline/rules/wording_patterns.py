"""A pattern of the phrase language from sentences of one wording."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from pipeline.phrases.lexicon import Lexicon
from pipeline.phrases.tokens import Token, transcript_of_text

ANY = "_"
"""Stands for a token that is left open: a name or a number."""
LEAST_TOKENS = 3
"""A pattern of fewer common tokens would find too much."""
LEAST_SHARE = 0.6
"""Share of the shortest sentence's tokens that must be common."""
WIDEST_GAP = 8
"""The most tokens that a gap of a pattern can span."""

_PLAIN = re.compile(r"[a-z]+")


def patterns_of(sentences: Sequence[str], lexicon: Lexicon) -> tuple[str, ...]:
    """Patterns that find all the sentences: one of what they have in common, else one for each.

    Names and numbers are left open, so that none gets into a site's rules.
    """
    said = [_tokens(sentence, lexicon) for sentence in sentences]
    common = _common(said)
    return (common,) if common else literal_patterns(sentences, lexicon)


def literal_patterns(sentences: Sequence[str], lexicon: Lexicon) -> tuple[str, ...]:
    """A pattern for each sentence, word by word."""
    found = (_written(tokens, _gaps(tokens, [tokens])) for tokens in (_tokens(s, lexicon) for s in sentences))
    return tuple(dict.fromkeys(pattern for pattern in found if pattern))


def without_names(sentence: str, lexicon: Lexicon) -> str:
    """The sentence as an example: its tokens, with `something` for each name and number."""
    tokens = ("something" if t.text == ANY else t.text for t in _tokens(sentence, lexicon))
    return " ".join(tokens)


def _tokens(sentence: str, lexicon: Lexicon) -> list[Token]:
    tokens = transcript_of_text(sentence, "agent", lexicon).tokens
    open_ = [not _PLAIN.fullmatch(t.text) or t.text in lexicon.first_names for t in tokens]
    return [t._replace(text=ANY) if left_open else t for t, left_open in zip(tokens, open_, strict=True)]


def _common(said: Sequence[Sequence[Token]]) -> str | None:
    """The pattern of what all sentences have in common; None where that is too little."""
    common: Sequence[Token] = said[0]
    for other in said[1:]:
        common = _longest_common(common, other)
    plain = sum(token.text != ANY for token in common)
    if plain < LEAST_TOKENS or plain < LEAST_SHARE * min(map(len, said)):
        return None
    gaps = _gaps(common, said)
    return None if any(gap > WIDEST_GAP for gap, _ in gaps) else _written(common, gaps)


def _longest_common(one: Sequence[Token], other: Sequence[Token]) -> list[Token]:
    """The longest common subsequence, as tokens of `one`."""
    lengths = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i in reversed(range(len(one))):
        for j in reversed(range(len(other))):
            same = one[i].text == other[j].text
            lengths[i][j] = lengths[i + 1][j + 1] + 1 if same else max(lengths[i + 1][j], lengths[i][j + 1])
    out: list[Token] = []
    i = j = 0
    while i < len(one) and j < len(other):
        if one[i].text == other[j].text:
            out.append(one[i])
            i, j = i + 1, j + 1
        elif lengths[i + 1][j] >= lengths[i][j + 1]:
            i += 1
        else:
            j += 1
    return out


def _gaps(common: Sequence[Token], said: Sequence[Sequence[Token]]) -> list[tuple[int, bool]]:
    """After each common token but the last: the most tokens before the next, and whether a sentence ends."""
    gaps = [(0, False)] * max(0, len(common) - 1)
    for tokens in said:
        places, at = [], 0
        for token in common:
            at = next(n for n in range(at, len(tokens)) if tokens[n].text == token.text) + 1
            places.append(at - 1)
        for number, (here, there) in enumerate(pairwise(places)):
            ends = any(token.ends_sentence for token in tokens[here:there])
            gaps[number] = max(gaps[number][0], there - here - 1), gaps[number][1] or ends
    return gaps


def _written(common: Sequence[Token], gaps: Sequence[tuple[int, bool]]) -> str:
    parts: list[str] = []
    for token, (gap, ends) in zip(common, [*gaps, (0, False)], strict=True):
        parts.append(token.text)
        if ends:
            parts.append(f"...{max(gap, 1)}")
        elif gap:
            parts.append(f"..{gap}")
    return " ".join(parts)
