"""Clear words of a call for those who have a reason, which goes to the access trail first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.audit.lookup import find_recording
from pipeline.masking.hide import is_sealed, opened
from pipeline.records import Role
from pipeline.sealing.keys import KeyFile
from pipeline.sealing.trail import Trail
from pipeline.store import Connection
from pipeline.store.files import beside
from pipeline.store.one_call import read_call
from pipeline.store.sealed import keys_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What opens sealed text: the keys, the trail that notes it, and the reason why."""

    keys: KeyFile
    trail: Trail
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A turn in clear; seconds from the start of the recording."""

    start_s: float
    role: Role
    text: str


def trail_of(db: Path) -> Trail:
    """The access trail of the store `db`, beside it."""
    return Trail(beside(db.resolve(), ".trail.jsonl"))


def opening(db: Path, reason: str) -> Opening:
    """What opens the sealed text of the store `db`. Raises UsageError where a key is missing."""
    return Opening(keys=keys_of(db), trail=trail_of(db), reason=reason)


def reveal(connection: Connection, call: str, opening: Opening) -> Iterator[Said]:
    """The turns of a call in clear; codes that are never kept stay masked.

    `call` as for `find_recording`. The trail has its line before anything is given. Raises UsageError for an
    unknown call, one in quarantine, one whose key was destroyed, and a trail that cannot be written.
    """
    recording_id = find_recording(connection, call)
    analysis = read_call(connection, recording_id)
    if is_sealed(analysis):
        analysis = opened(analysis, opening.keys.find(recording_id))
    opening.trail.note("reveal", [recording_id], "the words of the call", opening.reason)
    for turn in analysis.turns:
        yield Said(start_s=turn.start_s, role=turn.role, text=turn.text)
