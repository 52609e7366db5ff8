"""Determines the number of voices among pieces of speech, and the voice of each piece.

Pieces are compared by the cosine of their voice embeddings. A split into several voices is judged by
how much more alike pieces of one voice are than pieces of two: by chance alone any voice can be cut in
two, but then the two parts are about as alike as each is in itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist

from pipeline.settings import DiarizationSettings

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

SOLID_S = 0.9  # shorter pieces are too uncertain to found a voice
MOST_PIECES = 800  # compared with each other; some ten minutes of speech
ENOUGH_S = 5.0  # speech of a voice from which its gap counts in full
NEIGHBOURS = 0.3  # share of the pieces that spectral clustering joins to each
LEAST_NEIGHBOURS = 4
EXPECTED_LIKENESS = 0.66  # of two pieces of one voice, where too few pieces show it
EXPECTED_WEIGHT = 0.5
ROUNDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """Stretches of speech by one voice each: `embeddings` of unit length, shape (n, d), and their times."""

    embeddings: Floats
    start_s: Floats
    end_s: Floats

    @property
    def weights(self) -> Floats:
        """The weight of each piece: its length in seconds."""
        return self.end_s - self.start_s

    def thinned(self, most: int) -> Pieces:
        """At most `most` of the pieces, evenly spaced."""
        if len(self.start_s) <= most:
            return self
        at = np.linspace(0, len(self.start_s) - 1, most).round().astype(int)
        return Pieces(embeddings=self.embeddings[at], start_s=self.start_s[at], end_s=self.end_s[at])


@dataclass(frozen=True, slots=True, kw_only=True)
class Voices:
    """`labels` per piece, `centres` per voice (unit length), and `gap`, the evidence for the split.

    `worth` is the gap, less where a voice hardly speaks: odd sounds are unlike everything.
    """

    labels: Labels
    centres: Floats
    gap: float
    worth: float = 0.0

    @property
    def count(self) -> int:
        """The number of voices."""
        return len(self.centres)


def unit(vectors: Floats) -> Floats:
    """The vectors, scaled to length 1."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-9), np.float64)


def find_voices(pieces: Pieces, settings: DiarizationSettings) -> Voices:
    """The voices of at least one piece: two if the split shows it, more only on strong evidence.

    Of very many pieces, evenly spaced ones are compared; `labels` are theirs.
    """
    pieces = pieces.thinned(MOST_PIECES)
    one = Voices(labels=np.zeros(len(pieces.start_s), np.int64), centres=_centres(pieces, None, 1), gap=0.0)
    two = _best_split(pieces, 2, 0.0)
    if two is None:
        return one
    if two.gap < settings.sure_gap:
        two = _best_split(pieces, 2, settings.at_length_s) or two
        if not _is_dialogue(pieces, two, settings):
            return Voices(labels=one.labels, centres=one.centres, gap=two.gap)
    best = two
    for count in range(3, settings.max_speakers + 1):
        more = _best_split(pieces, count, settings.min_extra_s)
        if more is None or more.gap < settings.extra_gap:
            break
        best = more
    return best


def _is_dialogue(pieces: Pieces, two: Voices, settings: DiarizationSettings) -> bool:
    spoken = np.bincount(two.labels, pieces.weights, minlength=2)
    return bool(
        two.gap >= settings.least_gap
        and spoken.min() >= settings.at_length_s
        and handovers(pieces, two.labels, settings.handover_s) >= settings.handovers
    )


def handovers(pieces: Pieces, labels: Labels, within_s: float) -> int:
    """Number of speaker changes with a pause of at most `within_s` seconds."""
    order = np.argsort(pieces.start_s, kind="stable")
    soon = pieces.start_s[order][1:] - pieces.end_s[order][:-1] <= within_s
    return int((soon & (np.diff(labels[order]) != 0)).sum())


def _best_split(pieces: Pieces, count: int, least_s: float) -> Voices | None:
    """The split into `count` voices that is worth most; each must speak for `least_s` seconds."""
    best: Voices | None = None
    for labels in _candidates(pieces, count):
        refined = _refine(pieces, labels, count)
        if refined is None:
            continue
        spoken = np.bincount(refined, pieces.weights, minlength=count)
        gap = _gap(pieces, refined, count)
        worth = gap * min(1.0, spoken.min() / ENOUGH_S)
        if spoken.min() >= least_s and (best is None or worth > best.worth + 1e-6):
            centres = _centres(pieces, refined, count)
            best = Voices(labels=refined, centres=centres, gap=gap, worth=worth)
    return best


def _candidates(pieces: Pieces, count: int) -> Iterator[Labels]:
    """Splits of the solid pieces; the others get the nearest voice when the split is refined."""
    solid = np.flatnonzero(pieces.weights >= SOLID_S)
    if len(solid) < 2 * count:
        solid = np.arange(len(pieces.weights))
    if len(solid) < count:
        return
    found = []
    likeness = pieces.embeddings[solid] @ pieces.embeddings[solid].T
    if len(solid) > LEAST_NEIGHBOURS:
        found.append(_spectral(likeness, count))
    tree = linkage(pdist(pieces.embeddings[solid], "cosine"), "average")
    # With more clusters than voices, the lightest are odd pieces, set aside until the split is refined.
    for cut in (count, count + 1, 2 * count, 3 * count):
        ranks = _by_weight(fcluster(tree, cut, "maxclust"), pieces.weights[solid])
        found.append(np.where(ranks < count, ranks, -1))
    for part in found:
        labels = np.full(len(pieces.weights), -1, np.int64)
        labels[solid] = part
        yield labels


def _by_weight(labels: NDArray[np.int32], weights: Floats) -> Labels:
    """The clusters numbered from the heaviest on."""
    _, place = np.unique(labels, return_inverse=True)
    order = np.argsort(-np.bincount(place, weights), kind="stable")
    return np.asarray(np.argsort(order, kind="stable")[place], np.int64)


def _spectral(likeness: Floats, count: int) -> Labels:
    """Spectral clustering of the graph that joins each piece to those most like it."""
    n = len(likeness)
    keep = max(LEAST_NEIGHBOURS, round(NEIGHBOURS * n))
    threshold = -np.sort(-likeness, axis=1)[:, min(keep, n) - 1 : min(keep, n)]
    graph = np.where(likeness >= threshold, np.clip(likeness, 0, 1), 0.0)
    graph = (graph + graph.T) / 2
    scale = 1 / np.sqrt(graph.sum(axis=1))
    _, vectors = np.linalg.eigh(np.eye(n) - graph * scale[:, None] * scale[None])
    return _nearest_seeds(unit(vectors[:, :count]), count)


def _nearest_seeds(points: Floats, count: int) -> Labels:
    """K-means from far-apart seeds, the same for the same points."""
    seeds = [int(np.argmax(((points - points.mean(axis=0)) ** 2).sum(axis=1)))]
    while len(seeds) < count:
        distance = np.min([((points - points[s]) ** 2).sum(axis=1) for s in seeds], axis=0)
        seeds.append(int(np.argmax(distance)))
    centres = points[seeds]
    labels = np.zeros(len(points), np.int64)
    for _ in range(ROUNDS):
        labels = ((points[:, None] - centres[None]) ** 2).sum(axis=-1).argmin(axis=1)
        centres = np.array(
            [points[labels == k].mean(axis=0) if (labels == k).any() else centres[k] for k in range(count)]
        )
    return labels


def _refine(pieces: Pieces, labels: Labels, count: int) -> Labels | None:
    """Each piece to the voice it is most like, until nothing changes; None when a voice dies out."""
    for _ in range(ROUNDS):
        if len(np.unique(labels[labels >= 0])) < count:
            return None
        nearest = (pieces.embeddings @ _centres(pieces, labels, count).T).argmax(axis=1)
        if (nearest == labels).all():
            break
        labels = nearest
    return labels


def _centres(pieces: Pieces, labels: Labels | None, count: int) -> Floats:
    member = np.ones((1, len(pieces.weights))) if labels is None else np.arange(count)[:, None] == labels
    return unit((member * pieces.weights) @ pieces.embeddings)


def _gap(pieces: Pieces, labels: Labels, count: int) -> float:
    """Least likeness, over any two of the voices, that is lost by going from one voice to the other."""
    apart = np.maximum.outer(pieces.start_s, pieces.start_s) >= np.minimum.outer(pieces.end_s, pieces.end_s)
    weights = np.outer(pieces.weights, pieces.weights) * apart
    likeness = weights * (pieces.embeddings @ pieces.embeddings.T)
    member = (np.arange(count)[:, None] == labels).astype(np.float64)
    mass, total = member @ weights @ member.T, member @ likeness @ member.T
    gaps = []
    for i in range(count):
        for j in range(i):
            own, pairs = total[i, i] + total[j, j], mass[i, i] + mass[j, j]
            same = (own + EXPECTED_WEIGHT * EXPECTED_LIKENESS) / (pairs + EXPECTED_WEIGHT)
            gaps.append(same - total[i, j] / max(mass[i, j], 1e-9))
    return float(min(gaps))
