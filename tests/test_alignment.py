"""The two sides of a call in files of their own are aligned by what both have of the same sound."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.audio.alignment import LEAST_SHIFT_S, Alignment, aligned, find_alignment
from pipeline.audio.decode import read_audio
from pipeline.audio.frames import SAMPLE_RATE
from pipeline.audio.legs import Joining, _remark
from pipeline.settings import AudioSettings

CALL = Path("pipeline/samples/dev04_late_disclosure.flac")
ECHO_S = 0.08


@pytest.fixture(scope="module")
def sides():
    return read_audio(CALL, AudioSettings()).samples.astype(np.float64)


def legs(sides, offset_s, ppm, there_db=None, back_db=None):
    """Both sides with echoes; the second is late by `offset_s`, and its clock is too fast by `ppm`."""
    late = [np.roll(side, round(ECHO_S * SAMPLE_RATE)) for side in sides]
    first, second = (
        side + (10 ** (level / 20) * echo if level is not None else 0)
        for side, echo, level in zip(sides, late[::-1], (back_db, there_db), strict=True)
    )
    count = len(second)
    times = (np.arange(count + round(offset_s * SAMPLE_RATE)) / SAMPLE_RATE - offset_s) / (1 + ppm * 1e-6)
    second = np.interp(times, np.arange(count) / SAMPLE_RATE, second, left=0, right=0)
    noise = np.random.default_rng(0)
    return [(leg + noise.normal(0, 1e-4, len(leg))).astype(np.float32) for leg in (first, second)]


@pytest.mark.parametrize(("offset_s", "ppm"), [(1.3, 0), (-2.4, 100)])
def test_an_echo_one_way_gives_the_offset_up_to_its_delay(sides, offset_s, ppm):
    found = find_alignment(legs(sides, offset_s, ppm, there_db=-30))
    assert found.offset_s == pytest.approx(offset_s + ECHO_S, abs=0.002)
    assert found.drift == pytest.approx(ppm * 1e-6, abs=1e-5)
    assert found.is_shifted


def test_echoes_both_ways_give_the_offset(sides):
    found = find_alignment(legs(sides, 0.7, 200, there_db=-30, back_db=-30))
    assert found.offset_s == pytest.approx(0.7, abs=0.002)
    assert found.is_shifted


def test_a_short_lag_may_be_an_echos(sides):
    found = find_alignment(legs(sides, 0.0, 0, there_db=-30))
    assert not found.is_shifted


def test_without_a_common_sound_nothing_is_claimed(sides):
    assert find_alignment(legs(sides, 1.3, 0)) is None
    assert "offset is not known" in _remark(None, [10.0, 10.0])


def test_a_mix_gives_offset_and_drift_and_the_sides_lie_together(sides):
    both = legs(sides, -3.0, 80)
    found = find_alignment(both, sides.sum(axis=0).astype(np.float32))
    assert found.offset_s == pytest.approx(-3.0, abs=0.001)
    joined = aligned(both, found.offset_s, found.drift)
    part = slice(10 * SAMPLE_RATE, 20 * SAMPLE_RATE)
    assert np.corrcoef(joined[1, part], sides[1, part])[0, 1] > 0.97


def alignment(least_s, most_s, drift=None):
    return Alignment(
        offset_s=least_s,
        least_s=least_s,
        most_s=most_s,
        drift=drift,
        heard_in="mix",
        windows=9,
        searched=9,
    )


@pytest.mark.parametrize(("offset_s", "shifted"), [(LEAST_SHIFT_S + 0.001, True), (LEAST_SHIFT_S, False)])
def test_a_shift_has_a_least_length(offset_s, shifted):
    assert alignment(offset_s, offset_s).is_shifted is shifted


@pytest.mark.parametrize(("ppm", "corrected"), [(510, True), (490, False)])
def test_a_drift_is_corrected_where_it_parts_the_sides(ppm, corrected):
    assert alignment(0.0, 0.0, ppm * 1e-6).parts(100.0) is corrected


def test_how_legs_were_joined_is_read_back_from_the_remark():
    remark = _remark(alignment(-2.5, -2.5, 60e-6), [900.0, 900.0])
    assert Joining.noted(remark) == Joining(offset_s=-2.5, drift_ppm=60.0)
    assert Joining.noted("analysed, note: joined from two legs that begin together") == Joining()


def test_nothing_of_either_leg_is_lost():
    legs_ = [np.arange(1, 16001, dtype=np.float32), np.arange(1, 16001, dtype=np.float32)]
    for offset_s in (0.25, -0.25):
        joined = aligned(legs_, offset_s, 0.0)
        assert joined.shape == (2, 20000)
        assert (joined.max(axis=1) == 16000).all()
