import csv
import os
import subprocess
import sys
from pathlib import Path

import pexpect
import pyarrow.parquet as pq
import pytest
from builders import an_analysis, say, stored
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from pipeline.cli.prompt import StoreCompleter, comment_at, is_finished
from pipeline.cli.sql import pieces
from pipeline.store.asking import asking, is_complete, statements_of

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def db(tmp_path_factory):
    return stored(
        tmp_path_factory.mktemp("sql") / "calls.duckdb",
        an_analysis(turns=[say("agent", 0.0, 3.0, "Good morning, how can I help?")]),
    )


@pytest.fixture
def store(db):
    with asking(db) as store:
        yield store


@pytest.fixture
def prompt(db, tmp_path):
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "XDG_STATE_HOME": str(tmp_path),
        "TERM": "xterm",
        "PROMPT_TOOLKIT_NO_CPR": "1",
        "NO_COLOR": "1",
    }
    program = pexpect.spawn(
        sys.executable,
        ["-m", "pipeline.cli", "sql", "--db", str(db)],
        env=env,
        cwd=tmp_path,
        dimensions=(40, 120),
        encoding="utf-8",
        timeout=15,
    )
    program.expect("Nothing can be written")
    program.expect("sql>")
    yield program
    program.close(force=True)


def completions(store, text):
    found = StoreCompleter(store).get_completions(Document(text), CompleteEvent())
    return [one.text for one in found]


def test_a_statement_over_two_lines_is_answered(prompt):
    prompt.send("SELECT 6 * 7\r")
    prompt.send("AS answer;\r")
    prompt.expect(r"answer\S*\s+42")


def test_a_fault_leaves_the_prompt(prompt):
    prompt.send("SELECT nothing FROM call;\r")
    prompt.expect("nothing")
    prompt.send("DROP TABLE call;\r")
    prompt.expect("read-only")
    prompt.send("SELECT 6 * 7 AS answer;\r")
    prompt.expect(r"answer\S*\s+42")


def test_ctrl_c_stops_a_query_and_not_the_program(prompt):
    prompt.send(
        "SELECT sum(a.range * b.range * c.range) FROM range(100000) a, range(100000) b, range(100000) c;\r"
    )
    prompt.expect("range")
    # The key is Ctrl-C once the program has the line, and a signal as soon as the query runs.
    for _ in range(60):
        if prompt.expect(["stopped", pexpect.TIMEOUT], timeout=1) == 0:
            break
        prompt.sendintr()
    else:
        pytest.fail("the query was not stopped")
    prompt.send("SELECT 6 * 7 AS answer;\r")
    prompt.expect(r"answer\S*\s+42")


def test_rows_are_cut_on_the_screen_and_not_in_files(prompt, tmp_path):
    prompt.send("SELECT range AS n FROM range(60001);\r")
    prompt.expect("the first 500 of 60,001 rows")
    prompt.send(".csv out.csv\r")
    prompt.expect("60,001 rows in out.csv")
    prompt.send(".parquet out.parquet\r")
    prompt.expect("60,001 rows in out.parquet")
    with (tmp_path / "out.csv").open() as file:
        assert [int(row["n"]) for row in csv.DictReader(file)] == list(range(60001))
    assert pq.read_table(tmp_path / "out.parquet")["n"].to_pylist() == list(range(60001))


def test_the_prompt_remembers_and_leaves(prompt, tmp_path):
    prompt.send("SELECT 6 * 7 AS answer;\r")
    prompt.expect(r"answer\S*\s+42")
    prompt.send(".quit\r")
    prompt.expect(pexpect.EOF)
    assert "SELECT 6 * 7" in (tmp_path / "earwitness" / "sql_history").read_text()


def test_the_comment_of_a_column_gives_its_unit(store):
    assert "Time on hold in seconds" in comment_at(store, Document("FROM call_summary WHERE hold_s"))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("SELECT * FROM call_s", "call_summary"),
        ("SELECT * FROM call_summary WHERE hold_", "hold_s"),
        ("SELECT * FROM hold AS h JOIN call ON h.perm", "permission"),
        ("SELECT regexp_extract", "regexp_extract_all"),
        ("sel", "SELECT"),
        (".par", ".parquet"),
        (".about consent", "consent_gaps"),
    ],
)
def test_names_are_completed(text, name, store):
    assert name in completions(store, text)


def test_after_from_only_tables_are_completed(store):
    assert set(completions(store, "FROM ")) == set(store.relations)


def test_the_comment_is_that_of_the_table_named(store):
    text = "SELECT start_s FROM hold"
    assert comment_at(store, Document(text, len("SELECT sta"))).startswith("hold.start_s DOUBLE: Start")


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("SELECT 1;", True),
        ("SELECT 1", False),
        ("SELECT ';'", False),
        ("SELECT ';", False),
        ("SELECT 'é';", True),
        ("SELECT 1; -- all", True),
        ("SELECT 1 -- all;", False),
        ("", False),
    ],
)
def test_a_statement_ends_with_its_semicolon(text, complete):
    assert is_complete(text) is complete


def test_enter_ends_a_command_and_not_half_a_statement():
    assert is_finished(".about hold")
    assert is_finished("")
    assert not is_finished("SELECT 1")


def test_statements_come_one_by_one():
    lines = ["SELECT 1\n", ";\n", ".about\n", "SELECT 2\n"]
    assert list(pieces(lines)) == ["SELECT 1\n;\n", ".about\n", "SELECT 2\n"]
    assert len(statements_of("SELECT 1; SELECT 2")) == 2


def piped(db, text, *options):
    return subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "sql", "--db", str(db), *options],
        input=text,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_statements_on_standard_input(db):
    done = piped(db, "SELECT 1 AS a;\nSELECT range AS b\nFROM range(600)", "--csv")
    assert done.returncode == 0
    assert done.stdout == "a\n1\nb\n" + "".join(f"{n}\n" for n in range(600))


def test_the_first_fault_on_standard_input_ends_the_program(db):
    done = piped(db, "SELEKT 1;\nSELECT 1 AS a;\n")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_commands_on_standard_input(db):
    done = piped(db, ".about hold\n.examples hold\n.examples 1\n")
    assert "Start in seconds" in done.stdout
    assert "longest?" in done.stdout
    assert "ORDER BY hold_s DESC" in done.stdout


@pytest.mark.parametrize("command", [".nonsense", ".about nothing", ".examples 999", ".csv", ".csv out.csv"])
def test_a_wrong_command_is_told_in_one_line(command, db):
    done = piped(db, f"{command}\n")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_the_prompt_imports_no_models(db):
    code = (
        "import sys, pipeline.cli, pipeline.cli.prompt, pipeline.store.asking, pipeline.report.tables\n"
        "print([name for name in ('torch', 'librosa', 'faster_whisper', 'scipy', 'prefect') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout == "[]\n"
