"""The groups of phrases that events, roles and rules share, and their version.

They stand in `shared.toml`; those about consent to a recording in `consent.toml`.
"""

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
from pipeline.phrases.lexicon import Lexicon, Spec, Text, load_lexicon, read_toml, readable, with_own_sets
from pipeline.phrases.matcher import Compiler
from pipeline.phrases.role_cues import RoleCues, load_role_cues
from pipeline.phrases.search import Phrases
from pipeline.phrases.word_lists import events_digest
from pipeline.records import Role

LANGUAGES_FOLDER = Path(__file__).parent
SHARED_NAME, LEXICON_NAME = "shared.toml", "lexicon.toml"
CONSENT_NAME = "consent.toml"
VERSION_DIGITS = 12
AGENT: tuple[Role, ...] = ("agent",)


class GroupSpec(Spec):
    """A group of phrases, as written."""

    any: tuple[Text, ...] = Field(min_length=1)
    but: tuple[Text, ...] = ()
    unless: Text | None = None
    roles: tuple[Role, ...] | None = None


class _SiteGroup(Spec):
    """A site's addition to a shared group, or its replacement."""

    any: tuple[Text, ...] = ()
    but: tuple[Text, ...] = ()
    unless: Text | None = None
    roles: tuple[Role, ...] | None = None
    replace: bool = False


_Group = TypeVar("_Group", bound=Spec)


@dataclass(frozen=True, kw_only=True)
class Language:
    """A language as spoken on the phone: lexicon, shared groups of phrases, and cues for roles.

    `files` names for each group the file that last changed it. `version` is a short hash over everything
    that events are found with: lexicon, groups, word lists and greetings. Where it differs, the events of a
    stored call are detected again. What decides roles has a version of its own, `role_cues.version`.
    """

    lexicon: Lexicon
    groups: Mapping[str, GroupSpec]
    files: Mapping[str, Path]
    role_cues: RoleCues

    @cached_property
    def version(self) -> str:
        """The short hash of the content."""
        text = json.dumps({name: group.model_dump() for name, group in sorted(self.groups.items())})
        content = f"{self.lexicon.digest}{text}{events_digest()}{self.role_cues.events_version}"
        return hashlib.sha256(content.encode()).hexdigest()[:VERSION_DIGITS]

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
                    remedy="correct it",
                )
            done[name] = Phrases(
                roles=group.roles or AGENT,
                any=compiler.patterns(group.any, f"{where}.any"),
                but=compiler.patterns(group.but, f"{where}.but"),
                unless=done[group.unless] if group.unless else None,
            )
        return done


def load_language(site: Path | None = None, language: str = "en") -> Language:
    """The program's `language` with the changes that the folder `site` makes.

    Raises UsageError for a broken file, an unknown key, and an incomplete new group or cue.
    """
    extra = site / LEXICON_NAME if site else None
    lexicon = load_lexicon(extra if extra and extra.is_file() else None, language)
    groups: dict[str, GroupSpec] = {}
    files: dict[str, Path] = {}
    for file in (SHARED_NAME, CONSENT_NAME):
        own = LANGUAGES_FOLDER / language / file
        read = _read(own, GroupSpec)
        groups |= read
        files |= dict.fromkeys(read, own)
    changed = site / SHARED_NAME if site else None
    if changed is not None and changed.is_file():
        for name, more in _read(changed, _SiteGroup).items():
            groups[name] = _changed(groups.get(name), more, f"{changed}: {name}")
            files[name] = changed
    return Language(lexicon=lexicon, groups=groups, files=files, role_cues=load_role_cues(site, language))


def _read(path: Path, spec: type[_Group]) -> dict[str, _Group]:
    values = with_own_sets(read_toml(path), path)
    try:
        return TypeAdapter(dict[str, spec]).validate_python(values)  # type: ignore[valid-type]
    except ValidationError as error:
        raise readable(error, path, values) from None


def _changed(before: GroupSpec | None, more: _SiteGroup, where: str) -> GroupSpec:
    """The group with a site's entry for it."""
    if before is None or more.replace:
        if not more.any:
            raise UsageError("missing key", where=f"{where}.any", remedy="add it")
        return GroupSpec(any=more.any, but=more.but, unless=more.unless, roles=more.roles)
    return GroupSpec(
        any=(*before.any, *more.any),
        but=(*before.but, *more.but),
        unless=more.unless or before.unless,
        roles=more.roles or before.roles,
    )
