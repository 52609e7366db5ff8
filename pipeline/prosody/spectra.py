"""Short-time spectra of the frames that are wanted, and of no others."""

from __future__ import annotations

from collections.abc import Iterator

import librosa
import numpy as np
from numpy.typing import NDArray

from pipeline.audio.frames import Mask, to_spans

BLOCK = 4096  # frames at a time, to bound memory


def amplitude_spectra(
    samples: NDArray[np.float32], wanted: Mask, *, n_fft: int, hop: int, window: int
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Blocks of adjoining wanted frames, each with its amplitudes of shape (frames, n_fft // 2 + 1).

    A frame is `hop` samples long; a Hann window of `window` samples lies around its middle.
    """
    padded = np.pad(samples, (n_fft // 2 - hop // 2, n_fft))
    for span in to_spans(wanted, rate=1):
        first, end = round(span.start_s), round(span.end_s)
        for start in range(first, end, BLOCK):
            frames = slice(start, min(start + BLOCK, end))
            part = padded[start * hop : (frames.stop - 1) * hop + n_fft]
            spectra = librosa.stft(part, n_fft=n_fft, hop_length=hop, win_length=window, center=False)
            yield frames, np.abs(spectra.T)
