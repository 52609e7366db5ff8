"""The settings that stored calls were analysed with, compared with those of now and combined with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.setting_stages import Stage, declared, fingerprint_of, values_by_id, values_of
from pipeline.settings import Settings

AUTO = "auto"
_LANGUAGE = "asr.language"
_DETECTION = frozenset({"asr.languages", "asr.default_language", "asr.min_language_probability"})
_NAMES = "asr.names"
"""It changes how a few names are written: no reason to recognise an archive again."""
_ASSESS: tuple[Stage, ...] = ("assess",)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSettings:
    """The settings a call is assessed with now: for the code, and as stored (JSON) with their fingerprint."""

    settings: Settings
    text: str
    fingerprint: str


def assessed_with(stored: Mapping[str, Any], given: Settings) -> StoredSettings:
    """The `stored` values of a call's analysis with the assess settings of `given`.

    Stored values that this release does not know are kept in the text and have no effect.
    """
    values = {group: dict(inner) for group, inner in stored.items()}
    for group, inner in values_of(given, _ASSESS).items():
        values.setdefault(group, {}).update(inner)
    heard_with = values_by_id(Settings, stored, "audio")
    changes: dict[str, dict[str, Any]] = {}
    for one in declared(Settings):
        if one.id in heard_with:
            value = heard_with[one.id]
            changes.setdefault(one.section, {})[one.name] = tuple(value) if isinstance(value, list) else value
    sections = {name: getattr(given, name).model_copy(update=update) for name, update in changes.items()}
    return StoredSettings(
        settings=given.model_copy(update=sections),
        text=json.dumps(values, ensure_ascii=False, allow_nan=False),
        fingerprint=fingerprint_of(values),
    )


def audio_fingerprint(values: Mapping[str, Any]) -> str:
    """Sha256 (hex, 16 digits) of the ids and values of the audio settings among stored `values`.

    Settings by which a language is detected take part only where one is; `asr.names` never does.
    """
    by_id = values_by_id(Settings, values, "audio")
    by_id.pop(_NAMES, None)
    if by_id.get(_LANGUAGE) != AUTO:
        by_id = {id_: value for id_, value in by_id.items() if id_ not in _DETECTION}
    return fingerprint_of(by_id)


def audio_fingerprints(values: Mapping[str, Any]) -> frozenset[str]:
    """The fingerprints of stored calls that were heard as with the settings `values`.

    Where the language is detected these are also calls that were recognised in one of the languages that
    are detected: a new default makes no call outdated.
    """
    accepted = {audio_fingerprint(values)}
    section, name = _LANGUAGE.split(".")
    if values[section][name] == AUTO:
        for language in values[section]["languages"]:
            accepted.add(audio_fingerprint({**values, section: {**values[section], name: language}}))
    return frozenset(accepted)


def assess_fingerprint(values: Mapping[str, Any]) -> str:
    """Sha256 (hex, 16 digits) of the ids and values of the assess settings among stored `values`."""
    return fingerprint_of(values_by_id(Settings, values, "assess"))
