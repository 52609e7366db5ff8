"""Reviews in the store, and the intervals that SQL cannot compute.

Owned by `store`, which lends its connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import duckdb

from pipeline.intervals import Stratum, corrected
from pipeline.records import ReviewInterval, Verdict

REVIEW, INTERVAL = "review", "review_interval"
PASS_AND_FAIL: tuple[Verdict, Verdict] = ("pass", "fail")

Key = tuple[str, str, str, str, datetime]
"""recording_id, rule_id, rule_version, reviewer and reviewed_at: the key of table `review`."""

LATEST_REVIEWS = """
SELECT recording_id, rule_id, rule_version, reviewer, judgement, note, verdict
FROM review
QUALIFY row_number() OVER (
    PARTITION BY recording_id, rule_id, rule_version, reviewer ORDER BY reviewed_at DESC
) = 1
"""
"""What every reviewer said last of every finding: `Review.subject`, then `Review.opinion`."""
_KEYS = "SELECT recording_id, rule_id, rule_version, reviewer, reviewed_at FROM review"
_DELETE = """
DELETE FROM review
WHERE recording_id = ? AND rule_id = ? AND rule_version = ? AND reviewer = ? AND reviewed_at = ?
"""
_STRATA = """
SELECT rule_id, rule_version, verdict, coalesce(population, 0), confirmed, wrong, unclear
FROM rule_verdict_quality
WHERE verdict IN ('pass', 'fail', 'not_applicable', 'not_determinable')
ORDER BY rule_id, rule_version, verdict
"""
_POPULATIONS = """
SELECT rule_id, rule_version, verdict, count(*) FROM finding WHERE verdict IN ('pass', 'fail')
GROUP BY rule_id, rule_version, verdict
"""


def stored_keys(connection: duckdb.DuckDBPyConnection) -> frozenset[Key]:
    """The keys of all reviews in the store."""
    return frozenset(connection.execute(_KEYS).fetchall())


def delete_reviews(connection: duckdb.DuckDBPyConnection, keys: Iterable[Key]) -> None:
    """Delete the reviews of these keys."""
    for key in keys:
        connection.execute(_DELETE, list(key))


def intervals_of(connection: duckdb.DuckDBPyConnection) -> tuple[ReviewInterval, ...]:
    """The intervals of everything that people judged, with the populations of now."""
    strata: dict[tuple[str, str], dict[Verdict, Stratum]] = {}
    for rule_id, version, verdict, *counts in connection.execute(_STRATA).fetchall():
        strata.setdefault((rule_id, version), {})[verdict] = _stratum(counts)
    populations = {tuple(row[:3]): row[3] for row in connection.execute(_POPULATIONS).fetchall()}
    found: list[ReviewInterval] = []
    for (rule_id, version), own in strata.items():
        for verdict in PASS_AND_FAIL:
            # A verdict that occurs and was not judged leaves the corrected rate undefined.
            own.setdefault(verdict, Stratum(population=populations.get((rule_id, version, verdict), 0)))
        found += _intervals(rule_id, version, own)
    return tuple(found)


def _stratum(counts: Sequence[int]) -> Stratum:
    population, right, wrong, unclear = counts
    return Stratum(population=population, right=right, wrong=wrong, unclear=unclear)


def _intervals(rule_id: str, version: str, strata: dict[Verdict, Stratum]) -> list[ReviewInterval]:
    rule = {"rule_id": rule_id, "rule_version": version}
    found = [
        ReviewInterval(
            **rule, verdict=verdict, share=stratum.share, low=one.low, high=one.high, method=one.method
        )
        for verdict, stratum in sorted(strata.items())
        if (one := stratum.interval) is not None and stratum.share is not None
    ]
    rate = corrected(strata["pass"], strata["fail"])
    if rate is not None:
        share, low, high = rate
        found.append(
            ReviewInterval(**rule, verdict="corrected", share=share, low=low, high=high, method="mover")
        )
    return found
