"""Operations on frames agree with their plain definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audio.frames import CEILING_SHARE, clipping_ceiling, dilate, stft


@given(st.lists(st.booleans(), max_size=80), st.integers(0, 90))
def test_dilation_reaches_exactly_as_far_as_asked(values, frames):
    mask = np.array(values, bool)
    expected = [any(values[max(0, i - frames) : i + frames + 1]) for i in range(len(values))]
    assert dilate(mask, frames).tolist() == expected


@pytest.mark.parametrize("frames", [slice(3, 40), np.array([0, 7, 7, 39])])
def test_the_transform_of_a_frame_is_that_of_its_own_samples(frames):
    samples = np.random.default_rng(0).standard_normal(40 * 160 + 512).astype(np.float32)
    found = stft(samples, 512, 160, frames)
    for row, frame in zip(found, np.arange(41)[frames], strict=True):
        own = samples[frame * 160 : frame * 160 + 512] * np.hanning(512)
        assert np.allclose(row, np.fft.rfft(own), atol=1e-3)
    assert found.dtype == np.complex64


def test_the_ceiling_lies_just_below_the_loudest_samples():
    magnitudes = np.full(100_000, 0.5, np.float32)
    magnitudes[0] = 1.0  # a single click
    assert clipping_ceiling(magnitudes) == pytest.approx(CEILING_SHARE * 0.5)
    assert clipping_ceiling(np.zeros(10, np.float32)) == 0.0
