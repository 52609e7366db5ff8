"""Which recording people mean: by its id or the start of one, its call's reference, or its file's name."""

from __future__ import annotations

import re

from pipeline.errors import UsageError
from pipeline.store import Connection, ask

MIN_PREFIX = 4
"""Fewer hex digits are taken for a name only."""

_SHOWN = 5
_ALLOWED = f"a recording_id or its first {MIN_PREFIX} or more digits, a call_ref, or a file's name"

_SQL = """
SELECT
    recording.recording_id,
    recording.uri,
    recording.recording_id = $name AS is_id,
    call.call_ref IS NOT DISTINCT FROM $name
    OR regexp_extract(recording.uri, '[^/]*$') = $name
    OR regexp_replace(regexp_extract(recording.uri, '[^/]*$'), '\\.[^.]*$', '') = $name
    OR recording.uri = $name AS is_named
FROM recording
LEFT JOIN call ON call.recording_id = recording.recording_id
WHERE is_id OR is_named OR ($prefix AND starts_with(recording.recording_id, lower($name)))
ORDER BY recording.uri
"""


def find_recording(connection: Connection, name: str) -> str:
    """The recording_id of the one recording that `name` means.

    A whole id wins over a name, and a name over the first digits of an id. Raises UsageError when none or
    several are meant.
    """
    prefix = re.fullmatch(rf"[0-9a-fA-F]{{{MIN_PREFIX},64}}", name) is not None
    rows = ask(connection, _SQL, {"name": name, "prefix": prefix}).rows
    by_id = [row for row in rows if row[2]]
    named = [row for row in rows if row[3]]
    meant = by_id or named or list(rows)
    if not meant:
        remedy = "see them with: earwitness sql 'SELECT recording_id, call_ref, uri FROM call_summary'"
        raise UsageError("no such call in the store", value=name, allowed=_ALLOWED, remedy=remedy)
    if len(meant) > 1:
        some = ", ".join(f"{row[0][:12]} ({row[1]})" for row in meant[:_SHOWN])
        more = f" and {len(meant) - _SHOWN} more" if len(meant) > _SHOWN else ""
        raise UsageError(
            "several calls are meant", value=name, allowed=some + more, remedy="give more of the recording_id"
        )
    return str(meant[0][0])
