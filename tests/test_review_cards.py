"""What a reviewer hears and reads of a finding."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import a_recording, active, an_analysis, found, say, stored

from pipeline.audit.evidence import FindingCase, find_case
from pipeline.records import Finding
from pipeline.review.cards import Card, card_of
from pipeline.spans import Span
from pipeline.store import reading

LATE = found("greeting", "pass", start_s=20.0, end_s=21.0, quote="good morning", turn_index=0, basis="phrase")
MISSING = found("greeting", "fail", start_s=0.0, end_s=40.0, basis="absence")
NOTHING = found("greeting", "not_applicable")
SPEECH = (active("agent", 2, 4), active("customer", 4.5, 6), active("agent", 20, 22))


def case_of(tmp_path: Path, finding: Finding, **recording: Any) -> FindingCase:
    turns = [say("agent", 20, 22, "good morning to you all"), say("customer", 4.5, 6, "hello")]
    call = an_analysis(
        recording=replace(a_recording(), **recording), turns=turns, findings=(finding,), activities=SPEECH
    )
    finding = replace(finding, turn_index=None if finding.turn_index is None else 1)
    call = replace(call, findings=(finding,))
    db = stored(tmp_path / "calls.duckdb", call)
    with reading(db) as connection:
        return find_case(connection, call.recording.recording_id, "greeting")


def test_words_are_heard_with_four_seconds_around_them(tmp_path: Path) -> None:
    case = case_of(tmp_path, LATE)
    assert card_of(case, shown=False).parts == (Span(16.0, 25.0),)
    assert card_of(case, shown=False, more=1).parts == (Span(6.0, 35.0),)
    assert card_of(case, shown=False, more=6).parts == (Span(0.0, 60.0),)
    assert card_of(case, shown=False, evidence=True).parts == (Span(20.0, 21.0),)


def test_a_window_that_was_searched_is_heard_without_its_pauses(tmp_path: Path) -> None:
    case = case_of(tmp_path, MISSING)
    card = card_of(case, shown=False)
    assert card.parts == (Span(1.75, 6.25), Span(19.75, 22.25))
    assert (card.heard_s, card.left_out_s) == (7.0, 33.0)
    assert (card.sound or "").endswith("from=0.00&to=40.00&speech=1")
    whole = card_of(case, shown=False, pauses=True)
    assert whole.parts == (Span(0.0, 40.0),)
    assert "speech" not in (whole.sound or "")


def test_a_finding_without_a_place_is_heard_from_the_start(tmp_path: Path) -> None:
    assert card_of(case_of(tmp_path, NOTHING), shown=False).parts == (Span(0.0, 60.0),)


def test_an_empty_recording_has_nothing_to_hear(tmp_path: Path) -> None:
    card = card_of(case_of(tmp_path, NOTHING, duration_s=0.0), shown=False)
    assert (card.window, card.sound, card.lines) == (None, None, ())


def test_long_windows_are_cut_off(tmp_path: Path) -> None:
    long = replace(MISSING, end_s=1000.0)
    card = card_of(case_of(tmp_path, long, duration_s=1200.0), shown=False, pauses=True)
    assert card.parts == (Span(0.0, 300.0),)


def marked(card: Card) -> list[str]:
    return [text for line in card.lines for text, decides in line.words if decides]


def test_only_a_shown_verdict_marks_the_words_that_decided(tmp_path: Path) -> None:
    case = case_of(tmp_path, LATE)
    hidden, shown = card_of(case, shown=False), card_of(case, shown=True)
    assert (marked(hidden), hidden.lanes.evidence) == ([], ())
    assert marked(shown) == ["good", "morning"]
    assert [(mark.x, mark.width) for mark in shown.lanes.evidence] == [
        (pytest.approx(100 * 4 / 9, abs=1e-3), pytest.approx(100 / 9, abs=1e-3))
    ]


def test_lanes_are_drawn_in_the_time_of_the_clip(tmp_path: Path) -> None:
    lanes = card_of(case_of(tmp_path, MISSING), shown=False).lanes
    agent, customer = lanes.lanes
    assert [(lane.letter, lane.role) for lane in lanes.lanes] == [("A", "agent"), ("C", "customer")]
    # Seven seconds: 4.5 of the first part, 2.5 of the second.
    assert [(m.x, m.width) for m in agent.marks] == [
        (pytest.approx(100 * 0.25 / 7, abs=1e-3), pytest.approx(200 / 7, abs=1e-3)),
        (pytest.approx(100 * 4.75 / 7, abs=1e-3), pytest.approx(200 / 7, abs=1e-3)),
    ]
    assert [m.width for m in customer.marks] == [pytest.approx(150 / 7, abs=1e-3)]
    assert lanes.cuts == (pytest.approx(100 * 4.5 / 7, abs=1e-3),)
    assert [at_s for _, at_s in lanes.ticks] == [2, 3, 4, 5, 6, 20, 21, 22]
