"""The table of field cases judges as it says, and every expectation can be read."""

import json
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import field

from pipeline.rules import load_rules
from pipeline.rules.labelled import read_sentences, try_rules

SENTENCES = field.KNOWN / "wordings" / "sentences.jsonl"
KINDS = sorted(path.parent for path in field.KNOWN.glob(f"*/{field.EXPECTED}"))

OFTEN = {"consent_question", "leg_files", "spanish", "stops_mid_call", "voicemail", "hdr_short_size"}
"""Kinds that fail in ways of their own; the whole program runs on each of the others in `make test-slow`."""
RECORDED = [kind for kind in KINDS if len(list(kind.iterdir())) > 1]


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("kind", RECORDED, ids=lambda path: path.name)
def test_the_kinds_with_recordings_of_our_own_are_right(kind):
    expected = json.loads((kind / field.EXPECTED).read_text(encoding="utf-8"))
    assert field.run_kind(kind, expected).faults == ()


@pytest.mark.real
@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=() if kind.name in OFTEN else pytest.mark.slow) for kind in RECORDED],
    ids=lambda path: path.name,
)
def test_the_smallest_recording_of_a_kind_is_right(kind, tmp_path):
    folder = tmp_path / kind.name
    folder.mkdir()
    recordings = (path for path in kind.iterdir() if path.name != field.EXPECTED)
    shutil.copy(min(recordings, key=lambda path: path.stat().st_size), folder)
    expected = json.loads((kind / field.EXPECTED).read_text(encoding="utf-8"))
    assert field.run_kind(folder, expected).faults == ()


def test_wordings_of_the_field_are_understood():
    assert try_rules(load_rules(), read_sentences(SENTENCES)).wrong == ()


@pytest.mark.parametrize("kind", KINDS, ids=lambda path: path.name)
def test_an_expectation_has_all_it_needs(kind):
    expected = json.loads((kind / field.EXPECTED).read_text(encoding="utf-8"))
    assert set(expected) <= {"right", "steps", "settings", "checks"}
    assert expected["right"]
    assert expected["checks"]
    assert all(set(check) in ({"sql", "rows"}, {"says"}, {"exit"}) for check in expected["checks"])


@pytest.mark.parametrize(
    ("checks", "faults"),
    [
        ([{"exit": 2}, {"says": "remedy"}], 0),
        ([{"exit": 0}], 1),
        ([{"says": "nothing of it"}], 1),
        ([{"sql": "SELECT 1", "rows": [[1]]}], 1),
    ],
)
def test_a_kind_is_right_if_all_its_checks_are(tmp_path, monkeypatch, checks, faults):
    monkeypatch.setattr(field, "analyse", lambda *_: field.Ran(code=2, text="one line with a remedy"))
    (tmp_path / "kind").mkdir()
    outcome = field.run_kind(tmp_path / "kind", {"right": "x", "checks": checks})
    assert len(outcome.faults) == faults


def test_copies_are_steps(tmp_path, monkeypatch):
    seen = []

    def analyse(paths, *_):
        seen.append(paths[0].read_text())
        return field.Ran(code=0, text="")

    monkeypatch.setattr(field, "analyse", analyse)
    folder = tmp_path / "kind"
    folder.mkdir()
    (folder / "a").write_text("1")
    (folder / "b").write_text("2")
    steps = [{"analyse": ["a"]}, {"copy": ["b", "a"]}, {"analyse": ["a"]}]
    field.run_kind(folder, {"right": "x", "steps": steps, "checks": [{"exit": 0}]})
    assert seen == ["1", "2"]
