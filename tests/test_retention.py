"""Holds keep calls, time ends them, and what was written from the store goes with them."""

import os
import sys
from datetime import UTC, date, datetime, timedelta

import pytest
from builders import NOON, a_call, a_recording, an_analysis, an_id, found, say
from fakes import FakeEngine, Watcher, write_call

from flows.weekly_spotcheck import draw_week, weekly_request
from pipeline import cli, settings
from pipeline.archive import night
from pipeline.archive.plan import RunRequest
from pipeline.audit.call_page import written_files
from pipeline.errors import UsageError
from pipeline.retention.due import apply_retention, find_due
from pipeline.retention.exports import note_export, read_exports
from pipeline.retention.places import find_master, places_of
from pipeline.retention.receipts import read_receipts
from pipeline.settings import RetentionSettings
from pipeline.store import query, reading, writing
from pipeline.store.legal_holds import active_holds, place_holds
from pipeline.store.review_log import ReviewLog

DAY = timedelta(days=1)


def call_of(name, queue, started_at=NOON, analysed_at=NOON):
    return an_analysis(
        name,
        turns=(say("agent", 0, 1, "hello there"),),
        recording=a_recording(name, analysed_at=analysed_at),
        call=a_call(call_ref=name, queue=queue, started_at=started_at, customer_ref=f"c-{queue}"),
        findings=(found("greeting", "pass"),),
    )


@pytest.fixture
def places(tmp_path):
    db = tmp_path / "calls.duckdb"
    with writing(db) as writer:
        writer.add(
            call_of("sale", "sales"),
            call_of("bill", "billing"),
            call_of("unknown", None, started_at=None),
            call_of("young", "billing", started_at=NOON + 20 * DAY),
        )
        writer.publish()
    return places_of(db, settings.load(environ={}))


def program(*arguments):
    """The exit code of the program, run in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["earwitness", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    return ended.value.code or 0


def refs(places):
    return {row[0] for row in query(places.db, "SELECT call_ref FROM call").rows}


@pytest.mark.parametrize(
    ("given", "days", "due"),
    [
        ({}, 4000, set()),
        ({"days": 30}, 30, set()),
        ({"days": 30}, 31, {"sale", "bill", "unknown"}),
        ({"days": 30, "queues": {"sales": 0}}, 31, {"bill", "unknown"}),
        ({"queues": {"billing": 10}}, 11, {"bill"}),
        ({"queues": {"billing": 10}}, 31, {"bill", "young"}),
    ],
)
def test_the_days_are_those_of_the_queue(places, given, days, due):
    now = NOON + days * DAY
    found = find_due(places, RetentionSettings(**given), now)
    assert set(found.recording_ids) == {an_id(name) for name in due}
    assert sum(found.by_queue.values()) == len(due)


def test_a_held_call_stays(places):
    place_holds(places.db, [an_id("bill")], "case 1", "lena", None)
    due = find_due(places, RetentionSettings(days=1), NOON + 300 * DAY)
    assert (due.held, len(due.recording_ids)) == (1, 3)
    assert apply_retention(places, RetentionSettings(days=1)) == 3
    assert refs(places) == {"bill"}
    (receipt,) = read_receipts(places.receipts, find_master(places))
    assert receipt["cause"] == "retention"


def test_a_hold_ends_after_its_last_day(places):
    today = datetime.now(UTC).date()
    for name, until in (("sale", today), ("bill", today - DAY)):
        place_holds(places.db, [an_id(name)], "case 1", "lena", until)
    with reading(places.db) as connection:
        assert [hold.recording_id for hold in active_holds(connection)] == [an_id("sale")]


def test_the_commands_of_holds(places, capsys):
    db = ["--db", places.db]
    assert program("hold", "add", "bill", "--reason", "case 4711", "--until", "2999-12-31", *db) == 0
    assert program("hold", "list", *db) == 0
    assert f"{an_id('bill')[:12]}  since" in (out := capsys.readouterr().out)
    assert "until 2999-12-31  case 4711" in out
    assert program("erase", "bill", *db) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "the recording is on legal hold" in line
    assert "case 4711 until 2999-12-31" in line
    assert refs(places) == {"sale", "bill", "unknown", "young"}
    assert program("hold", "release", "sale", *db) == 2
    assert "not on hold" in capsys.readouterr().err
    assert program("hold", "release", "bill", *db) == 0
    assert program("erase", "bill", "--reason", "matter 17", *db) == 0
    assert "erased 1 recordings" in capsys.readouterr().out
    assert refs(places) == {"sale", "unknown", "young"}
    assert program("hold", "add", "sale", "--reason", "x", "--until", "2020-01-01", *db) == 2
    assert "the hold would be over" in capsys.readouterr().err


def test_the_calls_of_a_customer(places, capsys):
    assert program("erase", "--customer", "c-nobody", "--db", places.db) == 2
    assert "no call of this customer" in capsys.readouterr().err
    before = places.db.read_bytes()
    assert program("erase", "--customer", "c-billing", "--dry-run", "--db", places.db) == 0
    assert "2 recordings" in capsys.readouterr().out
    assert places.db.read_bytes() == before
    assert not places.master.exists()
    assert program("erase", "--customer", "c-billing", "--db", places.db) == 0
    assert refs(places) == {"sale", "unknown"}
    assert program("receipts", "--db", places.db) == 0
    assert "request  2 recordings" in capsys.readouterr().out
    assert program("erase", "--db", places.db) == 2


def test_the_command_of_retention(places, capsys):
    given = ["--set", "retention.days=30", "--db", places.db]
    assert program("retention", "--dry-run", *given) == 0
    shown = capsys.readouterr()
    assert "4 calls would be erased" in shown.err
    assert "billing" in shown.out
    assert len(refs(places)) == 4
    assert program("retention", *given) == 0
    assert refs(places) == set()


def test_a_night_erases_what_is_due_and_does_not_take_it_in_again(tmp_path):
    archive, db = tmp_path / "archive", tmp_path / "calls.duckdb"
    for name in ("old", "new"):
        write_call(archive / f"{name}.wav", seed=len(name) + ord(name[0]))
    (archive / "manifest.csv").write_text(
        "file,started_at\nold.wav,2020-01-01T00:00:00Z\nnew.wav,2999-01-01T00:00:00Z\n"
    )
    given = settings.load(overrides=["archive.settle_s=0", "retention.days=90"], environ={})
    order = RunRequest(paths=(archive,), db=db, settings=given)
    first = night.run(order, FakeEngine()(), Watcher())
    assert (first.totals.analysed, first.expired) == (2, 1)
    second = night.run(order, FakeEngine()(), Watcher())
    assert (second.totals.analysed, second.erased, second.unchanged, second.expired) == (0, 1, 1, 0)


def test_an_export_is_deleted_with_any_of_its_calls(places, tmp_path):
    pack, whole, alone = tmp_path / "pack", tmp_path / "whole", tmp_path / "alone.json"
    for folder in (pack / "inner", whole):
        folder.mkdir(parents=True)
        (folder / "data").write_text("x")
    alone.write_text("x")
    note_export(places.db, "evidence", pack, [an_id("sale"), an_id("young")])
    note_export(places.db, "parquet", whole, None)
    note_export(places.db, "json", alone, [an_id("young")])
    (whole / "of somebody else").write_text("y")
    assert program("erase", "sale", "--db", places.db) == 0
    assert not pack.exists()
    assert [path.name for path in whole.iterdir()] == ["of somebody else"]
    assert alone.exists()
    assert [one.kind for one in read_exports(places.exports)] == ["json"]


def test_the_commands_note_what_they_write(places, tmp_path):
    assert program("export", "sale", "--out", tmp_path / "sale.json", "--db", places.db) == 0
    out = tmp_path / "all"
    assert program("export", "--all", "--format", "parquet", "--out", out, "--db", places.db) == 0
    assert program("evidence", "bill", "greeting", "--out", tmp_path / "pack", "--db", places.db) == 0
    drawing = ["--rule", "greeting", "--out", tmp_path / "sample", "--sample", "2"]
    assert program("spotcheck", "draw", *drawing, "--db", places.db) == 0
    noted = {one.kind: one for one in read_exports(places.exports)}
    assert set(noted) == {"json", "parquet", "evidence", "spotcheck"}
    assert noted["json"].recordings == (an_id("sale"),)
    assert noted["evidence"].recordings == (an_id("bill"),)
    assert noted["parquet"].recordings is None
    assert len(noted["spotcheck"].recordings) == 2


def test_an_older_file_beside_a_page_is_not_taken_for_its_sound(tmp_path):
    page, recording, sound = (tmp_path / name for name in ("call.html", "call.wav", "call.mp3"))
    recording.write_text("the recording itself")
    os.utime(recording, (1, 1))
    page.write_text("page")
    sound.write_text("sound")
    assert written_files(page) == (page, sound)


def test_a_damaged_register_is_refused(places):
    places.exports.write_text("{}\n")
    with pytest.raises(UsageError, match="damaged register of exports"):
        read_exports(places.exports)


def test_a_week_is_drawn_once(places, tmp_path):
    log = ReviewLog(places.reviews)
    # NOON is Monday, 2 March 2026.
    requests = [weekly_request(rule, 5, "verdicts", date(2026, 3, 11)) for rule in ("greeting", "none")]
    assert (requests[0].since, requests[0].until) == (date(2026, 3, 2), date(2026, 3, 8))
    rows = draw_week(places.db, log, requests)
    assert [(row["rule"], row["drawn"]) for row in rows] == [("greeting", 2), ("none", 0)]
    assert "no findings of this rule" in rows[1]["note"]
    assert draw_week(places.db, log, requests)[0]["note"] == "drawn before"
    assert len(log.draws()) == 1
