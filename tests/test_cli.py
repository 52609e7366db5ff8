import json
import subprocess
import sys
import tomllib
import wave
from pathlib import Path

import pytest
from fakes import FakeEngine, write_call
from readback import copy_store

from pipeline import cli, settings
from pipeline.archive import batches, night
from pipeline.report import tables

ROOT = Path(__file__).parent.parent


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to work in, with models that need no weights."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(night, "find_engine", FakeEngine())
    return tmp_path


@pytest.fixture
def run(monkeypatch, capsys):
    """The program, by its arguments: exit code, standard output, standard error."""

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["earwitness", *map(str, args)])
        try:
            cli.main()
            code: str | int = 0
        except SystemExit as end:
            code = end.code or 0
        out, err = capsys.readouterr()
        return code, out, err

    return run


def one_line(err):
    """The error is one line and no traceback."""
    assert err.startswith("earwitness: "), err
    assert err.count("\n") == 1, err
    return err


def test_analyse_prints_a_line_per_call(folder, run):
    write_call(folder / "in" / "first.wav", seed=1)
    write_call(folder / "in" / "second.wav", seed=2)
    code, out, err = run("analyse", "in")
    assert code == 0
    lines = out.splitlines()
    assert [line.split()[0] for line in lines[-2:]] == ["first", "second"]
    assert "0:03" in lines[-1]
    assert max(map(len, lines)) <= 100
    assert "\x1b" not in out + err
    assert "1/2  first.wav  0:03" in err
    assert "2 found · 2 analysed" in err
    assert (folder / "calls.duckdb").exists()


def test_analyse_as_json(folder, run):
    write_call(folder / "good.wav")
    (folder / "bad.wav").write_text("no sound")
    code, out, _ = run("analyse", "good.wav", "bad.wav", "--json")
    assert code == 1
    good, bad = json.loads(out)
    assert (good["status"], good["duration_s"], good["agent_talk_ratio"]) == (
        "analysed",
        3.0,
        pytest.approx(0.5, abs=0.05),
    )
    assert (bad["status"], bad["uri"]) == ("quarantined", str(folder / "bad.wav"))
    assert bad["error"]


def test_a_second_run_shows_the_same_and_analyses_nothing(folder, run):
    write_call(folder / "a.wav")
    first = run("analyse", "a.wav")
    code, out, err = run("analyse", "a.wav")
    assert (code, out) == (0, first[1])
    assert "0 analysed · 1 unchanged" in err


def test_settings_reach_the_analysis(folder, run):
    write_call(folder / "a.wav")
    (folder / "my.toml").write_text('[audio]\nagent_channel = "right"\n')
    assert (
        run("analyse", "a.wav", "--settings", "my.toml", "--set", "holds.min_s=7", "--db", "x.duckdb")[0] == 0
    )
    _, out, _ = run(
        "sql", "SELECT agent_channel, settings->'holds'->'min_s' FROM analysis", "--db", "x.duckdb", "--csv"
    )
    assert out.splitlines()[1] == "1,7.0"


def empty(path):
    path.touch()


def text(path):
    path.write_text("this is no recording")


def truncated_header(path):
    path.write_bytes(write_call(path).read_bytes()[:30])


def no_samples(path):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)


@pytest.mark.parametrize("make", [empty, text, truncated_header, no_samples])
def test_bad_files_are_quarantined(make, folder, run):
    make(folder / "bad.wav")
    write_call(folder / "good.wav")
    code, out, err = run("analyse", "good.wav", "bad.wav")
    assert code == 1
    assert "good" in out
    (line,) = (line for line in out.splitlines() if line.startswith("quarantined: "))
    assert "bad.wav" in line
    assert "Traceback" not in err
    assert run("analyse", "good.wav", "bad.wav")[0] == 1


def test_a_fault_of_ours_is_quarantined_with_its_type(folder, run, monkeypatch):
    write_call(folder / "a.wav")
    monkeypatch.setattr(batches, "analyse", lambda *a, **k: dict[str, int]()["nothing"])
    code, out, _ = run("analyse", "a.wav")
    assert code == 1
    assert "KeyError" in out


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["analyse", "nowhere.wav"], "no such file"),
        (["analyse", "hollow"], "no audio in the folder"),
        (["analyse", "a.wav", "--db", "nowhere/calls.duckdb"], "cannot write"),
        (["analyse", "a.wav", "--db", "a.wav"], "a.wav"),
        (["analyse", "a.wav", "--set", "asr.modell=base"], "unknown setting"),
        (["analyse", "a.wav", "--set", "holds.min_s=-1"], "bad value"),
        (["analyse", "a.wav", "--settings", "nowhere.toml"], "cannot read the settings file"),
        (["analyse", "a.wav", "--metadata", "wrong.csv"], "no column says which file"),
        (["analyse", "a.wav", "--metadata", "nowhere.csv"], "cannot read the metadata file"),
        (["nightly", "a.wav"], "not a folder"),
        (["nightly", ".", "--hours", "2"], "missing option; allowed: --refresh-outdated together with"),
        (["nightly", ".", "--refresh-outdated"], "missing option; allowed: --refresh-outdated together with"),
        (["nightly", ".", "--refresh-outdated", "--hours", "0"], "more than 0 hours"),
        (["nightly", "nowhere"], "no such file or folder"),
        (["nightly", "hollow"], "no audio in the folder"),
        (["sql", "select 1", "--db", "nowhere.duckdb"], "there is no store"),
        (["sql", "select 1", "--json", "--csv"], "two formats"),
        (["rules", "show", "kindness"], "unknown rule"),
        (["rules", "test", "nowhere.jsonl"], "cannot read the cases"),
        (["rules", "test", "wrong.csv"], "not a case"),
        (["rules", "test", "latin.csv"], "not a text in UTF-8"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_told_in_one_line_and_writes_nothing(args, says, folder, run):
    write_call(folder / "a.wav")
    (folder / "hollow").mkdir()
    (folder / "wrong.csv").write_text("name,colour\nx,red\n")
    (folder / "latin.csv").write_bytes("caf\u00e9".encode("latin-1"))
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    code, out, err = run(*args)
    assert code == 2
    assert out == ""
    assert says in one_line(err)
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.suffix != ".lock"}
    assert before.items() >= {p: t for p, t in after.items() if p.is_file()}.items()


@pytest.mark.parametrize("args", [["analyse"], ["nonsense"], ["analyse", "--colour"]])
def test_wrong_arguments_exit_with_2(args, folder, run):
    code, out, err = run(*args)
    assert (code, out) == (2, "")
    assert "Usage:" in err


@pytest.fixture
def store(folder, run):
    write_call(folder / "a.wav")
    run("analyse", "a.wav")
    return folder / "calls.duckdb"


def test_sql_prints_a_table(store, run):
    code, out, _ = run("sql", "SELECT 1 AS one, 'x' AS letter, NULL AS nothing")
    assert (code, [line.split() for line in out.splitlines()]) == (
        0,
        [["one", "letter", "nothing"], ["1", "x"]],
    )


def test_sql_prints_wide_rows_as_blocks(store, run):
    _, out, _ = run("sql", "FROM call_summary")
    assert any(line.split() == ["layout", "stereo"] for line in out.splitlines())


def test_sql_says_so_when_there_is_no_wide_row(store, run):
    assert run("sql", "FROM verdict_change")[1] == "no rows\n"


def test_sql_prints_brackets_as_they_are(store, run):
    assert "[bold]" in run("sql", "SELECT '[bold]' AS text")[1]


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("SELECT 1.5::DECIMAL(3,1) AS v", 1.5),
        ("SELECT TIMESTAMPTZ '2026-03-02 12:00:00+00' AS v", "2026-03-02T12:00:00+00:00"),
        ("SELECT 'nan'::DOUBLE AS v", None),
        ("SELECT [1, NULL] AS v", [1, None]),
        ("SELECT {'a': 1} AS v", {"a": 1}),
    ],
)
def test_sql_as_json(sql, value, store, run):
    assert json.loads(run("sql", sql, "--json")[1]) == [{"v": value}]


def test_sql_as_csv(store, run):
    assert run("sql", "SELECT 'a,b' AS x, NULL AS y", "--csv")[1] == 'x,y\n"a,b",\n'


@pytest.mark.parametrize("sql", ["SELEKT 1", "SELECT nothing FROM call", "DROP TABLE call", ""])
def test_bad_sql_is_told_in_one_line(sql, store, run):
    code, out, err = run("sql", sql)
    assert (code, out) == (2, "")
    one_line(err)


def test_a_reader_that_has_enough_is_no_error(store):
    command = [sys.executable, "-m", "pipeline.cli", "sql", "SELECT range FROM range(100000)", "--csv"]
    with subprocess.Popen(
        command, cwd=store.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as program:
        program.stdout.readline()
        program.stdout.close()
        assert program.stderr.read() == b""


def test_rules_are_listed_and_shown(run):
    code, out, _ = run("rules", "list")
    assert code == 0
    assert {"hold_permission", "hold_thanks", "recording_disclosure"} <= {
        line.split()[0] for line in out.splitlines()
    }
    listed = json.loads(run("rules", "list", "--json")[1])
    assert listed[0].keys() >= {"id", "version", "title", "weight", "score", "fatal"}
    shown = run("rules", "show", "hold_thanks")[1]
    assert tomllib.loads(shown)["id"] == "hold_thanks"


def test_rules_of_a_sites_own_folder(folder, run):
    site = folder / "site"
    site.mkdir()
    (site / "hold_thanks.toml").write_text('id = "hold_thanks"\ntitle = "Ours"\nweight = 9\n')
    (site / "hold_permission.toml").write_text('id = "hold_permission"\nactive = false\n')
    rules = {rule["id"]: rule for rule in json.loads(run("rules", "list", "--packs", "site", "--json")[1])}
    assert "hold_permission" not in rules
    assert (rules["hold_thanks"]["title"], rules["hold_thanks"]["weight"]) == ("Ours", 9)
    (site / "scorecard.toml").write_text("[hold_thanks]\nweight = 4\nfatal = true\n")
    shown = run("rules", "show", "hold_thanks", "--packs", "site")[1]
    assert shown.endswith("weight = 9\n")
    assert "changed by this site: hold_thanks.toml" in shown
    assert shown.splitlines()[0].endswith(", quality, weight 4, fatal")  # the scorecard decides
    assert run("rules", "show", "hold_permission", "--packs", "site")[1].startswith("# Version")
    assert "switched off" in run("rules", "show", "hold_permission", "--packs", "site")[1].splitlines()[0]
    # The settings name the same folder.
    (folder / "earwitness.toml").write_text('[rules]\npacks = "site"\n')
    assert "Ours" in run("rules", "list")[1]
    assert run("rules", "list", "--packs", "nowhere")[0] == 2


CASES = [
    {"rule": "hold_thanks", "role": "agent", "text": "Thank you for holding.", "expect": True},
    {"rule": "hold_thanks", "role": "agent", "text": "The weather is fine.", "expect": False},
]


def write_cases(path, cases):
    path.write_text("".join(json.dumps(case) + "\n" for case in cases))


def test_rules_are_tried_on_cases(folder, run):
    write_cases(folder / "cases.jsonl", CASES)
    code, out, err = run("rules", "test", "cases.jsonl", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"hold_thanks": {"tp": 1, "fp": 0, "fn": 0, "tn": 1}}


def test_cases_that_differ_are_told(folder, run):
    write_cases(folder / "cases.jsonl", [case | {"expect": not case["expect"]} for case in CASES])
    code, out, err = run("rules", "test", "cases.jsonl", "--json")
    assert code == 1
    assert json.loads(out) == {"hold_thanks": {"tp": 0, "fp": 1, "fn": 1, "tn": 0}}
    assert "hold_thanks: found, not expected: agent: Thank you for holding." in err
    assert run("rules", "test", "cases.jsonl")[1].splitlines()[1].split() == [
        "hold_thanks",
        "0",
        "1",
        "1",
        "0",
    ]


def test_a_case_that_is_none_is_told_with_its_line(folder, run):
    write_cases(folder / "cases.jsonl", [CASES[0], CASES[0] | {"expect": "perhaps"}])
    code, _, err = run("rules", "test", "cases.jsonl")
    assert code == 2
    assert "cases.jsonl:2" in one_line(err)


def test_doctor_reports_and_refuses(folder, run):
    code, out, _ = run("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(out)}
    assert code == 0
    assert "sha256" in checks["recognition"]["text"]
    assert "libavcodec" in checks["decoder"]["text"]
    assert checks["telemetry"]["ok"]
    code, out, _ = run("doctor", "--db", "nowhere/x.duckdb", "--set", "asr.model=./none")
    assert code == 2
    assert {line.split()[1] for line in out.splitlines() if line.startswith("BAD")} == {
        "store",
        "recognition",
    }


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["demo"],
        ["analyse"],
        ["nightly"],
        ["sql"],
        ["doctor"],
        ["migrate"],
        ["rules"],
        ["rules", "list"],
        ["rules", "test"],
    ],
    ids=" ".join,
)
def test_every_command_has_help(args, run):
    code, out, _ = run(*args, "--help")
    assert code == 0
    assert "Usage:" in out


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["analyse", "--help"]])
def test_help_imports_nothing_heavy(args):
    code = (
        "import sys; from pipeline import cli; sys.argv[1:] = sys.argv[1:]\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'duckdb', 'prefect', 'av'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"


def test_the_example_settings_are_the_defaults():
    example = tomllib.loads((ROOT / "earwitness.example.toml").read_text(encoding="utf-8"))
    defaults = settings.Settings().model_dump(mode="json", exclude_none=True)
    assert example == {name: values for name, values in defaults.items() if values or name in example}


@pytest.mark.parametrize(
    ("count", "permissions", "thanks", "text"),
    [
        (None, (), (), tables.UNKNOWN),
        (0, (), (), "0"),
        (1, ["granted"], [True], "1 · asked · thanked"),
        (1, ["refused"], [False], "1 · refused · not thanked"),
        (1, ["not_determinable"], [None], "1 · asked? · thanked?"),
        (2, ["granted", "not_asked"], [True, False], "2 · asked 1 of 2 · thanked 1 of 2"),
    ],
)
def test_holds_in_words(count, permissions, thanks, text):
    assert tables.hold_text(count, permissions, thanks) == text


def test_unknown_values_are_dashes():
    line = tables.call_line(
        {
            "uri": "/calls/mono.wav",
            "duration_s": None,
            "agent_talk_ratio": None,
            "hold_count": None,
            "permissions": None,
            "thanks": None,
            "interruptions_by_agent": None,
            "interruptions_by_customer": None,
            "dead_air_count": None,
            "dead_air_s": None,
            "recording_disclosure": "not_determinable",
            "disclosure_status": None,
        }
    )
    dash = tables.UNKNOWN
    assert line == ("mono", dash, dash, dash, f"{dash} / {dash}", dash, "not determinable")


def test_an_interruption_is_told(folder, run, monkeypatch):
    write_call(folder / "a.wav")

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(batches, "analyse", interrupt)
    code, out, err = run("analyse", "a.wav")
    assert (code, out) == (130, "")
    assert err.startswith("interrupted")
    assert not (folder / "calls.duckdb").exists()


@pytest.mark.real
def test_the_demo_shows_its_calls(demo_run):
    assert demo_run.returncode == 0, demo_run.stderr
    assert "dev01_billing_good" in demo_run.stdout
    assert max(map(len, demo_run.stdout.partition("\n\n")[0].splitlines())) <= 100
    assert "7 found · 7 analysed" in demo_run.stderr


@pytest.mark.real
def test_the_demos_query_runs(demo_run, demo_db):
    command = demo_run.stdout.splitlines()[-1].strip()
    _, arguments = command.split(" sql --db demo.duckdb ")
    command = f"{sys.executable} -m pipeline.cli sql --db demo.duckdb {arguments}"
    answer = subprocess.run(
        command, shell=True, cwd=demo_db.parent, capture_output=True, text=True, check=True
    )
    assert "D-1001" in answer.stdout


@pytest.mark.real
def test_a_second_demo_needs_neither_prefect_nor_models(demo_db, tmp_path, run, monkeypatch):
    monkeypatch.chdir(tmp_path)
    copy_store(demo_db, tmp_path / "demo.duckdb")
    monkeypatch.setattr(sys.modules["pipeline.cli.nightly"], "_run_flow", None)
    monkeypatch.setattr("pipeline.archive.engine.load_whisper", None)
    code, out, err = run("demo")
    assert code == 0
    assert "nothing new" in err
    assert "dev01_billing_good" in out


def test_outdated_calls_are_told_and_stay(folder, run):
    write_call(folder / "a.wav")
    assert run("analyse", "a.wav")[0] == 0
    code, out, err = run("analyse", "a.wav", "--set", "turns.pause_s=2", "--json")
    assert code == 0
    analysed, outdated = json.loads(out)
    assert (analysed["status"], outdated) == ("analysed", {"status": "outdated", "calls": 1})
    assert "note: 1 stored calls were analysed with another recogniser" in err
    assert "1 unchanged · 1 of these outdated" in err
    code, out, err = run("analyse", "a.wav", "--set", "turns.pause_s=2", "--json", "--force")
    assert [row["status"] for row in json.loads(out)] == ["analysed"]
    assert "outdated" not in err
