"""The views say what was counted by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import (
    NOON,
    a_call,
    a_hold,
    a_recording,
    a_rule,
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


SCORECARD = (
    a_rule("recording_disclosure", 5, fatal=True),
    a_rule("hold_permission", 2, score="quality"),
    a_rule("hold_thanks", 1, score="quality"),
    a_rule("closing", 1, score="quality"),
    a_rule("apology", 1, score="quality"),
)
"""Rules in both scores; the greeting is not among them any more."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    db = tmp_path_factory.mktemp("filled") / "filled.duckdb"
    bare = an_analysis("bare", run=None, call=records.Call())
    return stored(db, BUSY, MONO, bare, quarantined(), rules=SCORECARD)


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
        "call_kind": None,
        "language": None,
        "language_probability": None,
        "language_unsure": None,
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
        "compliance_score": 0.0,
        "quality_score": 1 / 3,
        "fatal_fails": 1,
        "fatal_fail_rules": ["recording_disclosure"],
    }
    assert row == expected


def test_call_summary_keeps_none_apart_from_unknown(filled: Path) -> None:
    row = row_of(filled, f"FROM call_summary WHERE recording_id = '{an_id('mono')}'")
    assert (row["hold_count"], row["hold_s"], row["longest_hold_s"]) == (0, 0.0, None)
    assert (row["interruptions_by_agent"], row["interruptions_by_customer"]) == (None, None)
    assert (row["dead_air_count"], row["agent_talk_s"]) == (None, None)
    assert (row["passes"], row["fails"], row["score"]) == (1, 0, 1.0)
    assert (row["compliance_score"], row["quality_score"], row["fatal_fail_rules"]) == (1.0, None, [])


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
    assert row.pop("rule_counts")["hold_permission"] == {
        "passes": 0,
        "fails": 1,
        "not_applicable": 1,
        "not_determinable": 0,
    }
    assert row == {
        "agent_id": "a-1",
        "agent_name": "Ann",
        "calls": 2,
        "other_calls": 0,
        "duration_s": 120.0,
        "duration_s_per_call": 60.0,
        "agent_talk_s": 32.0,
        "talk_s": 50.0,
        "agent_talk_ratio": 32 / 50,  # the mean of the ratios would be 0.475
        "holds": 2,
        "hold_s": 35.0,
        "hold_calls": 2,
        "holds_per_call": 1.0,
        "hold_s_per_call": 17.5,
        "interruptions": 2,
        "customer_talk_min": 0.5,
        "interruptions_per_min": 4.0,  # mono has no say in it
        "overtalk_turns": 2,
        "agent_turns": 10,
        "overtalk_ratio": 0.2,
        "dead_airs": 1,
        "dead_air_s": 12.0,
        "dead_air_calls": 1,
        "dead_air_per_call": 1.0,
        "dead_air_s_per_call": 12.0,
        "disclosure_passes": 1,
        "disclosure_fails": 1,
        "disclosure_pass_rate": 0.5,
        "hold_permission_passes": 0,
        "hold_permission_fails": 1,
        "hold_permission_pass_rate": 0.0,
        "hold_thanks_passes": 1,
        "hold_thanks_fails": 0,
        "hold_thanks_pass_rate": 1.0,
        "passes": 3,
        "fails": 2,
        "score": 0.6,
        "compliance_points": 5.0,
        "compliance_points_possible": 10.0,
        "compliance_score": 0.5,
        "quality_points": 1.0,
        "quality_points_possible": 3.0,
        "quality_score": 1 / 3,
        "fatal_fails": 1,
        "fatal_fail_calls": 1,
    }


def test_agent_scorecard_keeps_calls_without_an_agent(filled: Path) -> None:
    row = row_of(filled, "FROM agent_scorecard WHERE agent_id IS NULL")
    assert (row["calls"], row["score"], row["pass_rates"]) == (1, None, None)
    assert (row["compliance_score"], row["quality_score"], row["fatal_fails"]) == (None, None, 0)


def test_agent_rule_counts_every_verdict(filled: Path) -> None:
    sql = "FROM agent_rule WHERE rule_id IN ('hold_permission', 'closing') ORDER BY rule_id"
    assert query(filled, sql).rows == (
        ("a-1", "closing", 0, 0, 0, 1, None),
        ("a-1", "hold_permission", 0, 1, 1, 0, 0.0),
    )


def test_hold_report_has_a_row_a_hold(filled: Path) -> None:
    names = (
        "call_ref, hold_index, holds_in_call, duration_s, kind, permission, thanked, request_start_s, "
        "request_text, return_start_s, return_text"
    )
    asked, back = (0.0, "may I put you on hold"), (30.0, "thank you for waiting")
    assert query(filled, f"SELECT {names} FROM hold_report").rows == (
        ("C-1", 0, 2, 25.0, "music", "granted", True, *asked, *back),
        ("C-1", 1, 2, 10.0, "silence", "not_asked", False, None, None, None, None),
    )


def test_quarantine_gives_the_reason(filled: Path) -> None:
    rows = query(filled, "SELECT recording_id, uri, error, analysed_at FROM quarantine").rows
    assert rows == ((an_id("broken"), "broken.wav", "no audio in the file", NOON),)


# --- scores ------------------------------------------------------------------------------------------

WEIGHTED = (
    a_rule("recording_disclosure", 5, fatal=True),
    a_rule("recording_objection", 3),
    a_rule("greeting", 2, score="quality"),
    a_rule("closing", 1, score="quality"),
    a_rule("escalation_requested", 0, score="quality"),
    a_rule("no_arguing", 4, score="quality", fatal=True),
)


def scores(db: Path, name: str) -> tuple[Any, ...]:
    names = "compliance_score, quality_score, fatal_fails, fatal_fail_rules"
    return query(db, f"SELECT {names} FROM call_summary WHERE uri = '{name}.wav'").rows[0]


def with_verdicts(name: str, **verdicts: records.Verdict) -> records.CallAnalysis:
    """A call of its own agent with these verdicts."""
    findings = tuple(found(rule_id, verdict) for rule_id, verdict in verdicts.items())
    return an_analysis(name, call=a_call(agent_id=name), findings=findings)


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stored(
        tmp_path_factory.mktemp("scored") / "a.duckdb",
        with_verdicts("weighted", recording_disclosure="pass", recording_objection="fail", greeting="fail"),
        with_verdicts("open", recording_disclosure="not_determinable", greeting="not_applicable"),
        with_verdicts("rude", recording_disclosure="pass", greeting="pass", no_arguing="fail"),
        with_verdicts("light", escalation_requested="pass"),
        with_verdicts("retired", apology="fail", greeting="pass"),
        rules=WEIGHTED,
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("weighted", (5 / 8, 0.0, 0, [])),
        ("open", (None, None, 0, [])),  # left out, not failed
        ("rude", (1.0, 0.0, 1, ["no_arguing"])),  # fatal in its own score alone
        ("light", (None, None, 0, [])),
        ("retired", (None, 1.0, 0, [])),
    ],
)
def test_scores_weigh_what_was_judged_and_fatal_fails_make_them_0(
    scored: Path, name: str, expected: tuple[Any, ...]
) -> None:
    assert scores(scored, name) == expected


def test_an_agents_score_is_points_over_points(tmp_path: Path) -> None:
    one = with_verdicts("one", greeting="pass", closing="fail")
    two = replace(with_verdicts("two", closing="pass"), call=one.call)
    three = replace(with_verdicts("three", greeting="pass", no_arguing="fail"), call=one.call)
    db = stored(tmp_path / "a.duckdb", one, two, three, rules=WEIGHTED)
    row = row_of(db, "FROM agent_scorecard")
    # 2 of 3, 1 of 1, and 0 of 6 for the fatal fail.
    assert (row["quality_points"], row["quality_points_possible"], row["quality_score"]) == (3.0, 10.0, 0.3)
    assert (row["compliance_score"], row["fatal_fails"], row["fatal_fail_calls"]) == (None, 1, 1)


def test_a_new_scorecard_counts_for_all_calls_whatever_version_judged_them(tmp_path: Path) -> None:
    db = stored(tmp_path / "a.duckdb", with_verdicts("one", greeting="pass", closing="fail"), rules=WEIGHTED)
    assert scores(db, "one")[1] == 2 / 3
    stored(db, rules=(a_rule("greeting", 1, rule_version="2", score="quality"), a_rule("closing", 3)))
    assert scores(db, "one")[:2] == (0.0, 1.0)
    versions = query(
        db, "SELECT rule_id, rule_version, active FROM rule WHERE rule_id = 'greeting' ORDER BY 2"
    )
    assert versions.rows == (("greeting", "1", False), ("greeting", "2", True))
