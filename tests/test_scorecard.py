"""The store has the scorecard of today, every version's text, and each judgement once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from builders import NOON, a_review, a_rule, an_analysis, found, stored
from fakes import FakeEngine, Watcher, write_call

from pipeline.archive import night
from pipeline.archive.plan import RunRequest
from pipeline.errors import RecordingError
from pipeline.rules import load_rules
from pipeline.rules.load import pack_text
from pipeline.settings import Settings
from pipeline.store import query, writing
from pipeline.store.scorecard import read_rule, scored_rules, shown_text, texts_of

ACTIVE = "SELECT rule_id, rule_version, weight FROM rule WHERE active ORDER BY rule_id"


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "calls.duckdb"


# --- rules -------------------------------------------------------------------------------------------


def test_a_rules_text_is_its_file_with_all_its_phrases_and_can_be_read_again() -> None:
    rules = load_rules()
    for row in scored_rules(rules):
        rule = rules.rule(row.rule_id)
        if not rule.shared:
            assert row.text == rule.files[0].read_text(encoding="utf-8")
        assert row.overlay is None
        written = read_rule(row.text, row.overlay)
        assert written["phrases"].keys() == rule.phrases.keys()
        assert all(group["any"] and "shared" not in group for group in written["phrases"].values())
        assert written["title"] == row.title
        assert (row.score, row.weight, row.fatal, row.active) == (rule.score, rule.weight, rule.fatal, True)


def test_a_sites_changes_are_beside_the_text_and_in_what_is_read_from_both(tmp_path: Path) -> None:
    (tmp_path / "hold_thanks.toml").write_text(
        'id = "hold_thanks"\ntitle = "Ours"\nroles = ["agent", "ivr"]\n'
    )
    (tmp_path / "scorecard.toml").write_text('[hold_thanks]\nweight = 9\nscore = "compliance"\n')
    rule = load_rules(tmp_path).rule("hold_thanks")
    text, overlay = texts_of(rule)
    assert text == pack_text(load_rules().rule("hold_thanks"))
    assert overlay == (tmp_path / "hold_thanks.toml").read_text(encoding="utf-8")
    shown = shown_text("hold_thanks", text, overlay)
    assert shown == f"{text}\n# ---- changed by this site: hold_thanks.toml\n{overlay}"
    values = read_rule(text, overlay)
    assert (values["title"], values["roles"], values["check"]["kind"]) == (
        "Ours",
        ["agent", "ivr"],
        "every_hold",
    )
    row = next(row for row in scored_rules(load_rules(tmp_path)) if row.rule_id == "hold_thanks")
    assert (row.title, row.weight, row.score) == ("Ours", 9.0, "compliance")
    assert (row.text, row.overlay) == (text, overlay)


def test_rules_that_judge_no_more_stay_but_are_not_active(db: Path) -> None:
    stored(db, rules=[a_rule("greeting"), a_rule("closing")])
    stored(db, rules=[a_rule("greeting", rule_version="2")])
    assert query(db, ACTIVE).rows == (("greeting", "2", 1.0),)
    assert query(db, "SELECT count(*) FROM rule").rows == ((3,),)
    stored(db, rules=[a_rule("greeting", 4)])  # back to the first version, with another weight
    assert query(db, ACTIVE).rows == (("greeting", "1", 4.0),)
    assert query(db, "SELECT count(*) FROM rule").rows == ((3,),)


def test_put_rules_says_whether_anything_changed(db: Path) -> None:
    rules = [a_rule("greeting"), a_rule("closing")]
    with writing(db) as writer:
        assert writer.put_rules(rules) is True
        assert writer.put_rules(rules[::-1]) is False
        assert writer.put_rules([a_rule("greeting"), a_rule("closing", 2)]) is True
        with pytest.raises(RecordingError, match="weight"):
            writer.put_rules([a_rule("greeting", -1)])
        assert writer.put_rules([a_rule("greeting"), a_rule("closing", 2)]) is False


def test_a_night_stores_its_rules_and_a_changed_weight_needs_no_new_call(tmp_path: Path, db: Path) -> None:
    write_call(tmp_path / "in" / "one.wav")
    order = RunRequest(paths=(tmp_path / "in",), db=db, settings=Settings())
    engine = FakeEngine()
    night.run(order, engine(), Watcher())
    rules = engine.rules.rules
    assert [row[:2] for row in query(db, ACTIVE).rows] == [(rule.id, rule.version) for rule in rules]
    before = query(db, "FROM rule ORDER BY ALL").rows
    night.run(order, engine(), Watcher())
    assert query(db, "FROM rule ORDER BY ALL").rows == before
    heavier = replace(engine.rules, rules=(replace(rules[0], weight=77.0), *rules[1:]))
    night.run(order, FakeEngine(rules=heavier)(), Watcher())
    assert query(db, ACTIVE).rows[0] == (rules[0].id, rules[0].version, 77.0)


# --- reviews -----------------------------------------------------------------------------------------


def test_a_judgement_is_stored_once(db: Path) -> None:
    later = a_review(reviewed_at=NOON + timedelta(hours=1))
    with writing(db) as writer:
        assert writer.add_reviews([a_review(), a_review(name="two")]) == 2
        assert writer.add_reviews([later]) == 0
        assert writer.add_reviews([replace(later, note="now with a note")]) == 1
        assert writer.add_reviews([replace(later, reviewer="ann")]) == 1
        assert writer.add_reviews([replace(later, rule_version="2")]) == 1
        assert writer.add_reviews([]) == 0
        writer.publish()
    assert query(db, "SELECT count(*) FROM review").rows == ((5,),)


def test_a_changed_mind_is_kept_beside_the_first(db: Path) -> None:
    with writing(db) as writer:
        assert writer.add_reviews([a_review("confirmed")]) == 1
        assert writer.add_reviews([a_review("wrong", reviewed_at=NOON + timedelta(hours=1))]) == 1
        assert writer.add_reviews([a_review("confirmed", reviewed_at=NOON + timedelta(hours=2))]) == 1
        writer.publish()
    assert query(db, "SELECT judgement FROM review ORDER BY reviewed_at").rows == (
        ("confirmed",),
        ("wrong",),
        ("confirmed",),
    )


def test_reviews_are_stored_all_or_none(db: Path) -> None:
    with writing(db) as writer:
        with pytest.raises(RecordingError, match="judgement"):
            writer.add_reviews([a_review(), a_review("perhaps", "two")])  # type: ignore[arg-type]
        assert writer.add_reviews([a_review()]) == 1


def test_rules_and_reviews_outlive_every_analysis(db: Path) -> None:
    judged = an_analysis(findings=(found("greeting", "pass"),))
    stored(db, judged, rules=[a_rule("greeting")], reviews=[a_review()])
    stored(db, judged)
    assert query(db, "SELECT count(*) FROM rule CROSS JOIN review").rows == ((1,),)
