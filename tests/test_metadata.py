"""Business facts find their calls, and what is wrong with them is told and costs nothing else."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.archive.manifest import ALIASES
from pipeline.archive.metadata import CallMetadata, read_metadata
from pipeline.audio.search import find_audio
from pipeline.delimited import shape
from pipeline.errors import UsageError
from pipeline.records import Call
from pipeline.settings import MetadataSettings

NONE = MetadataSettings()
HEADER = "file,call_ref,started_at,direction,queue,agent_id,agent_name,customer_ref,jurisdictions,team,site"
ROW = "a.wav,C-1,2026-03-02T09:14:00-08:00,Inbound,billing,a-17,Sarah,c-9,ca;wa,Blue,Leeds"
FACTS = {
    "call_ref": "C-1",
    "started_at": datetime(2026, 3, 2, 9, 14, tzinfo=timezone(timedelta(hours=-8))),
    "direction": "inbound",
    "queue": "billing",
    "agent_id": "a-17",
    "agent_name": "Sarah",
    "customer_ref": "c-9",
    "jurisdictions": ("CA", "WA"),
    "team": "Blue",
    "site": "Leeds",
}


def manifest(folder, text, name="manifest.csv"):
    data = text if isinstance(text, bytes) else text.encode()
    (folder / name).write_bytes(data)
    return read_metadata(folder, None, NONE)


def csv(folder, columns, *rows):
    return manifest(folder, "\n".join([columns, *rows]))


def json_lines(*rows):
    return "\n".join(map(json.dumps, rows))


def as_dict(text=ROW):
    return dict(zip(HEADER.split(","), text.split(","), strict=True))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("manifest.csv", f"{HEADER}\n{ROW}\n"),
        ("manifest.csv", f"\ufeff{HEADER}\r\n\r\n{ROW}\r\n"),
        ("manifest.csv", f"{HEADER}\n{ROW}\n".replace(",", "\t")),
        ("manifest.csv", f"{HEADER}\n{ROW}\n".replace(";", " ").replace(",", ";")),
        ("manifest.csv", '"' + HEADER.replace(",", '","') + '"\n"' + ROW.replace(",", '","') + '"\n'),
        ("manifest.jsonl", json_lines(as_dict()) + "\n\n"),
        ("manifest.json", json.dumps([as_dict()], indent=1)),
        ("manifest.json", json.dumps([{**as_dict(), "jurisdictions": ["CA", "US-WA", "CA"]}])),
    ],
)
def test_each_form_of_manifest_gives_the_same_facts(tmp_path, name, text):
    metadata = manifest(tmp_path, text, name)
    assert metadata.problems == ()
    assert metadata.for_file(tmp_path / "a.wav").to_call() == Call(**FACTS)
    assert metadata.unmatched([tmp_path / "a.wav"]) == ()


@pytest.mark.parametrize(
    ("column", "fact"),
    [
        (alias, fact)
        for fact, aliases in ALIASES.items()
        for alias in aliases
        if fact not in ("file", "holds", "pauses")
    ],
)
def test_every_alias_of_a_column(tmp_path, column, fact):
    value = {"agent_channel": "right"}.get(fact) or dict(zip(HEADER.split(","), ROW.split(","), strict=True))[
        fact
    ]
    metadata = csv(tmp_path, f"Recording,{column.upper().replace('_', ' ')}", f"a.wav,{value}")
    expected = FACTS.get(fact, 1)
    assert getattr(metadata.for_file(tmp_path / "a.wav"), fact) == expected


@pytest.mark.parametrize("column", ALIASES["file"])
def test_every_alias_of_the_file_column(tmp_path, column):
    metadata = csv(tmp_path, f"queue,{column}", "billing,a.wav")
    assert metadata.for_file(tmp_path / "a.wav").queue == "billing"


def test_the_likelier_column_wins_and_the_rest_is_extra(tmp_path):
    metadata = csv(tmp_path, "file,agent,agent_name,Score,empty", "a.wav,Smith,Sarah, 7 ,")
    facts = metadata.for_file(tmp_path / "a.wav")
    assert facts.agent_name == "Sarah"
    assert facts.to_call().extra == {"agent": "Smith", "Score": "7"}


def test_values_of_json_become_text(tmp_path):
    row = {"file": "a.wav", "agent_id": 17, "tags": ["x", 1], "vip": True, "note": None}
    facts = manifest(tmp_path, json_lines(row), "manifest.jsonl").for_file(tmp_path / "a.wav")
    assert facts.agent_id == "17"
    assert facts.extra == {"tags": '["x", 1]', "vip": "true"}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-02T09:14:00Z", datetime(2026, 3, 2, 9, 14, tzinfo=UTC)),
        ("2026-03-02 09:14", datetime(2026, 3, 2, 9, 14, tzinfo=UTC)),
        ("20260302T091405", datetime(2026, 3, 2, 9, 14, 5, tzinfo=UTC)),
        ("20260302_091405", datetime(2026, 3, 2, 9, 14, 5, tzinfo=UTC)),
        ("20260302091405", datetime(2026, 3, 2, 9, 14, 5, tzinfo=UTC)),
        ("2026-03-02", datetime(2026, 3, 2, tzinfo=UTC)),
    ],
)
def test_times_without_a_zone_are_utc(text, moment):
    assert CallMetadata(started_at=text).started_at == moment


@pytest.mark.parametrize("text", ["CA;WA", "ca, wa", "CA|WA", "CA WA", " us-ca ; wa;CA "])
def test_jurisdictions_in_one_cell(text):
    assert CallMetadata(jurisdictions=text).jurisdictions == ("CA", "WA")


@pytest.mark.parametrize(("value", "channel"), [("left", 0), ("RIGHT", 1), ("0", 0), (1, 1), (None, None)])
def test_the_agents_channel(value, channel):
    assert (
        CallMetadata.model_validate({} if value is None else {"agent_channel": value}).agent_channel
        == channel
    )


# Faults in a row


@pytest.mark.parametrize(
    ("column", "value", "allowed"),
    [
        ("started_at", "03/04/2026 9:14", "ISO 8601"),
        ("started_at", "45383.26", "ISO 8601"),
        ("started_at", "2026-13-01", "ISO 8601"),
        ("direction", "sideways", "inbound, outbound"),
        ("agent_channel", "middle", "left, right, 0, 1"),
        ("jurisdictions", "CA/WA", "codes such as CA"),
    ],
)
def test_a_bad_fact_is_told_and_the_rest_of_the_row_kept(tmp_path, column, value, allowed):
    metadata = csv(tmp_path, f"file,queue,{column},note", f"a.wav,billing,{value},x", "b.wav,support,,")
    (problem,) = metadata.problems
    for part in (f"{tmp_path / 'manifest.csv'}:2, column {column}", repr(shape(value)), allowed, "left out"):
        assert part in problem
    assert "\n" not in problem
    facts = metadata.for_file(tmp_path / "a.wav")
    assert (facts.queue, facts.extra) == ("billing", {"note": "x"})
    assert getattr(facts, column) in (None, ())
    assert metadata.for_file(tmp_path / "b.wav").queue == "support"


def test_a_list_is_no_name(tmp_path):
    metadata = manifest(
        tmp_path, json_lines({"file": "a.wav", "agent_name": ["S"], "queue": "q"}), "manifest.jsonl"
    )
    assert "column agent_name; got \"['a']\"; allowed: text" in metadata.problems[0]
    assert metadata.for_file(tmp_path / "a.wav").queue == "q"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("a.wav,C-1", "2 fields where the header has 3"),
        ("a.wav,C-1,Smith, Sarah", "4 fields where the header has 3"),
        (",C-1,Sarah", "no file named"),
    ],
)
def test_a_row_of_the_wrong_shape_is_left_out(tmp_path, row, says):
    metadata = csv(tmp_path, "file,call_ref,agent_name", '"x\ny.wav",C-0,Ann', row, "b.wav,C-2,Tom")
    (problem,) = metadata.problems
    assert f"{tmp_path / 'manifest.csv'}:4; got '{says}'" in problem
    assert metadata.for_file(tmp_path / "a.wav") == CallMetadata()
    assert metadata.for_file(tmp_path / "b.wav").agent_name == "Tom"


def test_json_lines_that_do_not_parse_are_left_out(tmp_path):
    text = json_lines({"file": "a.wav", "queue": "q"}) + '\n{"file": \n"text"\n[1]\n'
    metadata = manifest(tmp_path, text, "manifest.jsonl")
    assert [problem.split("; ")[0].rsplit(":", 1)[1] for problem in metadata.problems] == ["2", "3", "4"]
    assert metadata.for_file(tmp_path / "a.wav").queue == "q"


def test_entries_of_an_array_are_counted(tmp_path):
    metadata = manifest(tmp_path, json.dumps([{"file": "a.wav"}, 7]), "manifest.json")
    assert metadata.problems == (
        f"this row is left out: {tmp_path / 'manifest.json'}, entry 2; got 'not an object'",
    )


def test_the_first_of_two_rows_for_a_file_is_kept(tmp_path):
    metadata = csv(tmp_path, "file,queue", "a.wav,first", "./a.wav,second")
    assert metadata.for_file(tmp_path / "a.wav").queue == "first"
    (problem,) = metadata.problems
    assert "the first is kept" in problem
    assert ":3" in problem


def test_a_second_manifest_is_told(tmp_path):
    (tmp_path / "manifest.jsonl").write_text('{"file": "a.wav", "queue": "lines"}')
    metadata = csv(tmp_path, "file,queue", "a.wav,csv")
    assert metadata.for_file(tmp_path / "a.wav").queue == "csv"
    assert "a second manifest, not read" in metadata.problems[0]
    assert "manifest.jsonl" in metadata.problems[0]


# Rows and files


@pytest.mark.parametrize(
    ("names", "path", "queue"),
    [
        (["a.wav"], "a.wav", "0"),
        (["a"], "a.wav", "0"),
        (["a.mp3"], "a.wav", "0"),
        (["call.0042"], "call.0042.wav", "0"),
        (["call"], "call.0042.wav", None),
        (["a.wav"], "sub/a.wav", "0"),
        (["sub/a.wav"], "sub/a.wav", "0"),
        (["sub\\a.wav"], "sub/a.wav", "0"),
        (["s3://bucket/2026/a.wav"], "a.wav", "0"),
        (["other/a.wav"], "sub/a.wav", None),
        (["a.wav", "sub/a.wav"], "sub/a.wav", "1"),
        (["a.mp3", "a.wav"], "a.wav", "1"),
        (["a.mp3", "a.flac"], "a.wav", None),
        (["1/a.wav", "2/a.wav"], "a.wav", None),
        (["b.wav"], "a.wav", None),
    ],
)
def test_which_row_a_file_finds(tmp_path, names, path, queue):
    metadata = csv(tmp_path, "file,queue", *(f"{name},{number}" for number, name in enumerate(names)))
    assert metadata.for_file(tmp_path / path).queue == queue


def test_an_absolute_path_finds_its_file(tmp_path):
    metadata = csv(tmp_path, "file,queue", f"{tmp_path}/sub/a.wav,billing", "/elsewhere/sub/b.wav,support")
    assert metadata.for_file(tmp_path / "sub" / "a.wav").queue == "billing"
    assert metadata.for_file(tmp_path / "other" / "b.wav").queue is None


def test_what_does_not_pair_up_is_told(tmp_path):
    metadata = csv(tmp_path, "file,queue", "a.wav,1", "gone.wav,2", "b,3", "c.mp3,4", "c.flac,5")
    lines = metadata.unmatched([tmp_path / name for name in ("a.wav", "b.wav", "b.mp3", "c.wav", "new.wav")])
    where = tmp_path / "manifest.csv"
    assert lines == (
        f"several rows fit one file, none is used: {tmp_path / 'c.wav'}; got '{where}:5, {where}:6'",
        f"no audio file for this row: {where}:3; got 'gone.wav'",
        f"one row for several files, all get its facts: {where}:4; got 'b.wav, b.mp3'",
        f"no row for this audio file: {tmp_path / 'new.wav'}",
    )


# The file's name


PATTERN = r"(?P<agent>a-\d+)_(?P<started_at>\d{8}T\d{4})_(?P<queue>\w+?)(_(?P<site>.+))?$"


def test_the_manifest_wins_over_the_name_fact_by_fact(tmp_path):
    (tmp_path / "manifest.csv").write_text(
        "file,queue,shift\nx_a-7_20260302T0914_sales_north.wav,billing,late\n"
    )
    metadata = read_metadata(tmp_path, None, MetadataSettings(filename_pattern=PATTERN))
    facts = metadata.for_file(tmp_path / "x_a-7_20260302T0914_sales_north.wav")
    assert (facts.queue, facts.agent_name) == ("billing", "a-7")
    assert facts.started_at == datetime(2026, 3, 2, 9, 14, tzinfo=UTC)
    assert (facts.site, facts.extra) == ("north", {"shift": "late"})


def test_names_alone(tmp_path):
    metadata = read_metadata(None, None, MetadataSettings(filename_pattern=PATTERN))
    files = [
        tmp_path / name for name in ("a-7_20260302T0914_sales.wav", "a-8_20269902T0914_sales.wav", "b.wav")
    ]
    assert metadata.for_file(files[0]).queue == "sales"
    assert metadata.for_file(files[1]).started_at is None
    assert metadata.for_file(files[1]).queue == "sales"
    assert metadata.for_file(files[2]) == CallMetadata()
    bad, misfit = metadata.unmatched(files)
    assert f"{files[1]}, column started_at; got '99999999a9999'" in bad
    assert misfit == "metadata.filename_pattern does not fit 1 file names, the first: b.wav"


def test_without_any_source_all_is_unknown(tmp_path):
    metadata = read_metadata(tmp_path, None, NONE)
    assert metadata.for_file(tmp_path / "a.wav").to_call() == Call()
    assert (metadata.problems, metadata.unmatched([tmp_path / "a.wav"])) == ((), ())


# Refusals


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("", "is empty"),
        ("name,queue\na.wav,billing\n", "got 'name, queue'; allowed: one of file, filename"),
        ('{"name": "a.wav"}\n', "got 'name'; allowed: one of file"),
        ('[{"name": "a.wav"}]', "got 'name'; allowed: one of file"),
        ("[1, 2]", "holds no JSON objects"),
        ("{broken\n", "holds no JSON objects"),
        ('[{"file": "a.wav"}', "is not JSON"),
        ('file,queue\na.wav,"open\nb.wav,x\n', ":2; got 'unexpected end of data'"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_told_and_costs_nothing_else(tmp_path, data, says):
    metadata = manifest(tmp_path, data)
    (line,) = metadata.problems
    assert says in line
    assert str(tmp_path / "manifest.csv") in line
    assert "without it" in line
    assert "\n" not in line
    assert metadata.for_file(tmp_path / "a.wav") == CallMetadata()


CELLS = st.text(alphabet='af,;"\n\r\t\\{}[]:.0\u00e9\u2028', max_size=30)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.sampled_from(["file,queue\n", '{"file": "a.wav"}\n', "[", ""]), rest=CELLS)
def test_no_text_crashes_the_reader(tmp_path, start, rest):
    metadata = manifest(tmp_path, start + rest)
    assert all("\n" not in line for line in (*metadata.problems, *metadata.unmatched([tmp_path / "a.wav"])))


def test_an_explicit_file_is_read_instead_and_must_exist(tmp_path):
    manifest(tmp_path, "file,queue\na.wav,root\n")
    other = tmp_path / "facts.txt"
    with pytest.raises(UsageError, match=r"cannot read the metadata file: .*facts\.txt"):
        read_metadata(tmp_path, other, NONE)
    other.write_text("file,queue\na.wav,explicit\n")
    assert read_metadata(tmp_path, other, NONE).for_file(tmp_path / "a.wav").queue == "explicit"
    assert read_metadata(None, other, NONE).for_file(tmp_path / "a.wav").queue == "explicit"


@pytest.mark.parametrize(("pattern", "says"), [("(?P<a", "bad pattern"), (r"\d+", "names no facts")])
def test_a_bad_pattern_is_wrong_usage(pattern, says):
    with pytest.raises(UsageError, match=says) as caught:
        read_metadata(None, None, MetadataSettings(filename_pattern=pattern))
    assert f"metadata.filename_pattern; got {pattern!r}" in str(caught.value)


def test_the_samples_are_complete():
    folder = Path(__file__).parents[1] / "pipeline" / "samples"
    metadata = read_metadata(folder, None, NONE)
    assert metadata.problems == ()
    assert metadata.unmatched(find_audio([folder])) == ()
    assert metadata.for_file(folder / "dev01_billing_good.flac").call_ref == "D-1001"


@pytest.mark.parametrize("column", ["holds", "pauses", "Holds"])
def test_times_of_holds_and_pauses_are_pairs(tmp_path, column):
    metadata = csv(tmp_path, f"file;{column}", "a.wav;[[1.5, 20], [30, 41]]", "b.wav;[]", "c.wav;")
    assert metadata.problems == ()
    calls = [metadata.for_file(tmp_path / name).to_call() for name in ("a.wav", "b.wav", "c.wav")]
    assert [getattr(call, column.lower()) for call in calls] == [((1.5, 20.0), (30.0, 41.0)), (), None]


@pytest.mark.parametrize(
    "value", ["31.5-74", "[[1]]", "[1, 2]", "[[2, 1]]", "[[1, 2], [1.5, 3]]", "[[-1, 2]]", "[[0, NaN]]", "{}"]
)
def test_bad_times_are_left_out_with_a_line(tmp_path, value):
    metadata = csv(tmp_path, "file;holds;queue", f"a.wav;{value};billing")
    (line,) = metadata.problems
    assert "column holds" in line
    assert "[start_s, end_s]" in line
    facts = metadata.for_file(tmp_path / "a.wav")
    assert (facts.holds, facts.queue) == (None, "billing")
