"""What a store knows about each recording, as far as a plan needs it.

Owned by `store`, which lends its connection.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.records import Pairs, RecordingFile
from pipeline.store.reading import Connection
from pipeline.store.stored_settings import assess_fingerprint, audio_fingerprint

_SETTINGS = "SELECT settings_hash, any_value(settings) FROM analysis GROUP BY settings_hash"
_VERSIONS = ("asr_model", "rules_version", "attribution_version", "algorithm", "audio_algorithm")
"""The last columns of `_KNOWN`."""
_KNOWN = """
SELECT
    recording_id, uri, status, analysed_at, settings_hash, holds, pauses,
    asr_model, rules_version, attribution_version, algorithm, audio_algorithm
FROM recording
LEFT JOIN analysis USING (recording_id)
LEFT JOIN call USING (recording_id)
"""
_FILES = "SELECT recording_id, uri, sha256, part, leg_index FROM recording_file ORDER BY recording_id, rowid"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredState:
    """The state of a stored recording; versions are None for a quarantined one.

    `holds` and `pauses` are those that its metadata gave.
    """

    uri: str
    status: str
    settings_hash: str | None
    asr_model: str | None
    rules_version: str | None
    attribution_version: str | None = None
    algorithm: int | None = None
    audio_algorithm: int | None = None
    audio_hash: str | None = None
    """Fingerprint of the audio settings it was analysed with."""
    assess_hash: str | None = None
    """Fingerprint of the assess settings it was analysed or rechecked with."""
    agent_channel: str | None = None
    """The setting `audio.agent_channel` that it was analysed with."""
    analysed_at: datetime | None = None
    holds: Pairs | None = None
    pauses: Pairs | None = None
    files: tuple[RecordingFile, ...] = ()


def read_known(connection: Connection) -> dict[str, StoredState]:
    """The state of every stored recording, by recording_id."""
    settings = connection.execute(_SETTINGS).fetchall()
    hashes = {hash_: _settings_state(json.loads(values)) for hash_, values in settings}
    files = _files(connection)
    return {
        id_: StoredState(
            uri=uri,
            status=status,
            settings_hash=hash_,
            analysed_at=analysed_at,
            holds=_pairs(holds),
            pauses=_pairs(pauses),
            **dict(zip(_VERSIONS, versions, strict=True)),
            files=files.get(id_, ()),
            **hashes.get(hash_, {}),
        )
        for id_, uri, status, analysed_at, hash_, holds, pauses, *versions in (
            connection.execute(_KNOWN).fetchall()
        )
    }


def _files(connection: Connection) -> dict[str, tuple[RecordingFile, ...]]:
    """The files of each recording."""
    found: dict[str, tuple[RecordingFile, ...]] = {}
    for id_, *values in connection.execute(_FILES).fetchall():
        uri, sha256, part, leg_index = values
        file = RecordingFile(uri=uri, sha256=sha256, part=part, leg_index=leg_index)
        found[id_] = (*found.get(id_, ()), file)
    return found


def _pairs(stored: Sequence[Sequence[float]] | None) -> Pairs | None:
    return None if stored is None else tuple((start_s, end_s) for start_s, end_s in stored)


def _settings_state(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of StoredState that follow from stored settings."""
    return {
        "audio_hash": audio_fingerprint(values),
        "assess_hash": assess_fingerprint(values),
        "agent_channel": values.get("audio", {}).get("agent_channel"),
    }
