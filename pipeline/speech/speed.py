"""Whether speech plays at the speed at which it was spoken, or a header gives a wrong sample rate.

Speech at double or half speed is recognised badly. Where that or the number of words is suspicious, a part of
it is recognised at the other speeds too: at its own speed it is recognised much better.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import fsum

import numpy as np
from numpy.typing import NDArray

Part = NDArray[np.float32]
Confidence = tuple[float, int]
"""Mean probability of the words recognised, 0 to 1, and their number."""

SPEEDS = (2.0, 0.5)
LEAST_SPEECH_S = 2.5
LONG_SPEECH_S = 6.0  # so much speech has words
SURE_PROBABILITY = 0.8  # words of so high a mean probability were heard at their own speed
USUAL_WORDS_PER_S = (0.8, 4.6)  # of speech without its pauses
BETTER_BY = 0.12  # mean probability gained at the true speed
LEAST_WORDS = 5


def is_suspicious(probabilities: Sequence[float], speech_s: float) -> bool:
    """Whether words of these probabilities in so much speech may have been spoken at another speed."""
    if speech_s < LEAST_SPEECH_S:
        return False
    if len(probabilities) < LEAST_WORDS:
        return speech_s >= LONG_SPEECH_S
    low, high = USUAL_WORDS_PER_S
    usual = low <= len(probabilities) / speech_s <= high
    return not usual or fsum(probabilities) / len(probabilities) < SURE_PROBABILITY


def find_speed(part: Part, speech_s: float, plain: float, recognise: Callable[[Part], Confidence]) -> float:
    """The speed, 2.0, 1.0 or 0.5, at which `part` plays, which has `speech_s` of speech.

    `plain` is the mean probability of the words as they were recognised, and `recognise` gives the confidence
    in what is recognised at another speed. Another than 1.0 is found only where speech is recognised clearly
    better and has a usual number of words.
    """
    best, found = plain + BETTER_BY, 1.0
    low, high = USUAL_WORDS_PER_S
    for speed in SPEEDS:
        probability, words = recognise(stretched(part, speed))
        if words >= LEAST_WORDS and low <= words / (speech_s * speed) <= high and probability > best:
            best, found = probability, speed
    return found


def stretched(part: Part, factor: float) -> Part:
    """`part` played in `factor` times its time, pitch included."""
    at = np.arange(round(len(part) * factor)) / factor
    return np.interp(at, np.arange(len(part)), part).astype(np.float32)
