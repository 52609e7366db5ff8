"""The tables hold the records, their checks hold, and everything is commented."""

from __future__ import annotations

import hashlib
import typing
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union

import pytest
from builders import (
    a_datum,
    a_fingerprint,
    a_hold,
    a_mask,
    a_silence,
    a_tone_point,
    a_tone_rise,
    a_transfer,
    an_analysis,
    an_id,
    an_overlap,
    found,
    measured,
    quality_of,
    say,
    sound,
    stored,
    tone_of,
)

import schemas
from pipeline import records
from pipeline.errors import RecordingError
from pipeline.store import Writer, parts, query, writing

RECORDS = {
    "recording": records.Recording,
    "recording_file": records.RecordingFile,
    "call": records.Call,
    "analysis": records.AnalysisRun,
    "activity": records.Activity,
    "sound": records.Sound,
    "fingerprint": records.Fingerprint,
    "word": records.Word,
    "turn": records.Turn,
    "hold": records.Hold,
    "hold_track": records.HoldTrack,
    "transfer": records.Transfer,
    "overlap": records.Overlap,
    "silence": records.Silence,
    "metric": records.Metric,
    "audio_quality": records.AudioQuality,
    "tone": records.Tone,
    "tone_curve": records.TonePoint,
    "tone_rise": records.ToneRise,
    "personal_data": records.PersonalDatum,
    "mask": records.Mask,
    "sealed_text": records.Sealed,
    "sentence_score": records.SentenceScore,
    "finding": records.Finding,
}
KEPT = {
    "rule": records.ScoredRule,
    "review": records.Review,
    "review_interval": records.ReviewInterval,
    "verdict_history": records.VerdictChange,
    "night": records.Night,
    "telephony_event": records.TelephonyEvent,
    "known_file": records.KnownFile,
}
WITH_ALL_COLUMNS = {"recording", "hold_track", *KEPT}
TABLES = [statement.name for statement in schemas.tables()]
VIEWS = [statement.name for statement in schemas.views()]

# Add a migration and raise schemas.VERSION when an existing table changes; a new table alone only changes the
# fingerprint. That migrations lead to this layout is held in test_migrations.
LAYOUT = (3, "f711c6755ee8")

FULL = an_analysis(
    files=(records.RecordingFile(uri="one.wav", sha256="a" * 64, part="whole"),),
    turns=[say("agent", 0, 2, "one moment please"), say("customer", 2, 3, "sure")],
    sounds=(sound("music", 4, 9),),
    fingerprints=(a_fingerprint(4, 9),),
    holds=(a_hold(3, 10, request_turn_index=0),),
    transfers=(a_transfer(30, 40),),
    overlaps=(an_overlap("agent", 1, 2),),
    silences=(a_silence(20, 32),),
    sentence_scores=(
        records.SentenceScore(
            turn_index=0, role="agent", start_s=0.0, end_s=2.0, phrase_group="hold_permission", score=0.4
        ),
    ),
    metrics=(measured("talk_time", 2, role="agent"),),
    quality=(quality_of(),),
    tone=(tone_of(),),
    tone_curve=(a_tone_point(0),),
    tone_rises=(a_tone_rise(5, 15),),
    masks=(a_mask(2, 3),),
    sealed=records.Sealed(blob=b"\x00sealed"),
    personal_data=(a_datum(2, 3),),
    findings=(found("greeting", "pass", start_s=0.0, end_s=2.0, confidence=0.5),),
)
PARTS = {part.table: part.field for part in parts.PARTS}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stored(tmp_path_factory.mktemp("empty") / "empty.duckdb")


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Writer]:
    with writing(tmp_path_factory.mktemp("writer") / "a.duckdb") as writer:
        yield writer


def with_part(table: str, **changes: Any) -> records.CallAnalysis:
    """FULL, with the (first) record of a table changed."""
    part = getattr(FULL, PARTS[table])
    if isinstance(part, tuple):
        return replace(FULL, **{PARTS[table]: (replace(part[0], **changes), *part[1:])})
    return replace(FULL, **{PARTS[table]: replace(part, **changes)})


def literals(annotation: object) -> tuple[str, ...]:
    """The allowed values of a Literal or of a Literal that may be None."""
    if typing.get_origin(annotation) is Literal:
        return typing.get_args(annotation)
    if typing.get_origin(annotation) in (Union, UnionType):
        return tuple(value for part in typing.get_args(annotation) for value in literals(part))
    return ()


CHOICES = [
    (table, name, values)
    for table, record in RECORDS.items()
    for name, annotation in typing.get_type_hints(record).items()
    if (values := literals(annotation))
]


def test_every_table_has_a_record_or_is_known_to_have_none() -> None:
    assert set(TABLES) - set(RECORDS) - set(KEPT) == {
        "meta",
        "jurisdiction",
        "schema_migration",
        "quarantine_choice",
        "summary",
        "part",
        "legal_hold",
    }


@pytest.mark.parametrize("table", [*RECORDS, *KEPT])
def test_columns_are_the_fields_of_the_record(empty: Path, table: str) -> None:
    columns = [row[0] for row in query(empty, f"DESCRIBE {table}").rows]
    names = [field.name for field in fields((RECORDS | KEPT)[table])]
    assert columns == (names if table in WITH_ALL_COLUMNS else ["recording_id", *names])


def test_what_the_store_fills_is_what_the_contract_has() -> None:
    assert {part.table: part.record for part in parts.PARTS} == {
        table: record for table, record in RECORDS.items() if table != "hold_track"
    }


def test_a_recheck_fills_what_needs_no_audio() -> None:
    assert {part.table for part in parts.ASSESSED} == {
        "hold",
        "transfer",
        "overlap",
        "silence",
        "metric",
        "personal_data",
        "sentence_score",
        "finding",
    }


def test_a_changed_table_needs_a_new_version() -> None:
    text = "".join(statement.sql.partition(";")[0] for statement in schemas.tables())
    code = [" ".join(line.split()) for line in text.splitlines() if not line.startswith("--")]
    fingerprint = hashlib.sha256("\n".join(code).encode()).hexdigest()[:12]
    assert (schemas.VERSION, fingerprint) == LAYOUT


def test_every_table_and_view_is_commented(empty: Path) -> None:
    sql = (
        "SELECT table_name, comment FROM duckdb_tables() "
        "UNION ALL SELECT view_name, comment FROM duckdb_views() WHERE NOT internal"
    )
    comments = dict(query(empty, sql).rows)
    assert sorted(comments) == sorted(TABLES + VIEWS)
    assert [name for name, comment in comments.items() if not comment] == []


def test_every_column_is_commented_with_its_unit(empty: Path) -> None:
    sql = "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE NOT internal"
    rows = query(empty, sql).rows
    assert {row[0] for row in rows} == set(TABLES + VIEWS)
    assert [row for row in rows if not row[2]] == []
    assert [row for row in rows if row[1].endswith("_s") and "seconds" not in row[2]] == []
    assert [row for row in rows if row[1].endswith("_hz") and "hertz" not in row[2]] == []


@pytest.mark.parametrize("view", VIEWS)
def test_views_run_on_an_empty_store(empty: Path, view: str) -> None:
    assert query(empty, f"FROM {view}").rows == ()


def test_the_full_record_set_is_accepted(writer: Writer) -> None:
    writer.add(FULL)
    assert writer.known()[an_id("one")].status == "analysed"


@pytest.mark.parametrize(("table", "name", "values"), CHOICES)
def test_checks_allow_what_the_records_allow(
    writer: Writer, table: str, name: str, values: tuple[str, ...]
) -> None:
    for value in values:
        extra = {"error": "x"} if value == "quarantined" else {}
        writer.add(with_part(table, **{name: value}, **extra))
    with pytest.raises(RecordingError, match=name):
        writer.add(with_part(table, **{name: "nonsense"}))


@pytest.mark.parametrize(
    ("table", "changes"),
    [
        ("recording", {"recording_id": "abc"}),
        ("recording", {"bytes": -1}),
        ("recording", {"duration_s": -0.1}),
        ("recording", {"status": "quarantined"}),
        ("analysis", {"role_confidence": 1.1}),
        ("analysis", {"wall_s": -1.0}),
        ("analysis", {"asr_model": None}),
        ("activity", {"channel": -1}),
        ("word", {"probability": 1.1}),
        ("word", {"probability": float("nan")}),
        ("word", {"start_s": float("nan")}),
        ("turn", {"end_s": -1.0}),
        ("hold", {"end_s": float("inf")}),
        ("overlap", {"start_s": -0.5}),
        ("silence", {"start_s": 40.0}),
        ("transfer", {"end_s": 29.0}),
        ("tone", {"usable_share": 1.1}),
        ("tone", {"activation": -1.1}),
        ("tone_curve", {"voiced_s": 0.0}),
        ("tone_rise", {"high": -0.1}),
        ("sound", {"frequency_hz": 0.0}),
        ("fingerprint", {"frames": (1,)}),
        ("metric", {"denominator": -1.0}),
        ("metric", {"numerator": float("nan")}),
        ("finding", {"confidence": -0.1}),
        ("finding", {"start_s": None}),
    ],
)
def test_checks_refuse_what_cannot_be(writer: Writer, table: str, changes: dict[str, Any]) -> None:
    with pytest.raises(RecordingError):
        writer.add(with_part(table, **changes))
