"""Intervals of shares that people estimated from a sample, and the agreement of two reviewers.

All intervals are two-sided and of 95 %. Shares are 0 to 1. Nothing here knows of calls or rules.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Method = Literal["exact", "wilson"]

Z = 1.959963984540054
"""97.5 % point of the normal distribution."""
TAIL = 0.025
"""Probability of each tail."""
SMALL_POPULATION = 2000
"""A stratum up to this size has the exact interval, if enough of it is judged."""
ENOUGH = 0.05
"""The share of a small stratum from which the exact interval is used."""
MIN_DOUBLES = 30
"""With fewer findings that two people judged there is no coefficient of agreement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """From `low` to `high`, both included."""

    low: float
    high: float
    method: Method

    @property
    def width(self) -> float:
        """0 where everything is known."""
        return self.high - self.low


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """The findings of one verdict: `population` in all, of which people found `right` and `wrong` so.

    `unclear` are those that people could not decide.
    """

    population: int
    right: int = 0
    wrong: int = 0
    unclear: int = 0

    @property
    def judged(self) -> int:
        """Without the unclear ones."""
        return self.right + self.wrong

    @property
    def share(self) -> float | None:
        """The share found right; None where nothing was decided."""
        return self.right / self.judged if self.judged else None

    @property
    def interval(self) -> Interval | None:
        """That of `share`: exact in a small stratum of which enough is judged, else Wilson's."""
        if not self.judged:
            return None
        small = self.population <= SMALL_POPULATION and self.judged >= ENOUGH * self.population
        # A call can have been judged and then left the store.
        if small and self.judged <= self.population:
            return exact(self.right, self.judged, self.population)
        return wilson(self.right, self.judged)

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The share with every unclear one wrong, and with every one right; None where nothing is judged."""
        every = self.judged + self.unclear
        return (self.right / every, (self.right + self.unclear) / every) if every else None


def wilson(right: int, judged: int) -> Interval:
    """E. B. Wilson's score interval (Journal of the American Statistical Association 22, 1927, 209).

    >>> round(wilson(50, 50).low, 3)
    0.929
    """
    share, z2 = right / judged, Z * Z
    middle = (share + z2 / (2 * judged)) / (1 + z2 / judged)
    half = math.sqrt(z2 * (share * (1 - share) / judged + z2 / (4 * judged * judged))) / (1 + z2 / judged)
    return Interval(low=max(0.0, middle - half), high=min(1.0, middle + half), method="wilson")


def exact(right: int, judged: int, population: int) -> Interval:
    """The interval for a sample of a finite population, by inverting the hypergeometric distribution.

    Holds every number of right findings in the population with which neither a result so high nor one so
    low has a probability below 2.5 %. Its width is 0 when all are judged.

    >>> exact(3, 3, 3).low
    1.0
    """
    from scipy.stats import hypergeom  # noqa: PLC0415 - slow to import

    least, most = right, population - (judged - right)

    def may_be_low(right_in_all: int) -> bool:
        return float(hypergeom.sf(right - 1, population, right_in_all, judged)) > TAIL

    def may_be_high(right_in_all: int) -> bool:
        return float(hypergeom.cdf(right, population, right_in_all, judged)) > TAIL

    # Both are monotonic in the number of right findings.
    low, end = least, most
    while low < end:
        middle = (low + end) // 2
        low, end = (low, middle) if may_be_low(middle) else (middle + 1, end)
    start, high = least, most
    while start < high:
        middle = (start + high + 1) // 2
        start, high = (middle, high) if may_be_high(middle) else (start, middle - 1)
    return Interval(low=low / population, high=high / population, method="exact")


def corrected(passes: Stratum, fails: Stratum) -> tuple[float, float, float] | None:
    """The pass rate corrected for wrong verdicts, with the ends of its interval.

    The estimate is that of double sampling (Tenenbein, JASA 65, 1970, 1350): a wrong pass is a fail and a
    wrong fail a pass. The interval is MOVER over both strata (Zou and Donner, Statistics in Medicine 27,
    2008, 1693). None where a verdict that occurs was not judged.
    """
    total = passes.population + fails.population
    if not total:
        return None
    rate = below = above = 0.0
    for stratum, is_pass in ((passes, True), (fails, False)):
        weight = stratum.population / total
        if not weight:
            continue
        share, interval = stratum.share, stratum.interval
        if share is None or interval is None:
            return None
        down, up = weight * (share - interval.low), weight * (interval.high - share)
        rate += weight * (share if is_pass else 1 - share)
        below += (down if is_pass else up) ** 2
        above += (up if is_pass else down) ** 2
    return rate, max(0.0, rate - math.sqrt(below)), min(1.0, rate + math.sqrt(above))


def agreement(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Gwet's AC1 of two reviewers' answers to the same questions; None below `MIN_DOUBLES`.

    1 is full agreement, 0 what chance would give. Cohen's kappa would call 48 agreements of 50 poor where
    one answer is rare (Gwet, British Journal of Mathematical and Statistical Psychology 61, 2008, 29).
    """
    answers = sorted({answer for pair in pairs for answer in pair})
    if len(pairs) < MIN_DOUBLES:
        return None
    if len(answers) < 2:
        return 1.0
    agreed = sum(first == second for first, second in pairs) / len(pairs)
    used = [sum(pair.count(answer) for pair in pairs) / (2 * len(pairs)) for answer in answers]
    chance = sum(share * (1 - share) for share in used) / (len(answers) - 1)
    return (agreed - chance) / (1 - chance)


def neyman(
    populations: Mapping[str, int], expected: Mapping[str, float], sample: int, least: int
) -> dict[str, int]:
    """How many to judge of each stratum for the narrowest corrected rate: by share times standard deviation.

    `expected` is the share of each stratum that is right. Each gets at least `least`, or all it has; in a
    sample too small for that they get equal shares.

    >>> neyman({"pass": 900, "fail": 100}, {"pass": 0.95, "fail": 0.85}, 50, 5)
    {'pass': 42, 'fail': 8}
    """
    sample = min(sample, sum(populations.values()))
    least = min(least, sample // len(populations))
    drawn = {name: min(least, size) for name, size in populations.items()}
    weights = {
        name: size * math.sqrt(expected[name] * (1 - expected[name])) for name, size in populations.items()
    }
    while (left := sample - sum(drawn.values())) > 0 and any(drawn[n] < populations[n] for n in populations):
        open_ = [name for name, size in populations.items() if drawn[name] < size]
        total = sum(weights[name] for name in open_) or 1.0
        # The one that is furthest below its due comes next.
        due = {name: weights[name] / total * (sum(drawn[n] for n in open_) + left) for name in open_}
        drawn[max(open_, key=lambda name: due[name] - drawn[name])] += 1
    return drawn
