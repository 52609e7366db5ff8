"""The tables hold the records, everything is commented, and the views say what was counted by hand."""

from __future__ import annotations

import csv
import hashlib
import typing
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union

import duckdb
import pytest
from builders import (
    NOON,
    a_call,
    a_fingerprint,
    a_hold,
    a_recording,
    a_silence,
    a_transfer,
    an_analysis,
    an_id,
    an_overlap,
    fitness_of,
    found,
    measured,
    quarantined,
    say,
    sound,
    stored,
)

import schemas
from pipeline import records
from pipeline.errors import RecordingError
from pipeline.store import Writer, query, writing

RECORDS = {
    "recording": records.Recording,
    "call": records.Call,
    "analysis": records.Run,
    "activity": records.Activity,
    "sound": records.Sound,
    "fingerprint": records.Fingerprint,
    "word": records.Word,
    "turn": records.Turn,
    "hold": records.Hold,
    "hold_track": records.HoldTrack,
    "transfer": records.Transfer,
    "overlap": records.Overlap,
    "silence": records.Silence,
    "metric": records.Metric,
    "fitness": records.Fitness,
    "finding": records.Finding,
}
TABLES = [statement.name for statement in schemas.tables()]
VIEWS = [statement.name for statement in schemas.views()]

# Raise schemas.VERSION when an existing table changes; a new table alone only changes the fingerprint.
LAYOUT = (1, "df105caca47b")

FULL = an_analysis(
    turns=[say("agent", 0, 2, "one moment please"), say("customer", 2, 3, "sure")],
    sounds=(sound("music", 4, 9),),
    fingerprints=(a_fingerprint(4, 9),),
    holds=(a_hold(3, 10, request_turn_index=0),),
    transfers=(a_transfer(30, 40),),
    overlaps=(an_overlap("agent", 1, 2),),
    silences=(a_silence(20, 32),),
    metrics=(measured("talk_time", 2, role="agent"),),
    fitness=(fitness_of(),),
    findings=(found("greeting", "pass", start_s=0.0, end_s=2.0, confidence=0.5),),
)
PARTS = {
    "call": "call",
    "recording": "recording",
    "analysis": "run",
    "activity": "activities",
    "sound": "sounds",
    "fingerprint": "fingerprints",
    "word": "words",
    "turn": "turns",
    "hold": "holds",
    "transfer": "transfers",
    "overlap": "overlaps",
    "silence": "silences",
    "metric": "metrics",
    "fitness": "fitness",
    "finding": "findings",
}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stored(tmp_path_factory.mktemp("empty") / "empty.duckdb")


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Writer]:
    with writing(tmp_path_factory.mktemp("writer") / "a.duckdb") as writer:
        yield writer


def with_part(table: str, **changes: Any) -> records.Analysis:
    """FULL, with the (first) record of a table changed."""
    part = getattr(FULL, PARTS[table])
    if isinstance(part, tuple):
        return replace(FULL, **{PARTS[table]: (replace(part[0], **changes), *part[1:])})
    return replace(FULL, **{PARTS[table]: replace(part, **changes)})


def literals(annotation: object) -> tuple[str, ...]:
    """The allowed values of a Literal or of a Literal that may be None."""
    if typing.get_origin(annotation) is Literal:
        return typing.get_args(annotation)
    if typing.get_origin(annotation) in (Union, UnionType):
        return tuple(value for part in typing.get_args(annotation) for value in literals(part))
    return ()


CHOICES = [
    (table, name, values)
    for table, record in RECORDS.items()
    for name, annotation in typing.get_type_hints(record).items()
    if (values := literals(annotation))
]


def test_every_table_has_a_record_or_is_known_to_have_none() -> None:
    assert set(TABLES) - set(RECORDS) == {"meta", "review", "jurisdiction"}


@pytest.mark.parametrize("table", RECORDS)
def test_columns_are_the_fields_of_the_record(empty: Path, table: str) -> None:
    columns = [row[0] for row in query(empty, f"DESCRIBE {table}").rows]
    names = [field.name for field in fields(RECORDS[table])]
    assert columns == (names if table in ("recording", "hold_track") else ["recording_id", *names])


def test_a_changed_table_needs_a_new_version() -> None:
    text = "".join(statement.sql.partition(";")[0] for statement in schemas.tables())
    code = [" ".join(line.split()) for line in text.splitlines() if not line.startswith("--")]
    fingerprint = hashlib.sha256("\n".join(code).encode()).hexdigest()[:12]
    assert (schemas.VERSION, fingerprint) == LAYOUT


def test_every_table_and_view_is_commented(empty: Path) -> None:
    sql = (
        "SELECT table_name, comment FROM duckdb_tables() "
        "UNION ALL SELECT view_name, comment FROM duckdb_views() WHERE NOT internal"
    )
    comments = dict(query(empty, sql).rows)
    assert sorted(comments) == sorted(TABLES + VIEWS)
    assert [name for name, comment in comments.items() if not comment] == []


def test_every_column_is_commented_with_its_unit(empty: Path) -> None:
    sql = "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE NOT internal"
    rows = query(empty, sql).rows
    assert {row[0] for row in rows} == set(TABLES + VIEWS)
    assert [row for row in rows if not row[2]] == []
    assert [row for row in rows if row[1].endswith("_s") and "seconds" not in row[2]] == []
    assert [row for row in rows if row[1].endswith("_hz") and "hertz" not in row[2]] == []


@pytest.mark.parametrize("view", VIEWS)
def test_views_run_on_an_empty_store(empty: Path, view: str) -> None:
    assert query(empty, f"FROM {view}").rows == ()


def test_the_full_record_set_is_accepted(writer: Writer) -> None:
    writer.add(FULL)
    assert writer.known()[an_id("one")].status == "analysed"


@pytest.mark.parametrize(("table", "name", "values"), CHOICES)
def test_checks_allow_what_the_records_allow(
    writer: Writer, table: str, name: str, values: tuple[str, ...]
) -> None:
    for value in values:
        extra = {"error": "x"} if value == "quarantined" else {}
        writer.add(with_part(table, **{name: value}, **extra))
    with pytest.raises(RecordingError, match=name):
        writer.add(with_part(table, **{name: "nonsense"}))


@pytest.mark.parametrize(
    ("table", "changes"),
    [
        ("recording", {"recording_id": "abc"}),
        ("recording", {"bytes": -1}),
        ("recording", {"duration_s": -0.1}),
        ("recording", {"status": "quarantined"}),
        ("analysis", {"role_confidence": 1.1}),
        ("analysis", {"wall_s": -1.0}),
        ("analysis", {"asr_model": None}),
        ("activity", {"channel": -1}),
        ("word", {"probability": 1.1}),
        ("word", {"probability": float("nan")}),
        ("word", {"start_s": float("nan")}),
        ("turn", {"end_s": -1.0}),
        ("hold", {"end_s": float("inf")}),
        ("overlap", {"start_s": -0.5}),
        ("silence", {"start_s": 40.0}),
        ("transfer", {"end_s": 29.0}),
        ("sound", {"frequency_hz": 0.0}),
        ("fingerprint", {"frames": (1,)}),
        ("metric", {"denominator": -1.0}),
        ("metric", {"numerator": float("nan")}),
        ("finding", {"confidence": -0.1}),
        ("finding", {"start_s": None}),
    ],
)
def test_checks_refuse_what_cannot_be(writer: Writer, table: str, changes: dict[str, Any]) -> None:
    with pytest.raises(RecordingError):
        writer.add(with_part(table, **changes))


def test_jurisdictions_come_from_the_csv_file(empty: Path) -> None:
    (data,) = schemas.data()
    with data.path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    table = query(empty, "FROM jurisdiction")
    assert tuple(rows[0]) == table.columns
    assert [tuple(row.values()) for row in rows] == [tuple(map(str, row)) for row in table.rows]
    assert len(rows) == 52  # 50 states, DC and federal law


def test_jurisdictions_are_ranked_by_their_consent(empty: Path) -> None:
    sql = "SELECT consent, strictness, string_agg(code, ' ' ORDER BY code) FROM jurisdiction GROUP BY ALL"
    ranked = {row[:2]: row[2] for row in query(empty, sql).rows}
    assert set(ranked) == {("all_party", 3), ("disputed", 2), ("one_party", 1)}
    assert ranked["all_party", 3] == "CA DE FL IL MA MD MT NH NV PA WA"
    assert ranked["disputed", 2] == "CT MI OR"
    federal = "SELECT code FROM jurisdiction WHERE consent <> 'one_party' AND source LIKE '18 U.S.C.%'"
    assert query(empty, federal).rows == ()


# --- views with values counted by hand ---------------------------------------------------------------


def row_of(db: Path, sql: str) -> dict[str, Any]:
    table = query(db, sql)
    assert len(table.rows) == 1
    return dict(zip(table.columns, table.rows[0], strict=True))


def disclosure(verdict: Any, status: str | None = None, **changes: Any) -> records.Finding:
    return found("recording_disclosure", verdict, detail={"status": status} if status else {}, **changes)


BUSY = an_analysis(
    "busy",
    recording=a_recording("busy", duration_s=100.0),
    turns=[
        say("agent", 0, 4, "may I put you on hold"),
        say("customer", 4, 5, "yes"),
        say("agent", 30, 32, "thank you for waiting"),
    ],
    holds=(
        a_hold(5, 30, permission="granted", thanked=True, request_turn_index=0, return_turn_index=2),
        a_hold(40, 50, "silence", hold_index=1, permission="not_asked", thanked=False),
    ),
    overlaps=(
        an_overlap("agent", 60, 61),
        an_overlap("agent", 62, 63, overlap_index=1),
        an_overlap("customer", 64, 65, "backchannel", overlap_index=2),
    ),
    silences=(a_silence(70, 82),),
    metrics=(
        measured("talk_time", 30, role="agent"),
        measured("talk_time", 10, role="customer"),
        measured("talk_ratio", 30, 40, unit="ratio"),
        measured("hold_count", 2, unit="count"),
        measured("hold_time", 35),
        measured("interruptions", 2, 0.5, role="agent", unit="1/min"),
        measured("interruptions", 0, 1.5, role="customer", unit="1/min"),
        measured("agent_overtalk", 2, 10, role="agent", unit="ratio"),
        measured("dead_air_count", 1, unit="count"),
        measured("dead_air_time", 12),
    ),
    findings=(
        disclosure("fail", "late", start_s=70.0, end_s=73.0, quote="this call is recorded"),
        found("hold_permission", "fail"),
        found("hold_thanks", "pass"),
        found("greeting", "pass"),
        found("closing", "not_determinable"),
        found("apology", "not_applicable"),
    ),
)
"""A stereo call with two holds and everything measured."""

MONO = an_analysis(
    "mono",
    recording=a_recording("mono", channels=1, layout="mono", duration_s=20.0),
    call=a_call(call_ref="C-2", started_at=NOON + timedelta(hours=1)),
    metrics=(
        measured("talk_ratio", 2, 10, unit="ratio"),
        measured("hold_count", 0, unit="count"),
        measured("hold_time", 0),
        measured("interruptions", 0, 0, role="agent", unit="1/min"),
        measured("interruptions", 0, 0, role="customer", unit="1/min"),
    ),
    findings=(disclosure("pass"), found("hold_permission", "not_applicable")),
)
"""A call of the same agent on which overlaps cannot be told."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    db = tmp_path_factory.mktemp("filled") / "filled.duckdb"
    bare = an_analysis("bare", run=None, call=records.Call())
    return stored(db, BUSY, MONO, bare, quarantined())


def test_metric_value_divides_and_leaves_the_undefined_null(filled: Path) -> None:
    sql = (
        "SELECT value FROM metric_value WHERE name = 'interruptions' AND role = 'agent' ORDER BY denominator"
    )
    assert query(filled, sql).rows == ((None,), (4.0,))


def test_call_summary_of_a_busy_call(filled: Path) -> None:
    row = row_of(filled, f"FROM call_summary WHERE recording_id = '{an_id('busy')}'")
    expected = {
        "recording_id": an_id("busy"),
        "call_ref": "C-1",
        "uri": "busy.wav",
        "started_at": NOON,
        "direction": "inbound",
        "queue": "billing",
        "agent_id": "a-1",
        "agent_name": "Ann",
        "duration_s": 100.0,
        "layout": "stereo",
        "agent_talk_ratio": 0.75,
        "agent_talk_s": 30.0,
        "customer_talk_s": 10.0,
        "hold_count": 2,
        "hold_s": 35.0,
        "holds_permission_granted": 1,
        "holds_thanked": 1,
        "longest_hold_s": 25.0,
        "interruptions_by_agent": 2,
        "interruptions_by_customer": 0,
        "dead_air_count": 1,
        "dead_air_s": 12.0,
        "recording_disclosure": "fail",
        "disclosure_status": "late",
        "hold_permission": "fail",
        "hold_thanks": "pass",
        "passes": 2,
        "fails": 2,
        "not_determinable": 1,
        "score": 0.5,
    }
    assert row == expected


def test_call_summary_keeps_none_apart_from_unknown(filled: Path) -> None:
    row = row_of(filled, f"FROM call_summary WHERE recording_id = '{an_id('mono')}'")
    assert (row["hold_count"], row["hold_s"], row["longest_hold_s"]) == (0, 0.0, None)
    assert (row["interruptions_by_agent"], row["interruptions_by_customer"]) == (None, None)
    assert (row["dead_air_count"], row["agent_talk_s"]) == (None, None)
    assert (row["passes"], row["fails"], row["score"]) == (1, 0, 1.0)


def test_call_summary_has_calls_about_which_nothing_is_known_but_no_quarantined_ones(filled: Path) -> None:
    row = row_of(filled, f"FROM call_summary WHERE recording_id = '{an_id('bare')}'")
    assert (row["agent_id"], row["hold_count"], row["passes"], row["score"]) == (None, None, 0, None)
    assert query(filled, "SELECT count(*) FROM call_summary").rows == ((3,),)


def test_agent_scorecard_pools_counts_not_ratios(filled: Path) -> None:
    row = row_of(filled, "FROM agent_scorecard WHERE agent_id = 'a-1'")
    assert row.pop("pass_rates") == {
        "apology": None,
        "closing": None,
        "greeting": 1.0,
        "hold_permission": 0.0,
        "hold_thanks": 1.0,
        "recording_disclosure": 0.5,
    }
    assert row == {
        "agent_id": "a-1",
        "agent_name": "Ann",
        "calls": 2,
        "duration_s_per_call": 60.0,
        "agent_talk_ratio": 32 / 50,  # the mean of the ratios would be 0.475
        "holds_per_call": 1.0,
        "hold_s_per_call": 17.5,
        "interruptions_per_min": 4.0,  # mono has no say in it
        "overtalk_ratio": 0.2,
        "dead_air_per_call": 1.0,
        "dead_air_s_per_call": 12.0,
        "disclosure_pass_rate": 0.5,
        "hold_permission_pass_rate": 0.0,
        "hold_thanks_pass_rate": 1.0,
        "passes": 3,
        "fails": 2,
        "score": 0.6,
    }


def test_agent_scorecard_keeps_calls_without_an_agent(filled: Path) -> None:
    row = row_of(filled, "FROM agent_scorecard WHERE agent_id IS NULL")
    assert (row["calls"], row["score"], row["pass_rates"]) == (1, None, None)


def test_agent_rule_counts_every_verdict(filled: Path) -> None:
    sql = "FROM agent_rule WHERE rule_id IN ('hold_permission', 'closing') ORDER BY rule_id"
    assert query(filled, sql).rows == (
        ("a-1", "closing", 0, 0, 0, 1, None),
        ("a-1", "hold_permission", 0, 1, 1, 0, 0.0),
    )


def test_hold_report_has_a_row_a_hold(filled: Path) -> None:
    sql = "SELECT call_ref, hold_index, duration_s, kind, permission, thanked, request_text, return_text FROM hold_report"
    first = ("C-1", 0, 25.0, "music", "granted", True, "may I put you on hold", "thank you for waiting")
    second = ("C-1", 1, 10.0, "silence", "not_asked", False, None, None)
    assert query(filled, sql).rows == (first, second)


def test_quarantine_gives_the_reason(filled: Path) -> None:
    rows = query(filled, "FROM quarantine").rows
    assert rows == ((an_id("broken"), "broken.wav", "no audio in the file", NOON),)


def in_places(
    name: str, *places: str, finding: records.Finding | None = None, hour: int = 0
) -> records.Analysis:
    call = a_call(call_ref=name, jurisdictions=places, started_at=NOON + timedelta(hours=hour))
    return an_analysis(name, call=call, findings=(finding or disclosure("fail", "absent"),))


def test_consent_gaps_come_strictest_first(tmp_path: Path) -> None:
    db = stored(
        tmp_path / "a.duckdb",
        in_places("texas", "TX", hour=0),
        in_places("oregon", "TX", "OR", hour=1),
        in_places("nowhere", hour=2),
        in_places("california", "TX", "us-ca ", hour=3),
        in_places("abroad", "TX", "ZZ", hour=4),
        in_places("federal", "US", hour=5),
        in_places("told", "CA", finding=disclosure("pass")),
        in_places("exempt", "CA", finding=disclosure("not_applicable")),
    )
    rows = query(db, "SELECT call_ref, strictest_jurisdiction, consent, strictness FROM consent_gaps").rows
    assert rows == (
        ("nowhere", None, "unknown", 3),
        ("california", "CA", "all_party", 3),
        ("abroad", "ZZ", "unknown", 3),
        ("oregon", "OR", "disputed", 2),
        ("texas", "TX", "one_party", 1),
        ("federal", "US", "one_party", 1),
    )


def test_consent_gaps_show_when_a_late_disclosure_came(tmp_path: Path) -> None:
    late = disclosure("fail", "late", start_s=70.0, end_s=73.0, quote="this call is recorded")
    absent = disclosure("fail", "absent", start_s=0.0, end_s=60.0)
    mumbled = disclosure("not_determinable", start_s=0.0, end_s=5.0)
    db = stored(
        tmp_path / "a.duckdb",
        in_places("late", "CA", finding=late, hour=0),
        in_places("absent", "CA", finding=absent, hour=1),
        in_places("mumbled", "CA", finding=mumbled, hour=2),
    )
    rows = query(db, "SELECT call_ref, verdict, status, quote, disclosed_s, end_s FROM consent_gaps").rows
    assert rows == (
        ("late", "fail", "late", "this call is recorded", 70.0, 73.0),
        ("absent", "fail", "absent", None, None, 60.0),
        ("mumbled", "not_determinable", None, None, None, 5.0),
    )


def review(db: Path, sql: str) -> None:
    """Put reviews into a published store."""
    with duckdb.connect(str(db)) as connection:
        connection.execute(f"INSERT INTO review BY NAME {sql}")


def reviews(
    count: int, judgement: str, first: int = 0, rule: str = "greeting", verdict: str = "'pass'"
) -> str:
    return (
        f"SELECT sha256(i::VARCHAR) AS recording_id, '{rule}' AS rule_id, '1' AS rule_version, "
        f"'eve' AS reviewer, TIMESTAMPTZ '2026-03-03 09:00:00Z' AS reviewed_at, '{judgement}' AS judgement, "
        f"{verdict} AS verdict FROM range({first}, {first + count}) AS r(i)"
    )


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_rule_quality_has_the_wilson_interval(
    tmp_path: Path, right: int, of: int, low: float, high: float
) -> None:
    db = stored(tmp_path / "a.duckdb")
    review(db, f"{reviews(right, 'confirmed')} UNION ALL {reviews(of - right, 'wrong', right)}")
    row = row_of(db, "FROM rule_quality")
    assert (row["reviewed"], row["confirmed"], row["wrong"], row["unclear"]) == (of, right, of - right, 0)
    assert row["precision"] == right / of
    assert row["precision_low"] == pytest.approx(low, abs=5e-5)
    assert row["precision_high"] == pytest.approx(high, abs=5e-5)


def test_rule_quality_stays_within_0_and_1(tmp_path: Path) -> None:
    db = stored(tmp_path / "a.duckdb")
    review(db, reviews(3, "confirmed"))
    row = row_of(db, "FROM rule_quality")
    assert (row["precision"], row["precision_high"]) == (1.0, 1.0)


def test_rule_quality_of_unclear_judgements_alone_is_undefined(tmp_path: Path) -> None:
    db = stored(tmp_path / "a.duckdb")
    review(db, reviews(2, "unclear"))
    assert query(db, "FROM rule_quality").rows == (("greeting", "1", "pass", 2, 0, 0, 2, None, None, None),)


def test_rule_quality_tells_verdicts_apart_and_takes_the_latest_judgement(tmp_path: Path) -> None:
    db = stored(tmp_path / "a.duckdb", an_analysis(findings=(found("greeting", "fail"),)))
    review(db, f"{reviews(2, 'confirmed')} UNION ALL {reviews(1, 'wrong', 2)}")
    # Two judgements of one finding that do not name the verdict: the finding has it.
    same = f"SELECT * REPLACE ('{an_id('one')}' AS recording_id, TIMESTAMPTZ '2026-03-0{{}} 09:00:00Z' AS reviewed_at) FROM ({{}})"
    review(db, same.format(4, reviews(1, "confirmed", verdict="NULL")))
    review(db, same.format(3, reviews(1, "wrong", verdict="NULL")))
    sql = "SELECT verdict, reviewed, confirmed, wrong FROM rule_quality"
    assert query(db, sql).rows == (("fail", 1, 1, 0), ("pass", 3, 2, 1))
