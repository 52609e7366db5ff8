"""Shares and pooled measures with their intervals of 95 %.

A share of calls has E. B. Wilson's interval (Journal of the American Statistical Association 22 (1927) 209),
a difference of two shares R. G. Newcombe's (Statistics in Medicine 17 (1998) 873, method 10), and a measure
pooled over calls as sum / sum that of a ratio estimator, with calls as the sampling units (W. G. Cochran,
Sampling Techniques (1977), chapter 6): what happens within a call hangs together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from scipy.special import stdtrit

Z = 1.959963984540054
"""97.5 % point of the normal distribution."""
UPPER = 0.975
FEW = 10
"""A share of fewer calls, and a measure over fewer, is shown as resting on few."""

Direction = Literal["up", "down", "unclear"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """`count` of `of` calls; undefined where that is 0."""

    count: int
    of: int

    @property
    def value(self) -> float | None:
        """0 to 1."""
        return self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's interval, 0 to 1.

        >>> low, high = Share(count=8, of=10).interval
        >>> round(low, 3), round(high, 3)
        (0.49, 0.943)
        """
        if not self.of:
            return None
        p, z2 = self.count / self.of, Z * Z / self.of
        middle = (p + z2 / 2) / (1 + z2)
        half = Z * math.sqrt((p * (1 - p) + z2 / 4) / self.of) / (1 + z2)
        return max(middle - half, 0.0), min(middle + half, 1.0)

    @property
    def few(self) -> bool:
        """Whether it rests on few calls."""
        return self.of < FEW


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """A measure of several calls as sums over them: numerators, denominators, their squares and products."""

    calls: int
    n: float
    d: float
    nn: float
    nd: float
    dd: float

    @property
    def value(self) -> float | None:
        """Sum of the numerators / sum of the denominators; None where that is 0."""
        return self.n / self.d if self.d else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """None with fewer than two calls, of which nothing can be said about other calls."""
        if self.calls < 2 or not self.d:
            return None
        ratio = self.n / self.d
        squares = max(self.nn - 2 * ratio * self.nd + ratio * ratio * self.dd, 0.0)
        error = math.sqrt(squares * self.calls / (self.calls - 1)) / self.d
        half = float(stdtrit(self.calls - 1, UPPER)) * error
        return (max(ratio - half, 0.0) if self.n >= 0 else ratio - half), ratio + half

    @property
    def few(self) -> bool:
        """Whether it rests on few calls."""
        return self.calls < FEW

    def __add__(self, other: Pooled) -> Pooled:
        """Both together."""
        return Pooled(
            calls=self.calls + other.calls,
            n=self.n + other.n,
            d=self.d + other.d,
            nn=self.nn + other.nn,
            nd=self.nd + other.nd,
            dd=self.dd + other.dd,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The difference of a share to that of the former period, -1 to 1."""

    value: float
    low: float
    high: float

    @property
    def direction(self) -> Direction:
        """Where the interval leaves out 0."""
        if self.low > 0:
            return "up"
        return "down" if self.high < 0 else "unclear"


def change(before: Share, now: Share) -> Change | None:
    """The difference of two shares with Newcombe's interval; None where one of them is undefined."""
    p, q = now.value, before.value
    if p is None or q is None or now.interval is None or before.interval is None:
        return None
    (p_low, p_high), (q_low, q_high) = now.interval, before.interval
    below = math.hypot(p - p_low, q_high - q)
    above = math.hypot(p_high - p, q - q_low)
    return Change(value=p - q, low=p - q - below, high=p - q + above)
