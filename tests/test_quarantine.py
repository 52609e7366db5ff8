"""`earwitness quarantine`: list, retry, drop."""

import json

import pytest
from builders import an_analysis, quarantined
from fakes import FakeEngine, Watcher, write_call
from night_jobs import order_of
from typer.testing import CliRunner

from pipeline.archive import night
from pipeline.cli import app
from pipeline.errors import UsageError
from pipeline.store import query, writing


def run(*args, db):
    return CliRunner().invoke(app, ["quarantine", *map(str, args), "--db", str(db)])


@pytest.fixture
def archive(tmp_path):
    """One good call and one that is no audio."""
    folder = tmp_path / "archive"
    write_call(folder / "good.wav")
    (folder / "bad.wav").write_bytes(b"RIFF no sound")
    return folder


@pytest.fixture
def order(archive, tmp_path):
    order = order_of(archive, tmp_path / "calls.duckdb")
    go(order)
    return order


def go(order):
    return night.run(order, FakeEngine()(), Watcher())


def test_the_list_says_what_is_wrong(order):
    result = run("list", db=order.db)
    assert result.exit_code == 0
    assert "  file  " in result.stdout
    assert "bad.wav" in result.stdout
    (row,) = json.loads(run("list", "--json", db=order.db).stdout)
    assert (row["failure_kind"], row["retry"], row["uri"].endswith("bad.wav")) == ("file", False, True)


def test_an_empty_list(tmp_path):
    with writing(tmp_path / "calls.duckdb") as writer:
        writer.add(an_analysis())
        writer.publish()
    result = run("list", db=tmp_path / "calls.duckdb")
    assert (result.exit_code, result.stdout) == (0, "")


def test_what_nobody_has_decided_stays(order):
    assert (go(order).totals.analysed, go(order).unchanged) == (0, 2)


def test_retry_has_the_next_run_try_once(order):
    assert run("retry", "bad.wav", db=order.db).exit_code == 0
    assert "tried again by the next run" in run("list", db=order.db).stdout
    summary = go(order)
    assert (summary.unchanged, len(summary.totals.quarantined)) == (1, 1)
    assert query(order.db, "FROM quarantine_choice").rows == ()
    assert go(order).unchanged == 2


def test_drop_takes_it_off_the_list_and_skips_its_file(order):
    assert run("drop", "bad.wav", db=order.db).exit_code == 0
    assert run("list", db=order.db).stdout == ""
    summary = go(order)
    assert (summary.found, summary.unchanged, summary.dropped) == (2, 1, 1)
    assert query(order.db, "SELECT found, skipped FROM night ORDER BY started_at DESC LIMIT 1").rows == (
        (2, 1),
    )
    assert "1 dropped" in night_line(summary)
    # It can be taken back.
    assert run("retry", "bad.wav", db=order.db).exit_code == 0
    assert len(go(order).totals.quarantined) == 1


def night_line(summary):
    from pipeline.report.night import summary_line  # noqa: PLC0415

    return summary_line(summary)


def test_a_file_that_was_dropped_and_has_changed_is_analysed(order, archive):
    run("drop", "--all", db=order.db)
    write_call(archive / "bad.wav", seed=7)
    summary = go(order)
    assert (summary.totals.analysed, summary.dropped) == (1, 0)
    assert query(order.db, "SELECT count(*) FROM recording WHERE status = 'quarantined'").rows == ((0,),)


def test_all_are_those_that_are_listed(tmp_path):
    db = tmp_path / "calls.duckdb"
    with writing(db) as writer:
        writer.add(quarantined("one"), quarantined("two"), an_analysis("three"))
        writer.publish()
    assert run("retry", "--all", db=db).exit_code == 0
    assert query(db, "SELECT count(*) FROM quarantine_choice WHERE choice = 'retry'").rows == ((2,),)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["retry"], "no recordings given"),
        (["drop", "bad.wav", "--all"], "no recordings given"),
        (["drop", "good.wav"], "not in quarantine; got 'good.wav'"),
        (["drop", "nothing.wav"], "no such call"),
    ],
)
def test_wrong_usage_is_one_line(order, args, message):
    result = run(*args, db=order.db)
    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)
    assert query(order.db, "FROM quarantine_choice").rows == ()
