from dataclasses import replace

import pytest
from builders import activities_of, conversation, say, words_of
from hypothesis import given
from hypothesis import strategies as st

from pipeline.events.overlaps import detect_overlaps
from pipeline.events.silences import detect_silences
from pipeline.metrics import MEASURES, measure
from pipeline.metrics.partition import partition
from pipeline.metrics.timeline import Timeline
from pipeline.records import Hold
from pipeline.settings import Settings

SETTINGS = Settings()
PARTS = ("time_agent_only", "time_customer_only", "time_both", "time_ivr", "time_hold", "time_silence")


def timeline(*turns, holds=(), duration_s=100.0):
    numbered = conversation(*turns)
    activities = activities_of(numbered)
    return Timeline(
        duration_s=duration_s,
        activities=activities,
        words=words_of(numbered),
        turns=numbered,
        holds=holds,
        overlaps=detect_overlaps(numbered, activities, SETTINGS.overlaps),
        silences=detect_silences(activities, holds, numbered, frozenset(), SETTINGS.silences),
        settings=SETTINGS,
    )


def values(line):
    return {(m.name, m.role): m.numerator / m.denominator if m.denominator else None for m in measure(line)}


HOLD = Hold(hold_index=0, start_s=31.0, end_s=61.0, kind="music")
CALL = timeline(
    say("ivr", 0, 5, "calls are recorded"),
    say("agent", 6, 16, "hello this is Kate how can I help you today sir"),
    say("customer", 15, 25, "my tent has not come and I want to know why"),
    say("agent", 18, 18.5, "uh huh"),
    say("agent", 26, 29, "may I put you on hold"),
    say("customer", 30, 31, "fine"),
    say("ivr", 40, 45, "please stay on the line"),
    say("agent", 61, 71, "thank you for holding it is on its way"),
    say("customer", 73, 75, "good thanks"),
    holds=(HOLD,),
)


def test_the_measures_of_a_call():
    v = values(CALL)
    assert v["talk_time", "agent"] == pytest.approx(10 + 0.5 + 3 + 10)
    assert v["talk_time", "customer"] == pytest.approx(10 + 1 + 2)
    assert v["talk_time", "ivr"] == pytest.approx(10)
    assert v["talk_ratio", None] == pytest.approx(23.5 / 36.5)
    assert v["speech_rate", "customer"] == pytest.approx(14 / (13 / 60))
    assert v["longest_monologue", "customer"] == pytest.approx(10)
    assert v["interruptions", "customer"] == pytest.approx(1 / (23.5 / 60))
    assert v["interruptions", "agent"] == 0
    assert v["backchannels", "agent"] == pytest.approx(1 / (13 / 60))
    assert v["agent_overtalk", "agent"] == 0
    assert v["hold_count", None] == 1
    assert v["hold_time", None] == v["hold_longest", None] == 30
    assert v["response_latency_median", "agent"] == pytest.approx(1.0)
    assert v["response_latency_median", "customer"] == pytest.approx(1.5)
    assert v["dead_air_count", None] == 0


@pytest.mark.parametrize(
    ("inside", "longest_s"),
    [
        (say("agent", 12, 12.5, "uh huh"), 8),  # a sign of listening is not where a later turn began
        (say("agent", 12, 14, "could you just tell"), 8),  # nor is an attempt that was given up
        (say("customer", 23, 23.5, "uh huh"), 8),  # and listening breaks nothing
        (say("customer", 23, 24, "hang on what is"), 8),
    ],
)
def test_a_monologue_is_a_stretch_without_a_turn_of_the_other(inside, longest_s):
    told = say("customer", 5, 19, "and then it broke and I rang you.")
    line = timeline(told, inside, say("agent", 20, 28, "let me see what I can do for you."))
    assert values(line)["longest_monologue", "agent"] == pytest.approx(longest_s)


def test_the_time_partition_of_a_call():
    parts = partition(CALL)
    assert parts["time_hold"] == 30
    assert parts["time_ivr"] == 5
    assert parts["time_both"] == pytest.approx(1.5)
    assert sum(parts.values()) == pytest.approx(100)


def test_dead_air_is_long_and_unannounced():
    line = timeline(
        say("agent", 0, 5, "let me see"), say("customer", 20, 21, "hello?"), say("agent", 25, 26, "yes")
    )
    assert values(line)["dead_air_count", None] == 1
    assert values(line)["dead_air_time", None] == 15
    assert values(line)["silence_time", None] == 19
    (long, short) = line.silences
    announced = replace(line, silences=(replace(long, announced=True), short))
    assert values(announced)["dead_air_count", None] == 0


def test_a_recorder_pause_is_time_of_its_own():
    line = timeline(
        say("agent", 0, 5, "let me see"), say("customer", 20, 21, "hello?"), say("agent", 25, 26, "yes")
    )
    (long, short) = line.silences
    measured = values(replace(line, silences=(replace(long, kind="recorder_pause"), short)))
    assert measured["recorder_pause_time", None] == 15
    assert measured["silence_time", None] == 4
    assert measured["dead_air_count", None] == 0


@pytest.mark.parametrize("measure_of", [measure_of for measure_of, _ in MEASURES])
def test_every_measure_is_documented_and_bears_an_empty_call(measure_of):
    assert measure_of.__doc__
    for line in (timeline(duration_s=0.0), timeline()):
        for metric in measure_of(line):
            assert metric.numerator == 0 or metric.name == "time_silence"
            assert metric.denominator >= 0


def test_no_measure_appears_twice():
    names = [(m.name, m.role) for m in measure(CALL)]
    assert len(names) == len(set(names))


def test_unknown_roles_leave_role_measures_undefined_and_the_rest_defined():
    line = timeline(say("unknown", 0, 10, "hello"), say("unknown", 30, 40, "bye"))
    v = values(line)
    assert v["talk_ratio", None] is None
    assert v["talk_time", "agent"] is None
    assert v["interruptions", "agent"] is None
    assert v["hold_count", None] == 0
    assert v["dead_air_time", None] == 20
    assert v["time_silence", None] == pytest.approx(0.8)


def exact(seconds):
    """In 64ths, which add up without rounding: a silence of exactly a threshold stays one when it is moved."""
    return round(seconds * 64) / 64


roles = st.sampled_from(["agent", "customer", "ivr"])
some_turns = st.lists(
    st.builds(
        lambda role, start, length: say(role, exact(start), exact(start + length), "so and so"),
        roles,
        st.floats(0, 80),
        st.floats(0.3, 15),
    ),
    max_size=12,
)
some_holds = st.lists(st.tuples(st.floats(0, 60), st.floats(5, 30)), max_size=2).map(
    lambda pairs: tuple(
        Hold(hold_index=i, start_s=round(a, 2), end_s=round(a + b, 2), kind="music")
        for i, (a, b) in enumerate(pairs)
    )
)


@given(some_turns, some_holds)
def test_the_six_parts_add_up_to_the_duration(turns, holds):
    parts = partition(timeline(*turns, holds=holds))
    assert set(parts) == set(PARTS)
    assert sum(parts.values()) == pytest.approx(100.0)
    assert min(parts.values()) >= -1e-9


def apart(turns):
    """Turns of each role that do not overlap themselves, as on a channel."""
    kept = []
    for turn in sorted(turns, key=lambda t: t.start_s):
        if all(turn.start_s > k.end_s for k in kept if k.role == turn.role):
            kept.append(turn)
    return kept


@given(some_turns, st.floats(0, 50))
def test_shifting_time_changes_no_measure(turns, by_s):
    by_s = exact(by_s)
    turns = apart(turns)
    moved = [replace(t, start_s=t.start_s + by_s, end_s=t.end_s + by_s) for t in turns]
    before, after = values(timeline(*turns, duration_s=300)), values(timeline(*moved, duration_s=300))
    for key, value in before.items():
        assert after[key] == (None if value is None else pytest.approx(value, abs=1e-6)), key


@given(some_turns)
def test_swapping_the_roles_swaps_the_measures(turns):
    turns = apart(turns)
    swap = {"agent": "customer", "customer": "agent", "ivr": "ivr"}
    starts = [t.start_s for t in turns]
    if len(set(starts)) < len(starts):
        return  # equal starts are ordered by role
    before = values(timeline(*turns))
    after = values(timeline(*(replace(t, role=swap[t.role], channel=1 - t.channel) for t in turns)))
    for name in ("talk_time", "speech_rate", "interruptions", "longest_monologue", "response_latency_median"):
        for role in ("agent", "customer"):
            expected = before[name, role]
            assert after[name, swap[role]] == (None if expected is None else pytest.approx(expected)), name
    if before["talk_ratio", None] is not None:
        assert after["talk_ratio", None] == pytest.approx(1 - before["talk_ratio", None])
