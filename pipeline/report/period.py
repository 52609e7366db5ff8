"""The report of a period: rates with intervals, trend, consent gaps, holds, interruptions and coverage.

Here its figures are put together; `period_page` shows them as HTML and `period_sheets` as a workbook.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import add

from pipeline.errors import UsageError
from pipeline.report.calendar import Period, with_former
from pipeline.report.estimates import Change, Pooled, Share, change
from pipeline.store import Connection
from pipeline.store.period import PeriodAnswers, PeriodQuestion, Row, ask_period, known_groups

FORMER = 7
"""Number of former periods in the trend."""
NO_GROUP = "(none given)"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureName:
    """A metric that is reported: its name and role in table `metric`, and how people call it."""

    name: str
    role: str | None
    title: str
    unit: str


MEASURES = (
    MeasureName(name="talk_ratio", role=None, title="Agent's share of the talk", unit="%"),
    MeasureName(name="hold_count", role=None, title="Holds per call", unit=""),
    MeasureName(name="hold_time", role=None, title="Time on hold per call", unit="s"),
    MeasureName(name="interruptions", role="agent", title="Interruptions by the agent", unit="per min"),
    MeasureName(name="interruptions", role="customer", title="Interruptions by the customer", unit="per min"),
    MeasureName(name="dead_air_count", role=None, title="Unannounced silences per call", unit=""),
    MeasureName(name="dead_air_time", role=None, title="Unannounced silence per call", unit="s"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFigures:
    """A rule in the period: its share of passes among calls passed or failed, and what could not be judged.

    `trend` has the shares of the former periods and of this one, in order.
    """

    rule_id: str
    title: str
    score: str
    fatal: bool
    share: Share
    not_applicable: int
    not_determinable: int
    reasons: Mapping[str, int]
    trend: tuple[Share, ...]
    change: Change | None

    @property
    def coverage(self) -> Share:
        """Calls judged among those to which it applies."""
        return Share(count=self.share.of, of=self.share.of + self.not_determinable)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureFigures:
    """A measure in the period; `undefined` counts the calls whose audio or length does not carry it."""

    measure: MeasureName
    now: Pooled
    undefined: int
    trend: tuple[Pooled, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldFigures:
    """The holds of a period; `thanked` counts among those of which it is known."""

    holds: int
    hold_s: float
    longest_s: float | None
    permissions: Mapping[str, int]
    thanked: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFigures:
    """A queue or team in the period: its conversations, rules by id and measures in the order of MEASURES."""

    name: str
    conversations: int
    rules: Mapping[str, Share]
    measures: tuple[Pooled, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodReport:
    """All figures of the report; `calls` are counts by kind of call, `periods` end with the reported one."""

    periods: tuple[Period, ...]
    queue: str | None
    team: str | None
    made_at: datetime
    calls: Mapping[str, int]
    duration_s: float
    conversations_before: tuple[int, ...]
    without_start: int
    rules: tuple[RuleFigures, ...]
    measures: tuple[MeasureFigures, ...]
    holds: HoldFigures
    gaps: tuple[Row, ...]
    queues: tuple[GroupFigures, ...]
    teams: tuple[GroupFigures, ...]
    runs: Row

    @property
    def period(self) -> Period:
        """The reported period."""
        return self.periods[-1]

    @property
    def conversations(self) -> int:
        """Its calls in which agent and customer take turns: those that are judged."""
        return self.calls.get("conversation", 0)


def period_report(
    connection: Connection, period: Period, *, queue: str | None = None, team: str | None = None
) -> PeriodReport:
    """The figures of a period, of all calls or of those of a queue and a team.

    Raises UsageError for a queue or team that no stored call has.
    """
    queues, teams = known_groups(connection)
    for name, given, known in (("queue", queue, queues), ("team", team, teams)):
        if given is not None and given not in known:
            allowed = ", ".join(known) or "none, metadata gave none"
            raise UsageError(f"no call of this {name}", where=f"--{name}", value=given, allowed=allowed)
    periods = with_former(period, FORMER)
    question = PeriodQuestion(bounds=[one.instants for one in periods], queue=queue, team=team)
    answers = ask_period(connection, question, list(dict.fromkeys(one.name for one in MEASURES)))
    now = [row for row in answers.calls if row["period"] == FORMER]
    return PeriodReport(
        periods=periods,
        queue=queue,
        team=team,
        made_at=datetime.now(UTC),
        calls=_counted(now, "kind"),
        duration_s=sum(row["duration_s"] for row in now),
        conversations_before=tuple(_conversations(answers.calls, number) for number in range(FORMER)),
        without_start=answers.without_start,
        rules=tuple(_rule(rule, answers.verdicts) for rule in answers.rules),
        measures=tuple(_measure(one, answers.measures) for one in MEASURES),
        holds=_holds([row for row in answers.holds if row["period"] == FORMER]),
        gaps=tuple(answers.gaps),
        queues=_groups(answers, "queue"),
        teams=_groups(answers, "team"),
        runs=answers.runs,
    )


def _counted(rows: Iterable[Row], column: str) -> dict[str, int]:
    """The number of calls by the values of a column, most first."""
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row[column]] += row["calls"]
    return dict(counts.most_common())


def _conversations(calls: Iterable[Row], period: int) -> int:
    return sum(row["calls"] for row in calls if row["period"] == period and row["kind"] == "conversation")


def _share(rows: Iterable[Row]) -> Share:
    """Passes among passes and fails."""
    counts = _counted(rows, "verdict")
    passes = counts.get("pass", 0)
    return Share(count=passes, of=passes + counts.get("fail", 0))


def _rule(rule: Row, verdicts: Sequence[Row]) -> RuleFigures:
    of_rule = [row for row in verdicts if row["rule_id"] == rule["rule_id"]]
    trend = tuple(_share(row for row in of_rule if row["period"] == at) for at in range(FORMER + 1))
    now = [row for row in of_rule if row["period"] == FORMER]
    counts = _counted(now, "verdict")
    return RuleFigures(
        **rule,
        share=trend[-1],
        not_applicable=counts.get("not_applicable", 0),
        not_determinable=counts.get("not_determinable", 0),
        reasons=_counted((row for row in now if row["reason"] is not None), "reason"),
        trend=trend,
        change=change(trend[-2], trend[-1]),
    )


def _measure(measure: MeasureName, rows: Iterable[Row]) -> MeasureFigures:
    of_measure = [row for row in rows if (row["name"], row["role"]) == (measure.name, measure.role)]
    trend = tuple(_pooled(row for row in of_measure if row["period"] == at) for at in range(FORMER + 1))
    undefined = sum(row["undefined"] for row in of_measure if row["period"] == FORMER)
    return MeasureFigures(measure=measure, now=trend[-1], undefined=undefined, trend=trend)


def _pooled(rows: Iterable[Row]) -> Pooled:
    parts = (Pooled(**{name: row[name] for name in ("calls", "n", "d", "nn", "nd", "dd")}) for row in rows)
    return reduce(add, parts, Pooled(calls=0, n=0.0, d=0.0, nn=0.0, nd=0.0, dd=0.0))


def _holds(rows: Sequence[Row]) -> HoldFigures:
    permissions: Counter[str] = Counter()
    for row in rows:
        permissions[row["permission"]] += row["holds"]
    thanked = sum(row["holds"] for row in rows if row["thanked"])
    return HoldFigures(
        holds=permissions.total(),
        hold_s=sum(row["hold_s"] for row in rows),
        longest_s=max((row["longest_s"] for row in rows), default=None),
        permissions=dict(permissions.most_common()),
        thanked=Share(count=thanked, of=sum(row["holds"] for row in rows if row["thanked"] is not None)),
    )


def _groups(answers: PeriodAnswers, column: str) -> tuple[GroupFigures, ...]:
    """The figures of each queue or team with conversations, largest first; none where none has a name."""
    calls, verdicts, measures = (
        [row for row in rows if row["period"] == FORMER]
        for rows in (answers.calls, answers.verdicts, answers.measures)
    )
    names = {row[column] for row in calls if row["kind"] == "conversation"}
    if names <= {None}:
        return ()

    def is_in(name: str | None) -> Callable[[Row], bool]:
        return lambda row: row[column] == name

    out = [
        GroupFigures(
            name=name or NO_GROUP,
            conversations=_conversations(filter(is_in(name), calls), FORMER),
            rules={
                rule["rule_id"]: _share(
                    row for row in filter(is_in(name), verdicts) if row["rule_id"] == rule["rule_id"]
                )
                for rule in answers.rules
            },
            measures=tuple(_measure(one, filter(is_in(name), measures)).now for one in MEASURES),
        )
        for name in names
    ]
    return tuple(sorted(out, key=lambda group: (-group.conversations, group.name)))
