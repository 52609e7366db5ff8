"""Recognises the archive's own hold music by its fingerprint.

A fingerprint is made of landmarks: pairs of spectral peaks close in time, each packed into a number of two
frequencies and the time between them, with the frame of the first [Wang, An Industrial-Strength Audio
Search Algorithm, 2003]. Peaks survive telephone codecs, changes of level and speech above the music. Music
is the same where many landmarks agree in one offset between the two. Nothing here depends on the order of
the calls but the names of the tracks and which calls a track was learned from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from pipeline.audio.frames import SAMPLE_RATE, stft
from pipeline.records import Fingerprint, HoldTrack
from pipeline.spans import Span

N_FFT = 1024  # 64 ms
HOP = 512  # 32 ms
FRAME_S = HOP / SAMPLE_RATE
LOW_BIN, HIGH_BIN = 16, 224  # 250 to 3500 Hz in steps of 15.6 Hz
PEAK_FRAMES, PEAK_BINS = 13, 19  # a peak is the highest within 0.2 s and 140 Hz each way
PEAK_DB = 10.0  # above the frame's median
FAINTEST_DB = -85.0
PARTNERS = 6
MIN_APART, MAX_APART = 2, 62  # frames between the two peaks of a pair: 6 bits
BLOCK = 4096  # frames at once, to bound memory

MIN_HITS = 12  # landmarks that agree in one offset; chance gives at most 5
MIN_HITS_PER_S = 1.5
MAX_GAP_S = 2.0  # the agent may look in where there is a gap
MIN_PART_HITS = 4  # in a stretch between gaps

_Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Landmarks:
    """Landmarks in order of time: their `codes` and the `frames` of 32 ms at which they begin."""

    codes: _Ints
    frames: _Ints

    def between(self, start_s: float, end_s: float) -> Landmarks:
        """The landmarks that begin in a stretch, their frames counted from its start."""
        first = round(start_s / FRAME_S)
        inside = (self.frames >= first) & (self.frames * FRAME_S < end_s)
        return Landmarks(codes=self.codes[inside], frames=self.frames[inside] - first)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A stretch in which a track plays; `offset` is the track's frame at frame 0 of the landmarks."""

    track_id: str
    offset: int
    span: Span
    hits: int


NO_LANDMARKS = Landmarks(codes=np.zeros(0, np.int64), frames=np.zeros(0, np.int64))


def landmarks_of(part: Fingerprint) -> Landmarks:
    """The landmarks of a stored fingerprint, their frames counted from its start."""
    return Landmarks(codes=np.asarray(part.landmarks, np.int64), frames=np.asarray(part.frames, np.int64))


def find_landmarks(samples: NDArray[np.float32]) -> Landmarks:
    """The landmarks of a channel at 16 kHz; sparse where there is little sound."""
    frames, bins = _find_peaks(samples)
    codes, starts = [], []
    for step in range(1, PARTNERS + 1):
        apart = frames[step:] - frames[:-step]
        near = (apart >= MIN_APART) & (apart <= MAX_APART)
        code = (bins[:-step] << 14 | bins[step:] << 6) + apart
        codes.append(code[near])
        starts.append(frames[:-step][near])
    all_codes, all_frames = np.concatenate(codes), np.concatenate(starts)
    order = np.lexsort((all_codes, all_frames))
    return Landmarks(codes=all_codes[order], frames=all_frames[order])


def _find_peaks(samples: NDArray[np.float32]) -> tuple[_Ints, _Ints]:
    """Frames and bins (from LOW_BIN) of the spectral peaks in order of time."""
    padded = np.pad(samples, (0, N_FFT))
    n = len(samples) // HOP
    found: list[NDArray[np.intp]] = []
    for start in range(0, n, BLOCK):
        first, last = max(0, start - PEAK_FRAMES), min(n, start + BLOCK + PEAK_FRAMES)
        spectrum = stft(padded, N_FFT, HOP, slice(first, last))[:, LOW_BIN:HIGH_BIN]
        level = 20 * np.log10(np.abs(spectrum).astype(np.float32) / (N_FFT / 4) + 1e-9)
        least = np.maximum(np.median(level, axis=1, keepdims=True) + PEAK_DB, FAINTEST_DB)
        peaks = (level >= maximum_filter(level, (PEAK_FRAMES, PEAK_BINS))) & (level > least)
        at = np.argwhere(peaks[start - first : start - first + BLOCK])
        found.append(at + np.array([start, 0]))
    both = np.concatenate([np.zeros((0, 2), np.intp), *found]).astype(np.int64)
    return both[:, 0], both[:, 1]


@dataclass(frozen=True)
class Tracks:
    """Known hold music with an index of its landmarks for searching."""

    known: tuple[HoldTrack, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.known)

    @cached_property
    def _index(self) -> tuple[_Ints, _Ints, _Ints]:
        """Codes in order, with the track and the frame of each."""
        codes = _ints(track.landmarks for track in self.known)
        frames = _ints(track.frames for track in self.known)
        owners = np.repeat(np.arange(len(self.known)), [len(track.landmarks) for track in self.known])
        order = np.argsort(codes, kind="stable")
        return codes[order], owners[order], frames[order]

    def find(self, heard: Landmarks) -> tuple[Match, ...]:
        """The stretches in which the tracks play, in order of time; those of different tracks may overlap."""
        if not self.known or not len(heard.codes):
            return ()
        owners, offsets, frames = self._hits(heard)
        matches: list[Match] = []
        for owner, offset in _agreeing(owners, offsets):
            mine = (owners == owner) & (np.abs(offsets - offset) <= 1)
            for first, last, hits in _stretches(np.unique(frames[mine])):
                span = Span(float(first * FRAME_S), float(last * FRAME_S + 2 * FRAME_S))
                matches.append(
                    Match(track_id=self.known[owner].track_id, offset=offset, span=span, hits=hits)
                )
        return tuple(sorted(matches, key=lambda m: (m.span, m.track_id)))

    def _hits(self, heard: Landmarks) -> tuple[_Ints, _Ints, _Ints]:
        """The landmarks that `heard` shares with tracks: the track, the offset in frames, and our frame."""
        codes, owners, frames = self._index
        parts: list[tuple[_Ints, _Ints]] = []
        # The grids of frames differ by up to half a frame: the time between two peaks by one.
        for step in (-1, 0, 1):
            low = np.searchsorted(codes, heard.codes + step, "left")
            high = np.searchsorted(codes, heard.codes + step, "right")
            counts = high - low
            mine = np.repeat(np.arange(len(counts)), counts)
            within = np.arange(len(mine)) - np.repeat(np.cumsum(counts) - counts, counts)
            parts.append((np.repeat(low, counts) + within, mine))
        at = np.concatenate([part[0] for part in parts])
        mine = np.concatenate([part[1] for part in parts])
        return owners[at], frames[at] - heard.frames[mine], heard.frames[mine]


NO_TRACKS = Tracks()


def _ints(parts: Iterable[Sequence[int]]) -> _Ints:
    return np.concatenate([np.zeros(0, np.int64), *(np.asarray(part, np.int64) for part in parts)])


def _agreeing(owners: _Ints, offsets: _Ints) -> list[tuple[int, int]]:
    """The (track, offset) pairs that enough landmarks agree in, most first; neighbours count with them."""
    if not len(owners):
        return []
    low = int(offsets.min()) - 1
    width = int(offsets.max()) - low + 2
    keys, counts = np.unique(owners * width + (offsets - low), return_counts=True)
    votes = dict(zip(keys.tolist(), counts.tolist(), strict=True))
    total = {key: votes.get(key - 1, 0) + n + votes.get(key + 1, 0) for key, n in votes.items()}
    enough = sorted((k for k, n in total.items() if n >= MIN_HITS), key=lambda k: (-total[k], -votes[k], k))
    kept: dict[int, None] = {}
    for key in enough:
        if not any(key + step in kept for step in (-2, -1, 1, 2)):
            kept[key] = None
    return [(key // width, key % width + low) for key in kept]


def _stretches(frames: _Ints) -> list[tuple[int, int, int]]:
    """First frame, last frame and number of hits of each stretch of agreeing landmarks."""
    parts = np.split(frames, np.flatnonzero(np.diff(frames) * FRAME_S > MAX_GAP_S) + 1)
    found = [(int(part[0]), int(part[-1]), len(part)) for part in parts if len(part) >= MIN_PART_HITS]
    dense = [(a, b, n) for a, b, n in found if n >= MIN_HITS_PER_S * (b - a) * FRAME_S]
    return dense if sum(n for _, _, n in dense) >= MIN_HITS else []
