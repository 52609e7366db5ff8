"""Music is told from speech whatever plays it; tones of the telephone are told from both."""

import numpy as np
import pytest
from channels import channels_of
from instruments import add, cadence, drum, drums, music_of, singing
from signals import RATE, at, decibels, music, noise, sample_call, speech, tone

from pipeline.audio.cuts import find_cuts
from pipeline.audio.frames import levels_db
from pipeline.audio.rhythm import find_rhythm
from pipeline.settings import Settings
from pipeline.spans import Span, covered_s, total_s
from pipeline.weights.voice_activity import load_voice_model

SETTINGS = Settings()


@pytest.fixture(scope="module")
def voice_model():
    return load_voice_model()


@pytest.fixture
def heard(voice_model):
    def hear(*channels):
        return channels_of(np.stack(channels), voice_model, SETTINGS)

    return hear


def music_s(channel):
    return total_s(s.span for s in channel.sounds if s.kind == "music")


def kinds(channel):
    return [s.kind for s in channel.sounds]


@pytest.mark.parametrize(
    ("on_off_s", "hz", "kind", "bursts"),
    [
        ((2.0, 4.0), (440, 480), "ringing", 3),
        ((0.4, 0.2, 0.4, 2.0), (400, 450), "ringing", 12),
        ((1.0, 4.0), (425,), "ringing", 4),
        ((0.5, 0.5), (480, 620), "busy", 18),
        ((0.25, 0.25), (480, 620), "busy", 36),
        ((0.48, 0.48), (425,), "busy", 19),
        ((0.375, 0.375), (400,), "busy", 24),
        ((0.2, 14.8), (1400,), "beep", 2),
        ((0.3, 7.7), (440,), "beep", 3),
        ((0.5, 0.5), (1000,), "beep", 18),
        ((0.5, 4.5), (660, 880), "tones", 4),
        ((30.0, 1.0), (350, 440), "tones", 1),
        ((30.0, 1.0), (1000,), "tones", 1),
    ],
)
def test_tones_are_told_by_frequency_and_beat(heard, on_off_s, hz, kind, bursts):
    (channel,) = heard(at(20, (1.0, cadence(18.0, on_off_s, *hz)), noise_db=-50))
    assert kinds(channel) == [kind] * bursts
    assert channel.spans == ()
    assert channel.sounds[0].start_s == pytest.approx(1.0, abs=0.03)
    assert channel.sounds[0].end_s == pytest.approx(min(1.0 + on_off_s[0], 19.0), abs=0.03)
    frequency_hz = channel.sounds[0].frequency_hz
    assert (frequency_hz is None) == (len(hz) > 1)
    assert frequency_hz is None or frequency_hz == pytest.approx(hz[0], rel=0.005)


@pytest.mark.parametrize(("seconds", "detune"), [(0.06, 1.015), (0.1, 1.0), (0.3, 0.985)])
def test_every_key_is_a_key(heard, seconds, detune):
    keys = [(row, column) for row in (697, 770, 852, 941) for column in (1209, 1336, 1477, 1633)]
    parts = [
        (1 + i * 0.6, tone(seconds, row * detune, -24) + tone(seconds, column * detune, -21))
        for i, (row, column) in enumerate(keys)
    ]
    (channel,) = heard(at(12, *parts))
    assert kinds(channel) == ["dtmf"] * 16
    assert channel.spans == ()


def test_a_pair_of_frequencies_that_is_no_key_is_none(heard):
    (channel,) = heard(at(6, (2, tone(0.2, 730, -24) + tone(0.2, 1100, -24))))
    assert "dtmf" not in kinds(channel)


@pytest.mark.parametrize(
    ("instrument", "by_db"), [("pad", -20), ("pluck", 0), ("piano", -20), ("organ", 0), ("brass", -20)]
)
def test_instruments_are_music(heard, instrument, by_db):
    tune = decibels(music_of(16, instrument, seed=3), by_db)
    (channel,) = heard(at(30, (8, tune)))
    assert music_s(channel) == pytest.approx(16, abs=3.5)
    assert total_s(channel.spans) < 0.5


@pytest.mark.parametrize(
    ("instrument", "bpm"), [("piano", 140), ("organ", 128), ("pluck", 90), ("brass", 70)]
)
def test_bands_are_music(heard, instrument, bpm):
    (channel,) = heard(at(28, (6, music_of(16, instrument, bpm=bpm, drums=True, seed=5))))
    assert music_s(channel) == pytest.approx(16, abs=2)


@pytest.mark.parametrize(("bpm", "by_db"), [(80, 0), (100, -15), (128, -6), (140, -20)])
def test_drums_alone_are_music(heard, bpm, by_db):
    (channel,) = heard(at(30, (8, decibels(drums(16, bpm=bpm, seed=1), by_db)), noise_db=-65))
    assert music_s(channel) == pytest.approx(16, abs=2)
    assert channel.spans == ()


@pytest.mark.parametrize(("below_db", "start_s"), [(60, 8.0), (20, 6.5)])
def test_drums_start_where_their_level_does(below_db, start_s):
    """What a stereo codec leaves of the other side's voice is fainter than drums."""
    residue = np.random.default_rng(3).standard_normal(round(1.4 * RATE)) * 10 ** (-below_db / 20)
    samples = np.zeros(30 * RATE, np.float32)
    samples[round(6.5 * RATE) :][: len(residue)] = residue * np.abs(drums(16, seed=1)).max() / 3
    samples[8 * RATE : 24 * RATE] = drums(16, seed=1)
    levels = levels_db(samples)
    (found,) = find_rhythm(samples, levels, levels > -90, np.zeros(len(levels), np.float32))
    assert found.start_s == pytest.approx(start_s, abs=0.1)


def test_blows_without_a_beat_are_no_music(heard):
    random = np.random.default_rng(2)
    out = np.zeros(16 * RATE)
    for at_s in np.cumsum(random.exponential(0.5, 30)):
        add(out, min(at_s, 15.0), 0.1 * drum(random, deep=False))
    (channel,) = heard(at(30, (8, out.astype(np.float32)), noise_db=-65))
    assert music_s(channel) == 0


def test_the_agent_who_looks_in_ends_the_drums(heard):
    (channel,) = heard(at(44, (3, drums(14, seed=1)), (17.4, speech(2.0)), (20, drums(14, seed=2))))
    tunes = [s.span for s in channel.sounds if s.kind == "music"]
    assert len(tunes) == 2
    assert tunes[0].end_s < 17.6
    assert tunes[1].start_s > 19.0


@pytest.mark.parametrize("bed_db", [0, -6, -12])
def test_a_song_is_music_and_not_speech(heard, bed_db):
    song = singing(16, seed=2) + decibels(music_of(16, "piano", bpm=90, drums=True), bed_db)
    (channel,) = heard(at(28, (6, song)))
    assert music_s(channel) == pytest.approx(16, abs=1.5)
    assert total_s(channel.spans) < 1.0


@pytest.mark.parametrize(("instrument", "bed_db"), [("pad", -6), ("organ", -20), ("brass", -12)])
def test_music_goes_on_under_an_announcement(heard, instrument, bed_db):
    bed = decibels(music_of(24, instrument, seed=4), bed_db)
    announcement = decibels(speech(6.0, who="customer"), 6)
    (channel,) = heard(at(32, (4, bed), (12, announcement)))
    assert [s.kind for s in channel.sounds if s.kind == "music"] == ["music"]
    assert music_s(channel) > 22
    assert bed_db > -20 or covered_s(Span(12, 18), channel.spans) > 1.5


def test_the_agent_who_looks_in_ends_the_music(heard):
    check_back = speech(2.0)
    (channel,) = heard(at(40, (3, music(14)), (17.4, check_back), (20, music(14))))
    tunes = [s.span for s in channel.sounds if s.kind == "music"]
    assert len(tunes) == 2
    assert tunes[0].end_s < 17.6
    assert tunes[1].start_s > 19.0


@pytest.mark.real
def test_speech_is_no_sound(heard):
    clean = (
        "dev02_rude_no_disclosure",
        "dev03_ivr_disclosure_refused_hold",
        "dev04_late_disclosure",
        "dev07_traps_mono",
    )
    for path in (*(f"{name}.flac" for name in clean), "audiohook_stereo_ulaw.wav"):
        for channel in heard(*sample_call(path)[:, : 60 * RATE]):
            assert channel.sounds == (), path


def test_noise_is_no_music(heard):
    (channel,) = heard(at(30, (8, noise(12, -30, seed=3)), noise_db=-65))
    assert channel.sounds == ()


def stopped(*stretches, line_db=-60.0):
    """A channel with speech and line noise, digitally silent in the stretches."""
    samples = at(40, (2, speech(6.0)), (25, speech(6.0)), noise_db=line_db)
    for start_s, end_s in stretches:
        samples[round(start_s * RATE) : round(end_s * RATE)] = 0
    return samples


def test_a_stopped_recorder_leaves_a_cut():
    (cut,) = find_cuts(stopped((9.0, 21.0)), 2.0)
    assert (cut.start_s, cut.end_s) == (pytest.approx(9.0, abs=0.02), pytest.approx(21.0, abs=0.02))


def test_a_constant_offset_is_a_cut_too():
    samples = stopped((9.0, 21.0))
    samples[9 * RATE : 21 * RATE] = 0.01
    assert len(find_cuts(samples, 2.0)) == 1


def test_a_line_that_suppresses_silence_shows_no_cut():
    assert find_cuts(at(40, (2, speech(6.0)), noise_db=-110), 2.0) == ()


def test_short_dropouts_and_the_ends_are_no_cuts():
    assert find_cuts(stopped((0.0, 1.5), (9.0, 9.5), (38.0, 40.0)), 2.0) == ()


def test_a_cut_is_a_sound_of_its_channel(heard):
    left, right = heard(stopped((9.0, 21.0)), at(40, (10, speech(5.0, who="customer")), seed=1))
    assert [(s.kind, s.channel) for s in left.sounds] == [("cut", 0)]
    assert right.sounds == ()
