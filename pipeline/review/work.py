"""A drawing at work: the next finding of a reviewer, where reviewers differ, what was found so far."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.intervals import Interval, Stratum, agreement, corrected, wilson
from pipeline.records import Judgement
from pipeline.store.review_log import Drawing, Item, Judged

SECONDS_EACH = 40.0
"""Time that a judgement takes where nobody has judged anything yet, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A drawing with its items and all judgements of it that stand."""

    drawing: Drawing
    items: tuple[Item, ...]
    judged: tuple[Judged, ...]

    def of(self, position: int) -> tuple[Judged, ...]:
        """The judgements of an item."""
        return tuple(judged for judged in self.judged if judged.position == position)

    def by_position(self) -> Mapping[int, tuple[Judged, ...]]:
        """The judgements of every item that has any."""
        found: dict[int, tuple[Judged, ...]] = {}
        for judged in self.judged:
            if judged.position is not None:
                found[judged.position] = (*found.get(judged.position, ()), judged)
        return found

    @property
    def done(self) -> int:
        """Number of items that somebody judged."""
        return len(self.by_position())

    def item(self, position: int) -> Item | None:
        """The item at a position."""
        return self.items[position - 1] if 1 <= position <= len(self.items) else None

    def open_for(self, reviewer: str) -> tuple[Item, ...]:
        """What `reviewer` can judge: first what nobody has, then what needs a second judgement."""
        by_position = self.by_position()
        first = [item for item in self.items if item.position not in by_position]
        second = [item for item in self.items if _wants_second(item, by_position, reviewer)]
        return (*first, *second)

    def next_for(self, reviewer: str, put_off: Collection[int]) -> Item | None:
        """The item to judge next; those put off come last."""
        todo = self.open_for(reviewer)
        return next((item for item in todo if item.position not in put_off), todo[0] if todo else None)

    def last_of(self, reviewer: str) -> Judged | None:
        """The last judgement of `reviewer`, which can be taken back."""
        own = [judged for judged in self.judged if judged.review.reviewer == reviewer]
        return own[-1] if own else None

    def differing(self) -> tuple[Item, ...]:
        """The items on which reviewers differ and nobody has settled it."""
        return tuple(
            item
            for item in self.items
            if (judged := self.by_position().get(item.position)) and outcome(judged) is None
        )

    def strata(self) -> Mapping[str, Stratum]:
        """What was found of each verdict that was drawn; items on which reviewers differ are unclear."""
        found = {
            verdict: Stratum(population=self.drawing.population[verdict]) for verdict in self.drawing.drawn
        }
        counts: dict[str, dict[Judgement, int]] = {verdict: {} for verdict in found}
        by_position = self.by_position()
        for item in self.items:
            if judged := by_position.get(item.position):
                result: Judgement = outcome(judged) or "unclear"
                counts[item.verdict][result] = counts[item.verdict].get(result, 0) + 1
        return {
            verdict: Stratum(
                population=stratum.population,
                right=counts[verdict].get("confirmed", 0),
                wrong=counts[verdict].get("wrong", 0),
                unclear=counts[verdict].get("unclear", 0),
            )
            for verdict, stratum in found.items()
        }

    def rate(self) -> tuple[float, float, float] | None:
        """The corrected pass rate with its interval; None where the drawing cannot give one."""
        strata = self.strata()
        if not {"pass", "fail"} & set(strata) or self.drawing.request.get("aim") == "fails":
            return None
        nothing = Stratum(population=0)
        return corrected(strata.get("pass", nothing), strata.get("fail", nothing))

    def doubles(self) -> Agreement:
        """How far two reviewers agree who did not know of each other."""
        pairs = []
        for judged in self.by_position().values():
            blind = _latest(one for one in judged if one.review.kind != "settled")
            if len(blind) > 1:
                first, second, *_ = blind
                pairs.append((first.review.judgement, second.review.judgement))
        return Agreement(pairs=tuple(pairs))


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The judgements of two reviewers of the same findings."""

    pairs: tuple[tuple[str, str], ...]

    @property
    def agreed(self) -> int:
        """Number of findings that both judged alike."""
        return sum(first == second for first, second in self.pairs)

    @property
    def interval(self) -> Interval | None:
        """Of the share that agreed; None without any."""
        return wilson(self.agreed, len(self.pairs)) if self.pairs else None

    @property
    def coefficient(self) -> float | None:
        """Gwet's AC1; None where there are too few."""
        return agreement(self.pairs)


def outcome(judged: Sequence[Judged]) -> Judgement | None:
    """What people found of one finding; None where they differ and nobody settled it."""
    settled = [one for one in judged if one.review.kind == "settled"]
    if settled:
        return settled[-1].review.judgement
    found = {one.review.judgement for one in _latest(judged)}
    return found.pop() if len(found) == 1 else None


def minutes_for(count: int, seconds_each: float | None) -> int:
    """How long `count` judgements take, in minutes."""
    return math.ceil(count * (seconds_each or SECONDS_EACH) / 60)


def _wants_second(item: Item, judged: Mapping[int, Sequence[Judged]], reviewer: str) -> bool:
    by = {one.review.reviewer for one in judged.get(item.position, ())}
    return item.second and len(by) == 1 and reviewer not in by


def _latest(judged: Iterable[Judged]) -> tuple[Judged, ...]:
    """The latest judgement of each reviewer, in the order in which they first judged."""
    return tuple({one.review.reviewer: one for one in judged}.values())
