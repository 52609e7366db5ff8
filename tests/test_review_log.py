"""What people judge is kept at once, can be taken back, and reaches the store by the merge alone."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta
from itertools import product
from math import comb
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, a_review, an_analysis, an_id, found, stored
from scipy.stats import binomtest

from pipeline.errors import UsageError
from pipeline.intervals import Stratum, agreement, corrected, exact, neyman, wilson
from pipeline.store import query, writing
from pipeline.store.merge import Merged, merge_reviews, unmerged
from pipeline.store.review_log import Drawing, Item, Judged, ReviewLog, beside_store


def a_drawing(**changes: Any) -> Drawing:
    drawing = Drawing(
        rule_id="greeting",
        request={"seed": 7},
        population={"pass": 9, "fail": 1},
        drawn={"pass": 1, "fail": 1},
        blind=True,
        made_at=NOON,
        made_by="eve",
    )
    return replace(drawing, **changes)


ITEMS = (
    Item(position=1, recording_id=an_id("one"), rule_version="1", verdict="pass", second=False),
    Item(position=2, recording_id=an_id("two"), rule_version="1", verdict="fail", second=True),
)


@pytest.fixture
def log(tmp_path: Path) -> ReviewLog:
    return ReviewLog(tmp_path / "reviews.sqlite")


@pytest.fixture
def db(tmp_path: Path) -> Path:
    calls = [an_analysis(name, findings=(found("greeting", "pass"),)) for name in ("one", "two")]
    return stored(tmp_path / "calls.duckdb", *calls)


def merged(db: Path, log: ReviewLog) -> Merged:
    with writing(db) as writer:
        done = merge_reviews(writer, log)
        writer.publish()
    return done


# --- the file --------------------------------------------------------------------------------------------


def test_the_file_is_beside_the_store_and_made_when_it_is_written(db: Path) -> None:
    log = ReviewLog(beside_store(db))
    assert log.path == db.with_name("reviews.sqlite")
    assert (log.draws(), log.standing(), log.withdrawn(), log.seconds_each()) == ((), (), (), None)
    assert not log.path.exists()
    log.note_access("eve", "clip", an_id("one"))
    assert log.accesses() == (("eve", "clip", an_id("one")),)


def test_a_drawing_comes_back_as_it_was(log: ReviewLog) -> None:
    assert [log.add_draw(a_drawing(), ITEMS), log.add_draw(a_drawing(blind=False), ())] == [1, 2]
    assert log.draw(1) == a_drawing(draw_id=1)
    assert [drawing.draw_id for drawing in log.draws()] == [2, 1]
    assert (log.items(1), log.items(2)) == (ITEMS, ())
    with pytest.raises(UsageError, match="no such drawing"):
        log.draw(3)


def test_a_judgement_comes_back_as_it_was(log: ReviewLog) -> None:
    log.add_draw(a_drawing(), ITEMS)
    judged = Judged(
        review=a_review(note="a\x00“b”", answer="yes", draw_id=1, blind=True),
        position=1,
        seconds=3.5,
        plays=2,
    )
    number = log.add(judged)
    assert log.standing() == (replace(judged, judgement_id=number),)
    assert log.standing(2) == ()
    assert log.of_finding(an_id("one"), "greeting") == log.standing(1)
    assert log.seconds_each() == 3.5


def test_what_is_taken_back_is_kept_as_undone(log: ReviewLog) -> None:
    number = log.add(Judged(review=a_review()))
    assert not log.undo(number, "somebody else")
    assert log.undo(number, "eve")
    assert not log.undo(number, "eve")
    assert log.standing() == ()
    assert log.withdrawn() == (a_review().key,)
    with sqlite3.connect(log.path) as connection:
        assert connection.execute("SELECT count(*) FROM judgement").fetchone() == (1,)


def test_the_second_reviewer_of_an_item_is_told_apart(log: ReviewLog) -> None:
    log.add_draw(a_drawing(), ITEMS)
    first = Judged(review=a_review(draw_id=1), position=1)
    log.add(first)
    log.add(Judged(review=a_review(draw_id=1, reviewer="ann"), position=1))
    log.add(Judged(review=a_review(draw_id=1, name="two"), position=2))
    assert [judged.review.kind for judged in log.standing()] == ["first", "second", "first"]


def test_a_sheet_adds_nothing_twice(log: ReviewLog) -> None:
    reviews = [a_review(), a_review("wrong", "two")]
    assert log.add_new(reviews, {}) == 2
    later = [replace(review, reviewed_at=NOON + timedelta(hours=1)) for review in reviews]
    assert log.add_new(later, {}) == 0
    assert log.add_new([replace(later[0], judgement="unclear"), later[1]], {}) == 1
    elsewhere = ReviewLog(log.path.with_name("other.sqlite"))
    assert elsewhere.add_new(reviews, {reviews[0].subject: reviews[0].opinion}) == 1


def test_a_file_of_a_later_release_and_one_that_is_no_such_file_are_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "later.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(UsageError, match="later release"):
        ReviewLog(tmp_path / "later.sqlite").draws()
    (tmp_path / "text.sqlite").write_text("no database, whatever its name says " * 9)
    with pytest.raises(UsageError, match="cannot use the file of reviews"):
        ReviewLog(tmp_path / "text.sqlite").draws()


# --- the merge -------------------------------------------------------------------------------------------


def test_the_merge_alone_brings_judgements_into_the_store(db: Path, log: ReviewLog) -> None:
    log.add(Judged(review=a_review(answer="yes", blind=True)))
    sql = "SELECT reviewer, judgement, answer, blind, kind FROM review"
    assert query(db, sql).rows == ()
    assert len(unmerged(log, ())) == 1
    assert merged(db, log) == Merged(added=1, withdrawn=0, elsewhere=0)
    assert query(db, sql).rows == (("eve", "confirmed", "yes", True, "first"),)
    assert unmerged(log, {a_review().key}) == ()
    assert not merged(db, log).changed


def test_a_judgement_that_is_taken_back_leaves_the_store(db: Path, log: ReviewLog) -> None:
    number = log.add(Judged(review=a_review()))
    log.add(Judged(review=a_review(name="two")))
    merged(db, log)
    log.undo(number, "eve")
    assert merged(db, log) == Merged(added=0, withdrawn=1, elsewhere=0)
    assert query(db, "SELECT recording_id FROM review").rows == ((an_id("two"),),)


def test_judgements_of_another_stores_recordings_stay_out(db: Path, log: ReviewLog) -> None:
    log.add(Judged(review=a_review(name="elsewhere")))
    assert merged(db, log) == Merged(added=0, withdrawn=0, elsewhere=1)
    assert query(db, "FROM review").rows == ()


def test_what_was_settled_decides_where_reviewers_differ(db: Path, log: ReviewLog) -> None:
    sql = "SELECT reviewed, confirmed, wrong, unclear FROM rule_quality WHERE reviewed > 0"
    log.add(Judged(review=a_review()))
    log.add(Judged(review=a_review("wrong", reviewer="ann", kind="second")))
    merged(db, log)
    assert query(db, sql).rows == ((1, 0, 0, 1),)
    assert query(db, "SELECT kind FROM review_queue").rows == (("dispute",),)
    later = NOON + timedelta(hours=1)
    log.add(Judged(review=a_review("wrong", kind="settled", reviewed_at=later)))
    merged(db, log)
    assert query(db, sql).rows == ((1, 0, 1, 0),)
    assert query(db, "FROM review_queue").rows == ()


def test_a_finding_that_was_not_drawn_is_in_no_estimate(db: Path, log: ReviewLog) -> None:
    log.add(Judged(review=a_review(kind="unsampled")))
    merged(db, log)
    assert query(db, "SELECT reviewed FROM rule_quality").rows == ((0,),)


@pytest.mark.parametrize(("passes", "fails", "right"), [(3, 2, 2), (40, 6, 3)])
def test_a_census_has_no_width_and_a_sample_the_exact_interval(
    tmp_path: Path, log: ReviewLog, passes: int, fails: int, right: int
) -> None:
    verdicts = ["pass"] * passes + ["fail"] * fails
    calls = [
        an_analysis(f"call {n}", findings=(found("greeting", verdict),)) for n, verdict in enumerate(verdicts)
    ]
    db = stored(tmp_path / "many.duckdb", *calls)
    for number in range(3):
        log.add(Judged(review=a_review("confirmed" if number < right else "wrong", f"call {number}")))
    for number in range(passes, passes + fails):
        log.add(Judged(review=a_review("confirmed", f"call {number}", verdict="fail")))
    merged(db, log)
    sql = "SELECT pass_precision, pass_fpc_low, pass_fpc_high, fail_fpc_low, rate_corrected, rate_fpc_low FROM rule_quality"
    ((share, low, high, fail_low, rate, rate_low),) = query(db, sql).rows
    expected = by_counting(right, 3, passes)
    assert (share, low, high) == pytest.approx((right / 3, *expected), abs=1e-6)
    assert fail_low == 1.0
    if passes == 3:
        assert low == high == share
        assert rate_low == pytest.approx(rate)
    ours = corrected(
        Stratum(population=passes, right=right, wrong=3 - right), Stratum(population=fails, right=fails)
    )
    assert ours is not None
    assert (rate, rate_low) == pytest.approx(ours[:2], abs=1e-6)


# --- the numbers -----------------------------------------------------------------------------------------


def by_counting(right: int, judged: int, population: int) -> tuple[float, float]:
    """The exact interval from the definition: the populations that the sample does not speak against."""
    possible = []
    for in_all in range(population + 1):
        ways = [comb(in_all, k) * comb(population - in_all, judged - k) for k in range(judged + 1)]
        if sum(ways[right:]) > 0.025 * sum(ways) and sum(ways[: right + 1]) > 0.025 * sum(ways):
            possible.append(in_all)
    return min(possible) / population, max(possible) / population


@pytest.mark.parametrize(("population", "judged"), [(1, 1), (7, 3), (30, 20), (60, 59)])
def test_the_exact_interval_is_that_of_its_definition(population: int, judged: int) -> None:
    for right in range(judged + 1):
        interval = exact(right, judged, population)
        assert (interval.low, interval.high) == pytest.approx(by_counting(right, judged, population))
        assert interval.low <= right / judged <= interval.high


def test_the_wilson_interval_is_that_of_scipy() -> None:
    for right, judged in product((0, 1, 24, 25), (25, 80)):
        expected = binomtest(right, judged).proportion_ci(0.95, method="wilson")
        ours = wilson(right, judged)
        assert (ours.low, ours.high) == pytest.approx((expected.low, expected.high), abs=1e-6)


@pytest.mark.parametrize(
    ("population", "judged", "method"),
    [(2000, 100, "exact"), (2001, 101, "wilson"), (2000, 99, "wilson"), (5, 9, "wilson")],
)
def test_small_strata_have_the_exact_interval(population: int, judged: int, method: str) -> None:
    interval = Stratum(population=population, right=judged).interval
    assert interval is not None
    assert interval.method == method


def test_unclear_answers_widen_the_bounds() -> None:
    assert Stratum(population=9, right=3, wrong=1, unclear=1).bounds == (3 / 5, 4 / 5)
    assert (Stratum(population=9).bounds, Stratum(population=9).interval) == (None, None)


def test_agreement_where_one_answer_is_rare() -> None:
    # Worked out by hand: 47 of 50 agree, the rare answer is used in 3 of 100.
    pairs = [("right", "right")] * 47 + [("right", "wrong")] * 3
    chance = 2 * 0.03 * 0.97
    assert agreement(pairs) == pytest.approx((0.94 - chance) / (1 - chance))
    assert agreement(pairs[:29]) is None
    assert agreement(pairs[:30]) == 1.0


def test_the_allocation_for_the_rate_gives_each_stratum_its_least() -> None:
    expected = {"pass": 0.95, "fail": 0.85}
    assert neyman({"pass": 9000, "fail": 40}, expected, 50, 5) == {"pass": 45, "fail": 5}
    assert neyman({"pass": 9000, "fail": 3}, expected, 50, 5) == {"pass": 47, "fail": 3}
    assert neyman({"pass": 9000, "fail": 40}, expected, 6, 5) == {"pass": 3, "fail": 3}
    assert neyman({"pass": 9000, "fail": 40}, expected, 1, 5) == {"pass": 1, "fail": 0}
    assert neyman({"pass": 4, "fail": 3}, expected, 50, 5) == {"pass": 4, "fail": 3}
    halves = neyman({"pass": 1000, "fail": 1000}, {"pass": 0.9, "fail": 0.9}, 50, 5)
    assert halves == {"pass": 25, "fail": 25}
