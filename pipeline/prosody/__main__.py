"""Compile what librosa compiles at its first use, once, when the environment is made.

    python -m pipeline.prosody

numba keeps the result beside librosa, or in `NUMBA_CACHE_DIR` where that is set. Without this, the first
call that is analysed takes half a minute longer.
"""

import numpy as np

from pipeline.audio.frames import FRAME_RATE, SAMPLE_RATE
from pipeline.audio.rhythm import find_rhythm
from pipeline.prosody.pitch import track_pitch

SECONDS = 10


def main() -> None:
    """Run what uses librosa, on noise."""
    noise = np.random.default_rng(0).normal(0, 0.1, SECONDS * SAMPLE_RATE).astype(np.float32)
    everywhere = np.ones(SECONDS * FRAME_RATE, bool)
    track_pitch(noise, everywhere)
    zeros = np.zeros(len(everywhere), np.float32)
    find_rhythm(noise, zeros, everywhere, zeros)


if __name__ == "__main__":
    main()
