"""What the words alone say about mood, -1 to 1, by VADER (Hutto and Gilbert 2014).

A lexicon with rules for negation and emphasis: the same everywhere, explainable word by word, and deaf to
irony. Polite formulas count as positive ("please", "thank you"), as they do in every such measure, so
compare values with each other rather than with 0.
"""

from __future__ import annotations

import re
from functools import cache

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

_SENTENCE = re.compile(r"[^.?!]+[.?!]*")


def score_text(text: str) -> float | None:
    """-1 (negative) to 1 (positive): the mean over sentences, weighted by their words; None without words.

    Sentence by sentence, because VADER's score of a whole text nears -1 or 1 the longer it is.

    >>> score_text("That is great. Thank you!") > 0.4
    True
    """
    sentences = [sentence for sentence in _SENTENCE.findall(text) if any(map(str.isalnum, sentence))]
    weights = [len(sentence.split()) for sentence in sentences]
    if not sentences:
        return None
    scores = [float(_vader().polarity_scores(sentence)["compound"]) for sentence in sentences]
    return sum(s * w for s, w in zip(scores, weights, strict=True)) / sum(weights)


@cache
def _vader() -> SentimentIntensityAnalyzer:
    return SentimentIntensityAnalyzer()
