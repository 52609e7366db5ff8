"""Lists and tables of single words that a language's TOML files hold, and patterns over written text."""

from __future__ import annotations

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


def any_pattern(patterns: Iterable[str]) -> re.Pattern[str]:
    """A pattern that matches where one of `patterns`, regular expressions, does, in any case of letters."""
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)
