"""One written word -> lower-case pieces without accents, contractions taken apart."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

Pieces = tuple[tuple[str, bool], ...]
"""The pieces of a word, each with whether a sentence ends after it."""

_PIECE = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_SENTENCE_END = re.compile(r"[.?!…]+[\"')\]]*$")
_TITLE = re.compile(r"(mr|mrs|ms|mx|dr|prof|rev|sgt)\.$")


def pieces_of(
    word: str, contractions: Mapping[str, tuple[str, ...]], endings: Mapping[str, tuple[str, ...]]
) -> Pieces:
    """The pieces of a word as it was recognised; the last one may end a sentence."""
    if word.isalpha() and word.isascii():  # most words, and the regular expressions would find just this
        return tuple((piece, False) for piece in _parts(word.lower(), contractions, endings))
    text = _without_accents(word.lower().replace("\u2019", "'"))
    pieces = [part for piece in _PIECE.findall(text) for part in _parts(piece, contractions, endings)]
    ends = bool(_SENTENCE_END.search(text.strip())) and not _TITLE.match(text.strip())
    return tuple((piece, ends and number == len(pieces)) for number, piece in enumerate(pieces, 1))


def _without_accents(text: str) -> str:
    """`text` with "e" for "\u00e9", so that names are found however they are written."""
    if text.isascii():
        return text
    return "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))


def _parts(
    piece: str, contractions: Mapping[str, tuple[str, ...]], endings: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    if piece in contractions:
        return contractions[piece]
    for ending, spelled in endings.items():
        if piece.endswith(ending) and piece != ending:
            return (piece.removesuffix(ending), *spelled)
    return (piece.replace("'", ""),)
