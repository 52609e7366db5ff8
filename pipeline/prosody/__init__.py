"""How things were said: acoustic measures of each turn against the speaker's own, and the words' sentiment.

Measurements are given of everybody. What is inferred from them (`activation`, rises) and from the words
(`word_sentiment`) is given of customers only, unless the settings ask for more; no emotion is ever named.
"""

from pipeline.prosody.measure import CallTone, Spoken, measure_tone

__all__ = ["CallTone", "Spoken", "measure_tone"]
