"""Learns known tracks from the archive's music: what occurs in several recordings.

Fingerprints that agree are laid on one time line and become a track; those that agree with a known track
make it longer. The result depends on the fingerprints alone, but for one thing: a track has its name from
what was known of it when it was learned.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from pipeline.audio.fingerprints import FRAME_S, Match, Tracks, landmarks_of
from pipeline.records import Fingerprint, HoldTrack

LEARN_HITS = 40
LEARN_HITS_PER_S = 3.0  # another tune in the same key and beat reaches 2.5
MAX_TRACK_S = 600.0
EXTEND_S = 30.0  # a track grows by no more at once: what follows may be another piece
COVER = round(1.0 / FRAME_S)  # frames in a second, the grain of what a track covers


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardMusic:
    """A fingerprint with the recording that it is from."""

    recording_id: str
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """New and longer tracks, and the track of each fingerprint (by its place) that is in one."""

    tracks: tuple[HoldTrack, ...]
    track_of: Mapping[int, str]


def learn(
    known: Sequence[HoldTrack], heard: Sequence[HeardMusic], known_after: int, now: datetime
) -> Learned:
    """New and longer tracks from fingerprints that have not been used yet.

    A new track needs `known_after` recordings.
    """
    tracks = {track.track_id: track for track in known}
    changed: set[str] = set()
    track_of: dict[int, str] = {}
    finder = Tracks(tuple(known))
    places = sorted(range(len(heard)), key=lambda place: _name(heard[place]))
    for place in places:
        one = heard[place]
        match = _best(finder.find(landmarks_of(one.fingerprint)))
        if match is not None:
            tracks[match.track_id] = _extended(tracks[match.track_id], one.fingerprint, match)
            track_of[place] = match.track_id
            changed.add(match.track_id)
    for name in changed:
        new = {heard[place].recording_id for place, track_id in track_of.items() if track_id == name}
        tracks[name] = replace(tracks[name], recordings=tracks[name].recordings + len(new))
    left = [place for place in places if place not in track_of]
    for group in _groups([heard[place] for place in left]):
        recordings = {heard[left[i]].recording_id for i in group}
        if len(recordings) >= known_after:
            track = _track({heard[left[i]].fingerprint: at for i, at in group.items()}, len(recordings), now)
            tracks[track.track_id] = track
            track_of |= {left[i]: track.track_id for i in group}
            changed.add(track.track_id)
    return Learned(tracks=tuple(tracks[name] for name in sorted(changed)), track_of=track_of)


def _name(one: HeardMusic) -> tuple[str, int, float]:
    return one.recording_id, one.fingerprint.channel, one.fingerprint.start_s


def _best(matches: Sequence[Match]) -> Match | None:
    return max(matches, key=lambda match: (match.hits, match.track_id), default=None)


def _groups(heard: Sequence[HeardMusic]) -> list[dict[int, int]]:
    """Groups of fingerprints of the same music: the frame of each on the group's time line, by its place."""
    links = _links(heard)
    groups: list[dict[int, int]] = []
    seen: set[int] = set()
    for first, neighbours in links.items():
        if first in seen or not neighbours:
            continue
        group = {first: 0}
        todo = [first]
        while todo:
            i = todo.pop(0)
            for j, offset in sorted(links[i].items()):
                if j not in group:
                    group[j] = group[i] - offset
                    todo.append(j)
        seen |= set(group)
        groups.append(group)
    return groups


def _links(heard: Sequence[HeardMusic]) -> dict[int, dict[int, int]]:
    """For each fingerprint those of other recordings with the same music, each with its offset in frames."""
    pool = Tracks(
        tuple(
            HoldTrack(
                track_id=str(i),
                learned_at=datetime.min,  # noqa: DTZ901 - never read
                recordings=1,
                landmarks=one.fingerprint.landmarks,
                frames=one.fingerprint.frames,
            )
            for i, one in enumerate(heard)
        )
    )
    links: dict[int, dict[int, int]] = {i: {} for i in range(len(heard))}
    for i, one in enumerate(heard):
        for j, offset in _offsets(pool.find(landmarks_of(one.fingerprint))).items():
            if heard[j].recording_id != one.recording_id:
                links[i].setdefault(j, offset)
                links[j].setdefault(i, -offset)
    return links


def _offsets(matches: Sequence[Match]) -> dict[int, int]:
    """The offset that most landmarks agree in, by the place of the other fingerprint.

    Only where so many agree that it is the same recording: another tune in the same key and beat shares
    some.
    """
    hits: Counter[tuple[int, int]] = Counter()
    length_s: dict[tuple[int, int], float] = defaultdict(float)
    for match in matches:
        hits[int(match.track_id), match.offset] += match.hits
        length_s[int(match.track_id), match.offset] += match.span.duration_s
    same = [key for key, n in hits.items() if n >= max(LEARN_HITS, LEARN_HITS_PER_S * length_s[key])]
    # Music that repeats itself agrees in several; the first of equals is taken.
    return dict(sorted(same, key=lambda key: (hits[key], -key[1])))


def _track(parts: Mapping[Fingerprint, int], recordings: int, now: datetime) -> HoldTrack:
    """The fingerprints, each at its frame, as one track."""
    codes: list[int] = []
    frames: list[int] = []
    for part, at in sorted(parts.items(), key=lambda item: (item[1], item[0].landmarks)):
        covered = {frame // COVER for frame in frames}
        for code, frame in zip(part.landmarks, part.frames, strict=True):
            if (frame + at) // COVER not in covered:
                codes.append(code)
                frames.append(frame + at)
    landmarks, starts = _in_order(codes, frames)
    name = hashlib.sha256(np.asarray([landmarks, starts], np.int64).tobytes()).hexdigest()[:16]
    return HoldTrack(track_id=name, learned_at=now, recordings=recordings, landmarks=landmarks, frames=starts)


def _extended(track: HoldTrack, part: Fingerprint, match: Match) -> HoldTrack:
    """The track with the seconds of `part` around the match that it did not have."""
    covered = {frame // COVER for frame in track.frames}
    near = match.span.padded(EXTEND_S)
    codes, frames = list(track.landmarks), list(track.frames)
    for code, frame in zip(part.landmarks, part.frames, strict=True):
        if frame * FRAME_S in near and (frame + match.offset) // COVER not in covered:
            codes.append(code)
            frames.append(frame + match.offset)
    landmarks, starts = _in_order(codes, frames)
    return replace(track, landmarks=landmarks, frames=starts)


def _in_order(codes: Sequence[int], frames: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Landmarks in order of time, the first at frame 0, as far as a track may reach."""
    first = min(frames)
    pairs = sorted((frame - first, code) for code, frame in zip(codes, frames, strict=True))
    kept = [(frame, code) for frame, code in pairs if frame * FRAME_S < MAX_TRACK_S]
    return tuple(code for _, code in kept), tuple(frame for frame, _ in kept)
