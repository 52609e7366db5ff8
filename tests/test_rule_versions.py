"""Rule versions follow what decides a verdict: not comments, layout, or where a file lies."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pipeline.phrases import lexicon
from pipeline.rules import RuleSet, load_rules
from pipeline.rules import load as packs

RELEASED = json.loads((Path(__file__).parent / "data/store_0_1_0/rule_versions.json").read_text())
"""The versions that release 0.1.0 stored with its verdicts and reviews."""


@pytest.fixture
def moved(tmp_path, monkeypatch) -> Path:
    """The program's packs and lexicon, copied to another folder."""
    for source in (packs.PACKS_FOLDER, lexicon.LEXICON_FILE.parent):
        for file in source.glob("*.toml"):
            shutil.copy(file, tmp_path / file.name)
    folder = tmp_path / "packs"
    folder.mkdir()
    for file in packs.PACKS_FOLDER.glob("*.toml"):
        (tmp_path / file.name).rename(folder / file.name)
    monkeypatch.setattr(packs, "PACKS_FOLDER", folder)
    monkeypatch.setattr(lexicon, "LEXICON_FILE", tmp_path / "lexicon.toml")
    monkeypatch.setattr(lexicon, "NAMES_FILE", tmp_path / "names.toml")
    return tmp_path


def versions(rules: RuleSet) -> dict[str, str]:
    return {rule.id: rule.version for rule in (*rules.rules, *rules.inactive)}


def test_comments_and_places_change_no_version(moved):
    before = versions(load_rules())
    for file in moved.rglob("*.toml"):
        text = file.read_text(encoding="utf-8")
        file.write_text(f"# Another comment.\n\n{text}\n# The end.\n", encoding="utf-8")
    assert versions(load_rules()) == before


WITHOUT_PHRASES = {"agent_interruptions", "calm_under_pressure", "dead_air", "recording_beep_tone"}
"""Rules that are judged on measures and sounds: their phrases only find what people may want to read."""


def changed(before: dict[str, str], now: dict[str, str]) -> set[str]:
    assert now.keys() == before.keys()
    return {rule_id for rule_id, version in before.items() if now[rule_id] != version}


@pytest.mark.parametrize("name", ["lexicon.toml", "names.toml"])
def test_another_content_of_the_lexicon_changes_the_versions_of_rules_that_words_decide(moved, name):
    before = versions(load_rules())
    file = moved / name
    text = file.read_text(encoding="utf-8")
    assert "[sets]" in text
    file.write_text(text.replace("[sets]", '[sets]\nof_this_test = ["please"]'), encoding="utf-8")
    assert changed(before, versions(load_rules())) == before.keys() - WITHOUT_PHRASES


def test_rules_that_no_words_decide_keep_the_versions_that_release_0_1_0_stored():
    """Reviews hang on them. Remove a rule here when its check or its phrases change."""
    now = {rule_id: version for rule_id, version in versions(load_rules()).items() if rule_id in RELEASED}
    assert changed(RELEASED, now) == RELEASED.keys() - WITHOUT_PHRASES
