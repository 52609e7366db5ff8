"""The report of a period: its days, its figures and their intervals, its page and its workbook."""

from __future__ import annotations

import hashlib
import re
import sys
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
from builders import a_call, a_hold, a_recording, a_rule, an_analysis, found, measured, quarantined, stored
from scipy.stats import binomtest, t

from pipeline import cli
from pipeline.errors import UsageError
from pipeline.records import CallAnalysis, Verdict
from pipeline.report.calendar import Period, read_period, with_former
from pipeline.report.estimates import Change, Pooled, Share, change
from pipeline.report.period import FORMER, NO_GROUP, PeriodReport, period_report
from pipeline.report.period_files import write_files
from pipeline.report.period_page import cell_text, faint, period_page
from pipeline.report.period_sheets import period_workbook
from pipeline.report.period_tables import Measured
from pipeline.report.text import UNKNOWN
from pipeline.store import reading

WEEK_47 = datetime(2026, 11, 18, 10, 0, tzinfo=UTC)
RULES = [
    a_rule("recording_disclosure", title="Recording disclosed in time", fatal=True),
    a_rule("greeting", title="Greeting", score="quality"),
]


def a_stored_call(
    number: int,
    began: datetime,
    verdict: Verdict,
    *,
    queue: str | None = "=billing",
    team: str | None = "north",
    detail: dict[str, Any] | None = None,
    **parts: Any,
) -> CallAnalysis:
    name = f"call {number}"
    metrics = (
        measured("talk_ratio", 10.0 + number, 20.0 + 2 * number, unit="ratio"),
        measured("interruptions", number % 3, 2.0, role="agent", unit="1/min"),
        measured("hold_count", float(number % 2), unit="count"),
        measured("dead_air_count", 0.0, 0.0, unit="count"),
    )
    finding = found("recording_disclosure", verdict, start_s=1.0, end_s=2.0, detail=detail or {})
    kept = {"metrics": metrics, "findings": (finding, found("greeting", "not_applicable"))} | parts
    call = a_call(
        call_ref=f"C-{number}",
        started_at=began,
        queue=queue,
        team=team,
        jurisdictions=("CA",) if number % 2 else (),
    )
    return an_analysis(name, recording=a_recording(name), call=call, **kept)


def calls() -> list[CallAnalysis]:
    """Week 46: 10 passes of 20. Week 47: 18 of 20, 4 that cannot be told, and calls that do not count."""
    out = [a_stored_call(n, WEEK_47 - timedelta(days=7), "pass" if n < 10 else "fail") for n in range(20)]
    for n in range(20, 40):
        south = n % 4 == 0
        verdict: Verdict = "fail" if n in {21, 24} else "pass"
        late = {"status": "late"} if verdict == "fail" else {}
        holds = (a_hold(5, 15, permission="granted", thanked=True),) if n % 2 else ()
        group = {"queue": "sales", "team": "<b>south</b>"} if south else {}
        out.append(a_stored_call(n, WEEK_47, verdict, detail=late, holds=holds, **group))
    unclear = {"reason_code": "unintelligible", "reason": "The opening is unintelligible."}
    out += [
        a_stored_call(n, WEEK_47, "not_determinable", detail=unclear, queue=None, team=None)
        for n in range(40, 44)
    ]
    other = a_stored_call(50, WEEK_47, "pass")
    out.append(replace(other, recording=replace(other.recording, call_kind="voicemail")))
    out.append(replace(a_stored_call(51, WEEK_47, "pass"), call=a_call(call_ref="C-51", started_at=None)))
    broken = quarantined("broken")
    out.append(replace(broken, call=a_call(call_ref="broken", started_at=WEEK_47)))
    return out


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stored(tmp_path_factory.mktemp("period") / "calls.duckdb", *calls(), rules=RULES)


def reported(db: Path, name: str = "2026-W47", zone: str = "UTC", **filters: str) -> PeriodReport:
    with reading(db) as connection:
        return period_report(connection, read_period(name, zone), **filters)


@pytest.fixture(scope="module")
def report(db: Path) -> PeriodReport:
    return reported(db)


@pytest.mark.parametrize(
    ("name", "first", "end", "former"),
    [
        ("2026-W47", date(2026, 11, 16), date(2026, 11, 23), "2026-W46"),
        ("2026-w1", date(2025, 12, 29), date(2026, 1, 5), "2025-W52"),
        ("2021-W01", date(2021, 1, 4), date(2021, 1, 11), "2020-W53"),
        ("2026-11", date(2026, 11, 1), date(2026, 12, 1), "2026-10"),
        ("2026-12", date(2026, 12, 1), date(2027, 1, 1), "2026-11"),
        ("2026-Q4", date(2026, 10, 1), date(2027, 1, 1), "2026-Q3"),
        ("2026-Q1", date(2026, 1, 1), date(2026, 4, 1), "2025-Q4"),
        ("2026-11-20", date(2026, 11, 20), date(2026, 11, 21), "2026-11-19"),
        ("2026", date(2026, 1, 1), date(2027, 1, 1), "2025"),
    ],
)
def test_periods_are_read_by_their_names(name: str, first: date, end: date, former: str) -> None:
    period = read_period(name, "UTC")
    assert (period.first, period.end) == (first, end)
    assert period.former.name == former
    assert period.former.end == period.first
    assert read_period(period.name, "UTC") == period


@pytest.mark.parametrize(
    "name", ["2026-W54", "2026-W00", "2026-13", "2026-Q5", "2026-02-30", "last week", "9999"]
)
def test_what_is_no_period_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"no period: --period; got .*; allowed: 2026-W47"):
        read_period(name, "UTC")


def test_days_are_local_and_follow_the_change_of_clocks() -> None:
    day = read_period("2026-10-25", "Europe/Berlin")
    start, end = day.instants
    assert start == datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
    assert end - start == timedelta(hours=25)


def test_former_periods_come_first() -> None:
    names = [period.name for period in with_former(read_period("2026-W02", "UTC"), 2)]
    assert names == ["2025-W52", "2026-W01", "2026-W02"]


@pytest.mark.parametrize(("count", "of"), [(0, 1), (1, 1), (8, 10), (0, 25), (97, 100), (500, 1000)])
def test_the_interval_of_a_share_is_scipys_wilson(count: int, of: int) -> None:
    expected = binomtest(count, of).proportion_ci(method="wilson")
    assert Share(count=count, of=of).interval == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_a_share_of_nothing_is_undefined() -> None:
    nothing = Share(count=0, of=0)
    assert (nothing.value, nothing.interval, cell_text(nothing)) == (None, None, UNKNOWN)
    assert change(nothing, Share(count=1, of=2)) is None


def test_the_interval_of_a_change_is_newcombes() -> None:
    # R. G. Newcombe, Statistics in Medicine 17 (1998) 873, table II, example (a), method 10.
    found = change(Share(count=48, of=80), Share(count=56, of=70))
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)
    assert found.direction == "up"


@pytest.mark.parametrize(
    ("low", "high", "direction"),
    [(0.001, 0.1, "up"), (0.0, 0.1, "unclear"), (-0.1, 0.0, "unclear"), (-0.1, -0.001, "down")],
)
def test_a_change_is_clear_where_its_interval_leaves_out_0(low: float, high: float, direction: str) -> None:
    assert Change(value=0.0, low=low, high=high).direction == direction


def pooled(n: list[float], d: list[float]) -> Pooled:
    a, b = np.array(n), np.array(d)
    return Pooled(calls=len(a), n=a.sum(), d=b.sum(), nn=(a * a).sum(), nd=(a * b).sum(), dd=(b * b).sum())


def test_the_interval_of_a_count_per_call_is_that_of_a_mean() -> None:
    values = [0.0, 1.0, 2.0, 5.0, 1.0]
    expected = t.interval(0.95, 4, loc=np.mean(values), scale=np.std(values, ddof=1) / np.sqrt(5))
    low, high = pooled(values, [1.0] * 5).interval or (None, None)
    assert (low, high) == pytest.approx((max(expected[0], 0.0), expected[1]))


def test_pooling_is_sum_by_sum_and_parts_add_up() -> None:
    whole = pooled([1.0, 2.0, 6.0], [2.0, 2.0, 8.0])
    assert whole.value == pytest.approx(0.75)
    assert pooled([1.0], [2.0]) + pooled([2.0, 6.0], [2.0, 8.0]) == whole


@pytest.mark.parametrize(("calls_", "has"), [(1, False), (2, True)])
def test_one_call_says_nothing_about_others(calls_: int, has: bool) -> None:
    assert (pooled([1.0, 2.0][:calls_], [1.0, 1.0][:calls_]).interval is not None) is has


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(7)
    hits = 0
    for _ in range(2000):
        minutes = random.gamma(2.0, 2.0, 40)
        events = random.poisson(0.5 * minutes * random.gamma(2.0, 0.5, 40))
        low, high = pooled(list(events), list(minutes)).interval or (0.0, 0.0)
        hits += low <= 0.5 <= high
    assert 0.91 <= hits / 2000 <= 0.98


@pytest.mark.parametrize(("of", "pale"), [(9, True), (10, False)])
def test_figures_of_few_calls_are_pale(of: int, pale: bool) -> None:
    assert faint(Share(count=1, of=of)) is pale
    assert faint(Measured(pooled=pooled([1.0] * of, [1.0] * of), unit="s")) is pale


def test_figures_count_the_conversations_of_the_period(report: PeriodReport) -> None:
    assert report.calls == {"conversation": 24, "quarantined": 1, "voicemail": 1}
    assert report.conversations_before == (0, 0, 0, 0, 0, 0, 20)
    assert report.without_start == 1
    disclosure = next(rule for rule in report.rules if rule.rule_id == "recording_disclosure")
    assert (disclosure.share, disclosure.not_determinable) == (Share(count=18, of=20), 4)
    assert disclosure.coverage == Share(count=20, of=24)
    assert disclosure.reasons == {"unintelligible": 4}
    assert disclosure.trend[-2:] == (Share(count=10, of=20), Share(count=18, of=20))
    assert disclosure.trend[0] == Share(count=0, of=0)
    assert disclosure.change is not None
    assert disclosure.change.direction == "up"
    greeting = next(rule for rule in report.rules if rule.rule_id == "greeting")
    assert (greeting.share.of, greeting.not_applicable) == (0, 24)


def test_measures_are_pooled_over_calls(report: PeriodReport) -> None:
    talk, holds, *_ = report.measures
    assert (talk.now.value, talk.now.calls, talk.undefined) == (0.5, 24, 0)
    assert holds.now.value == pytest.approx(0.5)
    dead_air = next(one for one in report.measures if one.measure.name == "dead_air_count")
    assert (dead_air.now.value, dead_air.undefined) == (None, 24)


def test_holds_are_counted_by_permission(report: PeriodReport) -> None:
    holds = report.holds
    assert (holds.holds, holds.hold_s, holds.longest_s) == (10, 100.0, 10.0)
    assert (holds.permissions, holds.thanked) == ({"granted": 10}, Share(count=10, of=10))


def test_gaps_are_those_of_conversations_strictest_place_first(report: PeriodReport) -> None:
    fails = [gap for gap in report.gaps if gap["verdict"] == "fail"]
    assert report.gaps[:2] == tuple(fails)
    assert {gap["call_ref"]: gap["consent"] for gap in report.gaps} == {
        "C-21": "all_party",
        "C-24": "unknown",
        "C-40": "unknown",
        "C-41": "all_party",
        "C-42": "unknown",
        "C-43": "all_party",
    }


def test_groups_are_sorted_by_size_and_calls_without_one_are_shown(report: PeriodReport) -> None:
    assert [(group.name, group.conversations) for group in report.queues] == [
        ("=billing", 15),
        ("sales", 5),
        (NO_GROUP, 4),
    ]
    assert sum(group.rules["recording_disclosure"].of for group in report.queues) == 20
    assert [group.name for group in report.teams] == ["north", "<b>south</b>", NO_GROUP]


def test_filters_narrow_everything(db: Path) -> None:
    sales = reported(db, queue="sales")
    assert sales.calls == {"conversation": 5}
    assert [group.name for group in sales.queues] == ["sales"]
    assert [gap["call_ref"] for gap in sales.gaps] == ["C-24"]
    assert reported(db, team="north").conversations == 15


def test_the_zone_decides_in_which_period_a_call_is(tmp_path: Path) -> None:
    late = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)  # Monday in Berlin
    db = stored(tmp_path / "calls.duckdb", a_stored_call(1, late, "pass"), rules=RULES)
    assert reported(db, "2026-W47").conversations == 1
    assert reported(db, "2026-W47", "Europe/Berlin").conversations == 0
    assert reported(db, "2026-W48", "Europe/Berlin").conversations == 1


def test_an_empty_period_has_undefined_rates(db: Path) -> None:
    empty = reported(db, "2020-W01")
    assert empty.conversations == 0
    assert {rule.share.value for rule in empty.rules} == {None}
    page = period_page(empty)
    assert "No conversation began in this period" in page
    assert "0 %" not in page
    assert period_workbook(empty)


class Page(HTMLParser):
    """What a page would load or run, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[tuple[str, str]] = []
        self.tags: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in {"src", "href", "style", "srcset"} or name.startswith("on"):
                self.loads.append((tag, f"{name}={value}"))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_loads_nothing_and_escapes_everything(report: PeriodReport) -> None:
    text = period_page(report)
    page = Page()
    page.feed(text)
    assert page.loads == []
    assert "script" not in page.tags
    assert "b" in page.tags  # the key figures
    assert "<b>south</b>" in "".join(page.text)  # a team's name, as it was given
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    assert f"sha256-{b64encode(hashlib.sha256(style[1].encode()).digest()).decode()}" in text


def test_the_page_says_shares_with_interval_and_number(report: PeriodReport) -> None:
    text = period_page(report)
    assert "90 % (70 to 97) of 20" in text
    assert "+40 (+12 to +61) up" in text
    assert "unintelligible 4" in text
    assert "C-21" in text


def test_the_workbook_read_by_openpyxl_has_the_figures_as_numbers(report: PeriodReport) -> None:
    book = openpyxl.load_workbook(BytesIO(period_workbook(report)))
    assert book.sheetnames == [
        "Rules", "Consent gaps by place", "Consent gaps", "Holds", "Talk interruptions silence", "By queue",
        "By team", "Coverage", "Calls", "Trend", "About",
    ]  # fmt: skip
    header, *rows = [tuple(cell.value for cell in row) for row in book["Rules"].iter_rows()]
    assert header[2:7] == ("passed", "passed of", "passed share", "passed low", "passed high")
    row = next(row for row in rows if str(row[0]).startswith("Recording"))
    assert row[2:5] == (18, 20, 0.9)
    assert row[5:7] == pytest.approx((0.699, 0.972), abs=1e-3)
    undefined = next(row for row in rows if row[0] == "Greeting")
    assert undefined[3:7] == (0, None, None, None)
    trend = [tuple(cell.value for cell in row) for row in book["Trend"].iter_rows(min_row=2)]
    assert len(trend) == (len(report.rules) + len(report.measures)) * (FORMER + 1)


def test_names_that_look_like_formulas_are_text_in_the_workbook(report: PeriodReport) -> None:
    book = openpyxl.load_workbook(BytesIO(period_workbook(report)))
    cell = book["By queue"]["A2"]
    assert (cell.value, cell.data_type) == ("=billing", "s")
    assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)


def test_files_are_named_for_their_period_and_filters(db: Path, tmp_path: Path) -> None:
    only = reported(db, team="<b>south</b>")
    page, workbook = write_files(only, tmp_path / "reports")
    assert (page.name, workbook.name) == (
        "calls-2026-W47-_b_south_b_.html",
        "calls-2026-W47-_b_south_b_.xlsx",
    )
    assert sorted(path.name for path in page.parent.iterdir()) == sorted((page.name, workbook.name))


def test_the_program_writes_both_files(
    db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["earwitness", "report", "--period", "2026-W47", "--db", str(db)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 0
    assert capsys.readouterr().out == "calls-2026-W47.html\ncalls-2026-W47.xlsx\n"
    assert Path("calls-2026-W47.html").read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--period", "soon"], "no period: --period; got 'soon'; allowed: 2026-W47"),
        (
            ["--period", "2026-W47", "--queue", "x"],
            "no call of this queue: --queue; got 'x'; allowed: =billing, billing, sales",
        ),
        (["--period", "2026-W47", "--out", "calls.txt"], "cannot write the report: calls.txt"),
    ],
)
def test_what_cannot_be_reported_is_said_in_a_line(
    db: Path,
    tmp_path: Path,
    args: list[str],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("calls.txt").touch()
    monkeypatch.setattr(sys, "argv", ["earwitness", "report", *args, "--db", str(db)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert says in err


def test_a_period_is_a_value() -> None:
    week = Period(kind="week", first=date(2026, 11, 16), end=date(2026, 11, 23), zone="UTC")
    assert week == read_period("2026-W47", "UTC")
    assert week.days == "16 Nov 2026 to 22 Nov 2026"
