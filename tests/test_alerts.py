"""Alerts of the night, and what it says beforehand."""

import json
import sys
from dataclasses import replace

import pytest
from fakes import FakeEngine, Watcher, write_call

from pipeline import settings
from pipeline.archive import alerts, forecast, night
from pipeline.archive.alerts import MIN_COUNT, MIN_NIGHTS, Alert, band_of, drift
from pipeline.archive.plan import RunRequest
from pipeline.report.night import plan_lines
from pipeline.settings import AlertSettings
from pipeline.store import reading, writing
from pipeline.store.nights import NightShares, Pace, latest_shares


def shares(passed=80, undetermined=10, swapped=2, whole=100):
    return NightShares(
        passed=passed,
        judged=whole,
        undetermined=undetermined,
        applicable=whole,
        swapped=swapped,
        stereo=whole,
    )


BEFORE = [shares(passed=80 + n % 3, undetermined=10 + n % 2) for n in range(20)]


def test_usual_nights_alert_nobody():
    assert drift([shares(), *BEFORE]) == ()
    assert drift([]) == ()


@pytest.mark.parametrize(
    ("latest", "named"),
    [
        (shares(passed=60), "pass among"),
        (shares(undetermined=30), "not determinable among"),
        (shares(swapped=20), "swapped among"),
    ],
)
def test_a_share_that_leaves_its_band_is_told_with_its_numbers(latest, named):
    (alert,) = drift([latest, *BEFORE])
    assert alert.kind == "drift"
    assert named in alert.text
    assert "of 100; " in alert.text
    assert "from the last 20 nights" in alert.text


def test_one_bad_night_among_the_former_does_not_hide_the_next():
    assert drift([shares(passed=60), shares(passed=20), *BEFORE]) != ()


@pytest.mark.parametrize(("nights", "count", "told"), [(7, 30, True), (6, 30, False), (7, 29, False)])
def test_few_nights_or_few_calls_say_nothing(nights, count, told):
    assert (MIN_NIGHTS, MIN_COUNT) == (7, 30)
    assert (band_of([0.8] * nights, count) is not None) is told


def test_the_band_is_wider_for_a_small_night():
    small, large = band_of([0.8] * 20, 30), band_of([0.8] * 20, 3000)
    assert small.low < large.low < 0.8 < large.high < small.high <= 1.0
    assert large.high - large.low == pytest.approx(6 * (0.8 * 0.2 / 3000) ** 0.5)
    assert band_of([1.0] * 20, 3000).low == pytest.approx(1 - 3 * 0.005)


@pytest.fixture
def order(tmp_path):
    for seed in range(3):
        write_call(tmp_path / "archive" / f"{seed}.wav", seed=seed)
    given = settings.load(overrides=["archive.settle_s=0"], environ={})
    return RunRequest(paths=(tmp_path / "archive",), db=tmp_path / "calls.duckdb", settings=given)


def test_the_shares_of_a_night_are_those_of_its_findings(order):
    night.run(order, FakeEngine()(), Watcher())
    with reading(order.db) as connection:
        (found,) = latest_shares(connection, 5)
        counts = connection.execute(
            "SELECT count(*) FILTER (verdict = 'pass'), count(*) FILTER (verdict IN ('pass', 'fail')), "
            "count(*) FILTER (verdict = 'not_determinable') FROM finding"
        ).fetchall()[0]
    assert (found.passed, found.judged, found.undetermined) == counts
    assert found.applicable == found.judged + found.undetermined
    assert found.stereo == 3
    # A night without work says nothing about shares.
    night.run(order, FakeEngine()(), Watcher())
    with reading(order.db) as connection:
        assert latest_shares(connection, 5) == (found,)


def test_alerts_go_to_the_command_as_json_lines(tmp_path):
    told = tmp_path / "told"
    command = (sys.executable, "-c", f"import sys; open({str(told)!r}, 'w').write(sys.stdin.read())")
    given = [Alert(kind="drift", text="one"), Alert(kind="night_failed", text="two")]
    assert alerts.send(given, AlertSettings(command=command)) == ()
    assert [json.loads(line) for line in told.read_text().splitlines()] == [
        {"kind": "drift", "text": "one"},
        {"kind": "night_failed", "text": "two"},
    ]


@pytest.mark.parametrize("command", [("/no/such/program",), (sys.executable, "-c", "raise SystemExit(3)")])
def test_a_command_that_fails_is_told_and_ends_nothing(command, caplog):
    (line,) = alerts.send([Alert(kind="drift", text="x")], AlertSettings(command=command))
    assert "alerts.command failed" in line
    assert "alerts.command failed" in caplog.text


def test_no_alert_starts_no_command():
    assert alerts.send([], AlertSettings(command=("/no/such/program",))) == ()


# --- the plan


def test_a_plan_says_what_is_known_before_the_first_night(order):
    foreseen = forecast.foresee(order, FakeEngine()())
    assert foreseen.counts["to_analyse"] == 3
    assert (foreseen.audio_s, foreseen.hours) == (None, None)
    assert not order.db.exists()
    assert "not known" in "\n".join(plan_lines(foreseen))


def test_a_plan_judges_by_what_is_stored(order, tmp_path):
    night.run(order, FakeEngine()(), Watcher())
    write_call(tmp_path / "archive" / "long.wav", seed=9, seconds=30)
    given = settings.load(overrides=["archive.settle_s=0", "workers.count=2"], environ={})
    foreseen = forecast.foresee(replace(order, settings=given), FakeEngine()())
    assert foreseen.counts["to_analyse"] == 1
    assert foreseen.counts["unchanged"] == 3
    assert foreseen.audio_s == pytest.approx(30, rel=0.01)
    with writing(order.db) as writer:
        factor = writer.pace().factor
    assert foreseen.hours == pytest.approx(foreseen.audio_s * factor / 2 / 3600)
    assert night.run(order, FakeEngine()(), Watcher()).totals.analysed == 1


def test_sound_of_another_suffix_counts_as_the_average(order, tmp_path):
    write_call(tmp_path / "archive" / "x.flac", seed=9)
    items = forecast.foresee(order, FakeEngine()()).plan.todo
    pace = Pace(audio_s_per_byte={"wav": 1 / 32_000, "mp3": 1 / 1_000}, factor=None)
    by_suffix = {"wav": 1 / 32_000, "flac": (1 / 32_000 + 1 / 1_000) / 2}
    expected = sum(item.bytes * by_suffix[item.path.suffix[1:]] for item in items)
    assert forecast.sound_in(items, pace) == pytest.approx(expected)
    assert forecast.sound_in((), pace) == 0.0


# --- who writes


def test_the_writer_is_named_to_others_and_a_killed_one_to_the_next(order):
    with (
        writing(order.db, "night amber-fox"),
        pytest.raises(Exception, match="got 'night amber-fox, process"),
    ):
        night.run(order, FakeEngine()(), Watcher())
    assert not [line for line in night.run(order, FakeEngine()(), Watcher()).problems if "killed" in line]
    (order.db.parent / "calls.duckdb.lock").write_text("night blue-owl, process 1 on there, since then")
    problems = night.run(order, FakeEngine()(), Watcher()).problems
    assert "a run was killed: night blue-owl, process 1 on there, since then" in problems
