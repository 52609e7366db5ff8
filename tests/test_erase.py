"""An erased call is in no byte that stays, whatever ends the process meanwhile, and does not come back."""

import json
import shutil
import signal
from contextlib import closing
from pathlib import Path

import duckdb
import erase_jobs
import pytest
from builders import an_id
from erase_jobs import NAMES, put_packs, the_store, values_of
from fakes import FakeEngine, Watcher, write_call
from test_crashes import forked

from pipeline import settings
from pipeline.archive import night
from pipeline.archive.plan import RunRequest
from pipeline.errors import UsageError
from pipeline.retention.erase import Request, erase, foresee
from pipeline.retention.exports import read_exports
from pipeline.retention.places import find_master, places_of
from pipeline.retention.receipts import read_receipts
from pipeline.retention.settle import Settled, settle
from pipeline.retention.tombstones import Tombstones
from pipeline.retention.waiting import ids_in_parts
from pipeline.sealing.keys import KeyFile
from pipeline.store import query
from pipeline.store.legal_holds import place_holds, release_holds

REQUEST = Request(cause="request", reason="matter 17")
BOTH = [an_id("one"), an_id("two")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    the_store(folder)
    return folder


@pytest.fixture
def places(whole, tmp_path):
    folder = tmp_path / "store"
    shutil.copytree(whole, folder)
    places = places_of(folder / "calls.duckdb", settings.load(environ={}))
    put_packs(places)
    return places


def holding(folder, *names):
    """The files with a value of one of the calls, by name."""
    values = [value.encode() for name in names for value in values_of(name)]
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.name for path in files for value in values if value in path.read_bytes()}


def uncompressed(db, folder):
    """The store's bytes as they would be without compression."""
    plain = folder / "plain.duckdb"
    with closing(duckdb.connect(str(plain))) as connection:
        connection.execute("SET force_compression = 'uncompressed'")
        connection.execute(f"ATTACH '{db}' AS store (READ_ONLY)")
        connection.execute("COPY FROM DATABASE store TO plain")
    return plain.read_bytes()


def check_erased(places, tmp_path):
    assert holding(places.db.parent, "one", "two") == set()
    plain = uncompressed(places.db, tmp_path)
    assert not [value for name in ("one", "two") for value in values_of(name) if value.encode() in plain]
    assert NAMES["three"].encode() in plain
    assert query(places.db, "SELECT count(*) FROM recording").rows == ((5,),)
    assert ids_in_parts(places.parts) == {an_id("waiting")}
    keys = KeyFile(places.keys, find_master(places))
    assert [an_id(name) in keys for name in NAMES] == [False, False, True]
    (receipt,) = read_receipts(places.receipts, find_master(places))
    assert receipt["rows"]["turn"] == 6
    assert receipt["checked"]["shared"] >= 1  # the agent's name
    assert len(receipt["recordings"]) == 2
    beside = {path.name.removeprefix(places.db.name) for path in places.db.parent.iterdir()}
    assert beside.isdisjoint({".erasing", ".work", ".new", ".work.wal", ".work.new"})


def test_the_values_are_everywhere_before(places):
    assert holding(places.db.parent, "one") >= {
        "calls.duckdb", "calls.duckdb.keys", "evidence.json", "reviews.sqlite", "calls.duckdb.exports.jsonl"
    }  # fmt: skip


def test_an_erased_call_is_in_no_byte(places, tmp_path):
    erasure, number = erase(places, BOTH, REQUEST)
    assert number == 1
    assert (erasure.in_parts, erasure.exports, erasure.keys, erasure.files_gone) == (1, 2, 2, 0)
    assert erasure.reviews == 6
    check_erased(places, tmp_path)
    assert not (places.db.parent / "packs" / "one").exists()
    assert (places.db.parent / "packs" / "three" / "evidence.json").exists()
    assert [one.recordings for one in read_exports(places.exports)] == [(an_id("three"),)]


def test_what_stays_is_as_it_was(places):
    def rest():
        tables = ("recording", "call", "word", "turn", "finding", "review", "known_file", "summary")
        return {
            table: query(places.db, f"FROM {table} WHERE {column} = '{an_id('three')}'").rows
            for table in tables
            for column in ["sha256" if table == "known_file" else "recording_id"]
        }

    before, comments = rest(), query(places.db, "SELECT comment FROM duckdb_columns() ORDER BY ALL").rows
    erase(places, BOTH, REQUEST)
    assert rest() == before
    assert all(before.values())
    assert query(places.db, "SELECT comment FROM duckdb_columns() ORDER BY ALL").rows == comments
    tags = query(places.db, "SELECT tags['storage_version'] FROM duckdb_databases() WHERE NOT internal").rows
    assert "1.4" in tags[0][0]


KILLS = [(step, when, 1) for step in erase_jobs.STEPS for when in ("before", "after")]


@pytest.mark.parametrize(("step", "when", "nth"), [*KILLS, ("write_journal", "after", 2)])
def test_an_erasure_is_completed_after_a_kill(places, tmp_path, step, when, nth):
    code = forked(erase_jobs.erase_and_die, places.db.parent, step, when, nth)
    assert code == -signal.SIGKILL
    if (step, when) == ("write_journal", "before"):  # nothing was begun
        assert settle(places) == Settled()
        assert query(places.db, "SELECT count(*) FROM recording").rows == ((7,),)
        erase(places, BOTH, REQUEST)
    elif (step, when) == ("remove_file", "after"):
        assert settle(places) == Settled()
    else:
        assert settle(places) == Settled(completed=2)
    check_erased(places, tmp_path)


def test_a_call_on_hold_is_refused_and_nothing_changes(places):
    place_holds(places.db, [an_id("two")], "case 4711", "lena", None)
    before = {path: path.read_bytes() for path in places.db.parent.rglob("*") if path.is_file()}
    with pytest.raises(UsageError, match=r"on legal hold: .*case 4711.*nothing was erased"):
        erase(places, BOTH, REQUEST)
    after = {path: path.read_bytes() for path in places.db.parent.rglob("*") if path.is_file()}
    assert after == before
    release_holds(places.db, [an_id("two")], "lena")
    erase(places, BOTH, REQUEST)
    assert holding(places.db.parent, "one", "two") == set()


def test_a_reason_with_a_value_is_refused(places):
    with pytest.raises(UsageError, match="the reason holds a name") as error:
        erase(places, BOTH, Request(cause="request", reason=f"asked by {NAMES['one']}"))
    assert NAMES["one"] not in str(error.value)
    assert not places.journal.exists()
    assert query(places.db, "SELECT count(*) FROM recording").rows == ((7,),)


def test_a_forecast_changes_nothing(places):
    before = {path: path.read_bytes() for path in places.db.parent.rglob("*") if path.is_file()}
    foreseen = foresee(places, BOTH, REQUEST)
    assert (foreseen.rows["turn"], foreseen.in_parts, foreseen.keys) == (6, 1, 2)
    after = {path: path.read_bytes() for path in places.db.parent.rglob("*") if path.is_file()}
    assert after == before


def test_a_backup_brings_no_call_back(places, tmp_path):
    backup = tmp_path.parent / f"{tmp_path.name}-backup.duckdb"
    shutil.copy(places.db, backup)
    erase(places, BOTH, REQUEST)
    shutil.copy(backup, places.db)
    assert holding(places.db.parent, "one") == {"calls.duckdb"}
    assert settle(places) == Settled(again=2)
    assert holding(places.db.parent, "one", "two") == set()
    assert query(places.db, "SELECT count(*) FROM recording").rows == ((5,),)
    receipts = read_receipts(places.receipts, find_master(places))
    assert [one["cause"] for one in receipts] == ["request", "restored"]
    assert settle(places) == Settled()


def test_another_master_key_is_refused(places, monkeypatch):
    erase(places, BOTH, REQUEST)
    key = places.master.read_bytes()
    places.master.unlink()
    with pytest.raises(UsageError, match="there is no master key"):
        settle(places)
    assert not places.master.exists()
    monkeypatch.setenv("EARWITNESS_MASTER_KEY", "A" * 43 + "=")
    with pytest.raises(UsageError, match="not tombstones of this master key"):
        settle(places)
    places.master.write_bytes(key)


def test_a_changed_receipt_is_found(places):
    for name in NAMES:
        erase(places, [an_id(name)], REQUEST)
    master = find_master(places)
    whole = places.receipts.read_bytes().splitlines(keepends=True)
    assert len(read_receipts(places.receipts, master)) == 3
    changed = whole[1].replace(b"matter 17", b"matter 18")
    for lines in ([whole[0], changed, whole[2]], [whole[0], whole[2]], [whole[1], whole[0]], whole[1:]):
        places.receipts.write_bytes(b"".join(lines))
        with pytest.raises(UsageError, match="chain of receipts is broken"):
            read_receipts(places.receipts, master)
    text = b"".join(whole).decode()
    assert not [value for name in NAMES for value in values_of(name) if value in text]


def test_tombstones_say_nothing_without_the_key(places):
    erase(places, BOTH, REQUEST)
    assert an_id("one") not in places.tombstones.read_text()
    stones = Tombstones(places.tombstones, find_master(places))
    assert an_id("one") in stones
    assert an_id("three") not in stones


def test_the_next_night_leaves_the_file_alone_and_says_so(tmp_path):
    archive, db = tmp_path / "archive", tmp_path / "calls.duckdb"
    telling = archive / "Wilhelmina Quackenbush.wav"
    write_call(telling, seed=1)
    write_call(archive / "b.wav", seed=2)
    given = settings.load(overrides=["archive.settle_s=0"], environ={})
    order = RunRequest(paths=(archive,), db=db, settings=given)
    assert night.run(order, FakeEngine()(), Watcher()).totals.analysed == 2
    sql = "SELECT recording_id FROM recording WHERE contains(uri, 'Quackenbush')"
    ((id_,),) = query(db, sql).rows
    places = places_of(db, given)
    assert id_ in KeyFile(places.keys, find_master(places))
    assert query(db, "SELECT count(*) FROM sealed_text").rows == ((2,),)
    erase(places, [id_], REQUEST)
    assert id_ not in KeyFile(places.keys, find_master(places))
    assert query(db, "SELECT count(*) FROM sealed_text").rows == ((1,),)
    for force in (False, True):
        again = RunRequest(paths=(archive,), db=db, settings=given, force=force)
        summary = night.run(again, FakeEngine()(), Watcher())
        assert (summary.found, summary.erased, len(summary.all_ids)) == (2, 1, 1)
        assert query(db, "SELECT found, erased FROM night ORDER BY started_at DESC LIMIT 1").rows == ((2, 1),)
        assert b"Quackenbush" not in db.read_bytes()
        assert query(db, "SELECT count(*) FROM known_file").rows in {((0,),), ((1,),)}


def test_the_file_comes_back_when_a_night_meets_a_part_of_it(tmp_path, places):
    erase(places, BOTH, REQUEST)
    erase_jobs.write_part(places.parts, "late", [erase_jobs.call_of("two")])
    assert settle(places) == Settled(again=1)
    assert ids_in_parts(places.parts) == {an_id("waiting")}


def test_the_journal_says_what_is_left_to_do(places):
    forked(erase_jobs.erase_and_die, places.db.parent, "destroy_keys", "after", 1)
    journal = json.loads(places.journal.read_text())
    assert journal["recordings"] == sorted(BOTH)
    assert Path(places.journal).stat().st_mode & 0o777 == 0o600
