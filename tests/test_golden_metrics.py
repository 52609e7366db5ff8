"""Calls and their metrics, worked out by hand: `tests/data/golden/<family>/call*.json` and `output*.json`.

A family is a module of `pipeline/metrics`. A call lists its turns, from which activity and words follow unless
they are given, and its events. An output lists numerator and denominator of every row that the family yields.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from builders import (
    a_hold,
    a_silence,
    a_tone_point,
    active,
    activities_of,
    an_overlap,
    say,
    tone_of,
    words_of,
)

from pipeline.metrics import MEASURES
from pipeline.metrics.timeline import Timeline
from pipeline.settings import Settings

GOLDEN = Path(__file__).parent / "data" / "golden"
CALLS = sorted(GOLDEN.glob("*/call*.json"))


def timeline_of(call: dict[str, Any]) -> Timeline:
    turns = tuple(
        say(role, start_s, end_s, text, turn_index=index)
        for index, (role, start_s, end_s, text) in enumerate(call.get("turns", ()))
    )
    activities = tuple(active(*row) for row in call.get("activities", ())) or activities_of(turns)
    return Timeline(
        duration_s=call["duration_s"],
        activities=activities,
        words=words_of(turns),
        turns=turns,
        holds=tuple(a_hold(*span, hold_index=i) for i, span in enumerate(call.get("holds", ()))),
        short_holds=tuple(a_hold(*span) for span in call.get("short_holds", ())),
        overlaps=tuple(an_overlap(*row, overlap_index=i) for i, row in enumerate(call.get("overlaps", ()))),
        silences=tuple(
            a_silence(start_s, end_s, silence_index=i, announced=announced, kind=kind)
            for i, (start_s, end_s, announced, kind) in enumerate(call.get("silences", ()))
        ),
        settings=Settings(),
        overlaps_known=call.get("overlaps_known", True),
        tone=tuple(tone_of(**values) for values in call.get("tone", ())),
        tone_curve=tuple(a_tone_point(**values) for values in call.get("tone_curve", ())),
    )


@pytest.mark.parametrize("path", CALLS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_metrics_are_those_worked_out_by_hand(path: Path) -> None:
    timeline = timeline_of(json.loads(path.read_text(encoding="utf-8")))
    output = path.with_name(path.name.replace("call", "output"))
    expected = json.loads(output.read_text(encoding="utf-8"))
    found = {
        f"{metric.name} {metric.role or '-'}": [metric.numerator, metric.denominator, metric.unit]
        for measure_of, _ in MEASURES
        if measure_of.__module__ == f"pipeline.metrics.{path.parent.name}"
        for metric in measure_of(timeline)
    }
    assert sorted(found) == sorted(expected)
    for key, (numerator, denominator, unit) in expected.items():
        assert found[key] == [pytest.approx(numerator), pytest.approx(denominator), unit], key


def test_every_family_has_a_golden_call() -> None:
    families = {measure_of.__module__.rsplit(".", 1)[-1] for measure_of, _ in MEASURES}
    assert {path.parent.name for path in CALLS} == families
