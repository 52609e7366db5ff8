"""Lists and tables of single words in a language's TOML files, and patterns over written text."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any


@cache
def load_words(name: str, language: str = "en") -> dict[str, Any]:
    """The content of the file `name` of a language, such as `numbers`."""
    file = Path(__file__).parent / language / f"{name}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def word_set(name: str, key: str, language: str = "en") -> frozenset[str]:
    """A list of a language's file `name`."""
    return frozenset(load_words(name, language)[key])


def events_digest(language: str = "en") -> str:
    """Sha256 of the word lists with which events and personal data are found, without comments and layout.

    The list `answers` is left out: it takes part in attribution, which is not repeated for a stored call.
    """
    lists = {name: load_words(name, language) for name in ("contact", "grammar", "numbers", "talk")}
    lists["talk"] = {key: words for key, words in lists["talk"].items() if key != "answers"}
    return hashlib.sha256(json.dumps(lists, sort_keys=True).encode()).hexdigest()


def any_pattern(patterns: Iterable[str]) -> re.Pattern[str]:
    """A pattern that matches where one of `patterns`, regular expressions, does, in any case of letters."""
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)
