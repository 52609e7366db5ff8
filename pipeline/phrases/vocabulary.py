"""The common words of a language, in the ways recognisers write them.

What is worked out once for these words is a table made in advance. Words that are not in it are worked out
again in every call: what was remembered of them would be data of a call.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_WORD = re.compile(r"[a-z][a-z']*")
_AFTER = ("", ",", ".", "?")


@cache
def common_writings(language: str = "en") -> frozenset[str]:
    """Every word in the lexicon of `language`, in lower case and capitalised, with what may follow it."""
    text = (Path(__file__).parent / language / "lexicon.toml").read_text(encoding="utf-8")
    words = {"I", *_WORD.findall(text)}
    return frozenset(form + after for word in words for form in (word, word.capitalize()) for after in _AFTER)
