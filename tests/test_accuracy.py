"""The whole line with real weights on the sample calls, against their exact truth."""

import json

import jiwer
import pytest
from signals import SAMPLES
from whisper_normalizer.english import EnglishTextNormalizer

from pipeline.audit.lookup import find_recording
from pipeline.masking.hide import opened
from pipeline.spans import Span, total_s, union
from pipeline.store import query, reading
from pipeline.store.one_call import read_call
from pipeline.store.sealed import keys_of

pytestmark = pytest.mark.real
TRUTH = {p.stem: json.loads(p.read_text()) for p in sorted((SAMPLES / "truth").glob("*.json"))}
STEREO = [name for name, truth in TRUTH.items() if not truth["mono"]]


@pytest.fixture(scope="module")
def stored(demo_db):
    """Rows of a table for one call, by the call's name."""

    def rows(name, table):
        found = query(
            demo_db,
            f"select t.* from {table} t join recording r using (recording_id) where r.uri like '%/{name}.%' order by start_s",
        )
        return [dict(zip(found.columns, row, strict=True)) for row in found.rows]

    return rows


@pytest.mark.parametrize("name", TRUTH)
def test_every_verdict_is_right(stored, name):
    got = {f["rule_id"]: f["verdict"] for f in stored(name, "finding")}
    expected = {rule: verdict for rule, verdict in TRUTH[name]["findings"].items() if rule in got}
    assert {rule: got[rule] for rule in expected} == expected
    assert {"recording_disclosure", "hold_permission"} <= set(expected)


@pytest.mark.parametrize("name", TRUTH)
def test_every_hold_is_found_and_judged(stored, name):
    found, true = stored(name, "hold"), TRUTH[name]["holds"]
    assert len(found) == len(true)
    for hold, truth in zip(found, true, strict=True):
        assert hold["start_s"] == pytest.approx(truth["start"], abs=1.0)
        assert hold["end_s"] == pytest.approx(truth["end"], abs=1.0)
        assert (hold["permission"] == "granted") == (truth["asked"] and truth["agreed"])
        assert hold["thanked"] == truth["thanked"]
        assert hold["kind"] == truth["kind"]


@pytest.mark.parametrize("name", TRUTH)
def test_no_word_is_invented_in_a_hold(stored, name):
    holds = [Span(h["start"] + 1, h["end"] - 1) for h in TRUTH[name]["holds"]]
    inside = [
        w["text"]
        for w in stored(name, "word")
        for h in holds
        if w["role"] != "ivr" and Span(w["start_s"], w["end_s"]) & h
    ]
    assert inside == []


@pytest.mark.parametrize("name", STEREO)
def test_the_talk_ratio_is_within_two_points(stored, name):
    def ratio(turns, start, end):
        agent, customer = (
            total_s(union(Span(t[start], t[end]) for t in turns if t["role"] == role))
            for role in ("agent", "customer")
        )
        return agent / (agent + customer)

    got = ratio(stored(name, "turn"), "start_s", "end_s")
    assert got == pytest.approx(ratio(TRUTH[name]["turns"], "start", "end"), abs=0.02)


@pytest.mark.parametrize("name", STEREO)
def test_interruptions_and_backchannels_are_told_apart(stored, name):
    wanted = {"interruption", "backchannel"}
    got = [(o["kind"], o["by_role"]) for o in stored(name, "overlap") if o["kind"] in wanted]
    assert got == [(o["kind"], o["by"]) for o in TRUTH[name]["overlaps"] if o["kind"] in wanted]


def in_clear(demo_db, name, role):
    """What a role said: the store is masked, and its words are counted as they were recognised."""
    keys = keys_of(demo_db)
    with reading(demo_db) as connection:
        call = read_call(connection, find_recording(connection, name))
    call = opened(call, keys.find(call.recording.recording_id))
    return [turn.text for turn in sorted(call.turns, key=lambda turn: turn.start_s) if turn.role == role]


@pytest.mark.parametrize(("role", "most"), [("agent", 0.06), ("customer", 0.10)])
def test_the_word_error_rate_of_a_role(demo_db, role, most):
    normal = EnglishTextNormalizer()
    said, heard = [], []
    for name in STEREO:
        said.append(normal(" ".join(t["text"] for t in TRUTH[name]["turns"] if t["role"] == role)))
        heard.append(normal(" ".join(in_clear(demo_db, name, role))))
    assert jiwer.wer(said, heard) <= most
