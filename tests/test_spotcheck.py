"""A sample is the same for the same seed, and a sheet is stored as a whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, a_call, a_rule, an_analysis, an_id, found, stored
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.audit import review_sheet
from pipeline.audit.protocol import verify
from pipeline.audit.review_sheet import SheetImport, read_sheet
from pipeline.audit.sampling import Sample, SampleRequest, draw, plan, shares
from pipeline.audit.spotcheck import COLUMNS, safe_cell, write_sample
from pipeline.errors import UsageError
from pipeline.records import CallAnalysis, Verdict
from pipeline.store import query, reading, writing
from pipeline.store.merge import merge_reviews
from pipeline.store.review_log import ReviewLog, beside_store

POPULATION: dict[Verdict, int] = {"pass": 20, "fail": 3, "not_determinable": 4}


def one_call(number: int, verdict: Verdict, **changes: Any) -> CallAnalysis:
    """A call of its own day with a greeting."""
    facts = {"call_ref": f"C-{number}", "started_at": NOON + timedelta(days=number), **changes}
    finding = found("greeting", verdict, quote="=hello", start_s=1.0, end_s=2.006, detail={"status": "late"})
    return an_analysis(f"call {number}", call=a_call(**facts), findings=(finding,))


VERDICTS = [verdict for verdict, number in POPULATION.items() for _ in range(number)]
ANALYSES = [
    one_call(number, verdict, queue="cards" if number % 2 else "loans")
    for number, verdict in enumerate(VERDICTS)
]


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store to read: 20 passes, 3 fails and 4 that could not be determined."""
    return stored(
        tmp_path_factory.mktemp("many") / "calls.duckdb",
        *ANALYSES,
        rules=[a_rule("greeting"), a_rule("closing")],
    )


def drawn(db: Path, **changes: Any) -> Sample:
    with reading(db) as connection:
        return draw(connection, SampleRequest(**{"rule_id": "greeting", "sample": 9, "seed": 7} | changes))


def verdicts_of(sample: Sample) -> list[str]:
    by_id = {an_id(f"call {number}"): verdict for number, verdict in enumerate(VERDICTS)}
    return [by_id[recording_id] for recording_id in sample.recording_ids]


# --- drawing -----------------------------------------------------------------------------------------


def test_every_verdict_gets_an_equal_share(db: Path) -> None:
    sample = drawn(db)
    assert sample.drawn == {"fail": 3, "pass": 3, "not_determinable": 3}
    assert sample.population == POPULATION
    assert sorted(verdicts_of(sample)) == ["fail"] * 3 + ["not_determinable"] * 3 + ["pass"] * 3
    assert len(set(sample.recording_ids)) == 9


def test_what_a_small_verdict_leaves_goes_to_the_others(db: Path) -> None:
    assert drawn(db, sample=20).drawn == {"fail": 3, "pass": 13, "not_determinable": 4}
    assert drawn(db, sample=100).drawn == POPULATION


def test_the_same_seed_draws_the_same_whatever_the_order_of_the_rows(db: Path, tmp_path: Path) -> None:
    shuffled = stored(tmp_path / "shuffled.duckdb", *reversed(ANALYSES))
    assert drawn(shuffled) == drawn(db)
    assert drawn(db, seed=8).recording_ids != drawn(db).recording_ids


def test_the_sample_is_not_in_the_order_of_the_verdicts(db: Path) -> None:
    orders = {tuple(verdicts_of(drawn(db, seed=seed))) for seed in range(5)}
    assert len(orders) > 1


def test_every_call_has_the_same_chance(db: Path) -> None:
    times = dict.fromkeys(range(20), 0)
    numbers = {an_id(f"call {number}"): number for number in times}
    with reading(db) as connection:
        for seed in range(200):
            request = SampleRequest(rule_id="greeting", sample=5, seed=seed, verdicts=("pass",))
            for recording_id in draw(connection, request).recording_ids:
                times[numbers[recording_id]] += 1
    # 200 draws of 5 of 20: 50 each, with a standard deviation of 6.
    assert all(25 <= count <= 75 for count in times.values())


def test_dates_queue_and_verdict_narrow_the_population(db: Path) -> None:
    first = NOON.date()
    days = {"since": first + timedelta(days=2), "until": first + timedelta(days=5)}
    assert drawn(db, **days).population == {"pass": 4}
    assert drawn(db, **days, queue="cards").population == {"pass": 2}
    assert drawn(db, verdicts=("fail",)).drawn == {"fail": 3}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"rule_id": "nonsense"}, "no findings of this rule; got 'nonsense'; allowed: greeting"),
        ({"queue": "nowhere"}, "no finding fits"),
        ({"since": date(2030, 1, 1)}, "no finding fits"),
        ({"verdicts": ("not_applicable",)}, "no finding fits"),
    ],
)
def test_an_empty_sample_is_an_error(db: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        drawn(db, **changes)


@given(sizes=st.dictionaries(st.sampled_from("abcd"), st.integers(1, 30)), sample=st.integers(1, 100))
def test_shares_are_as_equal_as_the_sizes_allow(sizes: dict[str, int], sample: int) -> None:
    given_out = shares(sizes, sample)
    assert sum(given_out.values()) == min(sample, sum(sizes.values()))
    assert all(0 <= given_out[name] <= size for name, size in sizes.items())
    for one, other in product(sizes, sizes):
        assert given_out[one] >= given_out[other] - 1 or given_out[one] == sizes[one]


@pytest.mark.parametrize(
    ("aim", "sample", "expected"),
    [("rate", 12, {"fail": 3, "pass": 9}), ("rate", 99, {"fail": 3, "pass": 20}), ("fails", 1, {"fail": 3})],
)
def test_the_aim_decides_how_many_are_drawn_of_each(
    db: Path, aim: Any, sample: int, expected: dict[str, int]
) -> None:
    assert drawn(db, aim=aim, sample=sample).drawn == expected


def test_what_is_expected_is_told_before_anybody_listens(db: Path) -> None:
    def planned(**changes: Any) -> Any:
        with reading(db) as connection:
            return plan(connection, SampleRequest(rule_id="greeting", seed=7, **changes))

    some, every = planned(sample=10, aim="rate"), planned(sample=99, aim="rate")
    assert some.drawn == drawn(db, sample=10, aim="rate").drawn
    assert some.rate is not None
    assert every.rate is not None
    assert some.rate[1] - some.rate[0] > 0.05 > every.rate[1] - every.rate[0]
    census = planned(sample=1, aim="fails")
    assert (census.size, census.expected["fail"].width, census.rate) == (3, 0.0, None)


def test_every_beginning_of_a_sample_has_the_verdicts_in_proportion(tmp_path: Path) -> None:
    calls = [
        an_analysis(f"call {n}", findings=(found("greeting", "pass" if n < 400 else "fail"),))
        for n in range(420)
    ]
    db = stored(tmp_path / "uneven.duckdb", *calls)
    for seed in range(10):
        with reading(db) as connection:
            items = draw(connection, SampleRequest(rule_id="greeting", sample=40, seed=seed)).items
        # Equal shares: of the first half about half are fails, though passes have the lowest lots.
        assert 8 <= sum(item.verdict == "fail" for item in items[:20]) <= 12


def test_a_share_of_the_sample_has_a_second_reviewer(db: Path) -> None:
    def doubles(**changes: Any) -> int:
        return sum(item.second for item in drawn(db, sample=27, **changes).items)

    assert (doubles(), doubles(second_share=0.2), doubles(second_share=0.5)) == (0, 10, 14)


# --- the protocol --------------------------------------------------------------------------------------


def test_a_protocol_draws_the_same_sample_again(db: Path, folder: Path, tmp_path: Path) -> None:
    with reading(db) as connection:
        assert verify(connection, folder / "protocol.json") == ()
    other = stored(tmp_path / "other.duckdb", *ANALYSES[:20])
    with reading(other) as connection:
        first, *more = verify(connection, folder / "protocol.json")
    assert first == ("population: 1 fail, 10 pass, 2 not_determinable in the protocol, 10 pass in the store")
    assert more[-1].startswith("other findings, versions or verdicts at ")


@given(data=st.data())
def test_one_changed_byte_of_a_protocol_is_found(db: Path, folder: Path, data: Any) -> None:
    content = bytearray((folder / "protocol.json").read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 127))
    changed = folder.with_name("changed.json")
    changed.write_bytes(content)
    with reading(db) as connection, pytest.raises(UsageError, match="protocol"):
        verify(connection, changed)


# --- the sheet that goes out -------------------------------------------------------------------------


def log_of(path: Path) -> ReviewLog:
    return ReviewLog(beside_store(path))


@pytest.fixture(scope="module")
def folder(db: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample of six findings, written out."""
    folder = tmp_path_factory.mktemp("sample") / "out"
    with reading(db) as connection:
        write_sample(
            connection,
            SampleRequest(rule_id="greeting", sample=6, seed=7, queue="cards"),
            folder,
            log_of(folder),
        )
    return folder


def rows_in(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_sample_is_a_sheet_with_a_pack_for_each_row(folder: Path) -> None:
    assert (folder / "judged.csv").read_bytes().startswith(b"\xef\xbb\xbf")  # for Excel
    rows = rows_in(folder / "judged.csv")
    assert tuple(rows[0]) == COLUMNS
    assert [row["number"] for row in rows] == list("123456")
    assert len(list(folder.glob("*/evidence.json"))) == 6
    for row in rows:
        document = json.loads((folder / row["evidence"]).with_name("evidence.json").read_text())
        assert document["call"]["call_ref"] == row["call_ref"]
        assert document["finding"]["verdict"] == row["verdict"]
        assert (row["start_s"], row["end_s"], row["queue"], row["agent"]) == ("1.0", "2.01", "cards", "Ann")
        assert (row["judgement"], row["note"], row["reviewer"]) == ("", "", "")
        assert row["quote"] == "'=hello"


def test_what_was_drawn_from_what_is_kept(folder: Path) -> None:
    facts = json.loads((folder / "protocol.json").read_text())
    request = facts["request"]
    assert (request["rule_id"], request["seed"], request["queue"]) == ("greeting", 7, "cards")
    assert facts["population"] == {"fail": 1, "pass": 10, "not_determinable": 2}
    assert facts["drawn"] == {"fail": 1, "pass": 3, "not_determinable": 2}


def test_a_sample_overwrites_nothing(db: Path, folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    request = SampleRequest(rule_id="greeting", sample=2, seed=1)
    with reading(db) as connection, pytest.raises(UsageError, match="there is something already"):
        write_sample(connection, request, folder, log_of(folder))
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@given(st.text())
@example(" @")
@example("\x1c=1+1")
def test_no_cell_is_a_formula_or_breaks_its_line(text: str) -> None:
    cell = safe_cell(text)
    assert isinstance(cell, str)
    assert not cell.startswith(("=", "+", "-", "@"))
    assert len(cell.splitlines()) <= 1
    assert "\t" not in cell


# --- the sheet that comes back -----------------------------------------------------------------------

Change = Callable[[list[dict[str, str]]], object]


@pytest.fixture
def store_copy(db: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "calls.duckdb"
    copy.write_bytes(db.read_bytes())
    return copy


def filled(folder: Path, *judgements: str) -> list[dict[str, str]]:
    """The sheet's rows, the first of them judged by Zoë."""
    rows = rows_in(folder / "judged.csv")
    for row, judgement in zip(rows, judgements, strict=False):
        row |= {"judgement": judgement, "reviewer": "Zoë", "note": "naïve, but; right"}
    return rows


def as_text(rows: list[dict[str, str]], separator: str = ",") -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def import_sheet(db: Path, sheet: Path) -> tuple[SheetImport, int]:
    """Import a sheet and merge."""
    result = review_sheet.import_sheet(db, sheet, log_of(db))
    if result[1]:
        with writing(db) as writer:
            merge_reviews(writer, log_of(db))
            writer.publish()
    return result


def reviews_in(db: Path) -> tuple[tuple[Any, ...], ...]:
    return query(
        db, "SELECT recording_id, rule_id, judgement, note, verdict FROM review ORDER BY reviewed_at"
    ).rows


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_sheets_as_spreadsheets_save_them_are_read(
    db: Path, folder: Path, tmp_path: Path, encoding: str, separator: str
) -> None:
    rows = filled(folder, "confirmed", " Wrong", "unclear")
    sheet = tmp_path / "judged.csv"
    sheet.write_bytes(as_text(rows, separator).encode(encoding))
    judged = read_sheet(db, sheet, NOON)
    assert (judged.problems, judged.open_rows) == ((), 3)
    assert [review.judgement for review in judged.reviews] == ["confirmed", "wrong", "unclear"]
    assert {(review.reviewer, review.note) for review in judged.reviews} == {("Zoë", "naïve, but; right")}
    assert [review.verdict for review in judged.reviews] == [row["verdict"] for row in rows[:3]]
    assert {(review.rule_id, review.rule_version) for review in judged.reviews} == {("greeting", "1")}


def test_importing_twice_adds_nothing_twice(store_copy: Path, folder: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "judged.csv"
    rows = filled(folder, "confirmed", "wrong")
    sheet.write_text(as_text(rows), encoding="utf-8")
    assert import_sheet(store_copy, sheet)[1] == 2
    before = store_copy.read_bytes()
    assert import_sheet(store_copy, sheet)[1] == 0
    assert store_copy.read_bytes() == before
    rows[0]["judgement"] = "wrong"  # a change of mind is kept beside the first
    rows[2] |= {"judgement": "confirmed", "reviewer": "Zoë"}
    sheet.write_text(as_text(rows), encoding="utf-8")
    assert import_sheet(store_copy, sheet)[1] == 2
    assert len(reviews_in(store_copy)) == 4
    quality = query(store_copy, "SELECT reviewed, confirmed, wrong FROM rule_quality WHERE reviewed > 0").rows
    assert quality == ((3, 1, 2),)


def no_reviewer(rows: list[dict[str, str]]) -> None:
    rows[1]["reviewer"] = " "


def bad_judgement(rows: list[dict[str, str]]) -> None:
    rows[1]["judgement"] = "yes"


def note_alone(rows: list[dict[str, str]]) -> None:
    rows[1]["judgement"] = ""


def mangled_key(rows: list[dict[str, str]]) -> None:
    rows[1]["finding"] = "1,23E+45"


def other_recording(rows: list[dict[str, str]]) -> None:
    rows[1]["finding"] = f"greeting/1/pass/{an_id('nowhere')}"


def other_version(rows: list[dict[str, str]]) -> None:
    rows[1]["finding"] = f"greeting/9/pass/{an_id('call 1')}"


def judged_twice(rows: list[dict[str, str]]) -> None:
    rows[1] = rows[0]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (no_reviewer, "no reviewer"),
        (bad_judgement, "no judgement.*got 'yes'; allowed: confirmed, wrong, unclear"),
        (note_alone, "no judgement"),
        (mangled_key, "names no finding"),
        (other_recording, "no such finding in the store"),
        (other_version, "no such finding in the store"),
        (judged_twice, r"judged twice by one reviewer.*judged\.csv:2"),
    ],
)
def test_one_wrong_row_is_told_with_its_line_and_nothing_is_stored(
    store_copy: Path, folder: Path, tmp_path: Path, spoil: Change, says: str
) -> None:
    rows = filled(folder, "confirmed", "wrong", "nonsense")
    spoil(rows)
    sheet = tmp_path / "judged.csv"
    sheet.write_text(as_text(rows), encoding="utf-8")
    judged, added = import_sheet(store_copy, sheet)
    assert added == 0
    first, second = judged.problems
    assert f"{sheet}:3" in first
    assert re.search(says, first)
    assert f"{sheet}:4" in second
    assert "\n" not in first + second
    assert reviews_in(store_copy) == ()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not the sheet of a spot check"),
        (b"a,b\n1,2\n", "not the sheet of a spot check.*columns finding, judgement, reviewer"),
        (b"finding,judgement,reviewer\n", "nothing is judged yet"),
        (b'finding,judgement,reviewer\nx,"y\n', r"not CSV: .*judged\.csv:"),
    ],
)
def test_what_is_no_sheet_is_refused(store_copy: Path, tmp_path: Path, content: bytes, says: str) -> None:
    sheet = tmp_path / "judged.csv"
    sheet.write_bytes(content)
    with pytest.raises(UsageError, match=says):
        import_sheet(store_copy, sheet)
    with pytest.raises(UsageError, match="cannot read the sheet"):
        import_sheet(store_copy, tmp_path / "nowhere.csv")
