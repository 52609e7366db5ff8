"""Word sets of one file: written out in its patterns, counted in its rule's version, refused when misshapen."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.phrases.lexicon import with_own_sets
from pipeline.rules import load_rules

HERE = Path("pack.toml")


def test_a_set_stands_in_the_patterns_as_alternatives():
    values = {
        "sets": {"soon": ["now", "in a {bit}"]},
        "phrases": {"told": {"any": ["back {soon}"], "but": ["{soon} {moment}"], "unless": "soon"}},
    }
    told = {"any": ["back (now | in a {bit})"], "but": ["(now | in a {bit}) {moment}"], "unless": "soon"}
    assert with_own_sets(values, HERE) == {"phrases": {"told": told}}


def test_a_set_may_name_other_sets_but_not_itself():
    values = {"sets": {"two": ["{one} b", "c"], "one": ["a"]}, "told": {"any": ["{two} d"]}}
    assert with_own_sets(values, HERE) == {"told": {"any": ["((a) b | c) d"]}}
    values["sets"]["one"] = ["a {two}"]
    with pytest.raises(UsageError, match="contains itself"):
        with_own_sets(values, HERE)


def test_a_file_without_sets_stays_as_it_is():
    values = {"told": {"any": ["a {b}"]}}
    assert with_own_sets(values, HERE) == values


@pytest.mark.parametrize("sets", [["a"], {"one": "a"}, {"one": [""]}])
def test_a_misshapen_table_is_refused(sets):
    with pytest.raises(UsageError, match=r"pack\.toml"):
        with_own_sets({"sets": sets, "told": {"any": ["a"]}}, HERE)


def test_a_site_pack_may_have_sets_and_they_count_in_its_version(tmp_path):
    text = """
id = "umbrella"
title = "Umbrella"
why = "For this test."
weight = 1
fatal = false
score = "quality"
roles = ["agent"]
counts = ["told"]
[check]
kind = "sequence"
at = "call"
[[check.steps]]
say = ["told"]
[sets]
rain = ["rain", SECOND]
[phrases.told]
any = ["umbrella against the {rain}"]
[examples.agent]
match = [MATCHES]
no_match = ["One.", "Two.", "Three.", "Four.", "Five.", "Six.", "Seven.", "Eight."]
"""
    matches = ", ".join(f'"Number {number}: an umbrella against the rain."' for number in range(8))
    versions = set()
    for second in ('"snow"', '"sleet"'):
        written = text.replace("SECOND", second).replace("MATCHES", matches)
        (tmp_path / "umbrella.toml").write_text(written, encoding="utf-8")
        rules = load_rules(tmp_path)
        assert rules.says("umbrella", "agent", f"Take an umbrella against the {second.strip(chr(34))}.")
        versions.add(rules.rule("umbrella").version)
    assert len(versions) == 2
