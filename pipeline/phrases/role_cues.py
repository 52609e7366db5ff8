"""The cues for roles, announcements and greetings: the program's `roles.toml` with a site's changes.

They are regular expressions over what a speaker said, in lower case, because roles are found in the texts of
voices, before there are turns. A site's rule folder may have a `roles.toml`; its format is described at the
head of the program's.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import AfterValidator, Field, ValidationError

from pipeline.errors import UsageError
from pipeline.phrases.lexicon import Spec, Text, read_toml, readable
from pipeline.phrases.word_lists import any_pattern, load_words
from pipeline.records import Direction

LANGUAGES_FOLDER = Path(__file__).parent
ROLES_NAME = "roles.toml"
VERSION_DIGITS = 12

ListName = Literal["announcement", "queue", "live", "greeting", "hello", "machine", "carrier"]
LISTS: tuple[ListName, ...] = get_args(ListName)
_FOR_EVENTS = {"greeting", "hello", "machine", "carrier"}
"""The lists that detect transfers and the kind of call. The others decide roles and announcements."""


def _expression(text: str) -> str:
    """The text, if it is a regular expression that can be joined with others; else ValueError."""
    try:
        pattern = re.compile(f"|(?:{text})")
    except re.error as error:
        raise ValueError(f"a regular expression ({error})") from None
    if pattern.groups:
        raise ValueError("a regular expression without groups; write (?:…) instead of (…)")
    if re.search(text, ""):
        raise ValueError("a regular expression that does not match the empty text")
    return text


Expression = Annotated[Text, AfterValidator(_expression)]
Expressions = tuple[Expression, ...]
_AtLeastOne = Annotated[Expressions, Field(min_length=1)]
Party = Literal["agent", "customer"]
_Spec = TypeVar("_Spec", bound=Spec)


class CueSpec(Spec):
    """A cue, as written."""

    name: Text
    speaks_for: Party
    weight: float = Field(ge=0, allow_inf_nan=False)
    opening: bool = False
    direction: Direction | None = None
    patterns: _AtLeastOne


class RolesSpec(Spec):
    """The program's `roles.toml`, as written."""

    announcement: _AtLeastOne
    queue: _AtLeastOne
    live: _AtLeastOne
    greeting: _AtLeastOne
    hello: _AtLeastOne
    machine: _AtLeastOne
    carrier: _AtLeastOne
    cues: tuple[CueSpec, ...]


class _SiteCue(Spec):
    """A cue that a site adds, or what it changes in the program's cue of that name."""

    name: Text
    speaks_for: Party | None = None
    weight: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    opening: bool | None = None
    direction: Direction | None = None
    patterns: Expressions = ()
    replace: bool = False


class _SiteRoles(Spec):
    """A site's `roles.toml`, as written; `replace` names the lists that take the place of the program's."""

    replace: tuple[ListName, ...] = ()
    announcement: Expressions = ()
    queue: Expressions = ()
    live: Expressions = ()
    greeting: Expressions = ()
    hello: Expressions = ()
    machine: Expressions = ()
    carrier: Expressions = ()
    cues: tuple[_SiteCue, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """A cue for the agent (weight above 0) or the customer (below); an `opening` cue counts only early.

    One with a `direction` counts only in calls of that direction: who calls says why, who is called answers.
    """

    name: str
    pattern: re.Pattern[str]
    weight: float
    opening: bool = False
    direction: Direction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleCues:
    """The cues ready to search, and the versions of their content (short hashes).

    `version` covers what decides roles and announcements, which are found once, in the analysis of the audio.
    `events_version` covers what detects transfers and the kind of call, also in stored calls.
    """

    cues: tuple[Cue, ...]
    announcement: re.Pattern[str]
    queue: re.Pattern[str]
    live: re.Pattern[str]
    greeting: re.Pattern[str]
    hello: re.Pattern[str]
    machine: re.Pattern[str]
    carrier: re.Pattern[str]
    announcements: tuple[re.Pattern[str], ...]
    """The expressions of `announcement` one by one."""
    version: str
    events_version: str

    def on(self, direction: Direction | None) -> RoleCues:
        """The cues for a call of this direction; where it is not known, those for an inbound one."""
        known = direction or "inbound"
        return replace(self, cues=tuple(cue for cue in self.cues if cue.direction in {None, known}))


def load_role_cues(site: Path | None = None, language: str = "en") -> RoleCues:
    """The program's cues with the changes that `roles.toml` in the folder `site` makes, if there is one.

    Raises UsageError, naming file, key and remedy, for a broken file, an unknown key, a bad expression and an
    incomplete new cue.
    """
    spec = _read(LANGUAGES_FOLDER / language / ROLES_NAME, RolesSpec)
    changed = site / ROLES_NAME if site else None
    if changed is not None and changed.is_file():
        spec = _changed(spec, _read(changed, _SiteRoles), changed)
    lists: dict[str, Expressions] = {name: getattr(spec, name) for name in LISTS}
    for_audio = {name: values for name, values in lists.items() if name not in _FOR_EVENTS}
    cues = [cue.model_dump() for cue in spec.cues]
    answers = load_words("talk", language)["answers"]
    return RoleCues(
        cues=tuple(_cue(cue) for cue in spec.cues if cue.weight),
        announcements=tuple(any_pattern([pattern]) for pattern in spec.announcement),
        version=_digest({"lists": for_audio, "cues": cues, "answers": answers}),
        events_version=_digest({name: lists[name] for name in sorted(_FOR_EVENTS)}),
        **{name: any_pattern(values) for name, values in lists.items()},
    )


@cache
def program_role_cues() -> RoleCues:
    """The program's cues without changes by a site."""
    return load_role_cues()


def _read(path: Path, spec: type[_Spec]) -> _Spec:
    values = read_toml(path)
    try:
        return spec.model_validate(values)
    except ValidationError as error:
        raise readable(error, path, values) from None


def _changed(own: RolesSpec, site: _SiteRoles, path: Path) -> RolesSpec:
    """The program's cues with a site's changes."""
    lists: dict[str, Expressions] = {}
    for name in LISTS:
        more: Expressions = getattr(site, name)
        if name in site.replace and not more:
            raise UsageError(
                "missing key", where=f"{path}: {name}", remedy="add it, or remove it from replace"
            )
        lists[name] = more if name in site.replace else (*getattr(own, name), *more)
    cues = {cue.name: cue for cue in own.cues}
    for more_cue in site.cues:
        cues[more_cue.name] = _changed_cue(cues.get(more_cue.name), more_cue, f"{path}: cues")
    return RolesSpec(cues=tuple(cues.values()), **lists)


def _changed_cue(before: CueSpec | None, more: _SiteCue, where: str) -> CueSpec:
    """The cue with a site's entry for it. A new one needs all of its keys but `opening` and `direction`."""
    given = more.model_dump(exclude_none=True, exclude={"replace", "patterns"})
    if before is None:
        needed = {**given, "patterns": more.patterns} if more.patterns else given
        missing = [key for key in ("speaks_for", "weight", "patterns") if key not in needed]
        if missing:
            remedy = "add it; a new cue needs it"
            raise UsageError("missing key", where=f"{where}.{missing[0]}", value=more.name, remedy=remedy)
        return CueSpec(**needed)
    if more.replace and not more.patterns:
        raise UsageError("missing key", where=f"{where}.patterns", value=more.name, remedy="add it")
    patterns = more.patterns if more.replace else (*before.patterns, *more.patterns)
    return before.model_copy(update={**given, "patterns": patterns})


def _cue(spec: CueSpec) -> Cue:
    weight = spec.weight if spec.speaks_for == "agent" else -spec.weight
    return Cue(
        name=spec.name,
        pattern=any_pattern(spec.patterns),
        weight=weight,
        opening=spec.opening,
        direction=spec.direction,
    )


def _digest(content: dict[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:VERSION_DIGITS]
