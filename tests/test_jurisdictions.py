"""Whose consent a call needs: the data rows, and the calls without a timely disclosure, strictest first."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import (
    NOON,
    a_call,
    an_analysis,
    found,
    stored,
)

import schemas
from pipeline import records
from pipeline.store import query


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stored(tmp_path_factory.mktemp("empty") / "empty.duckdb")


def test_jurisdictions_come_from_the_csv_file(empty: Path) -> None:
    (data,) = schemas.data()
    with data.path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    table = query(empty, "FROM jurisdiction")
    assert tuple(rows[0]) == table.columns
    there = [tuple("" if value is None else str(value) for value in row) for row in table.rows]
    assert [tuple(row.values()) for row in rows] == there
    assert len(rows) == 52  # 50 states, DC and federal law


def test_jurisdictions_are_ranked_by_their_consent(empty: Path) -> None:
    sql = "SELECT consent, strictness, string_agg(code, ' ' ORDER BY code) FROM jurisdiction GROUP BY ALL"
    ranked = {row[:2]: row[2] for row in query(empty, sql).rows}
    assert set(ranked) == {("all_party", 3), ("disputed", 2), ("one_party", 1)}
    assert ranked["all_party", 3] == "CA DE FL IL MA MD MT NH NV PA WA"
    assert ranked["disputed", 2] == "CT MI OR"


def test_every_place_has_its_own_law_and_every_dispute_a_note(empty: Path) -> None:
    # Vermont has no statute of its own.
    federal = query(empty, "SELECT code FROM jurisdiction WHERE source LIKE '18 U.S.C.%' ORDER BY code").rows
    assert federal == (("US",), ("VT",))
    noted = {row[0] for row in query(empty, "SELECT code FROM jurisdiction WHERE note IS NOT NULL").rows}
    assert {"CT", "MI", "OR", "NV", "DE"} <= noted
    doubled = "SELECT source FROM jurisdiction GROUP BY source HAVING count(*) > 1"
    assert query(empty, doubled).rows == (("18 U.S.C. § 2511(2)(d)",),)


def disclosure(verdict: Any, status: str | None = None, **changes: Any) -> records.Finding:
    return found("recording_disclosure", verdict, detail={"status": status} if status else {}, **changes)


def in_places(
    name: str, *places: str, finding: records.Finding | None = None, hour: int = 0
) -> records.CallAnalysis:
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


def test_each_party_has_the_law_of_its_place(tmp_path: Path) -> None:
    db = stored(tmp_path / "a.duckdb", in_places("one", "us-or", "Nevada", "ZZ", "OR"), in_places("two"))
    sql = (
        "SELECT call_ref, code, name, consent, strictness, as_of IS NOT NULL, source IS NOT NULL, "
        "note IS NOT NULL FROM call_party INNER JOIN call USING (recording_id) ORDER BY call_ref, code"
    )
    assert query(db, sql).rows == (
        ("one", "NV", "Nevada", "all_party", 3, True, True, True),
        ("one", "OR", "Oregon", "disputed", 2, True, True, True),
        ("one", "ZZ", None, "unknown", 3, False, False, False),
        ("two", None, None, "unknown", 3, False, False, False),
    )


def test_consent_gaps_cite_the_law(tmp_path: Path) -> None:
    unheard = disclosure("not_determinable")
    unheard = replace(unheard, detail={"status": "unclear", "reason": "the opening was not understood"})
    db = stored(tmp_path / "a.duckdb", in_places("one", "TX", "CT", finding=unheard))
    sql = "SELECT jurisdiction_name, law_as_of::VARCHAR, law_source, reason FROM consent_gaps"
    name, as_of, source, reason = query(db, sql).rows[0]
    assert (name, as_of, reason) == ("Connecticut", "2025-01-01", "the opening was not understood")
    assert source.startswith("Conn. Gen. Stat.")
