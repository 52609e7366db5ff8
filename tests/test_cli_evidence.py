"""The commands for auditors: what they print, write and refuse."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from builders import NOON, a_call, a_rule, an_analysis, found, stored

from pipeline import cli

AnalysisRun = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], db: Path) -> AnalysisRun:
    """The program in a folder of its own, by its arguments: exit code, standard output, standard error."""

    def run(*args: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["earwitness", *map(str, args), "--db", str(db)])
        try:
            cli.main()
            code: int | str | None = 0
        except SystemExit as end:
            code = end.code or 0
        assert isinstance(code, int)
        return code, *capsys.readouterr()

    return run


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    analyses = [
        an_analysis(
            f"call {number}",
            call=a_call(call_ref=f"C-{number}", started_at=NOON + timedelta(days=number)),
            findings=(found("greeting", "pass" if number else "fail", start_s=1.0, end_s=2.0),),
        )
        for number in range(4)
    ]
    return stored(
        tmp_path_factory.mktemp("cli") / "calls.duckdb",
        *analyses,
        rules=[a_rule("greeting", text='roles = ["agent"]\n[check]\nkind = "sequence"\n')],
    )


@pytest.fixture
def db(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    copy = tmp_path / "calls.duckdb"
    copy.write_bytes(published.read_bytes())
    return copy


def one_line(err: str) -> str:
    assert err.startswith("earwitness: ")
    assert err.count("\n") == 1
    return err


def test_evidence_prints_the_page_and_tells_what_is_missing(run: AnalysisRun) -> None:
    code, out, err = run("evidence", "C-1", "greeting", "--out", "pack")
    assert (code, out) == (0, "pack/index.html\n")
    assert err.startswith("note: No clip: no such file: call 1.wav")
    assert Path("pack/index.html").exists()
    code, out, err = run("evidence", "C-1", "greeting", "--out", "pack")
    assert (code, out) == (2, "")
    assert "there is something already: pack" in one_line(err)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["evidence", "nobody", "greeting", "--out", "x"], "no such call in the store; got 'nobody'"),
        (["evidence", "C-1", "nothing", "--out", "x"], "no finding of this rule"),
        (["spotcheck"], "missing command: earwitness spotcheck; allowed: draw, import, merge or verify"),
        (["spotcheck", "--rule", "greeting"], "missing command"),
        (["spotcheck", "draw", "--rule", "nothing", "--out", "x"], "no findings of this rule"),
        (["spotcheck", "draw", "--rule", "greeting", "--out", "x", "--aim", "all"], "unknown aim"),
        (["spotcheck", "import", "x.csv"], "cannot read the sheet"),
        (["spotcheck", "verify", "x.json"], "cannot read the protocol"),
        (["spotcheck", "--rule", "nothing", "--out", "x"], "no findings of this rule"),
        (["spotcheck", "--rule", "greeting", "--out", "x", "--verdict", "bad"], "unknown verdict"),
        (["spotcheck", "--rule", "greeting", "--out", "x", "--from", "2030-01-01"], "no finding fits"),
        (
            ["spotcheck", "--rule", "greeting", "--import", "x.csv"],
            "options that do not go together; got '--import with --rule'",
        ),
        (["spotcheck", "--queue", "a", "--seed", "7", "--import", "x.csv"], "--import with --queue, --seed"),
        (["spotcheck", "--import", "x.csv"], "cannot read the sheet"),
    ],
)
def test_wrong_usage_is_told_in_one_line(run: AnalysisRun, args: list[str], says: str) -> None:
    code, out, err = run(*args)
    assert (code, out) == (2, "")
    assert says in one_line(err)
    assert not Path("x").exists()


def test_a_spot_check_goes_out_and_comes_back(run: AnalysisRun) -> None:
    code, out, err = run("spotcheck", "draw", "--rule", "greeting", "--sample", 9, "--out", "check")
    assert (code, out) == (0, "check/judged.csv\n")
    assert run("spotcheck", "verify", "check/protocol.json")[:2] == (0, "the same sample\n")
    told = [line for line in err.splitlines() if not line.endswith(" findings")]
    assert "4/4 findings" in err
    assert [*told, "note: there are only 4 such findings"] == [
        "fail: 1 of 1",
        "pass: 3 of 3",
        "note: there are only 4 such findings",
    ]
    sheet = Path("check/judged.csv")
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows[:3]:
        row |= {"judgement": "confirmed" if row["verdict"] == "pass" else "wrong", "reviewer": "eve"}
    with sheet.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    hint = "note: the next night brings them into the store, or: earwitness spotcheck merge\n"
    assert run("spotcheck", "import", sheet) == (0, "3 judged, 3 of them new; 1 not judged yet\n", hint)
    code, out, _ = run("spotcheck", "--import", sheet, "--json")  # as in release 0.1.0
    assert (code, json.loads(out)) == (0, {"judged": 3, "new": 0, "not_judged_yet": 1})
    assert json.loads(run("sql", "SELECT reviewed FROM rule_quality", "--json")[1]) == [{"reviewed": 0}]
    assert run("spotcheck", "merge")[:2] == (0, "3 judgements new, 0 taken back\n")
    assert json.loads(run("sql", "SELECT reviewed FROM rule_quality", "--json")[1]) == [{"reviewed": 3}]


def test_every_wrong_row_is_told_with_its_line(run: AnalysisRun) -> None:
    Path("sheet.csv").write_text("finding,judgement,reviewer\nx,confirmed,eve\ny,yes,eve\n")
    code, out, err = run("spotcheck", "--import", "sheet.csv")
    assert (code, out) == (2, "")
    first, second = err.splitlines()
    assert first.startswith("earwitness: names no finding: sheet.csv:2")
    assert second.startswith("earwitness: no judgement: sheet.csv:3")


def test_a_spot_check_as_json(run: AnalysisRun) -> None:
    code, out, err = run(
        "spotcheck", "--rule", "greeting", "--sample", 2, "--to", "2026-03-04", "--out", "c", "--json"
    )
    assert (code, err.splitlines()[-1]) == (0, "2/2 findings")
    assert json.loads(out) == {
        "sheet": "c/judged.csv",
        "drawn": {"fail": 1, "pass": 1},
        "population": {"fail": 1, "pass": 2},
    }
