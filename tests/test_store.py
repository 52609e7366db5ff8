"""The store loses nothing and mixes nothing up."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from builders import (
    NOON,
    a_call,
    a_recording,
    a_run,
    an_analysis,
    an_id,
    found,
    quarantined,
    stored,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from readback import CHILDREN, TALK, count, files_beside, read_analysis, read_published, unordered

from pipeline import ALGORITHM, AUDIO_ALGORITHM
from pipeline.errors import RecordingError, UsageError
from pipeline.records import (
    Activity,
    AnalysisRun,
    AudioQuality,
    Call,
    CallAnalysis,
    Finding,
    Fingerprint,
    Hold,
    Mask,
    Metric,
    Overlap,
    PersonalDatum,
    Recording,
    Silence,
    Sound,
    Tone,
    TonePoint,
    ToneRise,
    Transfer,
    Turn,
    Word,
)
from pipeline.setting_stages import fingerprint_of
from pipeline.store import Connection, StoredState, Writer, parts, query, reading, writing
from pipeline.store import writer as store_writer


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
    AnalysisRun,
    started_at=INSTANTS,
    settings=JSON,
    algorithm=st.integers(1, 9),
    audio_algorithm=st.integers(1, 9),
    attribution_version=st.none() | TEXTS,
    role_cues=st.dictionaries(TEXTS, st.lists(TEXTS, max_size=2), max_size=2),
    agent_channel=st.none() | st.integers(0, 1),
    role_confidence=st.none() | SHARES,
    **{field.name: TEXTS for field in fields(AnalysisRun) if field.type == "str"},
    **{field.name: TIMES for field in fields(AnalysisRun) if field.name.endswith("_s")},
)
LANDMARKS = dict.fromkeys(("landmarks", "frames"), st.just((0, 2**32 - 1)))
ANALYSES = st.builds(
    CallAnalysis,
    recording=RECORDINGS,
    call=CALLS,
    run=st.none() | RUNS,
    activities=rows_of(Activity),
    sounds=rows_of(Sound, frequency_hz=st.none() | st.floats(1, 4000), track_id=st.none() | TEXTS),
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
    quality=rows_of(
        AudioQuality,
        "channel",
        speech_s=TIMES,
        dropout_s=TIMES,
        dropouts=INDEXES,
        clipping_ratio=SHARES,
        noise_db=FINITE,
        bandwidth_hz=st.none() | TIMES,
        word_probability=st.none() | SHARES,
        **{name: st.none() | FINITE for name in ("level_db", "snr_db", "crosstalk_db")},
    ),
    tone=rows_of(
        Tone,
        "turn_index",
        speech_s=TIMES,
        voiced_s=TIMES,
        usable_share=SHARES,
        **dict.fromkeys(("voiced_share", "pause_share"), st.none() | SHARES),
        **dict.fromkeys(("activation", "word_sentiment"), st.none() | st.floats(-1, 1)),
        **dict.fromkeys(("pitch_semitones", "level_db", "effort_db"), st.none() | FINITE),
        **dict.fromkeys(("pitch_range_semitones", "level_variation_db"), st.none() | TIMES),
        words_per_min=st.none() | TIMES,
        syllables_per_min=st.none() | st.floats(1, 600),
    ),
    tone_curve=rows_of(
        TonePoint,
        voiced_s=st.floats(0.5, 10),
        syllables_per_min=st.floats(1, 600),
        activation=st.none() | st.floats(-1, 1),
        **dict.fromkeys(("pitch_semitones", "level_db", "effort_db"), FINITE),
    ),
    tone_rises=rows_of(ToneRise, low=st.floats(-1, 0), high=st.floats(0, 1)),
    masks=rows_of(
        Mask,
        "mask_index",
        first_word=st.integers(0, 9),
        last_word=st.integers(10, 99),
        person=st.none(),
        confidence=SHARES,
    ),
    personal_data=rows_of(
        PersonalDatum,
        "datum_index",
        role=st.sampled_from(["customer", "unknown"]),
        digits=st.integers(0, 30),
        luhn_valid=st.none(),
        confidence=SHARES,
    ),
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
def test_what_goes_in_comes_out_and_replaces_what_was_there(writer: Writer, analysis: CallAnalysis) -> None:
    writer.add(analysis)  # one writer for all examples: most of them replace an earlier one
    back = read_analysis(writer._connection, analysis.recording.recording_id)
    assert unordered(back) == unordered(analysis)


def test_every_field_of_an_analysis_has_a_table() -> None:
    assert {field.name for field in dataclasses.fields(CallAnalysis)} == {
        "recording",
        "call",
        "run",
        "sealed",
        *CHILDREN,
    }
    assert {part.field for part in parts.PARTS} == {"recording", "call", "run", "sealed", *CHILDREN}


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
            "INSERT INTO review (recording_id, rule_id, rule_version, reviewer, reviewed_at, judgement, "
            "blind, kind) VALUES (?, 'greeting', '1', 'eve', now(), 'wrong', TRUE, 'first')",
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
    load = store_writer.load_rows

    def stop_at_the_end(connection: Connection, rows: Mapping[str, pa.Table]) -> None:
        load(connection, rows)
        raise KeyboardInterrupt

    with writing(db) as writer:
        writer.add(TALK)
        with monkeypatch.context() as patch:
            patch.setattr(store_writer, "load_rows", stop_at_the_end)
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
        an_id("one"): StoredState(
            uri="one.wav",
            status="analysed",
            settings_hash="h",
            asr_model="m",
            rules_version="r",
            attribution_version="a1",
            algorithm=ALGORITHM,
            audio_algorithm=AUDIO_ALGORITHM,
            audio_hash=fingerprint_of({}),
            assess_hash=fingerprint_of({"holds.min_s": 5.0}),
            analysed_at=NOON,
        ),
        an_id("broken"): StoredState(
            uri="broken.wav",
            status="quarantined",
            settings_hash=None,
            asr_model=None,
            rules_version=None,
            analysed_at=NOON,
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
    turns = pa.table({"a": [1]})
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


DUCKDB_1_4 = 67  # storage_version of files that DuckDB 1.4 reads


def storage_version(db: Path) -> int:
    """The number in the head of a DuckDB file."""
    return int.from_bytes(db.read_bytes()[12:20], "little")


def test_other_duckdb_tools_can_read_a_store(tmp_path: Path) -> None:
    db = stored(tmp_path / "calls.duckdb", an_analysis())
    assert storage_version(db) == DUCKDB_1_4
    with writing(db) as writer:  # a publication copies the file
        writer.put_rules(())
        writer.publish()
    assert storage_version(db) == DUCKDB_1_4


def test_an_earlier_duckdb_answers_from_a_store(tmp_path: Path) -> None:
    db = stored(tmp_path / "calls.duckdb", an_analysis())
    command = [sys.executable, "-m", "duckdb_cli", "-readonly", "-json", str(db)]
    said = subprocess.run(
        [*command, "SELECT count(*) AS calls FROM call_summary"], check=True, capture_output=True, text=True
    )
    assert json.loads(said.stdout) == [{"calls": 1}]
