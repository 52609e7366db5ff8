"""Which layouts a pair of channels can be."""

import numpy as np
import pytest

from pipeline.audio.channels import layout_of
from pipeline.settings import AudioSettings

SAMPLE_RATE = 16_000
SETTINGS = AudioSettings()
NOISE = np.random.default_rng(7).standard_normal((2, 5 * SAMPLE_RATE)).astype(np.float32) * 0.1
LEFT, RIGHT = NOISE
PARTED = np.where(np.arange(len(LEFT)) < 3 * SAMPLE_RATE, LEFT, RIGHT * 0.1)


@pytest.mark.parametrize(
    ("channels", "layout"),
    [
        ([LEFT], "mono"),
        ([LEFT, LEFT], "fake_stereo"),
        ([LEFT, -0.3 * LEFT + 0.01], "fake_stereo"),
        ([LEFT, LEFT + 0.0005 * RIGHT], "fake_stereo"),
        ([LEFT, LEFT + 0.1 * RIGHT], "stereo"),
        ([LEFT, RIGHT], "stereo"),
        ([LEFT + 5, RIGHT + 5], "stereo"),
        ([LEFT, 0 * LEFT], "stereo"),
        ([0 * LEFT, LEFT], "stereo"),
        ([LEFT, 0.001 * LEFT], "stereo"),
        ([0 * LEFT, 0 * LEFT], "stereo"),
        ([LEFT, PARTED], "stereo"),
        (np.zeros((2, 0)), "stereo"),
    ],
)
def test_layout(channels, layout):
    assert layout_of(np.array(channels, dtype=np.float32), SETTINGS) == layout


def test_the_residual_is_a_setting():
    nearly = np.stack([LEFT, LEFT + 0.1 * RIGHT])
    assert layout_of(nearly, AudioSettings(fake_stereo_max_residual_db=-10)) == "fake_stereo"
