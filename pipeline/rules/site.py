"""The rule packs of a folder as written, and a site's changes to the program's packs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pipeline.errors import UsageError
from pipeline.phrases.lexicon import DEFAULT_LANGUAGE, read_toml, readable, with_own_sets
from pipeline.phrases.role_cues import ROLES_NAME
from pipeline.phrases.shared import LEXICON_NAME, SHARED_NAME
from pipeline.rules.spec import PackSpec, ScorecardEntry

log = logging.getLogger(__name__)

SCORECARD_NAME = "scorecard.toml"
CHECK = "check"
"""The table of a pack that describes its check."""
_RELEASED_CHECK = "logic"
"""The table `[check]` in packs of release 0.1.0; this name is read until release 0.3."""
_NEEDS_ALL = frozenset({"counts", CHECK, "phrases", "examples"})
_OWN_KEYS = {"phrases", "examples"}
"""What a pack of another language does not take over from the English one."""
_NO_PACKS = {LEXICON_NAME, SHARED_NAME, ROLES_NAME, SCORECARD_NAME, "wordings.toml"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A pack as read: its values and the files they come from; a fault is reported with the last one."""

    values: dict[str, Any]
    files: tuple[Path, ...]

    @property
    def file(self) -> Path:
        """The file to name in reports of faults."""
        return self.files[-1]


def read_packs(folder: Path) -> dict[str, Pack]:
    """The packs of one folder by id."""
    out: dict[str, Pack] = {}
    for path in sorted(folder.glob("*.toml")):
        if path.name in _NO_PACKS:
            continue
        values = with_own_sets(_renamed(read_toml(path), path), path)
        if "id" not in values:
            raise UsageError("missing key", where=f"{path}: id", remedy="add it")
        rule_id = str(values["id"])
        if rule_id in out:
            remedy = f"{out[rule_id].file.name} has it too; rename one"
            raise UsageError("two rules with one id", where=f"{path}: id", value=rule_id, remedy=remedy)
        out[rule_id] = Pack(values=values, files=(path,))
    for rule_id, pack in out.items():
        if pack.file.stem != rule_id:
            remedy = "make it the file's name without .toml"
            where = f"{pack.file}: id"
            raise UsageError("id is not the file's name", where=where, value=rule_id, remedy=remedy)
    return out


def languages_in(folder: Path) -> tuple[str, ...]:
    """The languages besides English that `folder` has packs for, as ISO 639-1 codes."""
    return tuple(sorted(path.name for path in folder.iterdir() if path.is_dir()))


def read_packs_in(language: str, folder: Path) -> dict[str, Pack]:
    """The packs of another language than English; what they do not say is as in the English ones of `folder`.

    Raises UsageError for a language without packs, and for a pack of a rule that there is not in English.
    """
    if language not in languages_in(folder):
        allowed = ", ".join((DEFAULT_LANGUAGE, *languages_in(folder)))
        remedy = "make a folder of that name with packs"
        raise UsageError("no rule packs for the language", value=language, allowed=allowed, remedy=remedy)
    english, out = read_packs(folder), {}
    for rule_id, pack in read_packs(folder / language).items():
        if rule_id not in english:
            where, allowed = f"{pack.file}: id", ", ".join(english)
            raise UsageError("no such rule in English", where=where, allowed=allowed, remedy="rename it")
        base = {key: value for key, value in english[rule_id].values.items() if key not in _OWN_KEYS}
        out[rule_id] = replace(pack, values=base | pack.values)
    return out


def _renamed(values: dict[str, Any], path: Path) -> dict[str, Any]:
    """The values of a pack with its table `[logic]` under its present name."""
    if _RELEASED_CHECK not in values or CHECK in values:
        return values
    log.warning("%s: [%s] is called [%s] now; rename it before release 0.3", path, _RELEASED_CHECK, CHECK)
    return {CHECK if key == _RELEASED_CHECK else key: value for key, value in values.items()}


def with_site(own: Mapping[str, Pack], site: Path) -> dict[str, Pack]:
    """The program's packs, replaced, changed and joined by the site's."""
    if not any(site.glob("*.toml")):
        remedy = "put one TOML file a rule there, or unset rules.packs"
        raise UsageError("no rule packs", where=site, remedy=remedy)
    out = dict(own)
    for rule_id, pack in read_packs(site).items():
        if rule_id in own and not _NEEDS_ALL & pack.values.keys():
            values = own[rule_id].values | pack.values
            out[rule_id] = Pack(values=values, files=(*own[rule_id].files, *pack.files))
        else:
            _check_whole(pack, own)
            out[rule_id] = pack
    return out


def _check_whole(pack: Pack, own: Mapping[str, Pack]) -> None:
    """Raise UsageError for a file that is neither a whole pack nor a change of one of our `own` rules."""
    missing = [key for key, field in PackSpec.model_fields.items() if field.is_required()]
    missing = [key for key in missing if key not in pack.values]
    if not missing or pack.values.keys() - PackSpec.model_fields.keys():  # an unknown key says more
        return
    if pack.file.stem in own:
        why = f"a file with any of {', '.join(sorted(_NEEDS_ALL))} replaces the whole rule"
    else:
        why = f"a rule of your own needs them; to change one of ours, name it: {', '.join(sorted(own))}"
    remedy = f"{why}; start from what 'earwitness rules show ID' prints"
    raise UsageError("missing keys", where=f"{pack.file}: {', '.join(missing)}", remedy=remedy)


def read_scorecard(path: Path, packs: Mapping[str, Pack]) -> dict[str, ScorecardEntry]:
    """The entries of a site's scorecard by rule; empty without one."""
    if not path.is_file():
        return {}
    values = read_toml(path)
    try:
        scorecard = TypeAdapter(dict[str, ScorecardEntry]).validate_python(values)
    except ValidationError as error:
        raise readable(error, path, values) from None
    for rule_id in scorecard.keys() - packs.keys():
        known = ", ".join(sorted(packs))
        remedy = "check the spelling"
        raise UsageError("unknown rule", where=f"{path}: {rule_id}", allowed=known, remedy=remedy)
    return scorecard
