"""How much later one side of a call was recorded than the other, from what of it is heard in the other.

Two recorders begin at different instants, and their clocks run at different speeds. What shows it is sound
that both have: the echo or crosstalk of one side in the other, or a mix of both. Windows of one signal are
searched in the other, with the level of every frequency taken out, so that a faint echo in a pause counts as
much as loud speech. Windows that agree on one line, lag over time, give offset and drift.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from pipeline.audio.frames import SAMPLE_RATE
from pipeline.records import Samples

MAX_OFFSET_S = 10.0
"""Longest lag that is searched."""
MAX_DRIFT_PPM = 500.0
"""Clocks of recorders differ by less; sound at another speed is another matter."""
MAX_ECHO_S = 0.5
"""Longest time after which an echo comes back: a lag up to this may be an echo's and no offset."""
LEAST_PEAK = 9.0
"""A window counts where its best lag stands out so far, in standard deviations."""
LEAST_FAINTER_DB = 6.0
"""An echo is fainter than its source by more than this, which tells the two apart."""
LEAST_WINDOWS = 3
"""So many windows have to agree."""
LEAST_SHIFT_S = 0.02
"""A leg is moved where it is certainly later or earlier by more than this."""
LEAST_PARTING_S = 0.05
"""A drift is corrected where it parts the sides by more than this over the call."""

_TOLERANCE_S = 0.004
_LEAST_SPREAD = 0.5
_WINDOW = 4 * SAMPLE_RATE
_WINDOWS = 32
_FRAME = 512
_BAND = slice(10, 109)  # bins of _FRAME: 310 to 3400 Hz
_BELOW_LOUDEST = 1e-4
_LOUD = 0.03
_PIECE = 60 * SAMPLE_RATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """The lag of what is heard behind its source: `at_s` where the source begins, growing by `drift`.

    `windows` agree on it of the `searched` ones. `drift` is None where they lie too close together.
    """

    at_s: float
    drift: float | None
    windows: int
    searched: int

    def turned(self) -> Lag:
        """The lag of the source behind what is heard."""
        slower = 1 + (self.drift or 0.0)
        drift = None if self.drift is None else -self.drift / slower
        return Lag(at_s=-self.at_s / slower, drift=drift, windows=self.windows, searched=self.searched)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """Channel 1 is later than channel 0 by `offset_s`, certainly within `least_s` to `most_s`.

    It falls behind by `drift` seconds a second, None where that is not known. `heard_in` is `echo` or `mix`.
    """

    offset_s: float
    least_s: float
    most_s: float
    drift: float | None
    heard_in: str
    windows: int
    searched: int

    @property
    def is_shifted(self) -> bool:
        """Whether the sides certainly do not begin together."""
        return self.least_s > LEAST_SHIFT_S or self.most_s < -LEAST_SHIFT_S

    def parts(self, duration_s: float) -> bool:
        """Whether the drift parts the sides audibly over a call of this length."""
        return self.drift is not None and abs(self.drift) * duration_s > LEAST_PARTING_S


def find_alignment(legs: Samples | Sequence[Samples], mix: Samples | None = None) -> Alignment | None:
    """How the second of two mono signals at 16 kHz lies to the first; None where it cannot be told.

    `mix` is a mono recording of both; where it holds both, it decides. Of an echo it is not known how long it
    took: heard both ways, the offset lies between the two lags; heard one way, it is up to `MAX_ECHO_S` less.
    """
    if mix is not None:
        first, second = (find_lag(leg, mix, least_fainter_db=-np.inf) for leg in legs)
        if first is not None and second is not None:
            return _by_mix(first, second)
    return _by_echo(find_lag(legs[0], legs[1]), find_lag(legs[1], legs[0]))


def _by_mix(first: Lag, second: Lag) -> Alignment:
    back = second.turned()
    offset_s = first.at_s + back.at_s + (back.drift or 0.0) * first.at_s
    drift = None
    if first.drift is not None and back.drift is not None:
        drift = first.drift + back.drift + back.drift * first.drift
    return _alignment(offset_s, (offset_s, offset_s), drift, "mix", (first, second))


def _by_echo(there: Lag | None, back: Lag | None) -> Alignment | None:
    if there is not None and back is not None and abs(there.at_s + back.at_s) <= _TOLERANCE_S:
        # One sound found twice, with either side as its source; the windows say which it is.
        there, back = (there, None) if there.windows >= back.windows else (None, back)
    if there is not None and back is not None:
        echoes_s = there.at_s + back.at_s
        if not 0 <= echoes_s <= 2 * MAX_ECHO_S:
            return None  # they contradict each other
        offset_s = (there.at_s - back.at_s) / 2
        known = [lag.drift for lag in (there, back.turned()) if lag.drift is not None]
        drift = float(np.mean(known)) if known else None
        return _alignment(offset_s, (-back.at_s, there.at_s), drift, "echo", (there, back))
    if there is not None:
        limits = (there.at_s - MAX_ECHO_S, there.at_s)
        return _alignment(there.at_s, limits, there.drift, "echo", (there,))
    if back is not None:
        turned = back.turned()
        return _alignment(turned.at_s, (turned.at_s, turned.at_s + MAX_ECHO_S), turned.drift, "echo", (back,))
    return None


def _alignment(
    offset_s: float, limits_s: tuple[float, float], drift: float | None, heard_in: str, lags: Sequence[Lag]
) -> Alignment:
    return Alignment(
        offset_s=offset_s,
        least_s=min(limits_s),
        most_s=max(limits_s),
        drift=drift,
        heard_in=heard_in,
        windows=sum(lag.windows for lag in lags),
        searched=sum(lag.searched for lag in lags),
    )


def find_lag(
    source: NDArray[np.float32], heard: NDArray[np.float32], *, least_fainter_db: float = LEAST_FAINTER_DB
) -> Lag | None:
    """The lag of `source` in `heard`, both mono at 16 kHz; None where too few windows agree.

    Windows count in which `heard` is fainter than its source by `least_fainter_db`.
    """
    starts = _loud_windows(source)
    points = [
        ((start + _WINDOW / 2) / SAMPLE_RATE, found)
        for start in starts
        if (found := _window_lag(source, heard, start, least_fainter_db)) is not None
    ]
    best: tuple[tuple[float, float], ...] = ()
    for (t1, lag1), (t2, lag2) in combinations(points, 2):
        drift = (lag2 - lag1) / (t2 - t1)
        if abs(drift) > MAX_DRIFT_PPM * 1e-6 + _TOLERANCE_S / (t2 - t1):
            continue
        near = tuple(p for p in points if abs(p[1] - lag1 - drift * (p[0] - t1)) <= _TOLERANCE_S)
        best = max(best, near, key=len)
    if len(best) < LEAST_WINDOWS:
        return None
    times, lags = np.array(best).T
    if times[-1] - times[0] < _LEAST_SPREAD * len(source) / SAMPLE_RATE:
        return Lag(at_s=float(np.median(lags)), drift=None, windows=len(best), searched=len(starts))
    drift, at_s = np.polyfit(times, lags, 1)
    return Lag(at_s=float(at_s), drift=float(drift), windows=len(best), searched=len(starts))


def _loud_windows(samples: NDArray[np.float32]) -> list[int]:
    """Where the loudest window of each stretch of the call begins, at most 32, one after the other."""
    starts = np.arange(0, len(samples) - _WINDOW + 1, _WINDOW)
    powers = np.array([_power(samples[s : s + _WINDOW]) for s in starts])
    if not powers.size or powers.max() <= 0:
        return []
    stretches = np.array_split(np.arange(starts.size), min(_WINDOWS, starts.size))
    loudest = (stretch[np.argmax(powers[stretch])] for stretch in stretches)
    return [int(starts[at]) for at in loudest if powers[at] > _BELOW_LOUDEST * powers.max()]


def _window_lag(
    source: NDArray[np.float32], heard: NDArray[np.float32], start: int, least_fainter_db: float
) -> float | None:
    """The lag in s at which the window from `start` is heard; None where none stands out."""
    most = round(MAX_OFFSET_S * SAMPLE_RATE)
    first = start - most
    part = heard[max(0, first) : max(0, start + _WINDOW + most)]
    if len(part) < _WINDOW:
        return None
    wanted, there = _flat(source[start : start + _WINDOW], quiet=False), _flat(part, quiet=True)
    size = 1 << (len(wanted) + len(there) - 1).bit_length()
    likeness = np.fft.irfft(np.conj(np.fft.rfft(wanted, size)) * np.fft.rfft(there, size), size)
    lags = np.arange(len(there)) + max(0, first) - start
    near = np.abs(likeness[: len(there)])
    peak = int(np.argmax(near))
    scatter = float(np.sqrt(np.mean(near**2)))
    if scatter <= 0 or near[peak] < LEAST_PEAK * scatter:
        return None
    lag = int(lags[peak])
    echo = heard[max(0, start + lag) : max(0, start + lag) + _WINDOW]
    return lag / SAMPLE_RATE if _fainter_db(source[start:], echo) >= least_fainter_db else None


def _fainter_db(source: NDArray[np.float32], echo: NDArray[np.float32]) -> float:
    """How much fainter an echo is than its source: the median of the frames in which that is loud."""
    count = min(len(source), len(echo), _WINDOW) // _FRAME
    if not count:
        return 0.0
    own, other = (
        np.mean(np.square(one[: count * _FRAME].reshape(count, _FRAME), dtype=np.float64), axis=1) + 1e-12
        for one in (source, echo)
    )
    loud = own >= own.max() * _LOUD
    return float(np.median(10 * np.log10(own[loud] / other[loud])))


def _power(samples: NDArray[np.float32]) -> float:
    return float(np.dot(samples, samples)) / max(1, len(samples))


def _flat(samples: NDArray[np.float32], *, quiet: bool) -> NDArray[np.float64]:
    """The band of a telephone with the same level at each frequency and instant; only phases are left.

    Frames far below the loudest one are left out unless `quiet` ones count.
    """
    hop = _FRAME // 2
    window = np.sqrt(np.hanning(_FRAME + 1)[:-1])
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::hop] * window
    spectra = np.fft.rfft(frames)
    band = spectra[:, _BAND]
    power = np.mean(np.abs(band) ** 2, axis=1)
    kept = power > (1e-14 if quiet else 1e-3 * power.max() + 1e-14)
    flat = np.zeros_like(spectra)
    flat[kept, _BAND] = band[kept] / (np.abs(band[kept]) + 1e-12)
    pieces = np.fft.irfft(flat, _FRAME) * window
    out = np.zeros(len(samples))
    for number, piece in enumerate(pieces):
        out[number * hop : number * hop + _FRAME] += piece
    return out


def aligned(legs: Sequence[NDArray[np.float32]], offset_s: float, drift: float) -> Samples:
    """Two mono signals at 16 kHz as rows, the second moved to the first: nothing of either is lost.

    The second is read at `offset_s` plus `drift` times the time in the first.
    """
    before = round(max(0.0, offset_s) * SAMPLE_RATE)
    offset = offset_s * SAMPLE_RATE
    end = before + max(len(legs[0]), int((len(legs[1]) - offset) / (1 + drift)))
    samples = np.zeros((2, end), np.float32)
    samples[0, before : before + len(legs[0])] = legs[0]
    if drift == 0:
        start = before - round(offset)
        samples[1, start : start + len(legs[1])] = legs[1][: end - start]
        return samples
    for first in range(0, end, _PIECE):
        place = np.arange(first, min(first + _PIECE, end)) - before
        place = place + offset + drift * place
        low = max(0, int(place[0]) - 16)
        piece = legs[1][low : max(low, int(place[-1]) + 17)]
        if piece.size:
            samples[1, first : first + len(place)] = map_coordinates(
                piece, [place - low], order=3, mode="constant"
            )
    return samples
