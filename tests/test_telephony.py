"""What telephone systems tell: read from each of their forms, put on the recording's clock, compared."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, a_call, a_hold, a_recording, an_analysis, an_id, sound, stored

from pipeline import cli
from pipeline.errors import UsageError
from pipeline.records import Pairs
from pipeline.settings import MetadataSettings
from pipeline.store import query
from pipeline.telephony.clock import clock_offset
from pipeline.telephony.imports import Imported, import_files, read_file

SETTINGS = MetadataSettings()


def at(seconds: float) -> str:
    return (NOON + timedelta(seconds=seconds)).isoformat()


VCON = {
    "vcon": "0.4.0",
    "parties": [{"role": "agent"}, {"role": "customer"}],
    "dialog": [
        {
            "type": "recording",
            "start": at(0),
            "filename": "one.wav",
            "party_history": [
                {"party": 1, "time": at(-20), "event": "join"},
                {"party": 1, "time": at(20.0), "event": "hold"},
                {"party": 1, "time": at(31.0), "event": "unhold"},
                {"party": 1, "time": at(40.0), "event": "keydown", "button": "7"},
            ],
        }
    ],
}
GENESYS = {
    "conversationId": "C-1",
    "participants": [
        {
            "purpose": "customer",
            "sessions": [
                {"segments": [{"segmentType": "hold", "segmentStart": at(20), "segmentEnd": at(31)}]}
            ],
        },
        {"purpose": "ivr", "sessions": [{"segments": [{"segmentType": "ivr", "segmentStart": at(-9)}]}]},
        {
            "purpose": "agent",
            "sessions": [
                {
                    "segments": [
                        {"segmentType": "interact", "segmentStart": at(0), "segmentEnd": at(20)},
                        {"segmentType": "hold", "segmentStart": at(20), "segmentEnd": at(31)},
                    ]
                }
            ],
        },
    ],
}
CONNECT = {
    "ContactId": "C-1",
    "InitiationTimestamp": at(-30),
    "Agent": {
        "ConnectedToAgentTimestamp": at(0),
        "NumberOfHolds": 1,
        "CustomerHoldDuration": 11,
        "LongestHoldDuration": 11,
    },
}
CDR = f"""uniqueid,calldate,dst,lastapp,duration,billsec,disposition,answer,end,recordingfile
177.1,2026-03-02 12:00:00,800,Dial,60,60,ANSWERED,{at(0)},{at(60)},/var/spool/monitor/one.wav
"""


@pytest.fixture
def db(tmp_path: Path) -> Path:
    heard = an_analysis(holds=(a_hold(20.0, 32.0),), sounds=(sound("music", 20.5, 31.5),))
    other = an_analysis("two", call=a_call(call_ref="C-2"), holds=(a_hold(5.0, 15.0),))
    return stored(tmp_path / "calls.duckdb", heard, other)


def imported(db: Path, *files: Path, settings: MetadataSettings = SETTINGS) -> Imported:
    return import_files(db, files, settings)


def put(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def events(db: Path) -> list[tuple[Any, ...]]:
    return list(
        query(db, "SELECT event, party, at_s, value, source FROM telephony_event ORDER BY rowid").rows
    )


def test_a_vcon_is_put_on_the_clock_of_the_recording(db: Path, tmp_path: Path) -> None:
    done = imported(db, put(tmp_path / "a.json", VCON))
    assert (done.calls, done.new, done.unknown, done.without_offset) == (1, 4, (), 0)
    assert events(db) == [
        ("join", "customer", -19.5, None, "vcon"),
        ("hold", "customer", 20.5, None, "vcon"),
        ("unhold", "customer", 31.5, None, "vcon"),
        ("keydown", "customer", 40.5, None, "vcon"),  # which key is not kept
    ]
    assert query(db, "SELECT DISTINCT offset_s, offset_from FROM telephony_event").rows == ((0.5, "sound"),)


def test_a_genesys_sidecar_is_found_by_its_name_or_its_conversation(db: Path, tmp_path: Path) -> None:
    beside = {key: value for key, value in GENESYS.items() if key != "conversationId"}
    imported(db, put(tmp_path / "one_call_metadata.json", beside))
    told = [("hold", "customer", 20.5, None, "genesys"), ("unhold", "customer", 31.5, None, "genesys")]
    assert events(db) == told
    assert imported(db, put(tmp_path / "other.json", GENESYS)).new == 0
    assert events(db) == told


def test_a_contact_record_has_counts_and_sums_without_times(db: Path, tmp_path: Path) -> None:
    imported(db, put(tmp_path / "ctr.json", CONNECT))
    assert sorted(events(db), key=str) == sorted(
        [
            ("join", "agent", 0.0, None, "connect"),
            ("hold_count", "customer", None, "1", "connect"),
            ("hold_s", "customer", None, "11", "connect"),
            ("longest_hold_s", "customer", None, "11", "connect"),
        ],
        key=str,
    )
    # Counts say nothing about where the holds are.
    assert query(db, "FROM hold_agreement").rows == ()


def test_asterisks_detail_records_say_when_the_call_was_answered_and_ended(db: Path, tmp_path: Path) -> None:
    imported(db, put(tmp_path / "Master.csv", CDR))
    assert events(db) == [("join", None, 0.0, None, "table"), ("drop", None, 60.0, None, "table")]


def test_json_lines_of_asterisks_manager_are_holds(db: Path, tmp_path: Path) -> None:
    lines = [
        {
            "Event": "Hold",
            "Timestamp": (NOON + timedelta(seconds=20)).timestamp(),
            "Linkedid": "C-1",
            "MusicClass": "default",
        },
        {"Event": "Unhold", "Timestamp": (NOON + timedelta(seconds=31)).timestamp(), "Linkedid": "C-1"},
    ]
    imported(db, put(tmp_path / "ami.jsonl", "\n".join(map(json.dumps, lines))))
    assert events(db) == [("hold", None, 20.5, "default", "table"), ("unhold", None, 31.5, None, "table")]


def test_columns_can_be_mapped_and_seconds_need_no_clock(db: Path, tmp_path: Path) -> None:
    table = put(
        tmp_path / "events.csv", "ref;what;second\nC-2;hold;4,5\n".replace(",", ".") + "C-2;retrieve;15\n"
    )
    with pytest.raises(UsageError, match="names no call"):
        imported(db, table)
    mapped = MetadataSettings(event_columns={"call_ref": "ref", "event": "what", "at": "second"})
    imported(db, table, settings=mapped)
    assert events(db) == [("hold", None, 4.5, None, "table"), ("unhold", None, 15.0, None, "table")]
    assert query(db, "SELECT DISTINCT offset_s, offset_from, told_at FROM telephony_event").rows == (
        (0.0, "given", None),
    )


def test_times_without_a_zone_are_in_that_of_the_settings(db: Path, tmp_path: Path) -> None:
    table = put(tmp_path / "events.csv", "call_ref,event,time\nC-1,hold,2026-03-02 07:00:20\n")
    imported(db, table, settings=MetadataSettings(timezone="America/New_York"))
    assert events(db) == [("hold", None, 20.5, None, "table")]


def test_what_is_delivered_twice_is_stored_once(db: Path, tmp_path: Path) -> None:
    path = put(tmp_path / "a.json", VCON)
    first = imported(db, path, path)
    assert first.new == 4
    before = events(db)
    assert imported(db, path).new == 0
    assert events(db) == before


def test_later_files_of_a_call_add_to_it(db: Path, tmp_path: Path) -> None:
    imported(db, put(tmp_path / "cdr.csv", CDR))
    assert query(db, "SELECT DISTINCT offset_from FROM telephony_event").rows == (("assumed",),)
    assert imported(db, put(tmp_path / "a.json", VCON)).new == 4
    # Now there are holds that show by how much the clock differs.
    assert query(db, "SELECT DISTINCT offset_s, offset_from FROM telephony_event").rows == ((0.5, "sound"),)
    assert len(events(db)) == 6


def test_calls_that_are_not_stored_are_named(db: Path, tmp_path: Path) -> None:
    table = put(tmp_path / "events.csv", "call_ref,event,at\nC-9,hold,3\nC-1,hold,20\n")
    done = imported(db, table)
    assert (done.unknown, done.new) == (("C-9",), 1)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", "call_ref,event,at,at\nC-1,hold,1,2\n", r"a column twice: .*a\.csv; got 'at'"),
        ("a.csv", "call_ref,event,at\nC-1,hold\n", r"another number of cells .*: .*a\.csv:2; got 2; allowed: 3"),
        ("a.csv", "call_ref,event,at\nC-1,hold,yesterday\n", r"no instant .*: .*a\.csv:2, column at; got 'aaaaaaaaa'"),
        ("a.csv", "call_ref,event,at\nC-1,hold,-10.1\n", r"an event before the call: .*a\.csv:2; got 'hold at -10.1 s'"),
        ("a.csv", "call_ref,event,at\nC-1,hold,70.1\n", r"an event after the call: .*allowed: 0 to 60.0 s"),
        ("a.csv", "call_ref,event,at\n", "has no rows"),
        ("a.csv", "call_ref,colour\nC-1,red\n", "has no events.*event_columns"),
        ("a.csv", "nothing at all", "not a table"),
        ("a.jsonl", '{"call_ref": 1, "event": "hold", "at": 1}\n{broken\n', r"not JSON: .*a\.jsonl:2"),
        ("a.jsonl", '{"call_ref": 1, "event": "hold", "at": 1}\n[1]\n', r"not an object: .*a\.jsonl:2"),
        ("a.json", [{"colour": "red"}], "a document of an unknown kind"),
        ("a.json", {"vcon": "0.4.0", "dialog": [{"party_history": [{}]}]}, "not complete"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_line_and_nothing_is_stored(
    db: Path, tmp_path: Path, name: str, content: Any, says: str
) -> None:
    good = put(tmp_path / "good.csv", "call_ref,event,at\nC-1,hold,20\n")
    with pytest.raises(UsageError, match=says) as caught:
        imported(db, good, put(tmp_path / name, content))
    assert "\n" not in str(caught.value)
    assert events(db) == []


@pytest.mark.parametrize("at_s", [-10.0, 70.0])
def test_clocks_may_differ_by_ten_seconds(db: Path, tmp_path: Path, at_s: float) -> None:
    imported(db, put(tmp_path / "a.csv", f"call_ref,event,at\nC-1,hold,{at_s}\n"))
    assert len(events(db)) == 1


def test_an_instant_needs_the_start_of_the_call(tmp_path: Path) -> None:
    db = stored(tmp_path / "calls.duckdb", an_analysis(call=a_call(started_at=None)))
    with pytest.raises(UsageError, match="whose start is not known"):
        imported(db, put(tmp_path / "a.json", VCON))


def test_a_name_of_several_calls_is_refused(tmp_path: Path) -> None:
    both = [an_analysis(name, recording=a_recording(name)) for name in ("one", "two")]
    db = stored(tmp_path / "calls.duckdb", *both)
    with pytest.raises(UsageError, match=r"several calls have this name: .*a\.csv:2; got 'C-1'"):
        imported(db, put(tmp_path / "a.csv", "call_ref,event,at\nC-1,hold,20\n"))


def test_files_of_a_folder_are_all_read(db: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    put(folder / "a.json", VCON)
    put(folder / "deep/b.csv", "call_ref,event,at\nC-2,hold,5\n")
    put(folder / "note.md", "not read")
    done = imported(db, folder)
    assert (done.files, done.calls) == (2, 2)


def test_an_array_of_documents_is_read(tmp_path: Path) -> None:
    told = read_file(put(tmp_path / "all.json", [VCON, GENESYS, CONNECT]), SETTINGS)
    assert {one.source for one in told} == {"vcon", "genesys", "connect"}
    assert told[-1].where.endswith("all.json, entry 3")


MUSIC: Pairs = ((20.0, 30.0), (50.0, 60.0))


@pytest.mark.parametrize(
    ("told", "sounds", "holds", "offset_s"),
    [
        ([(17.0, 27.0)], MUSIC, (), 3.0),
        ([(17.0, 27.4)], MUSIC, (), 2.8),  # the median of two edges that differ by less than 1 s
        ([(17.0, 29.0)], MUSIC, (), 1.0),  # one edge alone counts where it differs by 1 s at most
        ([(17.0, 28.9)], MUSIC, (), None),
        ([(17.0, None)], MUSIC, (), None),
        ([(19.5, None)], MUSIC, (), 0.5),
        ([(10.0, 20.0)], MUSIC, (), 10.0),
        ([(9.9, 19.9)], MUSIC, (), None),
        ([(18.0, 28.0), (48.0, 58.0)], MUSIC, (), 2.0),
        ([(20.0, 30.0)], ((20.0, 24.0), (25.9, 30.0)), (), 0.0),  # music with a pause
        ([(18.0, 28.0)], (), ((20.0, 30.0),), 2.0),
        ([(19.8, 64.8)], (), ((22.8, 69.0),), 3.6),  # heard from the last word before to the first after
        ([(20.0, 30.0)], (), ((23.0, 35.0),), 4.0),  # the edges differ by 2 s
        ([(20.0, 30.0)], (), ((23.0, 35.1),), None),
        ([(18.0, 28.0)], ((40.0, 45.0),), ((20.0, 30.0),), None),
        ([(18.0, 28.0)], (), (), None),
    ],
)
def test_the_clock_is_compared_with_what_is_heard(
    told: list[tuple[float, float | None]], sounds: Pairs, holds: Pairs, offset_s: float | None
) -> None:
    assert clock_offset(told, sounds, holds) == (None if offset_s is None else pytest.approx(offset_s))


def agreement(db: Path) -> list[tuple[Any, ...]]:
    sql = """
    SELECT call_ref, agreement, told_start_s, told_end_s, heard_start_s, heard_end_s,
        start_difference_s, end_difference_s, source, offset_from
    FROM hold_agreement
    """
    return list(query(db, sql).rows)


def test_holds_heard_and_told_stand_side_by_side(db: Path, tmp_path: Path) -> None:
    imported(db, put(tmp_path / "a.json", VCON))
    # The call of which nothing was told is left out.
    assert agreement(db) == [("C-1", "both", 20.5, 31.5, 20.0, 32.0, -0.5, 0.5, "vcon", "sound")]


def test_a_hold_that_only_one_of_them_has_stands_alone(db: Path, tmp_path: Path) -> None:
    lines = "C-2,hold,20\nC-2,unhold,25\nC-2,hold,50\n"
    imported(db, put(tmp_path / "a.csv", f"call_ref,event,at\n{lines}"))
    assert [row[1:4] for row in agreement(db)] == [
        ("heard_only", None, None),
        ("told_only", 20.0, 25.0),
        ("told_only", 50.0, None),
    ]


def test_each_hold_is_matched_once(db: Path, tmp_path: Path) -> None:
    lines = "C-2,hold,4\nC-2,unhold,7\nC-2,hold,8\nC-2,unhold,15\n"
    imported(db, put(tmp_path / "a.csv", f"call_ref,event,at\n{lines}"))
    assert [row[1:5] for row in agreement(db)] == [
        ("told_only", 4.0, 7.0, None),
        ("both", 8.0, 15.0, 5.0),
    ]


def test_holds_of_the_metadata_are_compared_where_nothing_was_imported(tmp_path: Path) -> None:
    told = an_analysis(call=a_call(holds=((21.0, 30.0),)), holds=(a_hold(20.0, 30.5),))
    none = an_analysis("two", call=a_call(call_ref="C-2", holds=()), holds=(a_hold(1.0, 9.0),))
    db = stored(tmp_path / "calls.duckdb", told, none)
    assert sorted(agreement(db), key=lambda row: row[0]) == [
        ("C-1", "both", 21.0, 30.0, 20.0, 30.5, -1.0, 0.5, "metadata", "given"),
        ("C-2", "heard_only", None, None, 1.0, 9.0, None, None, None, None),
    ]


def test_events_stay_when_the_call_is_analysed_again(db: Path, tmp_path: Path) -> None:
    imported(db, put(tmp_path / "a.json", VCON))
    stored(db, an_analysis())
    assert len(events(db)) == 4
    assert query(db, "SELECT DISTINCT recording_id FROM telephony_event").rows == ((an_id("one"),),)


def test_the_program_says_what_it_imported(
    db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = put(tmp_path / "a.csv", f"Nr,event,at\nC-1,hold,{at(20)}\nC-9,hold,{at(1)}\nC-2,hold,{at(50)}\n")
    args = ["import", str(path), "--set", "metadata.event_columns.call_ref=Nr", "--db", str(db)]
    monkeypatch.setattr(sys, "argv", ["earwitness", *args])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 0
    out, err = capsys.readouterr()
    assert out == "2 new events of 2 calls from 1 files\n"
    assert err == (
        "note: no stored call is named C-9\n"
        "note: clocks taken as equal in 1 calls: nothing heard to compare with\n"
    )
