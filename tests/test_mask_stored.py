"""Calls that are stored in clear are masked, and nothing of them is left in the file."""

import pytest
from builders import an_analysis, found, say, stored
from old_store import old_store

from pipeline import cli, settings
from pipeline.archive.mask_stored import mask_stored
from pipeline.masking.model import labels_nothing
from pipeline.progress import UNWATCHED
from pipeline.store import migrate, query, writing

VALUE = "fourth of June 1981"


def a_call(name, digits):
    turns = [
        say("agent", 0, 4, "what is your account number please"),
        say("customer", 4, 9, f"my account number is {digits} and the security code on the card is 8 1 9"),
        say("agent", 9, 14, f"thank you, that is {digits}"),
    ]
    finding = found("repeat_back", "pass", turn_index=2, start_s=9.0, end_s=14.0, quote=turns[2].text)
    return an_analysis(name, turns=turns, findings=(finding,))


DIGITS = {name: f"55 {at}1 22 {at}9" for at, name in enumerate(("one", "two", "three"), 1)}


@pytest.fixture
def db(tmp_path):
    return stored(tmp_path / "calls.duckdb", *(a_call(name, digits) for name, digits in DIGITS.items()))


def mask(db, *overrides, most=None, labels=labels_nothing):
    given = settings.load(overrides=list(overrides), environ={})
    with writing(db) as writer:
        return mask_stored(writer, db, given, labels, UNWATCHED, most=most)


def in_bytes(db, *values):
    content = db.read_bytes()
    return [value for value in values if value.encode() in content]


def test_every_clear_value_leaves_the_file(db):
    assert in_bytes(db, *DIGITS.values()) == list(DIGITS.values())
    done = mask(db)
    assert (done.masked, done.left) == (3, 0)
    assert in_bytes(db, *DIGITS.values(), "8 1 9") == []
    texts = {row[0] for row in query(db, "SELECT text FROM turn WHERE role = 'customer'").rows}
    assert texts == {"my account number is [account] and the security code on the card is [security code]"}
    assert query(db, "SELECT DISTINCT quote FROM finding").rows == (("thank you, that is [account]",),)
    assert query(db, "SELECT count(*) FROM word").rows == ((3 * 33,),)


def test_a_masked_store_is_not_masked_again(db):
    mask(db)
    before = db.read_bytes()
    assert mask(db).masked == 0
    assert db.read_bytes() == before


def test_what_is_masked_stays_so_when_the_rest_comes_later(db):
    assert (mask(db, most=2).left, mask(db).masked) == (1, 1)
    assert in_bytes(db, *DIGITS.values()) == []
    assert query(db, "SELECT count(*) FROM sealed_text WHERE blob IS NOT NULL").rows == ((3,),)


def test_nothing_is_masked_where_masking_is_off(db):
    assert mask(db, "masking.profile=off").masked == 0
    assert in_bytes(db, *DIGITS.values()) == list(DIGITS.values())


def test_a_fault_leaves_the_store_as_it_was(db):
    before = db.read_bytes()

    def fails(words):
        raise MemoryError("no room")

    with pytest.raises(MemoryError):
        mask(db, labels=fails)
    assert db.read_bytes() == before
    assert mask(db).masked == 3


def test_former_verdicts_are_masked_too(db):
    sql = "SELECT recording_id FROM turn WHERE text LIKE ? LIMIT 1"
    (id_,) = query(db, sql, [f"%{DIGITS['one']}%"]).rows[0]
    with writing(db) as writer:
        writer._connection.execute(
            "INSERT INTO verdict_history VALUES (?, 'repeat_back', now(), 'recheck', 'a', 'b', 'fail', 'pass', "
            "4, 9, 'is 55 11 22 19 and the security code on the card is 8 1 9', ?)",
            [id_, f"thank you, that is {DIGITS['one']}"],
        )
        writer.publish()
    mask(db)
    rows = query(db, "SELECT old_quote, new_quote FROM verdict_history").rows
    masked = "is [account] and the security code on the card is [security code]"
    assert rows == ((masked, "thank you, that is [account]"),)
    assert in_bytes(db, *DIGITS.values(), "8 1 9") == []


@pytest.mark.real
def test_a_store_of_the_release_before_is_masked_by_migrate(tmp_path, capsys, monkeypatch):
    db = old_store(tmp_path / "calls.duckdb")
    migrate(db, lambda _: None)
    before = query(db, "SELECT recording_id, rule_id, verdict FROM finding ORDER BY ALL").rows
    clear = " ".join(row[0] for row in query(db, "SELECT text FROM turn").rows)
    assert VALUE in clear
    monkeypatch.setattr("sys.argv", ["earwitness", "migrate", "--db", str(db)])
    with pytest.raises(SystemExit):
        cli.main()
    assert "4 calls masked, and the file written anew" in capsys.readouterr().out
    assert query(db, "SELECT recording_id, rule_id, verdict FROM finding ORDER BY ALL").rows == before
    masked = " ".join(row[0] for row in query(db, "SELECT text FROM turn").rows)
    assert VALUE not in masked
    assert "[date of birth]" in masked
    assert in_bytes(db, VALUE) == []
    with pytest.raises(SystemExit):
        cli.main()
    assert "nothing to be done" in capsys.readouterr().out
