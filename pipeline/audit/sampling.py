"""Drawing a random sample of a rule's findings, and what can be expected of it before anybody listens.

The sample is stratified by verdict. How many of each are drawn follows from the aim: equal shares say how
right each verdict is, Neyman's allocation gives the narrowest corrected pass rate, a census takes every fail.
A call's lot is a hash of seed, rule and recording, so the same seed draws the same sample whatever the order
of the rows, and calls that come later only push out what they beat. Items come in random order with the
strata in proportion: whoever stops early has judged a random sample too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, cast, get_args

from pipeline.errors import UsageError
from pipeline.intervals import Interval, Stratum, corrected, neyman
from pipeline.records import Verdict
from pipeline.store import Connection, ask
from pipeline.store.review_log import Item

Aim = Literal["verdicts", "rate", "fails"]
AIMS: tuple[Aim, ...] = get_args(Aim)

VERDICTS: tuple[Verdict, ...] = ("fail", "pass", "not_determinable", "not_applicable")
"""In the order in which what is left over by equal shares is given away."""
MOST = 100_000
"""Findings of a sample; a larger one is not listened to."""

LEAST_OF_EACH = 5
"""Findings of each verdict that are judged for the rate, however rare it is."""
LEAST_DOUBLES = 10
"""Findings that a second reviewer judges, if any are."""
EXPECTED: Mapping[str, float] = {"pass": 0.95, "fail": 0.85}
"""Share of verdicts that are right where nobody has reviewed the rule yet."""
EXPECTED_OTHERS = 0.9
WORTH = 10
"""What an expectation weighs beside earlier reviews, in judgements."""

_FRAME = """
FROM finding
INNER JOIN call ON call.recording_id = finding.recording_id
INNER JOIN recording ON recording.recording_id = finding.recording_id
WHERE
    finding.rule_id = $rule_id
    AND list_contains($verdicts, finding.verdict)
    AND ($queue IS NULL OR call.queue = $queue)
    AND ($agent IS NULL OR call.agent_id = $agent)
    AND ($since IS NULL OR call.started_at >= $since)
    AND ($before IS NULL OR call.started_at < $before)
    AND ($as_of IS NULL OR recording.analysed_at <= $as_of)
"""
_COUNTS = f"SELECT finding.verdict, count(*) {_FRAME} GROUP BY finding.verdict"
_PICKED = f"""
SELECT
    finding.recording_id,
    finding.rule_version,
    finding.verdict,
    sha256($lot || finding.recording_id) AS lot,
    row_number() OVER (PARTITION BY finding.verdict ORDER BY lot) AS place
{_FRAME}
QUALIFY place <= list_extract($counts, list_position($verdicts, finding.verdict))
"""
_EARLIER = """
SELECT verdict, confirmed, confirmed + wrong FROM rule_verdict_quality
WHERE
    rule_id = $rule_id
    AND rule_version IN (SELECT DISTINCT rule_version FROM finding WHERE rule_id = $rule_id)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRequest:
    """A sample to draw: `sample` findings of a rule; `since` and `until` are days in UTC, both included.

    `second_share` (0 to 1) are judged by a second reviewer too. `as_of` leaves out recordings that were
    analysed later, to draw again what was drawn then.
    """

    rule_id: str
    sample: int
    seed: int
    since: date | None = None
    until: date | None = None
    queue: str | None = None
    agent: str | None = None
    verdicts: tuple[Verdict, ...] = VERDICTS
    aim: Aim = "verdicts"
    second_share: float = 0.0
    as_of: datetime | None = None

    @property
    def strata(self) -> tuple[Verdict, ...]:
        """The verdicts that are drawn from."""
        wanted: Mapping[Aim, tuple[Verdict, ...]] = {"rate": ("fail", "pass"), "fails": ("fail",)}
        return tuple(verdict for verdict in wanted.get(self.aim, VERDICTS) if verdict in self.verdicts)


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePlan:
    """How many findings of each verdict there are and would be drawn, and what is expected of the result.

    `expected` are the intervals of each verdict's share that is right, `rate` that of the corrected pass
    rate, None where the sample cannot give one.
    """

    population: Mapping[str, int]
    drawn: Mapping[str, int]
    expected: Mapping[str, Interval]
    rate: tuple[float, float] | None

    @property
    def size(self) -> int:
        """Number of findings to judge."""
        return sum(self.drawn.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The sample in random order, and the number of findings of each verdict."""

    items: tuple[Item, ...]
    drawn: Mapping[str, int]
    population: Mapping[str, int]

    @property
    def recording_ids(self) -> tuple[str, ...]:
        """In the order of `items`."""
        return tuple(item.recording_id for item in self.items)


def plan(connection: Connection, request: SampleRequest) -> SamplePlan:
    """What `draw` would draw. Raises UsageError for a rule without findings and where no finding fits."""
    counted = dict(ask(connection, _COUNTS, _values(request)).rows)
    population: dict[str, int] = {name: int(counted[name]) for name in VERDICTS if name in counted}
    if not population:
        _check_known(connection, request.rule_id)
        raise UsageError(
            "no finding fits", value=request.rule_id, remedy="widen the dates, the queue or the verdicts"
        )
    right = _expected(connection, request.rule_id, population)
    drawn = _allocation(request, population, right)
    strata = {}
    for verdict, count in drawn.items():
        good = round(count * right[verdict])
        strata[verdict] = Stratum(population=population[verdict], right=good, wrong=count - good)
    intervals = {verdict: interval for verdict, one in strata.items() if (interval := one.interval)}
    nothing = Stratum(population=0)
    # Fails alone say nothing of the passes.
    complete = set(request.strata) >= {"pass", "fail"} and {"pass", "fail"} & set(strata)
    rate = corrected(strata.get("pass", nothing), strata.get("fail", nothing)) if complete else None
    return SamplePlan(population=population, drawn=drawn, expected=intervals, rate=rate[1:] if rate else None)


def draw(connection: Connection, request: SampleRequest) -> Sample:
    """A random sample. Raises UsageError as `plan` does."""
    planned = plan(connection, request)
    values = _values(request)
    values |= {
        "lot": f"{request.seed}/{request.rule_id}/",
        "counts": [planned.drawn.get(verdict, 0) for verdict in request.strata],
    }
    rows = ask(connection, _PICKED, values).rows
    in_order = sorted(rows, key=lambda row: _turn(request, row, planned.drawn))
    doubles = _doubles(request, [str(row[0]) for row in in_order])
    items = tuple(
        Item(
            position=position,
            recording_id=recording_id,
            rule_version=version,
            verdict=cast("Verdict", verdict),
            second=recording_id in doubles,
        )
        for position, (recording_id, version, verdict, *_) in enumerate(in_order, start=1)
    )
    return Sample(items=items, drawn=planned.drawn, population=planned.population)


def count_doubles(request: SampleRequest, size: int) -> int:
    """How many of a sample of `size` a second reviewer judges too."""
    if not request.second_share:
        return 0
    return min(size, max(LEAST_DOUBLES, round(request.second_share * size)))


def shares(sizes: Mapping[str, int], sample: int) -> dict[str, int]:
    """How many to draw of each stratum: as equal as their sizes allow, `sample` in all if there are so many.

    >>> shares({"fail": 3, "pass": 100}, 25)
    {'fail': 3, 'pass': 22}
    """
    drawn = dict.fromkeys(sizes, 0)
    left = min(sample, sum(sizes.values()))
    while left:
        for stratum in (stratum for stratum, size in sizes.items() if drawn[stratum] < size):
            if left:
                drawn[stratum] += 1
                left -= 1
    return drawn


def _allocation(
    request: SampleRequest, population: Mapping[str, int], right: Mapping[str, float]
) -> dict[str, int]:
    sample = min(request.sample, MOST)
    if request.aim == "fails":
        return dict(population)
    if request.aim == "rate":
        return neyman(population, right, sample, LEAST_OF_EACH)
    return shares(population, sample)


def _expected(connection: Connection, rule_id: str, population: Mapping[str, int]) -> dict[str, float]:
    """The share of each verdict that is expected to be right, from earlier reviews if there are any."""
    # The view counts all findings, which takes a while where there are millions.
    reviewed = ask(connection, "SELECT count(*) FROM review WHERE rule_id = ?", [rule_id]).rows[0][0]
    rows = ask(connection, _EARLIER, {"rule_id": rule_id}).rows if reviewed else ()
    earlier = {row[0]: row[1:] for row in rows}
    found = {}
    for verdict in population:
        confirmed, judged = earlier.get(verdict, (0, 0))
        before = EXPECTED.get(verdict, EXPECTED_OTHERS)
        found[verdict] = (confirmed + WORTH * before) / (judged + WORTH)
    return found


def _check_known(connection: Connection, rule_id: str) -> None:
    """Raise UsageError for a rule without findings."""
    known = [row[0] for row in ask(connection, "SELECT DISTINCT rule_id FROM finding ORDER BY ALL").rows]
    if rule_id not in known:
        allowed = ", ".join(known) or "none, nothing was judged yet"
        raise UsageError("no findings of this rule", value=rule_id, allowed=allowed)


def _values(request: SampleRequest) -> dict[str, Any]:
    """The parameters of the frame."""
    return {
        "rule_id": request.rule_id,
        "verdicts": list(request.strata),
        "queue": request.queue,
        "agent": request.agent,
        "since": _midnight(request.since),
        "before": _midnight(request.until + timedelta(days=1)) if request.until else None,
        "as_of": request.as_of,
    }


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None


def _turn(request: SampleRequest, row: tuple[Any, ...], drawn: Mapping[str, int]) -> tuple[float, str]:
    """When an item comes: its place among those of its verdict, spread evenly and shaken.

    By lot alone the verdict with the most calls would come first, because its lots are the lowest.
    """
    recording_id, _, verdict, lot, place = row
    shaken = int(_hash(request, "turn", recording_id)[:12], 16) / 16**12
    return (place - 1 + shaken) / drawn[verdict], lot


def _doubles(request: SampleRequest, ids: list[str]) -> frozenset[str]:
    """The recordings that a second reviewer judges too."""
    by_lot = sorted(ids, key=lambda id_: _hash(request, "second", id_))
    return frozenset(by_lot[: count_doubles(request, len(ids))])


def _hash(request: SampleRequest, purpose: str, recording_id: str) -> str:
    text = f"{request.seed}/{request.rule_id}/{purpose}/{recording_id}"
    return hashlib.sha256(text.encode()).hexdigest()
