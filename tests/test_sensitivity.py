"""The same events counted at other thresholds."""

from pathlib import Path

import pytest
from builders import (
    a_hold,
    a_silence,
    activities_of,
    an_analysis,
    an_overlap,
    conversation,
    say,
    sound,
    stored,
    words_of,
)
from hypothesis import given
from hypothesis import strategies as st

from pipeline.assess import find_events
from pipeline.metrics import measure
from pipeline.metrics.sensitivity import OVERLAPS_S, STRETCHES_S
from pipeline.metrics.timeline import Timeline
from pipeline.rules import load_rules
from pipeline.settings import Settings
from pipeline.store import query

TURNS = conversation(say("agent", 0, 4, "please hold"), say("customer", 5, 8, "my tent has not come"))


def timeline(settings=None, **events):
    filled = {"holds": (), "overlaps": (), "silences": ()} | events
    return Timeline(
        duration_s=100.0,
        activities=activities_of(TURNS),
        words=words_of(TURNS),
        turns=TURNS,
        settings=settings or Settings(),
        **filled,
    )


def analysed(heard):
    """Events and measures of what was heard."""
    return find_events(heard, load_rules(), Settings(), overlaps_known=True)


def counts(line, name, role=None):
    """The counts by threshold, None where undefined."""
    found = {}
    for metric in measure(line):
        if metric.name.startswith(f"{name}_count_at_") and metric.role == role:
            threshold_s = float(metric.name.removeprefix(f"{name}_count_at_").removesuffix("s"))
            found[threshold_s] = metric.numerator if metric.denominator else None
    return found


def test_holds_shorter_than_the_setting_count_at_lower_thresholds():
    line = timeline(holds=(a_hold(10, 16), a_hold(20, 60)), short_holds=(a_hold(70, 73.5),))
    assert counts(line, "hold") == {3.0: 3, 5.0: 2, 10.0: 1}


def test_announced_silences_and_recorder_pauses_are_no_dead_air_at_any_threshold():
    silences = (
        a_silence(10, 14),
        a_silence(20, 32),
        a_silence(40, 60, announced=True),
        a_silence(70, 90, kind="recorder_pause"),
    )
    assert counts(timeline(silences=silences), "dead_air") == {3.0: 2, 5.0: 1, 10.0: 1}


def test_interruptions_count_by_their_simultaneous_speech():
    overlaps = (
        an_overlap("agent", 1, 1.3),
        an_overlap("agent", 2, 2.6),
        an_overlap("agent", 3, 5),
        an_overlap("agent", 6, 9, kind="backchannel"),
        an_overlap("customer", 10, 10.5),
    )
    line = timeline(overlaps=overlaps)
    assert counts(line, "interruption", "agent") == {0.2: 3, 0.5: 2, 1.0: 1}
    assert counts(line, "interruption", "customer") == {0.2: 1, 0.5: 1, 1.0: 0}


def test_what_the_settings_did_not_keep_is_unknown():
    settings = Settings(silences={"min_s": 6.0}, overlaps={"min_s": 0.4})
    line = timeline(settings)
    assert counts(line, "dead_air") == {3.0: None, 5.0: None, 10.0: 0}
    assert counts(line, "interruption", "agent") == {0.2: None, 0.5: 0, 1.0: 0}


@given(st.lists(st.floats(0.2, 40), max_size=6), st.lists(st.floats(0.2, 3), max_size=6))
def test_a_higher_threshold_never_counts_more(stretches, overlaps):
    line = timeline(
        holds=tuple(a_hold(0, length) for length in stretches if length >= 5),
        short_holds=tuple(a_hold(0, length) for length in stretches if length < 5),
        silences=tuple(a_silence(0, length) for length in stretches),
        overlaps=tuple(an_overlap("agent", 0, length) for length in overlaps),
    )
    for found, thresholds in (
        (counts(line, "hold"), STRETCHES_S),
        (counts(line, "dead_air"), STRETCHES_S),
        (counts(line, "interruption", "agent"), OVERLAPS_S),
    ):
        assert list(found) == list(thresholds)
        assert sorted(found.values(), reverse=True) == list(found.values())


def test_the_view_gives_them_side_by_side(tmp_path: Path):
    heard = an_analysis(
        turns=[
            say("agent", 0, 4, "may I put you on hold"),
            say("customer", 4.5, 5, "sure"),
            say("agent", 9, 12, "thank you for holding"),
            say("customer", 16, 20, "good"),
        ],
        sounds=(),
    )
    found = analysed(heard)
    db = stored(tmp_path / "a.duckdb", found)
    rows = query(db, "SELECT event, role, threshold_s, events FROM threshold_sensitivity").rows
    assert [row for row in rows if row[0] == "dead_air"] == [
        ("dead_air", None, 3.0, 1),  # the first wait was announced
        ("dead_air", None, 5.0, 0),
        ("dead_air", None, 10.0, 0),
    ]
    assert [row[2] for row in rows if row[0] == "hold"] == list(STRETCHES_S)
    assert {row[1] for row in rows if row[0] == "interruption"} == {"agent", "customer"}


@pytest.mark.parametrize("length_s", [3.5, 8.0])
def test_a_short_wait_with_music_is_a_hold_at_three_seconds(length_s):
    heard = an_analysis(
        turns=[
            say("agent", 0, 4, "may I put you on hold"),
            say("customer", 4.5, 5, "sure"),
            say("agent", 5 + length_s, 12 + length_s, "thank you for holding"),
        ],
        sounds=(sound("music", 5.2, 4.8 + length_s),),
    )
    found = analysed(heard)
    values = {m.name: m.numerator for m in found.metrics}
    assert values["hold_count_at_3s"] == 1
    assert values["hold_count_at_5s"] == len(found.holds) == (length_s >= 5)
