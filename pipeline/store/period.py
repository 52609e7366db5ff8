"""What the report of a period asks the store, for several periods at once.

Every answer is by period (its number, from 0), queue and team. Verdicts, measures and holds are those of
conversations only, as in the scorecards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.store.reading import Connection, ask

_CHOSEN = """
WITH period AS (
    SELECT
        unnest($starts::TIMESTAMPTZ[]) AS start,
        unnest($ends::TIMESTAMPTZ[]) AS "end",
        unnest(range(len($starts))) AS number
),
chosen AS (
    SELECT
        call.*,
        period.number AS period,
        recording.status,
        recording.duration_s,
        coalesce(recording.call_kind, 'conversation') AS call_kind
    FROM call
    INNER JOIN period ON call.started_at >= period.start AND call.started_at < period."end"
    INNER JOIN recording ON recording.recording_id = call.recording_id
    WHERE ($queue IS NULL OR call.queue = $queue) AND ($team IS NULL OR call.team = $team)
),
conversation AS (FROM chosen WHERE status = 'analysed' AND call_kind = 'conversation')
"""
_CALLS = """
SELECT
    period, queue, team,
    CASE WHEN status = 'quarantined' THEN 'quarantined' ELSE call_kind END AS kind,
    count(*) AS calls, coalesce(sum(duration_s), 0.0) AS duration_s
FROM chosen
GROUP BY ALL
ORDER BY ALL
"""
_VERDICTS = """
SELECT
    period, queue, team, rule_id, verdict,
    CASE WHEN verdict = 'not_determinable' THEN coalesce(detail ->> 'reason_code', 'unknown') END AS reason,
    count(*) AS calls
FROM finding
INNER JOIN conversation ON conversation.recording_id = finding.recording_id
GROUP BY ALL
ORDER BY ALL
"""
_MEASURES = """
SELECT
    period, queue, team, name, role, any_value(unit) AS unit,
    count(*) FILTER (WHERE denominator > 0) AS calls,
    count(*) FILTER (WHERE denominator = 0) AS undefined,
    coalesce(sum(numerator) FILTER (WHERE denominator > 0), 0.0) AS n,
    coalesce(sum(denominator) FILTER (WHERE denominator > 0), 0.0) AS d,
    coalesce(sum(numerator * numerator) FILTER (WHERE denominator > 0), 0.0) AS nn,
    coalesce(sum(numerator * denominator) FILTER (WHERE denominator > 0), 0.0) AS nd,
    coalesce(sum(denominator * denominator) FILTER (WHERE denominator > 0), 0.0) AS dd
FROM metric
INNER JOIN conversation ON conversation.recording_id = metric.recording_id
WHERE name IN (SELECT unnest($names::VARCHAR[]))
GROUP BY period, queue, team, name, role
ORDER BY ALL
"""
_HOLDS = """
SELECT
    period, queue, team, permission, thanked,
    count(*) AS holds, sum(end_s - start_s) AS hold_s, max(end_s - start_s) AS longest_s
FROM hold
INNER JOIN conversation ON conversation.recording_id = hold.recording_id
GROUP BY ALL
ORDER BY ALL
"""
_GAPS = """
SELECT
    gap.recording_id, gap.call_ref, gap.started_at, gap.queue, chosen.team, gap.strictest_jurisdiction,
    gap.consent, gap.verdict, gap.status, gap.reason, gap.disclosed_s
FROM consent_gaps AS gap
INNER JOIN chosen ON chosen.recording_id = gap.recording_id
WHERE chosen.period = len($starts) - 1 AND chosen.call_kind = 'conversation'
ORDER BY gap.strictness DESC, gap.verdict ASC, gap.started_at ASC, gap.recording_id ASC
"""
_RULES = "SELECT rule_id, title, score, fatal FROM rule WHERE active ORDER BY score, rule_id"
_RUNS = """
SELECT
    coalesce(list_sort(list(DISTINCT analysis.asr_model)), []) AS models,
    coalesce(list_sort(list(DISTINCT analysis.rules_version)), []) AS rules_versions,
    coalesce(list_sort(list(DISTINCT analysis.settings_hash)), []) AS settings
FROM analysis
INNER JOIN conversation ON conversation.recording_id = analysis.recording_id
WHERE conversation.period = len($starts) - 1
"""
_WITHOUT_START = """
SELECT count(*)
FROM recording
LEFT JOIN call ON call.recording_id = recording.recording_id
WHERE call.started_at IS NULL
"""
_KNOWN = "SELECT list_sort(list(DISTINCT queue)), list_sort(list(DISTINCT team)) FROM call"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodQuestion:
    """The periods as starts and ends (instants, in order), and the calls that count."""

    bounds: Sequence[tuple[datetime, datetime]]
    queue: str | None = None
    team: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodAnswers:
    """Rows by column, in a fixed order; the last period is the one that is reported.

    `calls` by kind (quarantined for those that could not be analysed), `verdicts` by rule, verdict and
    reason, `measures` as sums of numerators and denominators, their squares and products, `holds` by
    permission and thanks. `gaps` are the consent gaps of the last period, `runs` what its calls were
    analysed with. `without_start` counts recordings of no period.
    """

    calls: list[Row]
    verdicts: list[Row]
    measures: list[Row]
    holds: list[Row]
    gaps: list[Row]
    rules: list[Row]
    runs: Row
    without_start: int


def ask_period(connection: Connection, question: PeriodQuestion, measures: Sequence[str]) -> PeriodAnswers:
    """The answers for some periods, with the metrics named `measures`."""
    values: dict[str, Any] = {
        "starts": [start for start, _ in question.bounds],
        "ends": [end for _, end in question.bounds],
        "queue": question.queue,
        "team": question.team,
    }

    def rows(sql: str, **more: object) -> list[Row]:
        table = ask(connection, _CHOSEN + sql, values | more)
        return [dict(zip(table.columns, row, strict=True)) for row in table.rows]

    rules = ask(connection, _RULES)
    return PeriodAnswers(
        calls=rows(_CALLS),
        verdicts=rows(_VERDICTS),
        measures=rows(_MEASURES, names=list(measures)),
        holds=rows(_HOLDS),
        gaps=rows(_GAPS),
        rules=[dict(zip(rules.columns, row, strict=True)) for row in rules.rows],
        runs=rows(_RUNS)[0],
        without_start=int(ask(connection, _WITHOUT_START).rows[0][0]),
    )


def known_groups(connection: Connection) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The queues and the teams that stored calls have."""
    ((queues, teams),) = ask(connection, _KNOWN).rows
    return tuple(name for name in queues or () if name), tuple(name for name in teams or () if name)
