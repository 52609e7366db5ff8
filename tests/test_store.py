"""The store loses nothing, mixes nothing up, and never shows a reader half a night."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import pytest
from builders import (
    NOON,
    a_call,
    a_fingerprint,
    a_hold,
    a_recording,
    a_run,
    a_silence,
    a_transfer,
    an_analysis,
    an_id,
    an_overlap,
    found,
    measured,
    quarantined,
    say,
    sound,
    stored,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import schemas
from pipeline import store, store_files
from pipeline.errors import RecordingError, UsageError
from pipeline.records import (
    Activity,
    Analysis,
    Call,
    Finding,
    Fingerprint,
    Hold,
    Metric,
    Overlap,
    Recording,
    Run,
    Silence,
    Sound,
    Transfer,
    Turn,
    Word,
)
from pipeline.store import Known, Writer, check_writable, query, reading, writing

CHILDREN: dict[str, type] = {
    "activities": Activity,
    "sounds": Sound,
    "fingerprints": Fingerprint,
    "words": Word,
    "turns": Turn,
    "holds": Hold,
    "transfers": Transfer,
    "overlaps": Overlap,
    "silences": Silence,
    "metrics": Metric,
    "findings": Finding,
}
TABLES = {"activities": "activity"} | {part: part[:-1] for part in CHILDREN if part != "activities"}
JSON_FIELDS = {"extra", "settings", "detail"}

TALK = an_analysis(
    turns=[say("agent", 0, 2, "one moment please"), say("customer", 2, 3, "sure")],
    sounds=(sound("music", 4, 9),),
    fingerprints=(a_fingerprint(4, 9),),
    holds=(a_hold(3, 10),),
    transfers=(a_transfer(30, None),),
    overlaps=(an_overlap("agent", 1, 2),),
    silences=(a_silence(20, 32),),
    metrics=(measured("talk_time", 2, role="agent"),),
    findings=(found("greeting", "pass"), found("closing", "fail", detail={"status": "absent"})),
)


def read(connection: duckdb.DuckDBPyConnection, table: str, record: type, recording_id: str) -> list[Any]:
    """The rows of a recording as records."""
    sql = f"FROM {table} WHERE recording_id = ?"
    relation = connection.execute(sql, [recording_id])
    names = [column[0] for column in relation.description]
    keep = {field.name for field in fields(record)}
    rows = [dict(zip(names, map(python_value, names, row), strict=True)) for row in relation.fetchall()]
    return [record(**{name: value for name, value in row.items() if name in keep}) for row in rows]


def python_value(name: str, value: Any) -> Any:
    if name in JSON_FIELDS:
        return json.loads(value)
    return tuple(python_value("", item) for item in value) if isinstance(value, list) else value


def read_analysis(connection: duckdb.DuckDBPyConnection, recording_id: str) -> Analysis:
    """All that is stored of a recording."""
    (recording,) = read(connection, "recording", Recording, recording_id)
    (call,) = read(connection, "call", Call, recording_id)
    runs = read(connection, "analysis", Run, recording_id)
    parts = {
        part: tuple(read(connection, TABLES[part], record, recording_id)) for part, record in CHILDREN.items()
    }
    return Analysis(recording=recording, call=call, run=runs[0] if runs else None, **parts)


def unordered(analysis: Analysis) -> Analysis:
    """With the rows of each table in an order that does not depend on the table's."""
    return replace(analysis, **{part: tuple(sorted(getattr(analysis, part), key=repr)) for part in CHILDREN})


def read_published(db: Path, name: str = "one") -> Analysis:
    with reading(db) as connection:
        return unordered(read_analysis(connection, an_id(name)))


def count(db: Path, table: str) -> int:
    return int(query(db, f"SELECT count(*) FROM {table}").rows[0][0])


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "calls.duckdb"


@pytest.fixture
def writer(db: Path) -> Iterator[Writer]:
    with writing(db) as writer:
        yield writer


# --- round trip --------------------------------------------------------------------------------------

TIMES = st.floats(0, 1e5)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
INDEXES = st.integers(0, 2**31 - 1)
SHARES = st.floats(0, 1)
INSTANTS = st.datetimes(
    datetime(1970, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-8)), timezone(timedelta(hours=5, minutes=30))]),
)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.dictionaries(
    TEXTS,
    st.recursive(
        st.none() | st.booleans() | st.integers() | FINITE | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=5,
    ),
    max_size=3,
)
PAIRS = st.none() | st.lists(st.tuples(TIMES, TIMES), max_size=3).map(tuple)
COMMON: dict[str, st.SearchStrategy[Any]] = {
    "channel": st.integers(0, 1),
    "text": TEXTS,
    "speaker": TEXTS,
    "probability": SHARES,
    "turn_index": INDEXES,
}


def in_order(record: Any) -> Any:
    """With start and end in order, or both unknown."""
    if record.start_s is None or record.end_s is None:
        return replace(record, start_s=None, end_s=None)
    start_s, end_s = sorted((record.start_s, record.end_s))
    return replace(record, start_s=start_s, end_s=end_s)


def rows_of(record: type, number: str | None = None, **special: Any) -> st.SearchStrategy[tuple[Any, ...]]:
    """Some records of a type; `number` is the field that tells them apart."""
    names = {field.name for field in fields(record)}
    given = {name: strategy for name, strategy in (COMMON | special).items() if name in names}
    if "start_s" in names:
        given = {"start_s": TIMES, "end_s": TIMES} | given
    one = st.builds(record, **given)
    some = st.lists(one.map(in_order) if "start_s" in names else one, max_size=4)
    if number is None:
        return some.map(tuple)
    return some.map(lambda rows: tuple(replace(row, **{number: i}) for i, row in enumerate(rows)))


RECORDINGS = st.builds(
    Recording,
    recording_id=st.sampled_from([an_id("one"), an_id("two")]),
    bytes=st.integers(0, 2**62),
    sample_rate_hz=st.none() | st.integers(1, 192_000),
    channels=st.none() | st.integers(1, 8),
    duration_s=st.none() | TIMES,
    error=TEXTS,
    analysed_at=st.none() | INSTANTS,
    uri=TEXTS,
    container=st.none() | TEXTS,
    codec=st.none() | TEXTS,
)
CALLS = st.builds(
    Call,
    started_at=st.none() | INSTANTS,
    jurisdictions=st.lists(TEXTS, max_size=3).map(tuple),
    holds=PAIRS,
    pauses=PAIRS,
    extra=JSON,
    **{name: st.none() | TEXTS for name in ("call_ref", "queue", "agent_id", "agent_name", "customer_ref")},
)
RUNS = st.builds(
    Run,
    started_at=INSTANTS,
    settings=JSON,
    agent_channel=st.none() | st.integers(0, 1),
    role_confidence=st.none() | SHARES,
    **{field.name: TEXTS for field in fields(Run) if field.type == "str"},
    **{field.name: TIMES for field in fields(Run) if field.name.endswith("_s")},
)
LANDMARKS = dict.fromkeys(("landmarks", "frames"), st.just((0, 2**32 - 1)))
ANALYSES = st.builds(
    Analysis,
    recording=RECORDINGS,
    call=CALLS,
    run=st.none() | RUNS,
    activities=rows_of(Activity),
    sounds=rows_of(
        Sound, frequency_hz=st.none() | st.floats(1, 4000), track_id=st.none() | TEXTS
    ),
    fingerprints=rows_of(Fingerprint, track_id=st.none() | TEXTS, **LANDMARKS),
    words=rows_of(Word, "word_index"),
    turns=rows_of(Turn, "turn_index"),
    holds=rows_of(
        Hold,
        "hold_index",
        request_turn_index=st.none() | INDEXES,
        return_turn_index=st.none() | INDEXES,
    ),
    transfers=rows_of(Transfer, "transfer_index"),
    overlaps=rows_of(Overlap, "overlap_index"),
    silences=rows_of(Silence, "silence_index"),
    metrics=rows_of(Metric, numerator=FINITE, denominator=TIMES, name=TEXTS, unit=TEXTS),
    findings=rows_of(
        Finding,
        start_s=st.none() | TIMES,
        end_s=st.none() | TIMES,
        rule_version=TEXTS,
        turn_index=st.none() | INDEXES,
        quote=st.none() | TEXTS,
        confidence=st.none() | SHARES,
        detail=JSON,
    ).map(lambda rows: tuple(replace(row, rule_id=f"rule_{i}") for i, row in enumerate(rows))),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(analysis=ANALYSES)
def test_what_goes_in_comes_out_and_replaces_what_was_there(writer: Writer, analysis: Analysis) -> None:
    writer.add(analysis)  # one writer for all examples: most of them replace an earlier one
    back = read_analysis(writer._connection, analysis.recording.recording_id)
    assert unordered(back) == unordered(analysis)


def test_every_field_of_an_analysis_has_a_table() -> None:
    assert {field.name for field in dataclasses.fields(Analysis)} == {"recording", "call", "run", *CHILDREN}
    assert set(store._PARTS.values()) == set(CHILDREN)


# --- add ---------------------------------------------------------------------------------------------


def test_published_rows_are_those_that_were_added(db: Path) -> None:
    stored(db, TALK, an_analysis("two"))
    assert read_published(db) == unordered(TALK)
    assert count(db, "recording") == 2


def test_adding_again_replaces(db: Path) -> None:
    stored(db, TALK)
    shorter = replace(TALK, words=TALK.words[:1], holds=(), findings=(found("greeting", "fail"),))
    stored(db, shorter, shorter)
    assert read_published(db) == unordered(shorter)
    assert (count(db, "recording"), count(db, "word"), count(db, "finding")) == (1, 1, 1)


def test_a_recording_that_breaks_later_loses_what_was_derived(db: Path) -> None:
    stored(db, TALK, quarantined("one"))
    assert read_published(db) == quarantined("one")


def test_reviews_outlive_every_analysis(db: Path) -> None:
    stored(db, TALK)
    with duckdb.connect(str(db)) as connection:
        connection.execute(
            "INSERT INTO review (recording_id, rule_id, rule_version, reviewer, reviewed_at, judgement) "
            "VALUES (?, 'greeting', '1', 'eve', now(), 'wrong')",
            [an_id("one")],
        )
    stored(db, TALK)
    assert query(db, "SELECT recording_id, judgement FROM review").rows == ((an_id("one"), "wrong"),)


@pytest.mark.parametrize(
    "fault",
    [
        {"words": (*TALK.words[:-1], replace(TALK.words[-1], probability=2.0))},
        {"turns": (TALK.turns[0], TALK.turns[0])},
        {"findings": (found("greeting", "fail"), found("greeting", "pass"))},
        {"findings": (found("greeting", "fail", detail={"share": math.nan}),)},
        {"findings": (found("greeting", "fail", turn_index="one"),)},
        {"findings": (found("greeting", "fail", quote="\ud800"),)},
        {"call": a_call(started_at=NOON.replace(tzinfo=None))},
    ],
)
def test_a_faulty_analysis_leaves_the_old_rows(db: Path, fault: dict[str, Any]) -> None:
    with writing(db) as writer:
        writer.add(TALK)
        with pytest.raises(RecordingError, match=r"refuses a value: one\.wav") as caught:
            writer.add(replace(TALK, metrics=(), **fault))
        assert "\n" not in str(caught.value)
        writer.add(an_analysis("two"))
        writer.publish()
    assert read_published(db) == unordered(TALK)
    assert count(db, "recording") == 2


def test_an_interruption_in_the_middle_of_add_leaves_the_old_rows(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrow = Writer._arrow

    def stop_at_findings(self: Writer, table: str, *arguments: Any) -> Any:
        if table == "finding":
            raise KeyboardInterrupt
        return arrow(self, table, *arguments)

    with writing(db) as writer:
        writer.add(TALK)
        with monkeypatch.context() as patch:
            patch.setattr(Writer, "_arrow", stop_at_findings)
            with pytest.raises(KeyboardInterrupt):
                writer.add(replace(TALK, words=(), findings=(found("greeting", "fail"),)))
        writer.publish()
    assert read_published(db) == unordered(TALK)


# --- known, update_call ------------------------------------------------------------------------------


def test_known_tells_what_there_is(writer: Writer) -> None:
    assert writer.known() == {}
    writer.add(an_analysis(run=a_run(settings_hash="h", asr_model="m", rules_version="r")))
    writer.add(quarantined())
    assert writer.known() == {
        an_id("one"): Known(
            uri="one.wav", status="analysed", settings_hash="h", asr_model="m", rules_version="r"
        ),
        an_id("broken"): Known(
            uri="broken.wav", status="quarantined", settings_hash=None, asr_model=None, rules_version=None
        ),
    }


MOVED = a_call(agent_id="a-2", jurisdictions=("TX", "CA"), extra={"tag": "vip"})


@pytest.mark.parametrize(
    ("uri", "call", "changed"),
    [
        ("one.wav", TALK.call, False),
        ("new/one.wav", TALK.call, True),
        ("one.wav", MOVED, True),
        ("new/one.wav", MOVED, True),
        ("one.wav", Call(), True),
    ],
)
def test_update_call_changes_the_business_facts_only(db: Path, uri: str, call: Call, changed: bool) -> None:
    with writing(db) as writer:
        writer.add(TALK)
        assert writer.update_call(an_id("one"), uri, call) is changed
        assert writer.update_call(an_id("one"), uri, call) is False
        writer.publish()
    recording = replace(TALK.recording, uri=uri)
    assert read_published(db) == unordered(replace(TALK, recording=recording, call=call))


def test_update_call_of_an_unknown_recording_is_an_error(writer: Writer) -> None:
    with pytest.raises(KeyError, match=an_id("one")):
        writer.update_call(an_id("one"), "one.wav", Call())


def test_a_refused_update_leaves_the_old_facts(db: Path) -> None:
    with writing(db) as writer:
        writer.add(TALK)
        with pytest.raises(RecordingError):
            writer.update_call(an_id("one"), "new.wav", a_call(direction="sideways"))
        writer.publish()
    assert read_published(db) == unordered(TALK)


# --- publishing --------------------------------------------------------------------------------------


def files_beside(db: Path) -> list[str]:
    return sorted(path.name for path in db.parent.iterdir())


def test_nothing_is_seen_before_it_is_published(db: Path) -> None:
    with writing(db) as writer:
        writer.add(TALK)
        assert not db.exists()
        writer.publish()
        writer.add(an_analysis("two"))
        assert count(db, "recording") == 1
        writer.publish()
        assert count(db, "recording") == 2


def test_leaving_without_publishing_changes_nothing(db: Path) -> None:
    stored(db, TALK)
    before = db.read_bytes()
    with writing(db) as writer:
        writer.add(an_analysis("two"))
    assert db.read_bytes() == before
    with pytest.raises(ZeroDivisionError), writing(db) as writer:  # noqa: PT012 - what follows add is the point
        writer.add(an_analysis("two"))
        raise ZeroDivisionError
    assert db.read_bytes() == before


def test_only_the_store_and_its_lock_are_left(db: Path) -> None:
    with writing(db) as writer:
        writer.add(TALK)
        writer.publish()
        writer.add(an_analysis("two"))
    assert files_beside(db) == ["calls.duckdb", "calls.duckdb.lock"]


def test_the_published_file_needs_no_other(db: Path) -> None:
    with writing(db) as writer:
        writer.add(TALK)
        writer.publish()
        alone = db.parent / "elsewhere" / "alone.duckdb"
        alone.parent.mkdir()
        alone.write_bytes(db.read_bytes())
    assert read_published(alone) == unordered(TALK)


def test_publishing_keeps_the_permissions(db: Path) -> None:
    stored(db)
    db.chmod(0o640)
    stored(db, TALK)
    assert db.stat().st_mode & 0o777 == 0o640


def test_a_link_to_the_store_stays_a_link(db: Path) -> None:
    stored(db)
    link = db.parent / "link.duckdb"
    link.symlink_to(db)
    stored(link, TALK)
    assert link.is_symlink()
    assert count(db, "recording") == 1


def test_a_full_disk_leaves_the_published_file(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(db, TALK)
    before = db.read_bytes()
    copy = store_files._copy

    def no_room(source: Path, target: Path) -> None:
        copy(source, target)
        if target.suffix == ".new":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(store_files, "_copy", no_room)
    with pytest.raises(UsageError, match=r"cannot publish the store.*No space left"):
        stored(db, an_analysis("two"))
    assert db.read_bytes() == before
    assert files_beside(db) == ["calls.duckdb", "calls.duckdb.lock"]


READER = """
import sys
from pathlib import Path
from pipeline.store import reading
db = Path(sys.argv[1])
count = "SELECT count(*), (SELECT count(*) FROM word) FROM recording"
with reading(db) as connection:
    print(*connection.execute(count).fetchone(), flush=True)
    sys.stdin.readline()
    print(*connection.execute(count).fetchone(), flush=True)
with reading(db) as connection:
    print(*connection.execute(count).fetchone(), flush=True)
"""


def test_another_process_reads_while_the_writer_publishes(db: Path) -> None:
    stored(db, TALK)
    command = [sys.executable, "-c", READER, str(db)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "1 4\n"
        with writing(db) as writer:
            writer.add(an_analysis("two", turns=[say("agent", 0, 1, "hello there")]))
            writer.publish()
            writer.add(an_analysis("three"))
            writer.publish()
            answer, _ = reader.communicate("\n")
    assert answer == "1 4\n3 6\n"  # the open one keeps its state, a new one sees the last
    assert reader.returncode == 0


CRASH = """
import os, sys
from pathlib import Path
sys.path.insert(0, "tests")
from builders import an_analysis
from pipeline.store import writing
where = sys.argv[2]
with writing(Path(sys.argv[1])) as writer:
    writer.add(an_analysis("two"))
    writer.publish()
    writer.add(an_analysis("three"))
    if where == "publishing":
        Path.replace = lambda *_: os._exit(9)  # the new file is written, not yet renamed
        writer.publish()
    os._exit(9)
"""


@pytest.mark.parametrize("where", ["working", "publishing"])
def test_a_crash_leaves_the_last_publication(db: Path, where: str, request: pytest.FixtureRequest) -> None:
    stored(db, TALK)
    command = [sys.executable, "-c", CRASH, str(db), where]
    assert subprocess.run(command, check=False, cwd=request.config.rootpath).returncode == 9
    assert "calls.duckdb.work" in files_beside(db)
    assert ("calls.duckdb.new" in files_beside(db)) is (where == "publishing")
    assert count(db, "recording") == 2

    stored(db, an_analysis("four"))  # the lock is free, and what was left over is dropped
    uris = query(db, "SELECT uri FROM recording ORDER BY uri").rows
    assert uris == (("four.wav",), ("one.wav",), ("two.wav",))
    assert files_beside(db) == ["calls.duckdb", "calls.duckdb.lock"]


def test_a_crash_before_the_first_publication_leaves_no_store(db: Path) -> None:
    left_over = db.with_name("calls.duckdb.work")
    left_over.write_bytes(stored(db.parent / "other.duckdb", TALK).read_bytes())
    with writing(db) as writer:
        assert writer.known() == {}


def test_a_second_writer_is_refused_until_the_first_has_ended(db: Path) -> None:
    with writing(db):
        with (
            pytest.raises(UsageError, match=r"another run is writing to the store: .*calls\.duckdb"),
            writing(db),
        ):
            pass
        with pytest.raises(UsageError, match="another run is writing"):
            check_writable(db)
    check_writable(db)
    stored(db, TALK)


# --- files that are no stores ------------------------------------------------------------------------


def folder(db: Path) -> None:
    db.mkdir()


def text(db: Path) -> None:
    db.write_text("file,call_ref\n" * 1000)


def nothing(db: Path) -> None:
    db.write_bytes(b"")


def cut_short(db: Path) -> None:
    stored(db, TALK)
    db.write_bytes(db.read_bytes()[:5000])


def empty_database(db: Path) -> None:
    duckdb.connect(str(db)).close()


def other_database(db: Path) -> None:
    with duckdb.connect(str(db)) as connection:
        connection.execute("CREATE TABLE meta (schema_version INTEGER); INSERT INTO meta VALUES (1)")


def other_version(db: Path) -> None:
    stored(db)
    with duckdb.connect(str(db)) as connection:
        connection.execute("UPDATE meta SET schema_version = 0")


def unfinished(db: Path) -> None:
    stored(db)
    db.with_name(db.name + ".wal").write_bytes(b"something")


def contents(path: Path) -> bytes:
    return b"folder" if path.is_dir() else path.read_bytes()


@pytest.mark.parametrize("action", [check_writable, stored])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (folder, "the store is a folder"),
        (text, "cannot open the store"),
        (nothing, "cannot open the store"),
        (cut_short, "cannot open the store"),
        (empty_database, "a database of another program"),
        (other_database, "a database of another program"),
        (other_version, f"another release.*got 0; allowed: schema version {schemas.VERSION}; analyse into"),
        (unfinished, "another program has not finished"),
    ],
)
def test_a_file_that_is_no_store_is_refused_and_left_alone(
    db: Path, make: Callable[[Path], None], message: str, action: Callable[[Path], object]
) -> None:
    make(db)
    before, names = contents(db), set(files_beside(db))
    with pytest.raises(UsageError, match=message) as caught:
        action(db)
    assert str(db) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert contents(db) == before
    assert set(files_beside(db)) - names <= {"calls.duckdb.lock"}


@pytest.mark.parametrize("action", [check_writable, stored])
@pytest.mark.parametrize("path", ["missing/a.duckdb", "file/a.duckdb", "x" * 300, "/proc/a.duckdb"])
def test_a_place_that_cannot_be_written_is_refused(
    tmp_path: Path, path: str, action: Callable[[Path], object]
) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match=r"cannot write the store.*existing folder you may write to"):
        action(tmp_path / path)


def test_check_writable_makes_no_store(db: Path) -> None:
    check_writable(db)
    assert not db.exists()


# --- query -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with TALK, for tests that only read."""
    return stored(tmp_path_factory.mktemp("talk") / "calls.duckdb", TALK)


def test_query_answers_with_columns_types_and_rows(talk: Path) -> None:
    table = query(talk, "SELECT uri, bytes, analysed_at, ['a'] AS tags FROM recording")
    assert table.columns == ("uri", "bytes", "analysed_at", "tags")
    assert table.types == ("VARCHAR", "BIGINT", "TIMESTAMP WITH TIME ZONE", "VARCHAR[]")
    assert table.rows == (("one.wav", 960_044, NOON, ["a"]),)
    assert table.rows[0][2].utcoffset() == timedelta(0)


def test_query_takes_the_last_of_several_statements(talk: Path) -> None:
    assert query(talk, "SET TimeZone = 'America/New_York'; SELECT 1 AS one").rows == ((1,),)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC 1", "Parser Error: syntax error"),
        ("SELECT nope FROM call_summary", "Binder Error: .*nope"),
        ("FROM nowhere", "Catalog Error: .*nowhere"),
        ("SELECT 'x'::INTEGER", "Conversion Error"),
        ("", "no SQL statement"),
        ("-- nothing", "no SQL statement"),
        ("DELETE FROM recording", "read-only"),
        ("CREATE TABLE t (i INTEGER)", "read-only"),
        ("FROM read_text('pyproject.toml')", "disabled by configuration"),
        ("COPY recording TO 'out.csv'", "disabled by configuration"),
        ("ATTACH 'other.duckdb'", "disabled by configuration"),
        ("INSTALL httpfs", "disabled by configuration"),
        ("SET enable_external_access = true", "Cannot enable external access"),
    ],
)
def test_query_says_what_is_wrong_on_one_line(talk: Path, sql: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        query(talk, sql)
    assert "\n" not in str(caught.value)
    assert count(talk, "recording") == 1


def test_a_python_variable_is_no_table(talk: Path) -> None:
    turns = store.pa.table({"a": [1]})
    with reading(talk) as connection, pytest.raises(duckdb.CatalogException, match="turns"):
        connection.execute("FROM turns")
    assert turns.num_rows == 1


def test_query_needs_a_store(db: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no store: .*calls\.duckdb"):
        query(db, "SELECT 1")
    assert files_beside(db) == []


@pytest.mark.parametrize("name", ["call", "temp", "two words.db"])
def test_a_store_may_have_any_name(tmp_path: Path, name: str) -> None:
    db = stored(tmp_path / f"{name}.duckdb", TALK)
    stored(db, an_analysis("two", recording=a_recording("two")))
    assert count(db, "call_summary") == 2
