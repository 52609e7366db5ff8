"""Voices followed through the windows of a segmentation network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from pipeline.audio.frames import FRAME_RATE, Mask

ACTIVE = 0.5  # probability from which a voice is active
LEAST_ACTIVE = 6  # segmentation frames (0.1 s) of a voice worth following
LEAST_COMMON_S = 0.15  # activity two windows must share to be about the same voice

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmentation:
    """Voices per window: `activity` (windows, frames, voices) and `overlap` (windows, frames), both 0 to 1.

    Windows start every `step_s` seconds, frames every `frame_s`, the first `first_s` into the window.
    Which voice of a window has which place says nothing about other windows.
    """

    activity: NDArray[np.float32]
    overlap: NDArray[np.float32]
    step_s: float
    frame_s: float
    first_s: float


@dataclass(slots=True)
class _Thread:
    """One voice from segmentation frame `start` on; `parts` are its activity in one window after another."""

    start: int
    parts: list[tuple[int, Floats]]

    def activity(self) -> Floats:
        """The voice's activity per frame, summed over its windows."""
        last, part = self.parts[-1]
        total = np.zeros(last + len(part) - self.start, np.float32)
        for offset, heard in self.parts:
            total[offset - self.start : offset - self.start + len(heard)] += heard
        return total


def join_windows(segmentation: Segmentation, n: int) -> tuple[Labels, Floats]:
    """The leading thread (-1: none in the whole call) and the overlap, 0 to 1, on `n` frames of 10 ms.

    A thread is one voice followed from window to window; it ends where the voice is silent in all that
    two windows share. Where no voice is active, the thread of the nearest frame with one leads.
    """
    windows, frames, _ = segmentation.activity.shape
    offsets = [round(i * segmentation.step_s / segmentation.frame_s) for i in range(windows)]
    total = offsets[-1] + frames
    windows_at, doubled = np.zeros(total, np.float32), np.zeros(total, np.float32)
    for offset, overlap in zip(offsets, segmentation.overlap, strict=True):
        windows_at[offset : offset + frames] += 1
        doubled[offset : offset + frames] += overlap
    windows_at = np.maximum(windows_at, 1)
    leading, most = np.full(total, -1, np.int64), np.zeros(total, np.float32)
    for i, thread in enumerate(_follow(segmentation, offsets)):
        activity = thread.activity()
        here = slice(thread.start, thread.start + len(activity))
        activity /= windows_at[here]
        ahead = activity > most[here]
        leading[here][ahead], most[here][ahead] = i, activity[ahead]
    at = (np.arange(n) + 0.5) / FRAME_RATE
    nearest = np.round((at - segmentation.first_s) / segmentation.frame_s).astype(int)
    nearest = np.clip(nearest, 0, total - 1)
    return carry_over(leading[nearest], most[nearest] >= ACTIVE / 2), (doubled / windows_at)[nearest]


def _follow(segmentation: Segmentation, offsets: list[int]) -> list[_Thread]:
    """The threads, in order of their starts."""
    activity = segmentation.activity
    frames = activity.shape[1]
    threads: list[_Thread] = []
    before: dict[int, _Thread] = {}
    for i, offset in enumerate(offsets):
        shift = offset - offsets[i - 1] if i else frames
        same = _same_voices(activity[i - 1, shift:], activity[i, : frames - shift], segmentation.frame_s)
        now: dict[int, _Thread] = {}
        for voice in np.flatnonzero((activity[i] > ACTIVE).sum(axis=0) >= LEAST_ACTIVE).tolist():
            thread = before.get(same.get(voice, -1))
            if thread is None:
                thread = _Thread(start=offset, parts=[])
                threads.append(thread)
            thread.parts.append((offset, activity[i, :, voice]))
            now[voice] = thread
        before = now
    return threads


def _same_voices(before: NDArray[np.float32], after: NDArray[np.float32], frame_s: float) -> dict[int, int]:
    """For voices of a window, the voice of the window before that is active at the same times."""
    if not len(after):
        return {}
    common = after.T @ before
    differing = np.abs(after[:, :, None] - before[:, None, :]).sum(axis=0)
    rows, columns = linear_sum_assignment(differing - common)
    return {
        int(j): int(i)
        for j, i in zip(rows, columns, strict=True)
        if common[j, i] * frame_s > LEAST_COMMON_S and common[j, i] > differing[j, i] / 2
    }


def carry_over(labels: Labels, known: Mask) -> Labels:
    """The labels, with that of the nearest known frame where it is not `known` (-1 if none is)."""
    n = len(labels)
    at = np.flatnonzero(known)
    if len(at) == 0:
        return np.full(n, -1, np.int64)
    after = np.clip(np.searchsorted(at, np.arange(n)), 0, len(at) - 1)
    before = np.clip(after - 1, 0, None)
    nearer = np.abs(at[after] - np.arange(n)) < np.abs(at[before] - np.arange(n))
    return np.asarray(labels[np.where(nearer, at[after], at[before])], np.int64)
