"""The store that everybody reads is masked; what was masked is sealed, and judged as before."""

import json
import os
import stat
import wave
from dataclasses import replace

import numpy as np
import pytest
from builders import a_mask, an_analysis, found, say, stored
from fakes import FakeEngine, Recites, Watcher, write_call

from pipeline import cli, settings
from pipeline.archive import night
from pipeline.archive.plan import RunRequest
from pipeline.archive.recheck import RecheckRequest, recheck
from pipeline.audit.evidence import CLIP, DOCUMENT, write_pack
from pipeline.audit.reveal import opening, reveal, trail_of
from pipeline.errors import UsageError
from pipeline.masking.hide import NEVER_KEPT, hidden, hidden_findings, opened
from pipeline.permissions import private_files
from pipeline.progress import UNWATCHED
from pipeline.rules import load_rules
from pipeline.sealing.seal import new_key
from pipeline.store import query, reading
from pipeline.store.sealed import keys_of

AGENT = "Thank you for calling. So that is 4929 1184 7702 3316, Mr. Hartman, one moment please."
CUSTOMER = (
    "My name is Daniel Hartman. My card number is 4929 1184 7702 3316, it expires 11 27 "
    "and the security code is 417. My email is daniel dot hartman at gmail dot com."
)
PLANTED = ("4929", "1184", "7702", "3316", "Hartman", "hartman", "Daniel", "417", "Gloria Vance")
BESIDE = (".keys", ".master")


@pytest.fixture
def archive(tmp_path):
    write_call(tmp_path / "archive" / "a.wav", seconds=40.0)
    (tmp_path / "archive" / "manifest.csv").write_text(
        "file,call_ref,agent_name,remarks,customer_name\na.wav,C-1,Ann Lee,Gloria Vance asked,Daniel Hartman\n"
    )
    return tmp_path / "archive"


def order_of(archive, tmp_path, *overrides):
    given = settings.load(overrides=list(overrides), environ={})
    return RunRequest(paths=(archive,), db=tmp_path / "calls.duckdb", settings=given)


@pytest.fixture
def order(archive, tmp_path):
    return order_of(archive, tmp_path)


def engine():
    return FakeEngine(transcribe=Recites(AGENT, CUSTOMER))()


def go(order):
    return night.run(order, engine(), Watcher())


def texts(db):
    return " ".join(row[0] for row in query(db, "SELECT text FROM turn ORDER BY turn_index").rows)


def test_words_turns_and_quotes_are_masked_and_places_and_times_are_kept(order):
    go(order)
    shown = texts(order.db)
    assert not [value for value in PLANTED if value in shown]
    assert "[name 1]" in shown
    assert shown.count("[card]") == 2
    words = query(order.db, "SELECT count(*), max(word_index) FROM word").rows[0]
    assert words == (len(AGENT.split()) + len(CUSTOMER.split()), len((AGENT + " " + CUSTOMER).split()) - 1)
    quotes = query(order.db, "SELECT quote FROM finding WHERE quote IS NOT NULL").rows
    assert quotes
    assert not [value for value in PLANTED for (quote,) in quotes if value in quote]


def test_no_byte_beside_the_archive_holds_a_value(order, tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.archive.loader.remove_parts", lambda *_: None)
    go(order)
    shown = b""
    for path in tmp_path.rglob("*"):
        if path.is_file() and "archive" not in path.parts:
            shown += path.read_bytes()
    assert shown
    clear = [value for value in PLANTED if value != "417" and value.encode() in shown]
    assert clear == []
    statistics = query(order.db, "SELECT stats FROM pragma_storage_info('turn') WHERE stats IS NOT NULL").rows
    assert not [value for value in PLANTED for (text,) in statistics if value in text]


def test_a_security_code_is_not_even_sealed(order):
    go(order)
    with reading(order.db) as connection:
        said = list(reveal(connection, "C-1", opening(order.db, "a test")))
    clear = " ".join(turn.text for turn in said)
    assert "4929 1184 7702 3316" in clear
    assert "417" not in clear
    assert "[security code]" in clear
    assert {"security_code", "pin", "one_time_code"} == NEVER_KEPT


def test_a_recheck_changes_nothing_and_sees_the_clear_words(order, tmp_path):
    go(order)
    rules = load_rules()
    before = query(order.db, "SELECT rule_id, verdict, quote, detail FROM finding ORDER BY rule_id").rows
    quiet = replace(rules, version="other", rules=tuple(replace(r, version="other") for r in rules.rules))
    recheck(RecheckRequest(db=order.db, rules=quiet, settings=order.settings), UNWATCHED)
    after = query(order.db, "SELECT rule_id, verdict, quote, detail FROM finding ORDER BY rule_id").rows
    assert [row[:2] for row in after] == [row[:2] for row in before]
    assert [row[2] for row in after] == [row[2] for row in before]
    assert {row[0]: row[1] for row in after}["customer_name_used"] == "pass"
    assert query(order.db, "SELECT DISTINCT rule_version FROM finding").rows == (("other",),)


def test_without_the_keys_nothing_is_judged_again(order):
    go(order)
    keys = order.db.with_name("calls.duckdb.keys")
    keys.rename(keys.with_suffix(".moved"))
    before = order.db.read_bytes()
    rules = replace(load_rules(), version="other")
    with pytest.raises(UsageError, match="the file of keys is missing"):
        recheck(RecheckRequest(db=order.db, rules=rules, settings=order.settings), UNWATCHED)
    assert order.db.read_bytes() == before


def test_another_master_key_opens_nothing_and_is_told_in_one_line(order, tmp_path, capsys, monkeypatch):
    go(order)
    monkeypatch.setenv("EARWITNESS_MASTER_KEY", "A" * 43 + "=")
    monkeypatch.setattr("sys.argv", ["earwitness", "reveal", "C-1", "--reason", "x", "--db", str(order.db)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    out, err = capsys.readouterr()
    assert (stopped.value.code, out, err.count("\n")) == (2, "", 1)
    assert "cannot open the key of" in err
    assert trail_of(order.db).lines() == []


def test_a_night_makes_no_new_keys_for_a_store_whose_keys_are_gone(order, archive):
    go(order)
    order.db.with_name("calls.duckdb.keys").unlink()
    write_call(archive / "b.wav", seed=2, seconds=40.0)
    with pytest.raises(UsageError, match="the file of keys is missing"):
        go(order)


def test_a_call_whose_key_was_destroyed_keeps_what_needs_its_words(order):
    go(order)
    (id_,) = query(order.db, "SELECT recording_id FROM sealed_text").rows[0]
    assert keys_of(order.db).destroy(id_)
    before = dict(query(order.db, "SELECT rule_id, verdict FROM finding").rows)
    rules = load_rules()
    changed = replace(rules, version="2", rules=tuple(replace(r, version="2") for r in rules.rules))
    done = recheck(RecheckRequest(db=order.db, rules=changed, settings=order.settings), UNWATCHED)
    after = query(order.db, "SELECT rule_id, verdict, rule_version FROM finding").rows
    kept = {rule_id for rule_id, _, version in after if version != "2"}
    assert (done.failed, kept) == ((), {"customer_name_used", "payment_card_recorded", "repeat_back"})
    assert {rule_id: verdict for rule_id, verdict, _ in after} == before


def test_masking_can_be_turned_off(archive, tmp_path):
    order = order_of(archive, tmp_path, "masking.profile=off")
    go(order)
    assert "4929 1184 7702 3316" in texts(order.db)
    assert query(order.db, "SELECT count(*) FROM sealed_text").rows == ((0,),)
    assert not [suffix for suffix in BESIDE if order.db.with_name(order.db.name + suffix).exists()]


def test_unknown_columns_are_dropped_unless_they_are_to_be_kept(archive, tmp_path, order):
    go(order)
    assert query(order.db, "SELECT extra FROM call").rows == (("{}",),)
    (tmp_path / "keep.toml").write_text('[metadata]\nkeep = ["Remarks"]\n')
    go(replace(order, settings=settings.load(tmp_path / "keep.toml", environ={}), force=True))
    ((extra,),) = query(order.db, "SELECT extra FROM call").rows
    assert json.loads(extra) == {"remarks": "Gloria Vance asked"}


def test_a_second_night_does_not_bring_dropped_columns_back(order, archive):
    go(order)
    manifest = archive / "manifest.csv"
    manifest.write_text(manifest.read_text().replace("C-1", "C-2"))
    go(order)
    assert query(order.db, "SELECT call_ref, extra FROM call").rows == (("C-2", "{}"),)


def test_keys_can_be_read_by_their_owner_alone(order):
    go(order)
    for suffix in BESIDE:
        place = order.db.with_name(order.db.name + suffix)
        assert stat.S_IMODE(place.stat().st_mode) == 0o600


CALL = an_analysis(
    turns=[
        say("customer", 0, 4, "it is 12 34 56 okay"),
        say("agent", 4, 8, "12 34 56 it is, thanks"),
        say("customer", 8, 9, "right"),
    ],
    masks=(
        a_mask(0.8, 3.2, first_word=2, last_word=4),
        a_mask(4.0, 6.0, mask_index=1, turn_index=1, role="agent", channel=0, first_word=6, last_word=8),
    ),
)


@pytest.mark.parametrize(
    ("turn", "start_s", "end_s", "quote", "masked"),
    [
        (0, 0.0, 4.0, "it is 12 34 56 okay", "it is [card] okay"),
        (0, 0.8, 4.0, "12 34 56 okay", "[card] okay"),
        (0, 0.0, 3.2, "it is 12 34 56", "it is [card]"),
        (1, 4.0, 8.0, "12 34 56 it is, thanks", "[card] it is, thanks"),
        (2, 8.0, 9.0, "right", "right"),
        (None, 0.0, 9.0, "56 okay 12 34 56", "[card] okay [card]"),
    ],
)
def test_a_quote_is_masked_wherever_it_is_from_and_comes_back(turn, start_s, end_s, quote, masked):
    finding = found("repeat_back", "pass", turn_index=turn, start_s=start_s, end_s=end_s, quote=quote)
    call = replace(CALL, findings=(finding,))
    assert [each.quote for each in hidden_findings(call)] == [masked]
    if turn is not None:
        key = new_key()
        assert opened(hidden(call, key), key).findings == (finding,)


def test_what_was_hidden_comes_back():
    key = new_key()
    shown = hidden(CALL, key)
    assert shown.words != CALL.words
    back = opened(shown, key)
    assert (back.words, back.turns, back.findings) == (CALL.words, CALL.turns, CALL.findings)
    assert hidden(CALL, None) is CALL


# --- evidence


def sound_of(folder):
    with wave.open(str(folder / CLIP)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())


def test_a_pack_is_masked_in_words_and_sound(order, tmp_path):
    go(order)
    with reading(order.db) as connection:
        write_pack(connection, "C-1", "customer_name_used", tmp_path / "pack")
        write_pack(connection, "C-1", "customer_name_used", tmp_path / "clear", opening(order.db, "case 7"))
    masked, clear = ((tmp_path / name / DOCUMENT).read_text() for name in ("pack", "clear"))
    assert "Hartman" not in masked
    assert "Hartman" in clear
    assert json.loads(masked)["finding"]["quote"] != json.loads(clear)["finding"]["quote"]
    quiet, loud = sound_of(tmp_path / "pack"), sound_of(tmp_path / "clear")
    assert quiet.shape == loud.shape
    changed = (quiet != loud).any(axis=1)
    assert changed.any()
    assert (quiet[changed] == 0).all()


def test_clear_evidence_needs_a_reason_and_leaves_a_line(order, tmp_path, capsys, monkeypatch):
    go(order)
    command = ["earwitness", "evidence", "C-1", "customer_name_used", "--db", str(order.db), "--clear"]
    monkeypatch.setattr("sys.argv", [*command, "--out", str(tmp_path / "no")])
    with pytest.raises(SystemExit):
        cli.main()
    assert "clear data are shown for a reason only" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()
    monkeypatch.setattr("sys.argv", [*command, "--reason", "case 7", "--out", str(tmp_path / "yes")])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code in (0, None)
    (line,) = trail_of(order.db).lines()
    assert (line["command"], line["reason"]) == ("evidence", "case 7")
    assert "Hartman" not in json.dumps(line)


# --- the trail


def filled(tmp_path):
    trail = trail_of(stored(tmp_path / "calls.duckdb"))
    for number in range(4):
        trail.note("reveal", ["a" * 64], "words", f"case {number}")
    return trail, tmp_path / "calls.duckdb.trail.jsonl"


def test_a_whole_trail_is_whole(tmp_path):
    trail, path = filled(tmp_path)
    assert trail.verify() == 4
    assert stat.S_IMODE(path.stat().st_mode) & 0o027 == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [lines[0].replace(b"case 0", b"case 9"), *lines[1:]],
        lambda lines: [lines[0], *lines[2:]],
        lambda lines: [lines[1], lines[0], *lines[2:]],
        lambda lines: lines[:-1],
        lambda lines: [*lines[:-1], lines[-1].replace(b"case 3", b"case 8")],
        lambda lines: [],
    ],
    ids=["changed", "left out", "swapped", "cut", "last changed", "emptied"],
)
def test_a_tampered_trail_is_found(change, tmp_path):
    trail, path = filled(tmp_path)
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"".join(line + b"\n" for line in change(lines)))
    with pytest.raises(UsageError, match="the access trail"):
        trail.verify()


def test_nothing_is_shown_where_the_trail_cannot_be_written(order):
    go(order)
    order.db.with_name("calls.duckdb.trail.jsonl").mkdir()
    with reading(order.db) as connection, pytest.raises(UsageError, match="cannot write the access trail"):
        list(reveal(connection, "C-1", opening(order.db, "a test")))


# --- what was missed, and who may read the files


def run_cli(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["earwitness", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code or 0


def test_what_was_missed_is_masked_by_hand_and_leaves_the_file(order, monkeypatch, capsys):
    go(order)
    start_s, end_s = query(order.db, "SELECT start_s, end_s FROM word WHERE text = 'expires'").rows[0]
    assert b"expires" in order.db.read_bytes()
    where = ("mask", "add", "C-1", str(start_s + 0.01), str(end_s - 0.01), "--db", str(order.db))
    assert run_cli(monkeypatch, *where) == 0
    assert "1 words are masked" in capsys.readouterr().out
    assert "[secret]" in texts(order.db)
    assert b"expires" not in order.db.read_bytes()
    with reading(order.db) as connection:
        clear = " ".join(turn.text for turn in reveal(connection, "C-1", opening(order.db, "a test")))
    assert "it expires [" not in clear
    assert "it expires 11 27" in clear
    assert "417" not in clear


@pytest.mark.parametrize(("start", "end"), [("5", "5"), ("9", "2"), ("0", "0.1")])
def test_a_stretch_without_words_is_refused(start, end, order, monkeypatch, capsys):
    go(order)
    before = order.db.read_bytes()
    assert run_cli(monkeypatch, "mask", "add", "C-1", start, end, "--db", str(order.db)) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert order.db.read_bytes() == before


@pytest.mark.parametrize("umask", [0o022, 0o000])
def test_nobody_else_can_read_what_is_written(umask, order, tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.archive.loader.remove_parts", lambda *_: None)
    before = os.umask(umask)
    try:
        private_files()
        go(order)
        with reading(order.db) as connection:
            write_pack(connection, "C-1", "greeting", tmp_path / "pack", opening(order.db, "a test"))
            list(reveal(connection, "C-1", opening(order.db, "a test")))
    finally:
        os.umask(before)
    written = [path for path in tmp_path.rglob("*") if "archive" not in path.parts]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in written}
    assert modes.pop("calls.duckdb") == 0o640
    assert len(modes) > 8
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}


def test_a_mode_that_somebody_gave_the_store_stays(order):
    go(order)
    order.db.chmod(0o600)
    go(replace(order, force=True))
    assert stat.S_IMODE(order.db.stat().st_mode) == 0o600
