"""Calls in the formats of other programs, read back by programs that are not ours."""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow.parquet as pq
import pytest
import srt
import webvtt
from builders import (
    a_call,
    a_datum,
    a_hold,
    a_recording,
    a_run,
    a_silence,
    active,
    an_analysis,
    an_id,
    an_overlap,
    found,
    measured,
    quality_of,
    quarantined,
    say,
    stored,
    tone_of,
)
from pyannote.database.util import load_rttm

from pipeline import cli
from pipeline.errors import UsageError
from pipeline.export.formats import FORMATS, export_call, write_whole
from pipeline.export.parquet import export_store, unit_of
from pipeline.export.redact import redacted
from pipeline.export.vcon import vcon
from pipeline.records import CallAnalysis, Word
from pipeline.settings import MetadataSettings
from pipeline.store import query, reading
from pipeline.store.one_call import read_call
from pipeline.store.whole_tables import tables_to_share
from pipeline.telephony.imports import import_files

DATA = Path(__file__).parent / "data"
SCHEMA = json.loads((DATA / "vcon/schema.json").read_text(encoding="utf-8"))

CALL = an_analysis(
    recording=a_recording(container="wav", uri="/archive/2026/dev 4.wav", language="en", duration_s=60.0),
    call=a_call(
        call_ref="D 1004/x", agent_name="Dana <i>&\nCo", holds=((20.0, 30.5),), extra={"dnis": "800"}
    ),
    run=a_run(),
    turns=[
        say("agent", 0.5, 3.0, "Hi, this is Dana. You are on a recorded line."),
        say("ivr", 4.0, 5.0, "Please hold."),
        say("customer", 5.5, 8.0, "Fish & chips, 5 < 6 --> good?"),
        say("customer", 10.0, 14.0, "It is four four two one please"),
        say("agent", 32.0, 34.0, "Thanks for holding"),
    ],
    activities=(
        active("agent", 0.5, 3.0),
        active("customer", 2.5, 8.0),
        active("customer", 10.0, 14.0),
        active("agent", 32.0, 34.0),
        active("agent", 40.0, 40.0004),
    ),
    holds=(a_hold(20.0, 31.0, permission="granted"),),
    silences=(a_silence(45.0, 50.0),),
    overlaps=(
        an_overlap("customer", 2.5, 3.0),
        an_overlap("agent", 6.0, 6.5, "backchannel", overlap_index=1),
    ),
    metrics=(
        measured("talk_time", 4.5, role="agent"),
        measured("talk_time", 9.5, role="customer"),
        measured("speech_rate", 13, 0.075, role="agent", unit="words/min"),
        measured("speech_rate", 0, 0, role="customer", unit="words/min"),
    ),
    quality=(quality_of(), quality_of(1, level_db=None)),
    tone=(tone_of(0, word_sentiment=None), tone_of(2, word_sentiment=0.4), tone_of(3, word_sentiment=-0.2)),
    personal_data=(
        a_datum(10.6, 13.0, turn_index=3),
        a_datum(5.5, 8.0, kind="reason_with_details", datum_index=1),
    ),
    findings=(
        found(
            "recording_disclosure",
            "pass",
            basis="phrase",
            start_s=1.5,
            end_s=3.0,
            turn_index=0,
            quote="You are on a recorded line.",
        ),
        found("hold_thanks", "fail", basis="event", start_s=20.0, end_s=31.0, detail={"status": "late"}),
        found("greeting", "fail", basis="absence", start_s=0.0, end_s=60.0),
        found(
            "repeat_back",
            "fail",
            basis="phrase",
            start_s=10.0,
            end_s=14.0,
            turn_index=3,
            quote="It is four four two one please",
            detail={"reason": "why", "said": "4421"},
        ),
    ),
)
SECRET = "four four two one"


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    broken = quarantined("broken")
    return stored(tmp_path_factory.mktemp("export") / "calls.duckdb", CALL, broken)


def exported(db: Path, format_: str, *, call: str = "D 1004/x", clear: bool = False) -> str:
    with reading(db) as connection:
        return export_call(connection, call, format_, clear=clear)[0]


def test_a_call_is_read_as_it_was_stored(db: Path) -> None:
    with reading(db) as connection:
        assert read_call(connection, CALL.recording.recording_id) == CALL


def test_rttm_read_by_pyannote_has_the_seconds_of_each_role(db: Path, tmp_path: Path) -> None:
    path = tmp_path / "call.rttm"
    path.write_text(exported(db, "rttm"), encoding="utf-8")
    (name, annotation), *others = load_rttm(path).items()
    assert (name, others) == ("D_1004_x", [])
    assert dict(annotation.chart()) == pytest.approx({"agent": 4.5, "customer": 9.5})
    assert {line.split()[2] for line in path.read_text().splitlines()} == {"1", "2"}


def test_rttm_of_the_samples_read_by_pyannote_equals_the_store(demo_db: Path, tmp_path: Path) -> None:
    sql = "SELECT recording_id, role, sum(end_s - start_s) FROM activity GROUP BY ALL"
    stored_s: dict[str, Counter[str]] = {}
    for id_, role, seconds in query(demo_db, sql).rows:
        stored_s.setdefault(id_, Counter())[role] = seconds
    for id_, by_role in stored_s.items():
        path = tmp_path / id_
        path.write_text(exported(demo_db, "rttm", call=id_), encoding="utf-8")
        (annotation,) = load_rttm(path).values()
        assert dict(annotation.chart()) == pytest.approx(dict(by_role), abs=0.02)


def test_ctm_has_a_line_a_word_by_channel_and_time(db: Path) -> None:
    comment, *lines = exported(db, "ctm", clear=True).splitlines()
    assert comment.startswith(";;")
    rows = [line.split() for line in lines]
    assert {len(row) for row in rows} == {6}
    assert len(rows) == len(CALL.words)
    assert rows == sorted(rows, key=lambda row: (row[1], float(row[2])))
    assert rows[0] == ["D_1004_x", "1", "0.500", "0.250", "Hi,", "0.900"]


def test_webvtt_is_read_with_its_voices_and_times(db: Path, tmp_path: Path) -> None:
    path = tmp_path / "call.vtt"
    path.write_text(exported(db, "webvtt", clear=True), encoding="utf-8")
    read = list(webvtt.read(path))
    assert [cue.voice for cue in read] == [
        "Agent (Dana &lt;i&gt;&amp; Co)",
        "Agent (Dana &lt;i&gt;&amp; Co)",
        "Announcement",
        "Customer",
        "Customer",
        None,
        "Agent (Dana &lt;i&gt;&amp; Co)",
    ]
    assert [cue.text for cue in read[:4]] == [
        "Hi, this is Dana.",
        "You are on a recorded line.",
        "Please hold.",
        "Fish &amp; chips, 5 &lt; 6 --&gt; good?",
    ]
    assert read[5].text == "[on hold, music, 11 s]"
    assert (read[0].start, read[0].end) == ("00:00:00.500", "00:00:01.500")
    raw = path.read_text(encoding="utf-8")
    assert "<v.agent Agent (Dana &lt;i&gt;&amp; Co)>Hi, <00:00:00.750>this <00:00:01.000>is" in raw


def word(start_s: float, end_s: float, text: str = "one", **changes: Any) -> Word:
    first = CALL.words[0]
    return replace(first, start_s=start_s, end_s=end_s, text=text, **changes)


def test_times_inside_a_cue_rise_and_lie_strictly_inside() -> None:
    words = (word(1.0, 1.0), word(1.0, 1.2, "two"), word(1.1, 1.1, "three"), word(1.1, 1.2, "four"))
    one = an_analysis(turns=[say("agent", 1.0, 1.2, "one two three four")], words=words, holds=())
    text = FORMATS["webvtt"](one)
    assert "<v.agent Agent (Ann)>one two <00:00:01.100>three four</v>" in text


def test_words_without_length_have_a_cue_of_1_ms() -> None:
    one = an_analysis(turns=[say("agent", 1.0, 1.0, "one")], words=(word(1.0, 1.0),))
    assert [
        (cue.start.total_seconds(), cue.end.total_seconds()) for cue in srt.parse(FORMATS["srt"](one))
    ] == [(1.0, 1.001)]


@pytest.mark.parametrize(("letters", "cues"), [(84, 1), (85, 2)])
def test_a_cue_has_two_lines_of_text_at_most(letters: int, cues: int) -> None:
    long = "a" * (letters - 2)
    one = an_analysis(turns=[say("agent", 0.0, 2.0, f"{long} b")])
    assert len(list(srt.parse(FORMATS["srt"](one)))) == cues


def test_srt_is_read_with_who_speaks(db: Path) -> None:
    read = list(srt.parse(exported(db, "srt", clear=True)))
    assert [cue.index for cue in read] == [1, 2, 3, 4, 5, 6, 7]
    assert [cue.content for cue in read[2:6]] == [
        "Announcement: Please hold.",
        "Customer: Fish & chips, 5 < 6 -> good?",
        f"Customer: It is {SECRET} please",
        "[on hold, music, 11 s]",
    ]
    assert (read[5].start.total_seconds(), read[5].end.total_seconds()) == (20.0, 31.0)


def read_vcon(text: str) -> dict[str, Any]:
    out: dict[str, Any] = json.loads(text)
    jsonschema.validate(out, SCHEMA, jsonschema.Draft7Validator, format_checker=jsonschema.FormatChecker())
    return out


def test_a_vcon_is_valid_by_the_schema_of_the_draft(db: Path) -> None:
    out = read_vcon(exported(db, "vcon"))
    assert out["vcon"] == "0.4.0"
    assert out["uuid"][14] == "8"  # the version
    assert [party["role"] for party in out["parties"]] == ["agent", "customer"]
    (dialog,) = out["dialog"]
    assert (dialog["filename"], dialog["originator"], dialog["parties"]) == ("dev 4.wav", 1, [0, 1])
    assert dialog["party_history"] == [
        {"party": 1, "time": "2026-03-02T12:00:20.000+00:00", "event": "hold"},
        {"party": 1, "time": "2026-03-02T12:00:30.500+00:00", "event": "unhold"},
    ]
    transcript, report = out["analysis"]
    body = transcript["body"]
    assert [segment["speaker"] for segment in body["segments"] if "speaker" in segment] == [0, 1, 1, 0]
    for segment in body["segments"]:
        words = [body["words"][at]["text"] for at in segment["words"]]
        assert " ".join(words) == segment["text"]
        assert segment["start"] < segment["end"]
    assert [one["rule_id"] for one in report["body"]["findings"]] == [
        "recording_disclosure",
        "hold_thanks",
        "greeting",
        "repeat_back",
    ]


def test_a_vcon_that_was_imported_is_exported_with_its_history(tmp_path: Path) -> None:
    store = stored(tmp_path / "calls.duckdb", CALL)
    history = [
        {"party": 1, "time": "2026-03-02T11:59:50.000+00:00", "event": "join"},
        {"party": 1, "time": "2026-03-02T12:00:20.000+00:00", "event": "hold"},
        {"party": 1, "time": "2026-03-02T12:00:31.000+00:00", "event": "unhold"},
    ]
    key = {"party": 1, "time": "2026-03-02T12:00:40.000+00:00", "event": "keydown", "button": "7"}
    dialog = {"type": "recording", "interaction_id": "D 1004/x", "party_history": [*history, key]}
    parties = [{"role": "agent"}, {"role": "customer"}]
    given = tmp_path / "given.json"
    given.write_text(json.dumps({"vcon": "0.4.0", "parties": parties, "dialog": [dialog]}), encoding="utf-8")
    import_files(store, [given], MetadataSettings())
    assert read_vcon(exported(store, "vcon"))["dialog"][0]["party_history"] == history


def test_the_schema_refuses_what_is_no_vcon(db: Path) -> None:
    out = json.loads(exported(db, "vcon"))
    del out["created_at"]
    with pytest.raises(jsonschema.ValidationError, match="created_at"):
        read_vcon(json.dumps(out))


def test_vcons_of_the_samples_are_valid(demo_db: Path) -> None:
    for (id_,) in query(demo_db, "SELECT recording_id FROM call WHERE started_at IS NOT NULL").rows:
        read_vcon(exported(demo_db, "vcon", call=id_))


def test_an_agent_on_the_right_is_on_the_second_channel() -> None:
    right = replace(CALL, run=a_run(agent_channel=1))
    assert json.loads(vcon(right))["dialog"][0]["parties"] == [1, 0]


def test_a_vcon_without_the_start_of_the_call_is_refused() -> None:
    with pytest.raises(UsageError, match=r"needs the start of the call: /archive/.*started_at"):
        vcon(replace(CALL, call=a_call(started_at=None)))


def test_a_call_without_a_word_is_a_vcon_without_transcript() -> None:
    silent = replace(CALL, turns=(), words=())
    assert [one["type"] for one in read_vcon(vcon(silent))["analysis"]] == ["report"]


def keys_in(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for inner in value.values() for key in keys_in(inner)}
    return {key for inner in value for key in keys_in(inner)} if isinstance(value, list) else set()


@pytest.mark.parametrize("format_", ["vcon", "json", "amazon"])
def test_a_notice_that_was_heard_is_no_consent_that_was_given(db: Path, format_: str) -> None:
    text = exported(db, format_, clear=True)
    out = json.loads(text)
    forbidden = {"consent", "consents", "lawful_basis", "purpose_grants", "granted", "granted_at"}
    assert keys_in(out) & forbidden == set()
    assert "lawful_basis" not in text
    assert out.get("attachments", []) == []
    assert "recording_disclosure" in text or format_ == "amazon"  # which lists only what failed


AMAZON_KEYS = {
    "JobName": str,
    "AccountId": str,
    "JobStatus": str,
    "LanguageCode": str,
    "Channel": str,
    "Participants": list,
    "Transcript": list,
    "Categories": dict,
    "ConversationCharacteristics": dict,
}


def test_amazon_json_has_what_the_reader_of_post_call_analytics_looks_up(db: Path) -> None:
    out = json.loads(exported(db, "amazon"))
    assert {key: type(value) for key, value in out.items()} == AMAZON_KEYS
    for entry in out["Transcript"]:
        assert entry["ParticipantRole"] in {"AGENT", "CUSTOMER"}
        assert entry["Sentiment"] in {"POSITIVE", "NEGATIVE", "NEUTRAL", "MIXED"}
        assert all(0 < score <= 100 for score in entry["LoudnessScores"])
        assert entry["BeginOffsetMillis"] < entry["EndOffsetMillis"]
        spoken = [item["Content"] for item in entry["Items"]]
        assert "".join(spoken) == entry["Content"].replace(" ", "")
    assert [entry["Sentiment"] for entry in out["Transcript"]] == [
        "NEUTRAL",
        "POSITIVE",
        "NEGATIVE",
        "NEUTRAL",
    ]
    assert [len(entry["LoudnessScores"]) for entry in out["Transcript"]] == [2, 0, 0, 2]
    assert out["Categories"]["MatchedCategories"] == ["hold_thanks:late", "greeting:fail", "repeat_back:fail"]
    details = out["Categories"]["MatchedDetails"]
    assert details["greeting:fail"] == {"PointsOfInterest": []}
    assert details["hold_thanks:late"]["PointsOfInterest"] == [
        {"BeginOffsetMillis": 20000, "EndOffsetMillis": 31000}
    ]
    facts = out["ConversationCharacteristics"]
    assert facts["TotalConversationDurationMillis"] == 60000
    assert facts["NonTalkTime"]["TotalTimeMillis"] == 16000
    assert facts["NonTalkTime"]["Instances"][0]["DurationMillis"] == 11000
    assert facts["Interruptions"]["TotalCount"] == 1
    assert list(facts["Interruptions"]["InterruptionsByInterrupter"]) == ["CUSTOMER"]
    assert facts["TalkSpeed"]["DetailsByParticipant"] == {"AGENT": {"AverageWordsPerMinute": 173}}
    assert facts["TalkTime"]["TotalTimeMillis"] == 14000
    assert facts["Sentiment"]["OverallSentiment"] == {"CUSTOMER": 0.5}
    quarters = facts["Sentiment"]["SentimentByPeriod"]["QUARTER"]["CUSTOMER"]
    assert [(one["BeginOffsetMillis"], one["Score"]) for one in quarters] == [(0, 0.5)]


def test_what_amazons_form_has_no_place_for_is_said(db: Path) -> None:
    with reading(db) as connection:
        _, notes = export_call(connection, "D 1004/x", "amazon")
    assert notes == ("1 turns of neither agent nor customer are left out",)


def test_the_document_has_the_names_of_the_tables(db: Path) -> None:
    out = json.loads(exported(db, "json", clear=True))
    assert out["hold"][0]["permission"] == "granted"
    assert len(out["word"]) == len(CALL.words)
    assert out["recording"]["uri"] == "dev 4.wav"
    assert out["call"]["extra"] == {"dnis": "800"}


@pytest.mark.parametrize("format_", [name for name in FORMATS if name != "rttm"])
def test_personal_data_are_left_out_unless_asked_for(db: Path, format_: str) -> None:
    masked, clear = exported(db, format_), exported(db, format_, clear=True)
    assert "account_number" in masked
    for value in ("four", "4421", "c-1", "/archive"):
        assert value not in masked
    assert "four" in clear
    assert "/archive" not in clear


def test_a_datum_is_one_word_of_its_time_and_what_is_around_stays() -> None:
    out = redacted(CALL)
    texts = [word.text for word in out.words if word.turn_index == 3]
    # Words are 4/7 s long; the datum is taken to be 0.3 s longer at either end.
    assert texts == ["It", "[account_number]", "please"]
    (masked,) = (word for word in out.words if word.text == "[account_number]")
    assert masked.end_s == pytest.approx(10 + 6 * 4 / 7)
    assert out.turns[3].text == "It [account_number] please"
    assert out.findings[3].quote == "It [account_number] please"
    assert out.findings[3].detail == {"reason": "why"}
    assert out.findings[0].quote == CALL.findings[0].quote
    assert out.turns[0] == CALL.turns[0]


def test_what_another_speaker_says_meanwhile_is_not_masked() -> None:
    meanwhile = say("agent", 11.0, 12.0, "uh huh")
    turns = [*CALL.turns, meanwhile]
    call = an_analysis(turns=turns, personal_data=(a_datum(10.6, 13.0, turn_index=3),))
    assert "uh huh" in [turn.text for turn in redacted(call).turns]


def test_a_store_read_back_by_pyarrow_is_the_store(demo_db: Path, tmp_path: Path) -> None:
    with reading(demo_db) as connection:
        manifest = json.loads(export_store(connection, tmp_path / "out").read_text(encoding="utf-8"))
    assert [file["table"] for file in manifest["files"]] == list(tables_to_share())
    for file in manifest["files"]:
        path = tmp_path / "out" / file["file"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"]
        read = pq.read_table(path)
        rows = query(demo_db, f"FROM {file['table']} ORDER BY rowid").rows
        assert read.num_rows == file["rows"] == len(rows)
        if file["table"] in {"word", "hold", "finding"}:
            assert [tuple(row.values()) for row in read.to_pylist()] == list(rows)
        for field in read.schema:
            assert field.metadata[b"comment"]
    start = pq.read_schema(tmp_path / "out/word/word.parquet").field("start_s")
    assert start.metadata[b"unit"] == b"s"


@pytest.mark.parametrize(
    ("column", "unit"),
    [("start_s", "s"), ("sample_rate_hz", "Hz"), ("snr_db", "dB"), ("voiced_share", "1"), ("text", None)],
)
def test_units_follow_from_names(column: str, unit: str | None) -> None:
    assert unit_of(column) == unit


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["D 1004/x", "--format", "docx"], "got 'docx'; allowed: json, vcon, rttm"),
        (["D 1004/x", "--format", "parquet"], "allowed: CALL with one of json, vcon"),
        (["--all"], "allowed: CALL with one of json, vcon"),
        ([], "allowed: CALL with one of json, vcon"),
        (["nobody"], "no such call"),
        (["broken"], "in quarantine"),
        (["D 1004/x", "--out", "missing/call.json"], "cannot write the file: missing/call.json"),
    ],
)
def test_what_cannot_be_exported_is_said_in_a_line(
    db: Path,
    args: list[str],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["earwitness", "export", *args, "--db", str(db)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert says in err


def test_a_file_is_written_whole_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "call.srt"
    write_whole(path, "old")
    write_whole(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == [path]


def test_the_formats_are_those_that_are_promised() -> None:
    assert list(FORMATS) == ["json", "vcon", "rttm", "webvtt", "srt", "ctm", "amazon"]


def test_a_call_without_anything_is_exported() -> None:
    empty = CallAnalysis(recording=a_recording(), call=a_call(), run=a_run())
    for name, write in FORMATS.items():
        assert isinstance(write(empty), str), name
    assert an_id("one")[:4] in FORMATS["json"](empty)
