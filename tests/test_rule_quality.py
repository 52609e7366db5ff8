"""How right reviewers found the verdicts, and the pass rate corrected for it, against other programs' numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pytest
from builders import NOON, a_review, an_analysis, found, stored
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from readback import row_of
from scipy.stats import binomtest

from pipeline.records import Judgement, Review
from pipeline.store import ask, layout, query


def judged(number: int, judgement: Judgement, first: int = 0, **changes: Any) -> list[Review]:
    """The same judgement of `number` calls."""
    return [a_review(judgement, f"call {n}", **changes) for n in range(first, first + number)]


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_precision_has_the_wilson_interval(
    tmp_path: Path, right: int, of: int, low: float, high: float
) -> None:
    reviews = judged(right, "confirmed") + judged(of - right, "wrong", right)
    row = row_of(stored(tmp_path / "a.duckdb", reviews=reviews), "FROM rule_quality")
    assert (row["reviewed"], row["confirmed"], row["wrong"], row["unclear"]) == (of, right, of - right, 0)
    assert row["precision"] == right / of
    assert row["precision_low"] == pytest.approx(low, abs=5e-5)
    assert row["precision_high"] == pytest.approx(high, abs=5e-5)
    same = [f"pass_{name}" for name in ("confirmed", "wrong", "precision", "precision_low", "precision_high")]
    assert [row[name] for name in same] == [row[name.removeprefix("pass_")] for name in same]
    assert row["fail_precision"] is None


def test_nothing_but_unclear_judgements_leaves_the_precision_undefined(tmp_path: Path) -> None:
    row = row_of(stored(tmp_path / "a.duckdb", reviews=judged(2, "unclear")), "FROM rule_quality")
    assert (row["reviewed"], row["unclear"], row["precision"], row["precision_high"]) == (2, 2, None, None)


def test_a_rule_that_nobody_reviewed_has_a_row(tmp_path: Path) -> None:
    db = stored(tmp_path / "a.duckdb", an_analysis(findings=(found("greeting", "fail"),)))
    row = row_of(db, "FROM rule_quality")
    assert (row["reviewed"], row["fails"], row["pass_rate"], row["precision"]) == (0, 1, 0.0, None)
    assert (row["rate_corrected"], row["rate_corrected_low"], row["rate_corrected_high"]) == (None,) * 3


def test_the_latest_judgement_of_a_reviewer_counts(tmp_path: Path) -> None:
    reviews = [a_review("wrong"), a_review("confirmed", reviewed_at=NOON + timedelta(hours=1))]
    row = row_of(stored(tmp_path / "a.duckdb", reviews=reviews), "FROM rule_quality")
    assert (row["reviewed"], row["confirmed"], row["wrong"]) == (1, 1, 0)


def test_a_finding_counts_once_and_reviewers_who_differ_leave_it_open(tmp_path: Path) -> None:
    reviews = [
        *judged(3, "confirmed"),
        *judged(1, "confirmed", reviewer="ann"),
        *judged(1, "unclear", 1, reviewer="ann"),
        *judged(1, "wrong", 2, reviewer="ann"),
    ]
    row = row_of(stored(tmp_path / "a.duckdb", reviews=reviews), "FROM rule_quality")
    assert (row["reviewed"], row["confirmed"], row["wrong"], row["unclear"]) == (3, 2, 0, 1)


def test_a_judgement_that_does_not_name_the_verdict_means_the_findings(tmp_path: Path) -> None:
    failed = an_analysis("call 0", findings=(found("greeting", "fail"),))
    reviews = judged(2, "confirmed", verdict=None)  # the second is of a call that is gone
    db = stored(tmp_path / "a.duckdb", failed, reviews=reviews)
    sql = "SELECT verdict, reviewed FROM rule_verdict_quality ORDER BY verdict"
    assert query(db, sql).rows == (("all", 2), ("fail", 1), ("unknown", 1))


def test_versions_are_told_apart(tmp_path: Path) -> None:
    reviews = judged(2, "confirmed") + judged(1, "wrong", rule_version="2")
    sql = "SELECT rule_version, reviewed, precision FROM rule_quality"
    assert query(stored(tmp_path / "a.duckdb", reviews=reviews), sql).rows == (("1", 2, 1.0), ("2", 1, 0.0))


# --- against references ------------------------------------------------------------------------------

COUNTS = st.tuples(st.integers(0, 40), st.integers(0, 40))
PLACES = count()


@pytest.fixture(scope="module")
def memory() -> Iterator[duckdb.DuckDBPyConnection]:
    """A store in memory, so that many can be filled."""
    with duckdb.connect() as connection:
        layout.apply_schema(connection)
        yield connection


def quality(
    memory: duckdb.DuckDBPyConnection,
    verdicts: tuple[int, int],
    passes: tuple[int, int],
    fails: tuple[int, int],
) -> dict[str, Any]:
    """The view's row for so many passes and fails, of which so many were confirmed and found wrong."""
    rule = f"rule_{next(PLACES)}"
    for verdict, number in zip(("pass", "fail"), verdicts, strict=True):
        memory.execute(
            "INSERT INTO finding (recording_id, rule_id, rule_version, verdict, detail) "
            f"SELECT '{verdict}' || i, ?, '1', ?, '{{}}' FROM range(?) AS r(i)",
            [rule, verdict, number],
        )
    for verdict, numbers in (("pass", passes), ("fail", fails)):
        for judgement, number in zip(("confirmed", "wrong"), numbers, strict=True):
            memory.execute(
                "INSERT INTO review SELECT ? || ? || i, ?, '1', 'eve', now(), ?, NULL, ?, NULL, NULL, FALSE, 'first' FROM range(?) AS r(i)",
                [verdict, judgement, rule, judgement, verdict, number],
            )
    table = ask(memory, "FROM rule_quality WHERE rule_id = ?", [rule])
    return dict(zip(table.columns, table.rows[0], strict=True)) if table.rows else {}


def wilson(counts: tuple[int, int]) -> tuple[float, float, float]:
    """SciPy's: the share, and the interval's ends."""
    right, wrong = counts
    interval = binomtest(right, right + wrong).proportion_ci(0.95, method="wilson")
    return right / (right + wrong), interval.low, interval.high


@hypothesis_settings(max_examples=50, deadline=None)
@given(passes=COUNTS, fails=COUNTS)
def test_intervals_are_those_of_scipy(
    memory: duckdb.DuckDBPyConnection, passes: tuple[int, int], fails: tuple[int, int]
) -> None:
    row = quality(memory, (1, 1), passes, fails)
    for verdict, counts in (("pass", passes), ("fail", fails)):
        got = [row[f"{verdict}_precision{end}"] for end in ("", "_low", "_high")]
        assert got == ([None] * 3 if sum(counts) == 0 else pytest.approx(wilson(counts), abs=1e-9))


@hypothesis_settings(max_examples=80, deadline=None)
@given(verdicts=st.tuples(st.integers(0, 30), st.integers(0, 30)), passes=COUNTS, fails=COUNTS)
def test_the_corrected_rate_is_the_stratified_estimate(
    memory: duckdb.DuckDBPyConnection,
    verdicts: tuple[int, int],
    passes: tuple[int, int],
    fails: tuple[int, int],
) -> None:
    row = quality(memory, verdicts, passes, fails)
    strata = [(verdicts[0], passes, False), (verdicts[1], fails, True)]
    occurring = [(number / sum(verdicts), counts, turned) for number, counts, turned in strata if number]
    if not occurring or any(sum(counts) == 0 for _, counts, _ in occurring):
        assert row.get("rate_corrected") is None
        assert row.get("rate_corrected_low") is None
        assert row.get("rate_corrected_high") is None
        return
    rate = below = above = 0.0
    for share, (right, wrong), turned in occurring:
        # A fail that was wrong is a pass: its stratum is seen from the other side.
        truth, low, high = wilson((wrong, right) if turned else (right, wrong))
        rate += share * truth
        below += (share * (truth - low)) ** 2
        above += (share * (high - truth)) ** 2
    assert row["rate_corrected"] == pytest.approx(rate, abs=1e-9)
    assert row["rate_corrected_low"] == pytest.approx(rate - math.sqrt(below), abs=1e-9)
    assert row["rate_corrected_high"] == pytest.approx(rate + math.sqrt(above), abs=1e-9)
    assert (
        -1e-9 <= row["rate_corrected_low"] <= row["rate_corrected"] <= row["rate_corrected_high"] <= 1 + 1e-9
    )


def test_a_perfect_review_changes_the_rate_only_in_its_certainty(memory: duckdb.DuckDBPyConnection) -> None:
    row = quality(memory, (30, 10), (25, 0), (10, 0))
    assert row["rate_corrected"] == row["pass_rate"] == 0.75
    assert row["rate_corrected_low"] < 0.75 < row["rate_corrected_high"]
