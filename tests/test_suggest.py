"""Wordings that people decide on: the queue, the groups, the patterns, the file, and what a decision changes."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import NOON, a_call, a_recording, an_analysis, found, say, stored
from fakes import own_rules

from pipeline import cli
from pipeline.audit.suggest import chosen, decide, groups_in
from pipeline.errors import UsageError
from pipeline.phrases.search import find
from pipeline.phrases.tokens import transcript_of_text
from pipeline.records import CallAnalysis, Review
from pipeline.rules import load_rules
from pipeline.rules.wording_patterns import literal_patterns, patterns_of, without_names
from pipeline.rules.wordings import WORDINGS_NAME, read_wordings
from pipeline.store import query, reading, writing
from pipeline.store.scorecard import read_rule, texts_of

RULES = own_rules()
LEXICON = RULES.lexicon
WHEEL = "All of it ends up on the big wheel downstairs."
VARIANTS = (
    WHEEL,
    "All of that ends up on our big wheel downstairs.",
    "So all of it ends up on the big wheel.",
)


def possible(name: str, quote: str, rule_id: str = "recording_disclosure", **call: Any) -> CallAnalysis:
    """A call with a possible wording."""
    finding = found(
        rule_id,
        "not_determinable",
        basis="meaning",
        start_s=4.0,
        end_s=8.0,
        turn_index=0,
        quote=quote,
        detail={"reason_code": "possible_wording", "reason": "Listen.", "meaning": {"score": 0.8}},
    )
    return an_analysis(
        recording=a_recording(name),
        call=a_call(call_ref=f"C-{name}", **call),
        turns=[say("agent", 0, 10, quote)],
        findings=(finding,),
    )


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return stored(
        tmp_path / "calls.duckdb",
        possible("one", WHEEL),
        possible("two", WHEEL.lower().rstrip("."), agent_id="a-2", started_at=NOON + timedelta(hours=1)),
        possible("three", VARIANTS[1]),
        possible("four", "We keep a note of your number here."),
    )


class FakeEmbed:
    """Sentences with the same first content word point the same way."""

    def __call__(self, said: Sequence[str]) -> Any:
        words = ("wheel", "note", "phones")
        rows = np.zeros((len(said), len(words)), np.float32)
        for row, text in zip(rows, said, strict=True):
            row[next((n for n, word in enumerate(words) if word in text), 0)] = 1.0
        return rows


# --- the queue -----------------------------------------------------------------------------------------------


def test_the_queue_has_what_people_should_decide_the_most_frequent_first(db: Path) -> None:
    rows = query(db, "SELECT kind, call_ref, wording, same_wording, probability FROM review_queue").rows
    assert rows[:2] == (
        ("possible_wording", "C-one", "all of it ends up on the big wheel downstairs", 2, 0.8),
        ("possible_wording", "C-two", "all of it ends up on the big wheel downstairs", 2, 0.8),
    )
    assert len(rows) == 4


def test_misheard_notices_and_disputes_are_in_the_queue_and_decided_ones_are_not(tmp_path: Path) -> None:
    misheard = found("recording_disclosure", "not_determinable", detail={"reason_code": "misheard"})
    other = found("recording_disclosure", "not_determinable", detail={"reason_code": "speaker_unknown"})
    failed = found("closing", "fail")
    db = stored(
        tmp_path / "calls.duckdb",
        an_analysis(recording=a_recording("misheard"), findings=(misheard, failed)),
        an_analysis(recording=a_recording("other"), findings=(other,)),
        possible("decided", WHEEL),
    )
    ids = {name: a_recording(name).recording_id for name in ("misheard", "decided")}

    def review(name: str, rule_id: str, reviewer: str, judgement: Any) -> Review:
        return Review(
            recording_id=ids[name],
            rule_id=rule_id,
            rule_version="1",
            reviewer=reviewer,
            reviewed_at=NOON,
            judgement=judgement,
            note=None,
            verdict=None,
        )

    with writing(db) as writer:
        writer.add_reviews(
            [
                review("misheard", "closing", "ann", "confirmed"),
                review("misheard", "closing", "ben", "wrong"),
                review("decided", "recording_disclosure", "ann", "confirmed"),
            ]
        )
        writer.publish()
    rows = query(db, "SELECT kind, rule_id FROM review_queue ORDER BY ALL").rows
    assert rows == (("dispute", "closing"), ("misheard", "recording_disclosure"))


# --- groups --------------------------------------------------------------------------------------------------


def test_similar_wordings_are_one_group_with_counts_and_places(db: Path) -> None:
    with reading(db) as connection:
        first, second = groups_in(connection, FakeEmbed())
        assert [group.calls for group in groups_in(connection, FakeEmbed(), min_calls=2)] == [3]
        assert groups_in(connection, FakeEmbed(), rule_id="closing") == ()
        assert [group.calls for group in groups_in(connection, None)] == [2, 1, 1]
    assert (first.calls, second.calls) == (3, 1)
    facts = first.as_dict()
    assert (facts["agents"], facts["wordings"]) == (2, 2)
    assert facts["quotes"][0] == {"quote": WHEEL, "calls": 2, "call": "C-one", "start_s": 4.0}
    assert chosen((first, second), first.id) == first
    with pytest.raises(UsageError, match=r"no such group.*rules suggest"):
        chosen((first,), "nothing")


# --- patterns ------------------------------------------------------------------------------------------------


def finds(patterns: Sequence[str], sentence: str, site: Path) -> bool:
    """Whether the patterns, as a site's wordings, find a sentence."""
    site.mkdir(exist_ok=True)
    lines = ", ".join(json.dumps(pattern) for pattern in patterns)
    (site / WORDINGS_NAME).write_text(f"[closing]\nnot_said = [{lines}]\n", encoding="utf-8")
    rules = load_rules(site)
    not_said = rules.rule("closing").not_said
    assert not_said is not None
    return bool(find(transcript_of_text(sentence, "agent", rules.lexicon), not_said))


def test_a_pattern_has_what_the_sentences_have_in_common(tmp_path: Path) -> None:
    (pattern,) = patterns_of(VARIANTS, LEXICON)
    assert pattern == "all of ..1 ends up on ..1 big wheel"
    for sentence in (*VARIANTS, "Well, all of this ends up on a big wheel."):
        assert finds((pattern,), sentence, tmp_path / "site")
    assert not finds((pattern,), "All of it ends up with the big boss.", tmp_path / "site")


def test_sentences_with_little_in_common_get_a_pattern_each() -> None:
    assert patterns_of(("one for the pot", "none in the tin today"), LEXICON) == (
        "one for the pot",
        "none in the tin today",
    )


def test_names_and_numbers_are_left_open(tmp_path: Path) -> None:
    said = ("I am Mary and your number is 4711.", "I am Peter and your number is 12.")
    (pattern,) = patterns_of(said, LEXICON)
    assert "mary" not in pattern
    assert "4711" not in pattern
    assert finds((pattern,), "I am Nina and your number is 99.", tmp_path / "site")
    assert without_names(said[0], LEXICON) == "i am something and your number is something"


def test_a_gap_may_go_over_the_end_of_a_sentence(tmp_path: Path) -> None:
    (pattern,) = literal_patterns(("All of it goes on the wheel. Downstairs, that is.",), LEXICON)
    assert finds((pattern,), "All of it goes on the wheel. Downstairs, that is.", tmp_path / "site")


# --- decisions -----------------------------------------------------------------------------------------------


def test_an_accepted_group_is_a_phrase_and_its_examples(db: Path, tmp_path: Path) -> None:
    site = tmp_path / "packs"
    with reading(db) as connection:
        group = groups_in(connection, FakeEmbed())[0]
    decided = decide(group, RULES, site, accept=True)
    assert decided.said == ("all of ..1 ends up on ..1 big wheel downstairs",)
    rules = load_rules(site)
    for quote in (WHEEL, VARIANTS[1]):
        assert rules.says("recording_disclosure", "agent", quote)
        assert not RULES.says("recording_disclosure", "agent", quote)
    assert rules.rule("recording_disclosure").version != RULES.rule("recording_disclosure").version
    assert rules.rule("closing").version == RULES.rule("closing").version
    assert read_rule(*texts_of(rules.rule("recording_disclosure")))["wordings"]["said"] == list(decided.said)


def test_a_phrase_that_events_share_is_found_by_them_too(tmp_path: Path) -> None:
    site = tmp_path / "packs"
    db = stored(tmp_path / "calls.duckdb", possible("one", "The kettle has boiled for you.", "hold_thanks"))
    with reading(db) as connection:
        (group,) = groups_in(connection, None)
    decide(group, RULES, site, accept=True)
    rules = load_rules(site)
    said = transcript_of_text("The kettle has boiled for you.", "agent", rules.lexicon)
    assert find(said, rules.cues["thanks"])
    assert rules.language_version != RULES.language_version


def test_a_rejected_group_stands_in_no_ones_way(db: Path, tmp_path: Path) -> None:
    site = tmp_path / "packs"
    with reading(db) as connection:
        group = groups_in(connection, FakeEmbed())[1]
    decide(group, RULES, site, accept=False)
    rule = load_rules(site).rule("recording_disclosure")
    assert rule.version != RULES.rule(rule.id).version
    assert rule.not_said is not None
    assert find(transcript_of_text("We keep a note of your number here.", "agent", LEXICON), rule.not_said)


def test_decisions_add_up_and_a_dry_run_writes_nothing(db: Path, tmp_path: Path) -> None:
    site = tmp_path / "packs"
    with reading(db) as connection:
        first, second = groups_in(connection, FakeEmbed())
    decide(first, RULES, site, accept=True, dry_run=True)
    assert not site.exists()
    decide(first, RULES, site, accept=True)
    decide(second, RULES, site, accept=False)
    decide(second, RULES, site, accept=False)
    (decided,) = read_wordings(site, ["recording_disclosure"]).values()
    assert (len(decided.said), len(decided.not_said)) == (1, 1)
    assert sorted(path.name for path in site.iterdir()) == [WORDINGS_NAME]


def test_a_wording_that_is_a_decoy_is_refused(tmp_path: Path) -> None:
    decoy = next(t for _, t, expect in RULES.rule("recording_disclosure").examples if not expect)
    db = stored(tmp_path / "calls.duckdb", possible("one", decoy))
    with reading(db) as connection:
        (group,) = groups_in(connection, None)
    site = tmp_path / "packs"
    with pytest.raises(UsageError, match=r"cannot be told from the rule's decoys"):
        decide(group, RULES, site, accept=True)
    assert not site.exists()


def test_wordings_for_no_rule_are_refused(tmp_path: Path) -> None:
    (tmp_path / WORDINGS_NAME).write_text('[greetings]\nsaid = ["hey ho"]\n', encoding="utf-8")
    with pytest.raises(UsageError, match=r"unknown rule.*wordings\.toml: greetings"):
        load_rules(tmp_path)
    (tmp_path / WORDINGS_NAME).write_text('[greeting]\nsays = ["hey ho"]\n', encoding="utf-8")
    with pytest.raises(UsageError, match=r"unknown key.*wordings\.toml"):
        load_rules(tmp_path)


# --- the program ---------------------------------------------------------------------------------------------


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setattr("pipeline.weights.sentences.find_embed", FakeEmbed)

    def run(*args: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["earwitness", *map(str, args)])
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        return code, *capsys.readouterr()

    return run


def test_the_program_suggests_and_writes(db: Path, tmp_path: Path, run: Any) -> None:
    code, out, err = run("rules", "suggest", "--db", db)
    assert code == 0
    assert "recording_disclosure  in 3 calls · by 2 agents · 2026-03-02" in out
    assert "C-one at 0:04" in out
    assert "2 groups in 4 findings" in err
    group = json.loads(run("rules", "suggest", "--db", db, "--json")[1])[0]
    site = tmp_path / "packs"
    code, out, err = run("rules", "suggest", "--db", db, "--accept", group["id"], "--packs", site)
    assert (code, out.splitlines()[0]) == (0, "[recording_disclosure]")
    assert "run earwitness recheck" in err
    assert (site / WORDINGS_NAME).is_file()


def test_without_a_folder_nothing_can_be_decided(db: Path, run: Any) -> None:
    code, out, err = run("rules", "suggest", "--db", db, "--accept", "12345678")
    assert (code, out) == (2, "")
    assert "--packs" in err
