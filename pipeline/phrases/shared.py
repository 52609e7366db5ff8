"""The groups of phrases that events, roles and rules share, from `shared.toml`, and their version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from pipeline.errors import UsageError
from pipeline.phrases.lexicon import (
    Lexicon,
    PatternsSpec,
    Spec,
    Text,
    load_lexicon,
    read_toml,
    readable,
    with_sets_of_file,
)
from pipeline.phrases.matcher import Compiler
from pipeline.phrases.search import Phrases
from pipeline.records import Role

LANGUAGES_FOLDER = Path(__file__).parent
SHARED_NAME, LEXICON_NAME = "shared.toml", "lexicon.toml"
VERSION_DIGITS = 12
AGENT: tuple[Role, ...] = ("agent",)


class GroupSpec(PatternsSpec):
    """A group of phrases, as written."""

    any: tuple[Text, ...] = Field(min_length=1)
    unless: Text | None = None
    roles: tuple[Role, ...] | None = None


class _SiteGroup(PatternsSpec):
    """What a site adds to a shared group, or puts in its place."""

    unless: Text | None = None
    roles: tuple[Role, ...] | None = None
    replace: bool = False


_Group = TypeVar("_Group", bound=Spec)


@dataclass(frozen=True, kw_only=True)
class Language:
    """How a language is spoken on the phone: its lexicon and the shared groups of phrases.

    `files` are the files that have a say in each group, the site's last. `version` is a short hash of the
    content of all of it: events were found by other phrases where it differs.
    """

    lexicon: Lexicon
    groups: Mapping[str, GroupSpec]
    files: Mapping[str, Path]

    @cached_property
    def version(self) -> str:
        """The short hash of the content."""
        text = json.dumps({name: group.model_dump() for name, group in sorted(self.groups.items())})
        return hashlib.sha256(f"{self.lexicon.digest}{text}".encode()).hexdigest()[:VERSION_DIGITS]

    def replaced(self, groups: Mapping[str, GroupSpec], file: Path) -> Language:
        """The language with other groups in place of its own, from `file`."""
        files = {**self.files, **dict.fromkeys(groups, file)}
        return replace(self, groups={**self.groups, **groups}, files=files)

    def compiled(self, compiler: Compiler) -> dict[str, Phrases]:
        """The shared groups ready to search. Raises UsageError for a bad pattern."""
        done: dict[str, Phrases] = {}
        for name, group in sorted(self.groups.items(), key=lambda item: item[1].unless is not None):
            where = f"{self.files[name]}: {name}"
            if group.unless is not None and group.unless not in done:
                allowed = ", ".join(name for name, each in self.groups.items() if each.unless is None)
                raise UsageError(
                    "bad value",
                    where=f"{where}.unless",
                    value=group.unless,
                    allowed=allowed,
                    remedy="mend it",
                )
            done[name] = Phrases(
                roles=group.roles or AGENT,
                any=compiler.patterns(group.any, f"{where}.any", group.sets),
                but=compiler.patterns(group.but, f"{where}.but", group.sets),
                unless=done[group.unless] if group.unless else None,
            )
        return done


def load_language(site: Path | None = None, language: str = "en") -> Language:
    """The program's lexicon and shared groups of `language`, with what the folder `site` says of them.

    Raises UsageError for a broken file, an unknown key, and an unknown group that is no whole one.
    """
    extra = site / LEXICON_NAME if site else None
    lexicon = load_lexicon(extra if extra and extra.is_file() else None)
    own = LANGUAGES_FOLDER / language / SHARED_NAME
    groups = _read(own, GroupSpec)
    files = dict.fromkeys(groups, own)
    changed = site / SHARED_NAME if site else None
    if changed is not None and changed.is_file():
        for name, more in _read(changed, _SiteGroup).items():
            groups[name] = _changed(groups.get(name), more, f"{changed}: {name}")
            files[name] = changed
    return Language(lexicon=lexicon, groups=groups, files=files)


def _read(path: Path, spec: type[_Group]) -> dict[str, _Group]:
    values = read_toml(path)
    values = with_sets_of_file(values, values.pop("sets", None))
    try:
        return TypeAdapter(dict[str, spec]).validate_python(values)  # type: ignore[valid-type]
    except ValidationError as error:
        raise readable(error, path, values) from None


def _changed(before: GroupSpec | None, more: _SiteGroup, where: str) -> GroupSpec:
    """The group with a site's entry for it."""
    if before is None or more.replace:
        if not more.any:
            raise UsageError("missing key", where=f"{where}.any", remedy="add it")
        return GroupSpec(any=more.any, but=more.but, sets=more.sets, unless=more.unless, roles=more.roles)
    return GroupSpec(
        any=(*before.any, *more.any),
        but=(*before.but, *more.but),
        sets=before.sets | more.sets,
        unless=more.unless or before.unless,
        roles=more.roles or before.roles,
    )
