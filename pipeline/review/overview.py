"""The figures of the overview: every rule with its verdicts and how right people found them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pipeline.report.text import as_dicts
from pipeline.store import Connection, ask
from pipeline.store.review_log import Judged
from pipeline.store.review_rows import Key

# `finding` is counted once here; `rule_quality` gives everything that people found.
_RULES = """
WITH counts AS (
    SELECT
        rule_id,
        rule_version,
        count(*) FILTER (WHERE verdict = 'not_determinable') AS cannot,
        count(*) FILTER (WHERE verdict = 'not_applicable') AS does_not_apply
    FROM finding
    GROUP BY rule_id, rule_version
)

SELECT
    rule_quality.*,
    coalesce(rule.title, rule_quality.rule_id) AS title,
    coalesce(rule.score, 'quality') AS score,
    coalesce(counts.cannot, 0) AS cannot,
    coalesce(counts.does_not_apply, 0) AS does_not_apply,
    counts.rule_id IS NULL AS is_stale
FROM rule_quality
LEFT JOIN counts
    ON counts.rule_id = rule_quality.rule_id AND counts.rule_version = rule_quality.rule_version
LEFT JOIN rule ON rule.rule_id = rule_quality.rule_id AND rule.rule_version = rule_quality.rule_version
ORDER BY score ASC, rule.fatal DESC, rule.weight DESC, title ASC, rule_quality.rule_version ASC
"""
_STORE = """
SELECT
    (SELECT count(*) FROM recording WHERE status = 'analysed') AS calls,
    (SELECT max(analysed_at) FROM recording) AS analysed_at,
    (SELECT max(ended_at) FROM night) AS night_at
"""
_CHOICES = """
SELECT
    (SELECT list(DISTINCT queue ORDER BY queue) FROM call WHERE queue IS NOT NULL) AS queues,
    (SELECT min(started_at)::DATE FROM call) AS first_day,
    (SELECT max(started_at)::DATE FROM call) AS last_day
"""
_KEYS = "SELECT recording_id, rule_id, rule_version, reviewer, reviewed_at FROM review"


T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What changes only when the store is published: rules, facts about the store, and merged judgements."""

    rules: Sequence[Mapping[str, Any]]
    facts: Mapping[str, Any]
    merged: frozenset[Key]


class Publication:
    """Answers that are kept until the store is published again."""

    def __init__(self, db: Path) -> None:
        """Of the store `db`."""
        self._db = db
        self._lock = threading.Lock()
        self._stamp: object = None
        self._kept: dict[str, Any] = {}

    def once(self, name: str, answer: Callable[[], T]) -> T:
        """What `answer` gives for the store as it is now, by `name`."""
        stamp = self._stamp_now()
        with self._lock:
            if stamp != self._stamp:
                self._stamp, self._kept = stamp, {}
            if name in self._kept:
                kept: T = self._kept[name]
                return kept
        found = answer()
        with self._lock:
            # Published meanwhile: of which of both this answer is, nobody knows.
            if stamp is not None and stamp == self._stamp == self._stamp_now():
                self._kept[name] = found
        return found

    def _stamp_now(self) -> object:
        try:
            stat = self._db.stat()
        except OSError:
            return None
        return stat.st_ino, stat.st_mtime_ns, stat.st_size


def figures(connection: Connection) -> Figures:
    """The figures of the store."""
    return Figures(rules=rules_of(connection), facts=store_facts(connection), merged=merged_keys(connection))


def rules_of(connection: Connection) -> list[dict[str, Any]]:
    """Every rule and version with its figures, compliance first; stale ones judge no call any more."""
    return as_dicts(ask(connection, _RULES))


def store_facts(connection: Connection) -> dict[str, Any]:
    """How many calls the store has and of when, and what can be chosen for drawing."""
    (facts,) = as_dicts(ask(connection, _STORE))
    (choices,) = as_dicts(ask(connection, _CHOICES))
    return facts | choices


def merged_keys(connection: Connection) -> frozenset[Key]:
    """The keys of the judgements that are in the store."""
    return frozenset(ask(connection, _KEYS).rows)


def waiting_by_rule(judged: Sequence[Judged], merged: Collection[Key]) -> Mapping[str, int]:
    """Number of judgements by rule that a merge has not brought into the store yet."""
    found: dict[str, int] = {}
    for one in judged:
        if one.review.key not in merged:
            found[one.review.rule_id] = found.get(one.review.rule_id, 0) + 1
    return found
