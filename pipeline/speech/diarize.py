"""Who speaks when on one channel that several people share.

A segmentation network follows up to three voices through windows of 10 s and says where two speak at
once. Where its windows overlap, its voices are joined to threads. Pieces of speech with one voice each
get an embedding; these are clustered over the whole call. Where the segmentation saw no change
but the embeddings did, the change is put where the speech is faintest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.frames import FRAME_RATE, HOP, SAMPLE_RATE, Mask, levels_db, to_mask, to_spans
from pipeline.records import SpeakerSpan
from pipeline.settings import DiarizationSettings
from pipeline.spans import Span
from pipeline.speech.voice_clusters import Floats, Labels, Pieces, Voices, find_voices, unit
from pipeline.speech.window_tracks import Segmentation, carry_over, join_windows

TARGET_RMS = 0.05  # of the speech, before noise is added
PIECE = 150  # frames (1.5 s) of a piece, half overlapping the next
LEAST_PIECE = 30  # frames; less says nothing about a voice
FAINT_DB = 20.0  # below the speech's level: a pause, where a change of speaker costs least
LEAST_PAUSE_S = 0.12  # a shorter one is a plosive
PAUSE_SHARE = 0.25  # of the switch cost, in a pause
CHANGE_SHARE = 0.1  # of the switch cost, where the segmentation changes or speech was interrupted
CLEAR_GAP = 0.2  # between voices that are surely two
CONFIDENT_AGREEMENT = 0.85


class Segment(Protocol):
    """Segmentation of levelled audio at 16 kHz."""

    def __call__(self, samples: NDArray[np.float32]) -> Segmentation:
        """Windows over all of `samples`."""
        ...


class Embed(Protocol):
    """Voice embeddings, shape (n, d), of stretches given as first and last frame (10 ms)."""

    def __call__(
        self, samples: NDArray[np.float32], stretches: Sequence[tuple[int, int]]
    ) -> NDArray[np.float32]:
        """One row per stretch, in their order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Diarization:
    """Speakers of a channel: `spans` cover its speech, twice where two speak at once (`overlaps`).

    Speakers are named `speaker1`, `speaker2`, ... in order of appearance. `overlap_confident` is false
    where the segmentation does not separate these voices: then `overlaps` says nothing about who
    talks over whom. `confidence`, 0 to 1, is that of the number of speakers and of who is who.
    """

    spans: tuple[SpeakerSpan, ...]
    overlaps: tuple[Span, ...]
    overlap_confident: bool
    speakers: int
    confidence: float


NOBODY = Diarization(spans=(), overlaps=(), overlap_confident=False, speakers=0, confidence=0.0)


class Diarize(Protocol):
    """Speakers of one channel; `samples` at 16 kHz, its `speech`, and what is `excluded` from comparison."""

    def __call__(
        self, samples: NDArray[np.float32], speech: Sequence[Span], excluded: Sequence[Span]
    ) -> Diarization:
        """The speakers of the channel; an empty result is possible."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceDiarizer:
    """Diarization by segmentation and voice embeddings."""

    segment: Segment
    embed: Embed
    settings: DiarizationSettings

    def __call__(
        self, samples: NDArray[np.float32], speech: Sequence[Span], excluded: Sequence[Span]
    ) -> Diarization:
        """The speakers in `speech`, by time. Music and announcements in `excluded` start no cluster."""
        n = len(samples) // HOP
        spoken = to_mask(speech, n)
        if not spoken.any():
            return NOBODY
        even = level(samples, spoken, self.settings.noise_floor)
        leading, overlap = join_windows(self.segment(even), n)
        doubled = (overlap >= self.settings.overlap_probability) & spoken
        usable = spoken & ~doubled & ~to_mask(excluded, n)
        whole = cut_pieces(leading, usable)
        parts = cut_pieces(leading, usable & ~pauses(even, spoken))
        if not parts:
            first, nobody = np.zeros(n, np.int64), np.zeros(n, bool)
            return _diarization(first, first, spoken, nobody, confident=(False, 0.0))
        pieces = self._pieces(even, sorted({*whole, *parts}))
        fine = _only(pieces, parts)
        voices = max(
            (find_voices(p, self.settings) for p in (fine, _only(pieces, whole))),
            key=lambda v: (v.count, v.worth),
        )
        doubled &= to_mask([s for s in to_spans(doubled) if s.duration_s >= self.settings.min_overlap_s], n)
        if voices.count == 1:
            return self._one_voice(voices, spoken, doubled)
        scores = frame_scores(fine, voices, n)
        cost = switch_costs(even, leading, spoken, self.settings.switch_cost)
        speaker = decode(scores / FRAME_RATE, cost)
        return _diarization(
            speaker,
            _other_speaker(speaker, spoken),
            spoken,
            doubled,
            confident=(
                _agreement(leading[usable], speaker[usable]) >= CONFIDENT_AGREEMENT,
                voices.gap / CLEAR_GAP,
            ),
        )

    def _pieces(self, samples: NDArray[np.float32], stretches: Sequence[tuple[int, int]]) -> Pieces:
        return Pieces(
            embeddings=unit(self.embed(samples, stretches).astype(np.float64)),
            start_s=np.array([a for a, _ in stretches]) / FRAME_RATE,
            end_s=np.array([b for _, b in stretches]) / FRAME_RATE,
        )

    def _one_voice(self, voices: Voices, spoken: Mask, doubled: Mask) -> Diarization:
        """One speaker; a second only where enough overlap proves one who never speaks alone."""
        nobody = np.zeros(len(spoken), bool)
        second = doubled if doubled.sum() / FRAME_RATE >= self.settings.overlap_shows_s else nobody
        first = np.zeros(len(spoken), np.int64)
        certainty = 1 - max(0.0, voices.gap) / self.settings.sure_gap
        return _diarization(first, first + 1, spoken, second, confident=(False, certainty))


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineDiarizer:
    """Diarization by a whole pipeline, `run`, fitted to the speech of the channel."""

    run: Callable[[NDArray[np.float32]], Sequence[SpeakerSpan]]
    settings: DiarizationSettings

    def __call__(
        self, samples: NDArray[np.float32], speech: Sequence[Span], excluded: Sequence[Span]
    ) -> Diarization:
        """The speakers in `speech`, by time; `excluded` is silenced before the pipeline runs."""
        n = len(samples) // HOP
        spoken = to_mask(speech, n)
        if not spoken.any():
            return NOBODY
        quiet = samples.copy()
        for span in excluded:
            quiet[round(span.start_s * SAMPLE_RATE) : round(span.end_s * SAMPLE_RATE)] = 0
        tracks = self.run(level(quiet, spoken, self.settings.noise_floor))
        names = sorted({track.speaker for track in tracks})
        active = np.array(
            [to_mask([t.span for t in tracks if t.speaker == name], n) for name in names], np.float32
        ).reshape(len(names), n)
        speaker = np.zeros(n, np.int64)
        if names:
            speaker = carry_over(active.argmax(axis=0), active.max(axis=0) > 0)
        several = len(np.unique(speaker[spoken])) > 1
        doubled = (active.sum(axis=0) > 1) & spoken
        other = _other_speaker(speaker, spoken)
        return _diarization(speaker, other, spoken, doubled, confident=(several, float(len(names) > 0)))


def level(samples: NDArray[np.float32], spoken: Mask, noise_floor: float) -> NDArray[np.float32]:
    """The audio with its speech at an even level and a little noise, always the same for the same length."""
    heard = samples[: len(spoken) * HOP].reshape(-1, HOP)[spoken]
    rms = float(np.sqrt(np.mean(heard.astype(np.float64) ** 2)))
    noise = np.random.default_rng(0).standard_normal(len(samples), np.float32)
    gain = TARGET_RMS / max(rms, 1e-6)
    return np.asarray(
        np.clip(samples * np.float32(gain), -1, 1) + np.float32(noise_floor) * noise, np.float32
    )


def _only(pieces: Pieces, stretches: Sequence[tuple[int, int]]) -> Pieces:
    """The pieces that are `stretches`."""
    times = {
        (round(a * FRAME_RATE), round(b * FRAME_RATE)): i
        for i, (a, b) in enumerate(zip(pieces.start_s, pieces.end_s, strict=True))
    }
    at = [times[stretch] for stretch in stretches]
    return Pieces(embeddings=pieces.embeddings[at], start_s=pieces.start_s[at], end_s=pieces.end_s[at])


def pauses(samples: NDArray[np.float32], spoken: Mask) -> Mask:
    """The pauses inside speech that are too short to count as silence."""
    faintness = _faintness(samples, spoken)
    runs = [s for s in to_spans(faintness >= 1) if s.duration_s >= LEAST_PAUSE_S]
    return to_mask(runs, len(spoken))


def _faintness(samples: NDArray[np.float32], spoken: Mask) -> Floats:
    """Depth of the pause per frame: 0 at the level of speech, 1 in a pause."""
    levels = levels_db(samples)[: len(spoken)]
    return np.asarray(np.clip((np.percentile(levels[spoken], 75) - levels) / FAINT_DB, 0, 1), np.float64)


def cut_pieces(leading: Labels, usable: Mask) -> list[tuple[int, int]]:
    """Stretches (first, last frame) of at most 1.5 s inside one thread and one run of usable speech."""
    label = np.where(usable, leading + 1, -1)
    edges = np.flatnonzero(np.diff(label, prepend=-2, append=-2))
    stretches: list[tuple[int, int]] = []
    for a, b in pairwise(edges):
        if label[a] < 0 or b - a < LEAST_PIECE:
            continue
        if b - a <= PIECE * 5 // 4:
            stretches.append((int(a), int(b)))
            continue
        steps = -(-(b - a - PIECE) // (PIECE // 2)) + 1
        stretches += [(int(s), int(s) + PIECE) for s in np.linspace(a, b - PIECE, steps)]
    return stretches


def frame_scores(pieces: Pieces, voices: Voices, n: int) -> Floats:
    """Likeness of each frame to each voice, shape (n, voices): pieces count most at their middle."""
    scores, weights = np.zeros((n, voices.count)), np.zeros(n)
    likeness = pieces.embeddings @ voices.centres.T
    for i, (start_s, end_s) in enumerate(zip(pieces.start_s, pieces.end_s, strict=True)):
        a, b = round(start_s * FRAME_RATE), round(end_s * FRAME_RATE)
        shape = 1.0 - np.abs(np.linspace(-0.95, 0.95, b - a))
        scores[a:b] += shape[:, None] * likeness[i]
        weights[a:b] += shape
    return np.asarray(scores / np.maximum(weights, 1e-9)[:, None], np.float64)


def switch_costs(samples: NDArray[np.float32], leading: Labels, spoken: Mask, most: float) -> Floats:
    """Cost of a change of speaker just before each frame: least in pauses and where the thread changes."""
    faintness = _faintness(samples, spoken)
    cost = most * (1 - (1 - PAUSE_SHARE) * faintness)
    change = np.diff(leading, prepend=leading[:1]) != 0
    cost[change | ~spoken] = most * CHANGE_SHARE
    return np.asarray(cost, np.float64)


def decode(scores: Floats, cost: Floats) -> Labels:
    """The speaker per frame with the best sum of scores less the costs of changes (Viterbi)."""
    n, count = scores.shape
    came = np.zeros((n, count), np.int8)
    best = scores[0].copy()
    own = np.arange(count)
    for t in range(1, n):
        leader = int(best.argmax())
        switched = best[leader] - cost[t]
        stay = best >= switched
        came[t] = np.where(stay, own, leader)
        best = np.where(stay, best, switched) + scores[t]
    labels = np.zeros(n, np.int64)
    labels[-1] = int(best.argmax())
    for t in range(n - 1, 0, -1):
        labels[t - 1] = came[t, labels[t]]
    return labels


def _agreement(threads: Labels, speakers: Labels) -> float:
    """Share of the frames whose speaker is the one that most often has their thread."""
    if not len(threads):
        return 0.0
    together = np.zeros((threads.max() + 2, speakers.max() + 1))
    np.add.at(together, (threads + 1, speakers), 1)
    return float(together.max(axis=1).sum() / len(threads))


def _diarization(
    speaker: Labels, other: Labels, spoken: Mask, doubled: Mask, *, confident: tuple[bool, float]
) -> Diarization:
    """The result from the speaker per frame and, where `doubled`, the other one.

    `confident` is that of overlaps and of the speakers.
    """
    doubled = doubled & (other >= 0)
    heard = np.concatenate([speaker[spoken], other[doubled]])
    names = {int(k): f"speaker{i + 1}" for i, k in enumerate(dict.fromkeys(heard.tolist()))}
    spans = [
        SpeakerSpan(speaker=name, start_s=s.start_s, end_s=s.end_s)
        for k, name in names.items()
        for s in to_spans((spoken & (speaker == k)) | (doubled & (other == k)))
    ]
    return Diarization(
        spans=tuple(sorted(spans, key=lambda s: (s.start_s, s.end_s, s.speaker))),
        overlaps=to_spans(doubled),
        overlap_confident=confident[0] and len(names) > 1,
        speakers=len(names),
        confidence=float(np.clip(confident[1], 0, 1)),
    )


def _other_speaker(speaker: Labels, spoken: Mask) -> Labels:
    """Per frame the speaker, other than its own, who spoke nearest to it."""
    n = len(speaker)
    other = np.full(n, -1, np.int64)
    nearest = np.full(n, n + 1)
    for k in np.unique(speaker[spoken]):
        at = np.flatnonzero(spoken & (speaker == k))
        after = np.clip(np.searchsorted(at, np.arange(n)), 0, len(at) - 1)
        before = np.clip(after - 1, 0, None)
        distance = np.minimum(np.abs(at[after] - np.arange(n)), np.abs(at[before] - np.arange(n)))
        closer = (distance < nearest) & (speaker != k)
        other[closer], nearest[closer] = k, distance[closer]
    return other
