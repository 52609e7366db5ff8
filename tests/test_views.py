"""The views say what was counted by hand."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import (
    NOON,
    a_call,
    a_hold,
    a_recording,
    a_silence,
    an_analysis,
    an_id,
    an_overlap,
    found,
    measured,
    quarantined,
    say,
    stored,
)
from readback import row_of

from pipeline import records
from pipeline.store import query


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
