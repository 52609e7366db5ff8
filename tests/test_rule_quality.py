"""How right reviewers found the verdicts, and the pass rate corrected for it, against other programs' numbers."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from builders import (
    an_analysis,
    an_id,
    found,
    stored,
)
from readback import row_of

from pipeline.store import query


def review(db: Path, sql: str) -> None:
    """Put reviews into a published store."""
    with duckdb.connect(str(db)) as connection:
        connection.execute(f"INSERT INTO review BY NAME {sql}")


def reviews(
    count: int, judgement: str, first: int = 0, rule: str = "greeting", verdict: str = "'pass'"
) -> str:
    return (
        f"SELECT sha256(i::VARCHAR) AS recording_id, '{rule}' AS rule_id, '1' AS rule_version, "
        f"'eve' AS reviewer, TIMESTAMPTZ '2026-03-03 09:00:00Z' AS reviewed_at, '{judgement}' AS judgement, "
        f"{verdict} AS verdict FROM range({first}, {first + count}) AS r(i)"
    )


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_rule_quality_has_the_wilson_interval(
    tmp_path: Path, right: int, of: int, low: float, high: float
) -> None:
    db = stored(tmp_path / "a.duckdb")
    review(db, f"{reviews(right, 'confirmed')} UNION ALL {reviews(of - right, 'wrong', right)}")
    row = row_of(db, "FROM rule_quality")
    assert (row["reviewed"], row["confirmed"], row["wrong"], row["unclear"]) == (of, right, of - right, 0)
    assert row["precision"] == right / of
    assert row["precision_low"] == pytest.approx(low, abs=5e-5)
    assert row["precision_high"] == pytest.approx(high, abs=5e-5)


def test_rule_quality_stays_within_0_and_1(tmp_path: Path) -> None:
    db = stored(tmp_path / "a.duckdb")
    review(db, reviews(3, "confirmed"))
    row = row_of(db, "FROM rule_quality")
    assert (row["precision"], row["precision_high"]) == (1.0, 1.0)


def test_rule_quality_of_unclear_judgements_alone_is_undefined(tmp_path: Path) -> None:
    db = stored(tmp_path / "a.duckdb")
    review(db, reviews(2, "unclear"))
    assert query(db, "FROM rule_quality").rows == (("greeting", "1", "pass", 2, 0, 0, 2, None, None, None),)


def test_rule_quality_tells_verdicts_apart_and_takes_the_latest_judgement(tmp_path: Path) -> None:
    db = stored(tmp_path / "a.duckdb", an_analysis(findings=(found("greeting", "fail"),)))
    review(db, f"{reviews(2, 'confirmed')} UNION ALL {reviews(1, 'wrong', 2)}")
    # Two judgements of one finding that do not name the verdict: the finding has it.
    same = f"SELECT * REPLACE ('{an_id('one')}' AS recording_id, TIMESTAMPTZ '2026-03-0{{}} 09:00:00Z' AS reviewed_at) FROM ({{}})"
    review(db, same.format(4, reviews(1, "confirmed", verdict="NULL")))
    review(db, same.format(3, reviews(1, "wrong", verdict="NULL")))
    sql = "SELECT verdict, reviewed, confirmed, wrong FROM rule_quality"
    assert query(db, sql).rows == (("fail", 1, 1, 0), ("pass", 3, 2, 1))
