"""Word sets of one file: the table `[sets]` of a pack or of `shared.toml`, written out in its patterns.

A set of `lexicon.toml` belongs to the language, and changing it changes every rule's version. What only one
file's patterns need stands in that file: `{name}` there is replaced by the set's entries as alternatives, as
if they had been written in each pattern, and only the versions of the rules that read the file change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pipeline.errors import UsageError
from pipeline.phrases.lexicon import Text, readable

SETS_KEY = "sets"
_NAME = re.compile(r"\{([a-z_]+)\}")
_SETS = TypeAdapter(dict[str, dict[str, tuple[Text, ...]]])
_PATTERN_KEYS = ("any", "but")


def without_sets(values: Mapping[str, Any], path: Path, groups_key: str | None = None) -> dict[str, Any]:
    """The `values` of a file without its table `[sets]`, whose entries stand in the patterns instead.

    The groups of phrases are the file's tables, or those of its table `groups_key`. An entry may name the
    sets before it. Raises UsageError for a table of another shape.
    """
    if SETS_KEY not in values:
        return dict(values)
    rest = {key: value for key, value in values.items() if key != SETS_KEY}
    sets = _read(values[SETS_KEY], path)
    if groups_key is None:
        return {name: _expanded(group, sets) for name, group in rest.items()}
    groups = rest.get(groups_key)
    if isinstance(groups, dict):
        rest[groups_key] = {name: _expanded(group, sets) for name, group in groups.items()}
    return rest


def _read(written: object, path: Path) -> dict[str, str]:
    """The alternatives of each set, in brackets, by name."""
    try:
        read = _SETS.validate_python({SETS_KEY: written})[SETS_KEY]
    except ValidationError as error:
        raise readable(error, path, {SETS_KEY: written}) from None
    out: dict[str, str] = {}
    for name, entries in read.items():
        if not entries:
            where = f"{path}: {SETS_KEY}.{name}"
            raise UsageError(
                "bad value", where=where, value="[]", allowed="one entry or more", remedy="add one"
            )
        out[name] = f"({' | '.join(_filled(entry, out) for entry in entries)})"
    return out


def _expanded(group: object, sets: Mapping[str, str]) -> object:
    if not isinstance(group, dict):
        return group
    return {
        key: [_filled(pattern, sets) if isinstance(pattern, str) else pattern for pattern in value]
        if key in _PATTERN_KEYS and isinstance(value, list)
        else value
        for key, value in group.items()
    }


def _filled(pattern: str, sets: Mapping[str, str]) -> str:
    """The pattern with the alternatives for each name of `sets`; other names are the lexicon's."""
    return _NAME.sub(lambda found: sets.get(found[1], found[0]), pattern)
