"""What rules ask of a call's hearing, laid out once, is what the plainest look at all of it gives."""

from __future__ import annotations

from statistics import fmean

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.phrases.confidence import LEAST_SPEECH_S, LEAST_WORDS_PER_S, WordConfidence
from pipeline.records import WORD_TOLERANCE_S, Activity, Role, Word
from pipeline.settings import RuleSettings
from pipeline.spans import Cover, Span, covered_s, union

SETTINGS = RuleSettings()
ROLES: tuple[Role, ...] = ("agent", "customer", "unknown")

times = st.floats(0, 60).map(lambda time_s: round(time_s, 2))
lengths = st.floats(0.01, 8).map(lambda length_s: round(length_s, 2))
roles = st.sampled_from(ROLES)
channels = st.integers(0, 1)


@st.composite
def some_words(draw: st.DrawFn) -> tuple[Word, ...]:
    heard = draw(st.lists(st.tuples(times, lengths, roles, channels, st.floats(0, 1)), max_size=12))
    return tuple(
        Word(
            word_index=at,
            turn_index=0,
            role=role,
            channel=channel,
            start_s=start_s,
            end_s=start_s + length_s,
            text="word",
            probability=probability,
        )
        for at, (start_s, length_s, role, channel, probability) in enumerate(heard)
    )


@st.composite
def some_activities(draw: st.DrawFn) -> tuple[Activity, ...]:
    heard = draw(st.lists(st.tuples(times, lengths, roles, channels), max_size=12))
    return tuple(
        Activity(channel=channel, role=role, start_s=start_s, end_s=start_s + length_s)
        for start_s, length_s, role, channel in heard
    )


@given(st.lists(st.tuples(times, lengths)), times, lengths)
def test_a_cover_is_asked_as_its_spans_are(
    spans: list[tuple[float, float]], at_s: float, for_s: float
) -> None:
    joined = union(Span(start_s, start_s + length_s) for start_s, length_s in spans)
    expected = covered_s(Span(at_s, at_s + for_s), joined)
    assert Cover(joined).seconds_in(at_s, at_s + for_s) == pytest.approx(expected)


@given(some_words(), some_activities())
def test_support_is_the_share_of_the_words_near_speech_of_their_channel(
    words: tuple[Word, ...], activities: tuple[Activity, ...]
) -> None:
    covered = 0.0
    for word in words:
        near = (a.span.padded(WORD_TOLERANCE_S) for a in activities if a.channel == word.channel)
        covered += covered_s(word.span, union(near))
    whole = sum(word.span.duration_s for word in words)
    assert WordConfidence(words, activities).support(words) == pytest.approx(
        covered / whole if whole else 0.0
    )


@given(some_words(), some_activities(), st.sets(roles, min_size=1), times, lengths)
def test_what_was_understood_is_told_by_the_words_that_begin_in_the_window(
    words: tuple[Word, ...],
    activities: tuple[Activity, ...],
    speakers: set[Role],
    at_s: float,
    for_s: float,
) -> None:
    window = Span(at_s, at_s + for_s)
    said = [word.probability for word in words if word.role in speakers and word.start_s in window]
    spoken_s = sum(
        covered_s(window, union(a.span for a in activities if a.role == role)) for role in speakers
    )
    enough = spoken_s < LEAST_SPEECH_S or len(said) >= LEAST_WORDS_PER_S * spoken_s
    clear = not said or fmean(said) >= SETTINGS.min_phrase_probability
    # At a threshold the last digit decides, and sums differ there by the order of their parts.
    assume(abs(spoken_s - LEAST_SPEECH_S) > 1e-6)
    assume(abs(len(said) - LEAST_WORDS_PER_S * spoken_s) > 1e-6)
    heard = WordConfidence(words, activities)
    assert heard.intelligible(tuple(speakers), window, SETTINGS) == (enough and clear)
    assert heard.intelligible([*speakers, *speakers], window, SETTINGS) == (enough and clear)


@given(some_words(), st.sets(roles, min_size=1), times, lengths)
def test_the_probability_in_a_span_is_that_of_the_words_that_reach_into_it(
    words: tuple[Word, ...], speakers: set[Role], at_s: float, for_s: float
) -> None:
    span = Span(at_s, at_s + for_s)
    values = [word.probability for word in words if word.role in speakers and word.span & span]
    found = WordConfidence(words, ()).probability(speakers, span)
    assert found == (pytest.approx(fmean(values)) if values else None)


def test_no_words_were_not_heard_well() -> None:
    assert not WordConfidence((), ()).reliable((), SETTINGS)
    assert WordConfidence((), ()).support(()) == 0.0
