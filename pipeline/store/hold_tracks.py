"""Hold music in the store: which tracks are known, and what is learned from fingerprints.

Owned by `store`, which lends its connection.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pipeline.records import Fingerprint, HoldTrack
from pipeline.store.reading import Connection

if TYPE_CHECKING:
    from pipeline.audio.learn_tracks import HeardMusic

MAX_TRACKS = 200
"""No more tracks are looked for: those learned from most recordings."""
MAX_HEARD = 100
"""Fingerprints not in a track yet that are compared with each other: the newest."""

_TRACKS = """
SELECT track_id, learned_at, recordings, landmarks, frames
FROM hold_track ORDER BY recordings DESC, track_id LIMIT ?
"""
_HEARD = """
SELECT recording_id, channel, start_s, end_s, landmarks, frames
FROM fingerprint JOIN recording USING (recording_id)
WHERE track_id IS NULL
ORDER BY analysed_at DESC, recording_id, channel, start_s LIMIT ?
"""
_PLACE = "WHERE recording_id = ? AND channel = ? AND start_s = ?"


def read_tracks(connection: Connection) -> tuple[HoldTrack, ...]:
    """The known tracks."""
    return tuple(
        HoldTrack(
            track_id=track_id,
            learned_at=learned_at,
            recordings=recordings,
            landmarks=tuple(landmarks),
            frames=tuple(frames),
        )
        for track_id, learned_at, recordings, landmarks, frames in connection.execute(
            _TRACKS, [MAX_TRACKS]
        ).fetchall()
    )


def learn_tracks(connection: Connection, known_after: int) -> None:
    """Make tracks of the fingerprints that several recordings share, and lengthen those that are known."""
    from pipeline.audio.learn_tracks import learn  # noqa: PLC0415 - slow to import

    heard = _read_heard(connection)
    if not heard:
        return
    learned = learn(read_tracks(connection), heard, known_after, datetime.now(UTC))
    for track in learned.tracks:
        connection.execute(
            "INSERT OR REPLACE INTO hold_track VALUES (?, ?, ?, ?, ?)",
            [track.track_id, track.learned_at, track.recordings, list(track.landmarks), list(track.frames)],
        )
    for place, track_id in learned.track_of.items():
        one = heard[place]
        where = [one.recording_id, one.fingerprint.channel, one.fingerprint.start_s]
        connection.execute(f"UPDATE fingerprint SET track_id = ? {_PLACE}", [track_id, *where])  # noqa: S608
        connection.execute(f"UPDATE sound SET track_id = ? {_PLACE} AND kind = 'music'", [track_id, *where])  # noqa: S608


def _read_heard(connection: Connection) -> tuple[HeardMusic, ...]:
    """Fingerprints that are in no track yet, in an order that does not depend on when they were heard."""
    from pipeline.audio.learn_tracks import HeardMusic  # noqa: PLC0415 - slow to import

    rows = connection.execute(_HEARD, [MAX_HEARD]).fetchall()
    return tuple(
        HeardMusic(
            recording_id=recording_id,
            fingerprint=Fingerprint(
                channel=channel,
                start_s=start_s,
                end_s=end_s,
                landmarks=tuple(landmarks),
                frames=tuple(frames),
            ),
        )
        for recording_id, channel, start_s, end_s, landmarks, frames in sorted(rows, key=lambda row: row[:3])
    )
