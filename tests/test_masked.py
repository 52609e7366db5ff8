"""Masks applied to words and to sound."""

import numpy as np
import pytest
from builders import a_mask

from pipeline.audio.masked import zeroed
from pipeline.masking.text_masks import masked_words, text_of
from pipeline.records import Word

RATE_HZ = 1000


def words(text):
    return tuple(
        Word(
            word_index=at,
            turn_index=0,
            role="customer",
            channel=1,
            start_s=at * 0.5,
            end_s=at * 0.5 + 0.4,
            text=said,
            probability=0.9,
        )
        for at, said in enumerate(text.split())
    )


def heard(samples):
    """The samples that are not zero on any channel, as first and end."""
    return np.flatnonzero(samples.any(axis=0))


def test_a_value_gives_way_to_its_label_once():
    said = words("my card is 4929 1184 7702 thanks")
    out = masked_words(said, (a_mask(1.5, 2.9, first_word=3, last_word=5),))
    assert text_of(out) == "my card is [card] thanks"
    assert [word.text for word in out] == ["my", "card", "is", "[card]", "", "", "thanks"]


def test_numbers_and_times_of_words_are_kept():
    said = words("pin 4 0 7")
    out = masked_words(said, (a_mask(0.5, 1.9, kind="pin", first_word=1, last_word=3),))
    assert [(w.word_index, w.start_s, w.end_s) for w in out] == [
        (w.word_index, w.start_s, w.end_s) for w in said
    ]


def test_names_have_the_number_of_the_person():
    masks = [
        a_mask(0, 0.4, kind="name", person=n, first_word=at, last_word=at)
        for at, n in ((0, 1), (2, 2), (3, 1))
    ]
    assert text_of(masked_words(words("Ann and Tom Ann"), masks)) == "[name 1] and [name 2] [name 1]"


def test_kinds_are_shown_as_words():
    assert a_mask(0, 1, kind="sort_code").label == "[sort code]"


def test_without_masks_words_stay():
    assert masked_words(words("hello there"), ()) == words("hello there")


@pytest.mark.parametrize("channels", [1, 2])
def test_all_channels_are_zero_150_ms_around_a_mask_and_unchanged_elsewhere(channels):
    samples = np.ones((channels, 3000), np.float32)
    out = zeroed(samples, RATE_HZ, (a_mask(1.0, 2.0),))
    assert out.shape == samples.shape
    assert not out[:, 850:2150].any()
    assert (out[:, :850] == 1).all()
    assert (out[:, 2150:] == 1).all()
    assert samples.all(), "the given samples are not changed"


@pytest.mark.parametrize(("start_s", "end_s", "left"), [(0.1, 0.3, range(450, 1000)), (0.9, 5.0, range(750))])
def test_a_mask_may_reach_beyond_the_ends(start_s, end_s, left):
    out = zeroed(np.ones((2, 1000), np.float32), RATE_HZ, (a_mask(start_s, end_s),))
    assert list(heard(out)) == list(left)


@pytest.mark.parametrize(("gap_s", "silent"), [(0.99, True), (1.0, False)])
def test_pieces_of_one_number_are_joined_under_a_second(gap_s, silent):
    masks = (a_mask(2.0 + gap_s, 4.0), a_mask(1.0, 2.0))
    out = zeroed(np.ones((2, 5000), np.float32), RATE_HZ, masks)
    assert (not out[:, 2000:2990].any()) == silent


def test_data_of_two_kinds_are_not_joined():
    masks = (a_mask(1.0, 2.0, kind="name"), a_mask(2.9, 4.0))
    assert zeroed(np.ones((2, 5000), np.float32), RATE_HZ, masks)[:, 2150:2750].all()


def test_a_part_of_a_sample_is_zeroed_whole():
    out = zeroed(np.ones((1, 1000), np.float32), RATE_HZ, (a_mask(0.3005, 0.4005),))
    assert list(heard(out)) == [*range(150), *range(551, 1000)]


def test_without_masks_the_sound_stays():
    samples = np.ones((2, 100), np.float32)
    assert (zeroed(samples, RATE_HZ, ()) == samples).all()
