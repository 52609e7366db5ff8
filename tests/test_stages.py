"""The seconds of each stage of an analysis."""

import pytest

from pipeline.analyse import STAGE_COLUMNS
from pipeline.stages import Stages


@pytest.fixture
def clock(monkeypatch):
    times = iter(float(time) for time in range(100))
    monkeypatch.setattr("pipeline.stages.time.perf_counter", lambda: next(times))


def test_each_stage_has_its_own_seconds_and_all_of_them_the_time_before(clock):
    stages = Stages(decode=0.5)  # at 0
    with stages("turns"):  # 1 to 2
        pass
    with stages("events"):  # 3 to 4
        pass
    with stages("turns"):  # 5 to 6
        pass
    assert stages.seconds("turns") == 2.0
    assert stages.seconds("turns", "events", "decode") == 3.5
    assert stages.seconds("rules") == 0.0
    assert stages.wall_s() == 7.5


def test_a_stage_that_fails_is_not_counted():
    stages = Stages()
    with pytest.raises(ValueError, match="broken"), stages("turns"):
        raise ValueError("broken")
    assert stages.seconds("turns") == 0.0


def test_no_stage_is_counted_in_two_columns():
    names = [name for column in STAGE_COLUMNS.values() for name in column]
    assert len(names) == len(set(names))
