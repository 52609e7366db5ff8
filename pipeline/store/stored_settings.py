"""The settings of a stored call that is judged again: what its audio went through stays as it was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.settings import Section, Settings, fingerprint_of

JUDGED_SECTIONS = ("holds", "overlaps", "silences", "rules")
"""The sections that only `judgement` reads: to change them needs no audio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSettings:
    """The settings a call is judged with now: for the code, and as stored (JSON) with their fingerprint."""

    settings: Settings
    text: str
    fingerprint: str


def judged_with(stored: Mapping[str, Any], given: Settings) -> StoredSettings:
    """The `stored` values of a call's analysis with the judged sections of `given`.

    Settings that this release does not know are kept in the text and have no effect.
    """
    now = given.analysis_values()
    values = {**stored, **{name: now[name] for name in JUDGED_SECTIONS}}
    heard_with = {
        name: _section(getattr(given, name), section)
        for name, section in _audio_part(stored).items()
        if name in Settings.model_fields
    }
    return StoredSettings(
        settings=given.model_copy(update=heard_with),
        text=json.dumps(values, ensure_ascii=False, allow_nan=False),
        fingerprint=fingerprint_of(values),
    )


def audio_fingerprint(values: Mapping[str, Any]) -> str:
    """Sha256 (hex, 16 digits) of the values that decide what is heard in the audio."""
    return fingerprint_of(_audio_part(values))


def _audio_part(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: section for name, section in values.items() if name not in JUDGED_SECTIONS}


def _section(given: Section, values: Mapping[str, Any]) -> Section:
    known = type(given).model_fields
    return given.model_copy(update={name: value for name, value in values.items() if name in known})
