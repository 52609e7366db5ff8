"""Manifests as telephone systems and spreadsheets write them: every unambiguous form is read."""

import json
import unicodedata
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from pipeline.archive.columns import columns_of
from pipeline.archive.dates import DateReading, order_of, read_time
from pipeline.archive.metadata import read_metadata
from pipeline.errors import UsageError
from pipeline.notices import grouped
from pipeline.settings import MetadataSettings, load

NONE = MetadataSettings()


def write(folder, text, name="manifest.csv", settings=NONE, encoding="utf-8"):
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return read_metadata(folder, None, settings)


def facts(metadata, name="a.wav"):
    return metadata.for_file(metadata.root / name)


# Columns


@pytest.mark.parametrize(
    ("columns", "values", "expected"),
    [
        (
            "fileName,contactId,initiationTimestamp,initiationMethod,queueName,agentUsername,customerId",
            "a.wav,K-1,2024-04-30T06:27:28Z,INBOUND,Cards,sam,c-3",
            {"call_ref": "K-1", "direction": "inbound", "queue": "Cards", "agent_name": "sam"},
        ),
        (
            "Recording File Name;Interaction ID;Start Date/Time;Call Direction;Skill Name;Agent Login",
            "a.wav;N-7;2024-04-30 06:27:28;Outgoing;Retention;4711",
            {"call_ref": "N-7", "direction": "outbound", "queue": "Retention", "agent_id": "4711"},
        ),
        (
            "vicidial_id\tstart_time\tfilename\tuser_id\tcampaign_id",
            "99\t2024-04-30 06:27:28\ta\t6666\tDEBT",
            {"call_ref": "99", "agent_id": "6666", "queue": "DEBT"},
        ),
    ],
)
def test_the_columns_of_several_systems(tmp_path, columns, values, expected):
    metadata = write(tmp_path, f"{columns}\n{values}\n")
    assert metadata.problems == ()
    found = facts(metadata)
    assert found.started_at == datetime(2024, 4, 30, 6, 27, 28, tzinfo=UTC)
    assert {name: getattr(found, name) for name in expected} == expected


def test_a_mapping_in_the_settings_wins(tmp_path):
    settings = MetadataSettings(columns={"queue": "Team", "call_ref": "conv.id", "file": "blob"})
    rows = [{"blob": "a.wav", "conv": {"id": "N-1"}, "Team": "north", "queue": "other", "call_id": 5}]
    metadata = write(tmp_path, json.dumps(rows), "manifest.json", settings)
    found = facts(metadata)
    assert (found.queue, found.call_ref) == ("north", "N-1")
    assert found.extra == {"queue": "other", "call_id": "5"}


def test_the_mapping_is_a_setting():
    given = load(overrides=["metadata.columns.queue=Team"], environ={}).metadata
    assert given.columns == {"queue": "Team"}
    with pytest.raises(UsageError, match="no fact of a call: crew"):
        load(overrides=["metadata.columns.crew=Team"], environ={})


def test_a_mapped_column_that_is_not_there_is_told(tmp_path):
    metadata = write(tmp_path, "file,team\na.wav,x\n", settings=MetadataSettings(columns={"queue": "squad"}))
    assert any("no column for metadata.columns.queue" in note for note in metadata.notes)


def test_unknown_columns_are_told_once(tmp_path):
    metadata = write(tmp_path, "file,score,shift\na.wav,1,late\nb.wav,2,early\n")
    (note,) = metadata.notes
    assert "score, shift" in note
    assert metadata.problems == ()


@pytest.mark.parametrize(
    "document",
    [
        {"total": 1, "recordings": [{"media": {"file": "a.wav"}, "agent": {"id": 7, "name": "Sam"}}]},
        [{"file": {"name": "a.wav"}, "agent": {"id": 7, "name": "Sam"}}],
        {"path": "2024/a.wav", "agent": {"id": 7, "name": "Sam"}},
    ],
)
def test_nested_json(tmp_path, document):
    metadata = write(
        tmp_path, json.dumps(document), "manifest.json", MetadataSettings(columns=_mapped(document))
    )
    found = facts(metadata)
    assert (found.agent_id, found.agent_name) == ("7", "Sam")


def _mapped(document):
    return {"file": "media.file"} if "recordings" in document else {}


def test_known_names_are_not_taken_twice():
    assert columns_of(["agent", "agentName", "x"]) == {"agentName": "agent_name"}


# Files beside the recording


@pytest.mark.parametrize("name", ["a.json", "a.wav.json"])
def test_a_json_file_beside_the_recording(tmp_path, name):
    beside = {
        "conversationId": "G-1",
        "recordingId": "r",
        "startTime": "2024-04-30T06:27:28.123Z",
        "initialDirection": "outbound",
        "agent": {"id": "u-1", "name": "Sam Doe"},
    }
    metadata = write(tmp_path, "file,agent_id\na.wav,from manifest\n")
    (tmp_path / name).write_text(json.dumps(beside))
    found = facts(metadata)
    assert (found.call_ref, found.direction, found.agent_name) == ("G-1", "outbound", "Sam Doe")
    assert found.agent_id == "from manifest"
    assert found.extra == {"recordingId": "r"}


def test_a_broken_file_beside_the_recording_is_told(tmp_path):
    (tmp_path / "a.json").write_text("{")
    metadata = read_metadata(tmp_path, None, NONE)
    assert facts(metadata).call_ref is None
    (line,) = metadata.unmatched([tmp_path / "a.wav"])
    assert "a.json" in line


# Times


@pytest.mark.parametrize(
    "text",
    [
        "2024-04-30T06:27:28Z",
        "2024/04/30 06:27:28",
        "2024.04.30 06:27:28",
        "20240430T062728",
        "20240430-062728",
        "20240430_062728Z",
        "2024-04-30T06-27-28",
        "2024-04-30 6:27:28 AM",
        "2024-04-30 08:27:28 +0200",
        "2024-04-30T06:27:28.0000000Z",
        "2024-04-30 06:27:28 UTC",
        "1714458448",
        "1714458448000",
        "1714458448.0",
        "30.04.2024 06:27:28",
        "30/04/2024 06:27:28",
        "04/30/2024 6:27:28 am",
        "30-Apr-2024 06:27:28",
        "April 30, 2024 06:27:28",
        "Tue, 30 Apr 2024 06:27:28 +0000",
        "Tue, 30 Apr 2024 01:27:28 -0500",
    ],
)
def test_forms_with_one_meaning(text):
    assert read_time(text, DateReading()) == datetime(2024, 4, 30, 6, 27, 28, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["03/04/2024 10:00", "45383.26", "yesterday", "24-04-30", "4/5/24", "2024-02-30", "7", "0031-01-01"],
)
def test_forms_with_no_or_several_meanings(text):
    with pytest.raises(ValueError, match=r"\w"):
        read_time(text, DateReading())


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        (["03/04/2024", "25/04/2024 10:00"], "day_first"),
        (["03/04/2024", "04/25/2024"], "month_first"),
        (["03/04/2024", "04/05/2024"], "unknown"),
        (["25/04/2024", "04/25/2024"], "unknown"),
        (["2024-13-14"], "unknown"),
    ],
)
def test_the_column_shows_whether_the_day_is_first(cells, order):
    assert order_of(cells) == order


def test_a_column_decides_for_its_cells(tmp_path):
    text = "file,started_at\na.wav,03/04/2024 10:00\nb.wav,25/04/2024 10:00\n"
    assert facts(write(tmp_path, text)).started_at == datetime(2024, 4, 3, 10, tzinfo=UTC)
    metadata = write(tmp_path, text.replace("25/", "11/"))
    assert facts(metadata).started_at is None
    assert "day and month cannot be told apart" in metadata.problems[0]


@pytest.mark.parametrize(
    ("zone", "text", "hour"),
    [
        ("America/New_York", "2024-07-01 09:00", 13),
        ("America/New_York", "2024-01-15 09:00", 14),
        ("Europe/Berlin", "2024-07-01 09:00Z", 9),
    ],
)
def test_the_zone_of_times_without_one(tmp_path, zone, text, hour):
    metadata = write(tmp_path, f"file,started_at\na.wav,{text}\n", settings=MetadataSettings(timezone=zone))
    assert facts(metadata).started_at.astimezone(UTC).hour == hour


@pytest.mark.parametrize(
    ("text", "says"), [("2024-11-03 01:30", "comes twice"), ("2024-03-10 02:30", "comes not at all")]
)
def test_hours_of_the_change_of_clocks_are_told(tmp_path, text, says):
    settings = MetadataSettings(timezone="America/New_York")
    metadata = write(tmp_path, f"file,started_at\na.wav,{text}\n", settings=settings)
    assert facts(metadata).started_at is None
    assert says in metadata.problems[0]
    with pytest.raises(ValueError, match="comes"):
        read_time(text, DateReading(zone=ZoneInfo("America/New_York")))


def test_an_unknown_zone_is_wrong_usage():
    with pytest.raises(UsageError, match=r"metadata\.timezone.*IANA"):
        load(overrides=["metadata.timezone=Mars/Base"], environ={})


@pytest.mark.parametrize("columns", ["date,time", "start_date,start_time", "Call Date,Call Time"])
def test_date_and_time_in_columns_of_their_own(tmp_path, columns):
    metadata = write(tmp_path, f"file,{columns}\na.wav,2024-04-30,06:27:28\n")
    assert facts(metadata).started_at == datetime(2024, 4, 30, 6, 27, 28, tzinfo=UTC)


# Directions and channels


@pytest.mark.parametrize(
    ("text", "direction"),
    [
        *[(text, "inbound") for text in ("in", "I", "Incoming", "INBOUND", "Inbound Call", "received", "IB")],
        *[(text, "outbound") for text in ("out", "O", "outgoing", "Outbound call", "OUT-BOUND", "dialled")],
        *[(text, None) for text in ("internal", "1", "transfer", "in/out")],
    ],
)
def test_directions(tmp_path, text, direction):
    metadata = write(tmp_path, f"file,direction\na.wav,{text}\n")
    assert facts(metadata).direction == direction
    assert bool(metadata.problems) == (direction is None)


@pytest.mark.parametrize(
    ("cells", "channels"),
    [
        (["L", "R", "left channel", "Right"], [0, 1, 0, 1]),
        (["0", "1", "0", "L"], [0, 1, 0, 0]),
        (["1", "2", "R", "1"], [0, 1, 1, 0]),
        (["0", "2", "R", "1"], [None, None, 1, None]),
        (["1", "1"], [1, 1]),
    ],
)
def test_the_agents_channel_as_its_column_numbers_them(tmp_path, cells, channels):
    rows = "".join(f"{number}.wav,{cell}\n" for number, cell in enumerate(cells))
    metadata = write(tmp_path, f"file,agent_channel\n{rows}")
    assert [facts(metadata, f"{n}.wav").agent_channel for n in range(len(cells))] == channels


# Encodings, title lines, totals

CSV = "file,call_ref,agent_name\na.wav,E-1,Zoë Müller\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings(tmp_path, encoding, end):
    metadata = write(tmp_path, CSV.replace("\n", end), encoding=encoding)
    assert (facts(metadata).call_ref, facts(metadata).agent_name) == ("E-1", "Zoë Müller")
    assert metadata.problems == ()
    assert bool(metadata.notes) == (encoding == "cp1252")


@pytest.mark.parametrize(
    "text",
    [
        f"sep=,\n{CSV}",
        f'"sep=|"\n{CSV}'.replace(",", "|"),
        f"Report of recordings\nFrom,2024-03-01,to,2024-03-31\n\n{CSV}",
        f"Recording\n\n{CSV}",
        f"{CSV}Total: 1\n",
        f"{CSV}\n,Total,1\n",
        f"{CSV}Count,1,\nSum,1,\n",
        f"Exported by: Ann\n{CSV}\nGrand total,,1\n",
    ],
)
def test_lines_above_and_below_the_rows(tmp_path, text):
    metadata = write(tmp_path, text)
    assert facts(metadata).agent_name == "Zoë Müller"
    assert metadata.problems == ()
    assert metadata.unmatched([tmp_path / "a.wav"]) == ()


def test_a_file_that_is_called_total_is_no_total(tmp_path):
    metadata = write(tmp_path, f"{CSV}total.wav,E-2,Ann\n")
    assert facts(metadata, "total.wav").call_ref == "E-2"


def test_the_places_of_rows_stay_below_title_lines(tmp_path):
    metadata = write(tmp_path, "Report\n\nfile,call_ref,direction\na.wav,E-1,sideways\n")
    assert "manifest.csv:4, column direction" in metadata.problems[0]


# Names


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("row", ["Búsqueda_José-101.wav", "BÚSQUEDA_josé-101.WAV", "x/y/Búsqueda_José-101"])
def test_names_match_whatever_their_unicode_form_and_case(tmp_path, form, row):
    metadata = write(tmp_path, f"file,call_ref\n{unicodedata.normalize('NFC', row)},U-1\n")
    path = tmp_path / unicodedata.normalize(form, "Búsqueda_José-101.wav")
    assert metadata.for_file(path).call_ref == "U-1"
    assert metadata.unmatched([path]) == ()


def test_names_that_differ_only_in_case_find_their_own_rows(tmp_path):
    metadata = write(tmp_path, "file,call_ref\na.wav,1\nA.wav,2\n")
    assert [facts(metadata, name).call_ref for name in ("a.wav", "A.wav")] == ["1", "2"]


@pytest.mark.parametrize(
    "name", ["5d0e_20200218T23:27_UTC.wav", "[Ext 101]_+1555-101_2024(123).wav", "a b#c%20d.wav"]
)
def test_signs_in_names(tmp_path, name):
    metadata = write(tmp_path, f"file,call_ref\nCalls/2020/02/{name},U-1\n")
    assert metadata.for_file(tmp_path / name).call_ref == "U-1"


def test_many_of_one_kind_are_one_line(tmp_path):
    metadata = write(tmp_path, "file,call_ref\n" + "".join(f"gone{n}.wav,{n}\n" for n in range(400)))
    lines = metadata.unmatched([tmp_path / f"new{n}.wav" for n in range(50)])
    assert [line.split()[0] for line in lines] == ["400", "50"]
    assert "no audio file for this row" in lines[0]
    assert "no row for this audio file" in lines[1]


def test_few_of_a_kind_are_written_out():
    assert grouped(["a: 1", "b: 2", "a: 3"]) == ("a: 1", "a: 3", "b: 2")
    assert grouped(["a: 1"] * 4, look="FROM t") == (
        "4 times: a: 1 (and 3 more of this kind; see them all with FROM t)",
    )
