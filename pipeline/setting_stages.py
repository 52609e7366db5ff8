"""What each setting takes part in, read from its declaration in `pipeline.settings`.

A section names its stage, and a field that differs from its section names its own
(`Field(…, json_schema_extra={"stage": …})`). The stages are:

- ``audio``: decides what is found in the audio. A stored call that another value was used for would have to
  be recognised again to agree with the new one.
- ``assess``: decides what is concluded from what was found. A recheck applies it to stored calls.
- ``run``: decides how the program runs. It changes no result and is not stored.

Every setting has an id, `section.name` unless the field declares another. Stored values are kept by id. A
field or section that is renamed keeps its id, so that stored calls stay comparable.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict

from pipeline.errors import UsageError

Stage = Literal["audio", "assess", "run"]
Values = dict[str, dict[str, Any]]
"""Values of settings by the two parts of their ids."""

AUDIO: dict[str, Any] = {"stage": "audio"}
ASSESS: dict[str, Any] = {"stage": "assess"}
RUN: dict[str, Any] = {"stage": "run"}


class Section(BaseModel):
    """A group of settings of one stage; unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stage: ClassVar[Stage]
    formerly: ClassVar[str | None] = None
    """The section's name in the release before this one."""
    ended: ClassVar[frozenset[str]] = frozenset()
    """Settings of the release before this one that mean nothing any more."""

    def __hash__(self) -> int:
        """As of any frozen model, tables among the values included."""
        values = self.__dict__.values()
        return hash(tuple(tuple(sorted(v.items())) if isinstance(v, dict) else v for v in values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """One setting as it is declared; `formerly` is its key in the release before this one, if another."""

    section: str
    name: str
    id: str
    stage: Stage
    formerly: str | None

    @property
    def key(self) -> str:
        """The key that people write."""
        return f"{self.section}.{self.name}"


@cache
def declared(settings: type[BaseModel]) -> tuple[Declared, ...]:
    """All settings of the class whose fields are sections.

    Raises TypeError for an unknown stage and for two settings with one id.
    """
    found = []
    for section, outer in settings.model_fields.items():
        model = outer.annotation
        if not (isinstance(model, type) and issubclass(model, Section)):
            raise TypeError(f"{section} is not a section of settings")
        found += [_declared(section, name, model) for name in model.model_fields]
    if len({one.id for one in found}) < len(found):
        raise TypeError("two settings have the same id")
    return tuple(found)


def _declared(section: str, name: str, model: type[Section]) -> Declared:
    said = model.model_fields[name].json_schema_extra or {}
    if not isinstance(said, dict):
        raise TypeError(f"{section}.{name}: json_schema_extra is not a dictionary")
    stage: Any = said.get("stage", model.stage)
    if stage not in get_args(Stage):
        raise TypeError(f"{section}.{name}: unknown stage {stage}")
    formerly: Any = said.get("formerly", model.formerly and f"{model.formerly}.{name}")
    id_ = str(said.get("id", f"{section}.{name}"))
    return Declared(section=section, name=name, id=id_, stage=stage, formerly=formerly)


def values_of(settings: BaseModel, stages: Collection[Stage]) -> Values:
    """The values of the settings of some stages, as JSON has them, by id."""
    values = settings.model_dump(mode="json")
    out: Values = {}
    for one in declared(type(settings)):
        if one.stage in stages:
            group, name = one.id.split(".")
            out.setdefault(group, {})[name] = values[one.section][one.name]
    return out


def values_by_id(settings: type[BaseModel], stored: Mapping[str, Any], stage: Stage) -> dict[str, Any]:
    """Those of the `stored` values (by the parts of ids) that belong to a stage, by id.

    Ids that this release does not have are left out.
    """
    out = {}
    for one in declared(settings):
        group, name = one.id.split(".")
        if one.stage == stage and name in (stored.get(group) or {}):
            out[one.id] = stored[group][name]
    return out


def fingerprint_of(values: Mapping[str, Any]) -> str:
    """Sha256 (hex, 16 digits) of values that JSON can hold, whatever their order."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def rename_former(settings: type[BaseModel], values: dict[str, Any]) -> None:
    """Move values under the keys of the former release to those of now, with a notice on standard error.

    Raises UsageError where both keys have a value.
    """
    for one in declared(settings):
        section, _, name = (one.formerly or "").partition(".")
        if not isinstance(given := values.get(section), dict) or name not in given:
            continue
        now = values.setdefault(one.section, {})
        if not isinstance(now, dict) or one.name in now:
            remedy = f"remove {one.formerly}, its former name"
            raise UsageError("two names of one setting", where=one.formerly, value=one.key, remedy=remedy)
        now[one.name] = given.pop(name)
        _notice(f"setting {one.formerly} is called {one.key} now; the former name ends with the next release")
    for section, model in settings.model_fields.items():
        for name in getattr(model.annotation, "ended", ()):
            if isinstance(given := values.get(section), dict) and name in given:
                del given[name]
                _notice(f"setting {section}.{name} has no meaning any more, and is left out")
    for section in {one.formerly.partition(".")[0] for one in declared(settings) if one.formerly}:
        if section not in settings.model_fields and not values.get(section, True):
            del values[section]


@cache
def _notice(text: str) -> None:
    """Write a line on standard error, once in a process."""
    sys.stderr.write(f"earwitness: {text}\n")
