"""Word sets of one file: written out in its patterns, counted in its rule's version, refused when misshapen."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.phrases.local_sets import without_sets
from pipeline.rules import load_rules

HERE = Path("pack.toml")


def test_a_set_stands_in_the_patterns_as_alternatives():
    values = {
        "sets": {"soon": ["now", "in a {bit}"]},
        "phrases": {"told": {"any": ["back {soon}"], "but": ["{soon} {moment}"], "unless": "soon"}},
        "why": "{soon}",
    }
    assert without_sets(values, HERE, "phrases") == {
        "phrases": {
            "told": {
                "any": ["back (now | in a {bit})"],
                "but": ["(now | in a {bit}) {moment}"],
                "unless": "soon",
            }
        },
        "why": "{soon}",
    }


def test_a_set_may_name_the_sets_before_it():
    values = {"sets": {"one": ["a"], "two": ["{one} b", "c"]}, "told": {"any": ["{two} d"]}}
    assert without_sets(values, HERE) == {"told": {"any": ["((a) b | c) d"]}}


def test_a_file_without_sets_stays_as_it_is():
    values = {"told": {"any": ["a {b}"]}}
    assert without_sets(values, HERE) == values


@pytest.mark.parametrize("sets", [["a"], {"one": "a"}, {"one": []}, {"one": [""]}])
def test_a_misshapen_table_is_refused_with_its_place(sets):
    with pytest.raises(UsageError, match=r"pack\.toml: sets"):
        without_sets({"sets": sets, "told": {"any": ["a"]}}, HERE)


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
