"""The report of a period as tables, which both its page and its workbook show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from pipeline.report.estimates import Change, Pooled, Share
from pipeline.report.period import FORMER, GroupFigures, PeriodReport, RuleFigures
from pipeline.report.text import UNKNOWN, clock

_KINDS = {"conversation": "conversations", "quarantined": "in quarantine (could not be analysed)"}
_CONSENT = {"all_party": "all parties", "one_party": "one party", "disputed": "disputed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A measure with its unit; % where it is a share."""

    pooled: Pooled
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Values of the periods in order; what is undefined has no value."""

    values: tuple[Share | Pooled, ...]


Cell = str | int | Share | Measured | Change | Trend | None
ColumnKind = Literal["text", "count", "share", "measure", "change", "trend"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: its title and the kind of its cells."""

    title: str
    kind: ColumnKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A table under a heading; `text` says how its figures are meant."""

    id: str
    title: str
    text: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


def sections(report: PeriodReport, *, every_rule: bool = False) -> tuple[Section, ...]:
    """All tables; those of queues and teams with every rule, or with the compliance rules alone."""
    rules = [rule for rule in report.rules if every_rule or rule.score == "compliance"]
    return (
        _rules(report),
        _gap_places(report),
        _gap_calls(report),
        _holds(report),
        _measures(report),
        *_groups(report.queues, rules, report, "queues", "By queue"),
        *_groups(report.teams, rules, report, "teams", "By team"),
        _coverage(report),
        _calls(report),
    )


def _columns(**kinds: ColumnKind) -> tuple[Column, ...]:
    """Columns by title, with blanks for underscores."""
    return tuple(Column(title=title.replace("_", " "), kind=kind) for title, kind in kinds.items())


def _rules(report: PeriodReport) -> Section:
    return Section(
        id="rules",
        title="Rules",
        text=(
            "Calls that passed among those that passed or failed, with the interval of 95 %. The change is "
            f"in points against {report.periods[-2].name}; it is unclear where its interval has 0 in it."
        ),
        columns=_columns(rule="text", score="text", passed="share", change="change", trend="trend"),
        rows=tuple(
            (
                rule.title + (" (fatal)" if rule.fatal else ""),
                rule.score,
                rule.share,
                rule.change,
                Trend(values=rule.trend),
            )
            for rule in report.rules
        ),
    )


def _gap_places(report: PeriodReport) -> Section:
    counts: Counter[tuple[str, str]] = Counter()
    fails: Counter[tuple[str, str]] = Counter()
    for gap in report.gaps:
        place = gap["strictest_jurisdiction"] or "unknown", _CONSENT.get(gap["consent"], "unknown")
        counts[place] += 1
        fails[place] += gap["verdict"] == "fail"
    return Section(
        id="gap-places",
        title="Consent gaps by place",
        text=(
            "Calls whose recording was not shown to be disclosed in time, by the strictest place of a party; "
            "an unknown place counts as strictest. A gap is no finding of law."
        ),
        columns=_columns(place="text", consent_of="text", gaps="count", not_determinable="count"),
        rows=tuple((*place, fails[place], counts[place] - fails[place]) for place in counts),
    )


def _gap_calls(report: PeriodReport) -> Section:
    zone = ZoneInfo(report.period.zone)
    return Section(
        id="gaps",
        title="Consent gaps",
        text="Strictest place first; the time is when the notice was heard, too late.",
        columns=_columns(
            call="text",
            began="text",
            queue="text",
            team="text",
            place="text",
            verdict="text",
            why="text",
            heard_at="text",
        ),
        rows=tuple(
            (
                gap["call_ref"] or gap["recording_id"][:12],
                gap["started_at"].astimezone(zone).strftime("%Y-%m-%d %H:%M"),
                gap["queue"],
                gap["team"],
                gap["strictest_jurisdiction"] or "unknown",
                gap["verdict"].replace("_", " "),
                gap["status"] or gap["reason"],
                None if gap["disclosed_s"] is None else clock(gap["disclosed_s"]),
            )
            for gap in report.gaps
        ),
    )


def _holds(report: PeriodReport) -> Section:
    holds = report.holds
    rows: list[tuple[Cell, ...]] = [
        (f"permission {name.replace('_', ' ')}", Share(count=number, of=holds.holds))
        for name, number in holds.permissions.items()
    ]
    rows.append(("thanked afterwards, where that is known", holds.thanked))
    longest = UNKNOWN if holds.longest_s is None else clock(holds.longest_s)
    return Section(
        id="holds",
        title="Holds",
        text=f"{holds.holds} holds, {clock(holds.hold_s)} in all, the longest {longest} (minutes:seconds).",
        columns=_columns(holds="text", share="share"),
        rows=tuple(rows) if holds.holds else (),
    )


def _measures(report: PeriodReport) -> Section:
    return Section(
        id="measures",
        title="Talk, interruptions, silence",
        text=(
            "Pooled over calls as sum / sum; the interval takes calls, not events, as what was sampled. "
            "Calls whose audio does not carry a measure are counted apart, never as 0."
        ),
        columns=_columns(measure="text", value="measure", cannot_be_told="count", trend="trend"),
        rows=tuple(
            (
                one.measure.title,
                Measured(pooled=one.now, unit=one.measure.unit),
                one.undefined,
                Trend(values=one.trend),
            )
            for one in report.measures
        ),
    )


def _groups(
    groups: Sequence[GroupFigures], rules: Sequence[RuleFigures], report: PeriodReport, id_: str, title: str
) -> tuple[Section, ...]:
    """A row a queue or team; no table where calls have neither."""
    if not groups:
        return ()
    names = [Column(title=rule.title, kind="share") for rule in rules]
    measures = [Column(title=one.measure.title, kind="measure") for one in report.measures]
    units = [one.measure.unit for one in report.measures]
    return (
        Section(
            id=id_,
            title=title,
            text="Where intervals overlap, the groups may not differ.",
            columns=(*_columns(name="text", conversations="count"), *names, *measures),
            rows=tuple(
                (
                    group.name,
                    group.conversations,
                    *(group.rules[rule.rule_id] for rule in rules),
                    *(
                        Measured(pooled=one, unit=unit)
                        for one, unit in zip(group.measures, units, strict=True)
                    ),
                )
                for group in groups
            ),
        ),
    )


def _coverage(report: PeriodReport) -> Section:
    return Section(
        id="coverage",
        title="Coverage",
        text="Conversations that could be judged of those to which a rule applies, and why others could not.",
        columns=_columns(
            rule="text", judged="share", not_applicable="count", not_determinable="count", why="text"
        ),
        rows=tuple(
            (
                rule.title,
                rule.coverage,
                rule.not_applicable,
                rule.not_determinable,
                ", ".join(f"{reason.replace('_', ' ')} {number}" for reason, number in rule.reasons.items()),
            )
            for rule in report.rules
        ),
    )


def _calls(report: PeriodReport) -> Section:
    trend = zip(report.periods, (*report.conversations_before, report.conversations), strict=True)
    rows: list[tuple[Cell, ...]] = [
        (_KINDS.get(kind, kind.replace("_", " ")), number) for kind, number in report.calls.items()
    ]
    rows += [(f"conversations in {period.name}", number) for period, number in list(trend)[:FORMER]]
    return Section(
        id="calls",
        title="Calls",
        text=(
            f"Rates and measures are those of conversations. {report.without_start} recordings of the store "
            "have no start in their metadata and are in no period."
        ),
        columns=_columns(calls="text", number="count"),
        rows=tuple(rows),
    )
