from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from signals import RATE, at, speech

from pipeline.records import WORD_TOLERANCE_S, Call, HeardChannel, HeardWord
from pipeline.settings import AsrSettings
from pipeline.spans import Span, covered_s, total_s
from pipeline.speech.activity import ChannelActivity
from pipeline.speech.names import names_of
from pipeline.speech.transcribe import (
    USABLE_S,
    FasterWhisper,
    WindowWord,
    _map_back,
    _whole_words,
    pack,
    supported,
    unheard,
)

SETTINGS = AsrSettings(language="en")


def channel(*spans, duration_s=200.0):
    return ChannelActivity(
        spans=tuple(Span(a, b) for a, b in spans),
        sounds=(),
        samples=np.zeros(round(duration_s * RATE), np.float32),
    )


some_spans = st.lists(st.tuples(st.floats(0, 20), st.floats(0.1, 70)), max_size=6).map(
    lambda gaps: tuple(
        (round(start, 2), round(start + length, 2))
        for start, length in [
            (sum(g + n for g, n in gaps[:i]) + gap, length) for i, (gap, length) in enumerate(gaps)
        ]
    )
)


@given(some_spans)
def test_windows_hold_all_activity_once_and_fit_the_model(spans):
    activity = channel(*spans, duration_s=600)
    windows = pack(0, activity, SETTINGS)
    pieces = [p.source for w in windows for p in w.pieces]
    assert all(w.duration_s <= USABLE_S + 1e-6 for w in windows)
    assert sum(covered_s(s, pieces) for s in activity.spans) == pytest.approx(total_s(activity.spans))
    assert all(a.end_s <= b.start_s + 1e-9 for a, b in pairwise(pieces))


def test_close_stretches_share_a_piece_and_distant_ones_a_window():
    (window,) = pack(0, channel((10, 12), (12.5, 14), (100, 103)), SETTINGS)
    assert [(round(p.source.start_s, 2), round(p.source.end_s, 2)) for p in window.pieces] == [
        (9.8, 14.2),
        (99.8, 103.2),
    ]
    assert window.duration_s < 10


def test_a_time_in_a_window_maps_back_to_the_recording():
    (window,) = pack(0, channel((10, 12), (100, 103)), SETTINGS)
    second = window.pieces[1]
    time_s, piece = window.source_time(second.offset_s + 1.0)
    assert (time_s, piece) == (pytest.approx(100.8), second)


def heard(*words):
    return [WindowWord(start_s=a, end_s=b, text=text, probability=p) for a, b, text, p in words]


@pytest.mark.parametrize(
    ("words", "behind"),
    [
        # A muttered "mm hmm" from 4.5 to 5.3, then the next line from 5.9 on.
        ([(4.7, 5.0, "When", 0.5), (5.0, 6.3, "did", 1.0), (6.3, 6.5, "you", 1.0)], ["When", "did", "you"]),
        ([(4.5, 5.1, "Mhm.", 0.5), (5.1, 6.1, "Would", 0.6), (6.1, 6.5, "you", 1.0)], ["Would", "you"]),
        ([(4.5, 5.1, "MMHM", 0.6), (5.1, 6.5, "When", 0.7), (6.5, 6.6, "did", 1.0)], ["When", "did"]),
        ([(4.5, 4.9, "So", 0.9), (4.9, 5.2, "I", 0.9), (5.2, 6.3, "rang", 1.0)], ["rang"]),
        ([(4.5, 5.95, "Right.", 0.9), (6.0, 6.3, "When", 0.9)], ["When"]),
        ([(4.5, 4.9, "It", 0.5), (4.9, 5.2, "is", 0.5), (6.0, 6.5, "red", 1.0)], ["red"]),
    ],
)
def test_words_belong_to_the_side_of_a_pause_on_which_they_were_said(words, behind):
    (window,) = pack(0, channel((0.2, 4.1), (10, 10.4), (20, 24)), SETTINGS)
    pieces = [p.offset_s for p in window.pieces]
    assert pieces == [0.0, pytest.approx(4.9), pytest.approx(6.3)]
    shifted = [(a + 0.4, b + 0.4, text, p) for a, b, text, p in words]
    placed = _map_back(window, heard((0.1, 0.5, "Yes.", 0.9), *shifted))
    assert [w.text for w in placed if w.start_s >= 19] == behind
    assert all(0 <= w.start_s <= w.end_s for w in placed)


def a_word(start_s, end_s, text="word"):
    return HeardWord(channel=0, start_s=start_s, end_s=end_s, text=text, probability=0.9)


def test_words_without_activity_are_dropped_and_others_cut_to_it():
    spans = (Span(1.0, 2.0), Span(5.0, 6.0))
    kept = supported(
        [a_word(0.9, 1.4), a_word(3.0, 3.5, "Thank"), a_word(3.5, 4.0, "you."), a_word(5.8, 6.4)],
        spans,
        SETTINGS,
    )
    assert [(w.start_s, w.end_s) for w in kept] == [(1.0, 1.4), (5.8, 6.0)]
    assert supported([a_word(0.9, 1.4)], (), SETTINGS) == ()


@given(some_spans, st.lists(st.tuples(st.floats(0, 300), st.floats(0, 2)), max_size=20))
def test_support_is_found_as_by_looking_at_every_stretch(spans, times):
    spans = tuple(Span(a, b) for a, b in spans)
    words = [a_word(start_s, start_s + length_s) for start_s, length_s in times]
    kept = supported(words, spans, SETTINGS)
    by_hand = [
        word
        for word in words
        if (reach := word.span.padded(WORD_TOLERANCE_S))
        and any(span & reach for span in spans)
        and covered_s(reach, spans) >= SETTINGS.word_support * max(word.span.duration_s, 0.05)
    ]
    assert len(kept) == len(by_hand)
    assert all(any(s.start_s <= w.start_s < w.end_s <= s.end_s + 0.01 for s in _hulls(spans)) for w in kept)


def _hulls(spans):
    """Every run of neighbouring spans as one: a word may reach over a pause."""
    return [spans[i] | spans[k] for i in range(len(spans)) for k in range(i, len(spans))]


class Counting(tuple):
    """Spans that count how often one of them is looked at."""

    __slots__ = ()
    looks = 0

    def __getitem__(self, place):
        found = super().__getitem__(place)
        Counting.looks += len(found) if isinstance(place, slice) else 1
        return found


def test_a_word_looks_only_at_the_activity_around_it():
    spans = Counting(Span(i * 2.0, i * 2.0 + 1.5) for i in range(5000))
    words = [a_word(i * 2.0 + 0.2, i * 2.0 + 0.6) for i in range(5000)]
    assert len(supported(words, spans, SETTINGS)) == 5000
    assert Counting.looks <= 3 * 5000


def part(word, start=0.0, end=0.1, probability=0.9):
    return SimpleNamespace(word=word, start=start, end=end, probability=probability)


def test_parts_of_words_are_joined_and_spoken_digits_kept_apart():
    texts = [w.text for w in _whole_words([part(" 4"), part("-4"), part("-927")], 0.0)]
    assert texts == ["4", "4", "927"]
    texts = [
        w.text
        for w in _whole_words([part(" at"), part(" 10"), part(".15,"), part(" well"), part("-known")], 0.0)
    ]
    assert texts == ["at", "10.15,", "well-known"]


def test_a_joined_word_is_as_sure_as_its_weakest_part():
    (word,) = _whole_words([part(" well", 1.0, 1.2, 0.9), part("-known", 1.2, 1.5, 0.4)], 0.5)
    assert (word.start_s, word.end_s, word.probability) == (0.5, 1.0, 0.4)


def test_silence_is_never_shown_to_the_recogniser(monkeypatch):
    recogniser = FasterWhisper(SimpleNamespace(), SETTINGS)
    assert recogniser([channel(), channel()]) == (HeardChannel(), HeardChannel())


def sources_of(windows):
    return [
        [(round(p.source.start_s, 2), round(p.source.end_s, 2)) for p in window.pieces] for window in windows
    ]


def found_in(*spans):
    return [a_word(start_s + 0.1, end_s - 0.1) for start_s, end_s in spans]


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ([(1, 2), (20, 22), (40, 44), (60, 66)], []),
        ([(1, 2)], [[(19.8, 22.2), (39.8, 44.2), (59.8, 66.2)]]),  # it stopped
        ([(1, 2), (60, 66)], [[(19.8, 22.2), (39.8, 44.2)]]),  # it passed over two pieces
        ([(1, 2), (40, 44), (60, 61)], [[(19.8, 22.2)], [(60.9, 66.2)]]),  # it stopped amid a piece
        ([(1, 2), (20, 22), (40, 44), (60, 64.5)], []),
        ([], []),
    ],
)
def test_what_a_window_leaves_without_words_is_recognised_again(words, left):
    activity = channel((1, 2), (20, 22), (40, 44), (60, 66))
    (window,) = pack(0, activity, SETTINGS)
    again = unheard(window, found_in(*words), activity.spans)
    assert sources_of(again) == left
    assert all(window.pieces[0].offset_s == 0.0 for window in again)


def test_what_is_left_of_a_piece_ends_with_it():
    activity = channel((1, 2), (20, 28), (150, 150.3))
    (window,) = pack(0, activity, SETTINGS)
    again = unheard(window, found_in((1, 2), (20, 21)), activity.spans)
    assert sources_of(again) == [[(20.9, 28.2)]]


@given(some_spans, st.floats(0, 1))
def test_what_is_recognised_again_is_within_what_was_shown(spans, share):
    activity = channel(*spans, duration_s=600)
    for window in pack(0, activity, SETTINGS):
        first = window.pieces[0].source
        until_s = first.start_s + share * first.duration_s
        for again in unheard(window, [a_word(first.start_s, until_s)], activity.spans):
            assert again.duration_s <= window.duration_s + 1e-6
            sources = [piece.source for piece in window.pieces]
            assert all(
                covered_s(p.source, sources) == pytest.approx(p.source.duration_s) for p in again.pieces
            )


def test_a_piece_with_hardly_any_activity_is_left():
    activity = channel((1, 2), (20, 20.4))
    (window,) = pack(0, activity, SETTINGS)
    assert unheard(window, found_in((1, 2)), activity.spans) == ()


@given(some_spans, st.booleans())
def test_recognising_again_ends_and_keeps_words_in_order(spans, hears):
    """The recogniser here never hears more than the first word of what it is shown."""
    activity = channel(*spans, duration_s=600)
    recogniser = FasterWhisper(SimpleNamespace(), SETTINGS)
    shown = []

    def recognise(audio, language, hotwords="", *, fallbacks=True):
        assert language == "en"
        shown.append(len(audio))
        return [heard((0.22, 0.28, "word", 0.9)) if hears else [] for _ in audio]

    recogniser.recognise = recognise  # type: ignore[method-assign]
    (found,) = recogniser([activity])
    words = found.words
    assert len(shown) <= 4 + 2  # and at two other speeds where there are few words
    assert bool(words) == (bool(spans) and hears)
    assert [w.start_s for w in words] == sorted(w.start_s for w in words)


@pytest.mark.real
def test_real_weights_hear_both_channels_in_their_places(recogniser):
    quiet = at(40, noise_db=-60)
    agent, customer = at(40, (20.0, speech(10.0))), at(40, (5.0, speech(6.0, who="customer")), seed=1)
    heard = recogniser(
        [
            ChannelActivity(spans=(Span(20.0, 30.0),), sounds=(), samples=agent),
            ChannelActivity(spans=(Span(5.0, 11.0),), sounds=(), samples=customer),
            ChannelActivity(spans=(), sounds=(), samples=quiet),
        ]
    )
    texts = [" ".join(w.text for w in one.words).lower() for one in heard]
    assert "make sure i have that right" in texts[0]
    assert "my bill" in texts[1]
    assert texts[2] == ""
    assert all(20.0 <= w.start_s < w.end_s <= 30.01 for w in heard[0].words)
    assert all(5.0 <= w.start_s < w.end_s <= 11.01 for w in heard[1].words)
    right = next(w for w in heard[0].words if w.text.lower().startswith("right"))
    assert right.start_s == pytest.approx(22.6, abs=0.7)


# --- names -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (Call(agent_name="Ann Lee"), ("Ann Lee",)),
        (Call(agent_name="4711"), ()),
        (Call(agent_name="the agent who is on duty today"), ()),
        (
            Call(extra={"Customer-Name": " Zoltan  Brzeczyszczykiewicz ", "company": "Smith & Sons"}),
            ("Zoltan Brzeczyszczykiewicz", "Smith & Sons"),
        ),
        (Call(agent_name="Ann", extra={"customer name": "Ann", "note": "Otto"}), ("Ann",)),
        (Call(extra={"customer_name": 12}), ()),
    ],
)
def test_names_are_taken_from_metadata(call, names):
    assert names_of(call) == names


@pytest.mark.parametrize(("wanted", "hotwords"), [(True, "Ann Lee, Otto"), (False, None)])
def test_the_recogniser_listens_for_names(wanted, hotwords):
    recogniser = FasterWhisper(SimpleNamespace(), AsrSettings(language="en", names=wanted))
    asked = []

    def transcribe(*_, **options):
        asked.append(options["hotwords"])
        return iter(()), None

    recogniser._batched = SimpleNamespace(transcribe=transcribe)  # type: ignore[assignment]
    recogniser([channel((1, 3))], ("Ann Lee", "Otto"))
    recogniser([channel((1, 3))])
    assert asked == [hotwords, None]
