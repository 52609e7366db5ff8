"""Pitch is exact where it is known, what is no clean voice gives no numbers, and gain moves the level alone."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, sosfilt
from signals import RATE, at, decibels, music, noise, speech, tone

from pipeline.audio.frames import to_mask
from pipeline.prosody.baseline import TYPICAL, Prosody, Stretch, find_baseline, measure_stretch
from pipeline.prosody.frames import measure_frames
from pipeline.prosody.pitch import track_pitch
from pipeline.records import Sound
from pipeline.spans import Span
from pipeline.speech.activity import ChannelActivity

LEAST_S = 0.6


def harmonics(hz, seconds=1.0, band=(0.0, 4000.0), level_db=-20.0):
    """A buzz whose pitch is `hz` (a number or a value a sample), with only the harmonics in `band`."""
    n = round(seconds * RATE)
    course = np.broadcast_to(np.asarray(hz, float), n)
    phase = 2 * np.pi * np.cumsum(course) / RATE
    out = np.zeros(n)
    for number in range(1, int(band[1] / course.min()) + 1):
        inside = (number * course >= band[0]) & (number * course < band[1])
        out += np.where(inside, np.sin(number * phase + number), 0) / np.sqrt(number)
    return (out / np.sqrt(np.mean(out**2)) * 10 ** (level_db / 20)).astype(np.float32)


def pitch_of(samples):
    return track_pitch(samples, np.ones(len(samples) // 160, bool))


@pytest.mark.parametrize("hz", [75, 100, 150, 240, 333, 500, 600])
@pytest.mark.parametrize("band", [(0, 4000), (300, 3400)])
def test_the_pitch_of_a_buzz_is_exact_even_without_its_fundamental(hz, band):
    inner = pitch_of(harmonics(hz, band=band))[5:-5]
    assert np.all(np.abs(12 * np.log2(inner / hz)) < 0.1)


@pytest.mark.parametrize("hz", [100, 240, 500])
def test_the_pitch_of_a_sine_is_exact(hz):
    inner = pitch_of(tone(1.0, hz))[5:-5]
    assert np.all(np.abs(12 * np.log2(inner / hz)) < 0.2)


@pytest.mark.parametrize("ends", [(100, 200), (300, 150), (200, 500)])
def test_a_glide_is_followed(ends):
    course = np.geomspace(ends[0], ends[1], RATE)
    inner = pitch_of(harmonics(course, band=(300, 3400)))[5:-5]
    true = course[80::160][5:-5]
    assert np.all(np.abs(12 * np.log2(inner / true)) < 0.3)


@pytest.mark.parametrize("colour", ["white", "low", "telephone"])
def test_noise_has_no_pitch(colour):
    hiss = noise(10, -30)
    if colour == "low":
        hiss = sosfilt(butter(1, 300, fs=RATE, output="sos"), hiss).astype(np.float32)
    if colour == "telephone":
        hiss = sosfilt(butter(6, [300, 3400], "band", fs=RATE, output="sos"), hiss).astype(np.float32)
    assert np.isfinite(pitch_of(hiss)).sum() == 0


@pytest.mark.parametrize("who", ["agent", "customer"])
def test_telephone_speech_has_the_pitch_that_pyin_finds(who):
    """`data/pitch/pyin.json` says how it was made."""
    golden = json.loads((Path(__file__).parent / "data" / "pitch" / "pyin.json").read_text())
    ratio = pitch_of(speech(6.0, who=who)) / np.array(golden[who], float)
    both = np.isfinite(ratio)
    assert both.sum() > 0.9 * sum(hz is not None for hz in golden[who])
    assert np.mean(np.abs(ratio[both] - 1) > 0.2) < 0.02


def test_weak_sound_elsewhere_does_not_move_the_range_of_a_voice():
    """A deep voice among longer faint high tones: its pitch is found nevertheless, not its octave."""
    faint = decibels(tone(2.0, 600), -30) + noise(2.0, -50)
    found = pitch_of(np.concatenate([faint, harmonics(95, 1.5, band=(300, 3400)), faint]))
    inner = found[205:345]
    assert np.mean(np.abs(12 * np.log2(inner / 95)) < 0.2) > 0.95


def test_only_wanted_frames_are_looked_at():
    wanted = np.zeros(100, bool)
    wanted[20:60] = True
    found = np.isfinite(track_pitch(harmonics(200), wanted))
    assert found[25:55].all()
    assert not found[~wanted].any()


def test_pitch_over_blocks_is_the_pitch_of_one_piece(monkeypatch):
    samples = speech(2.0)
    whole = pitch_of(samples)
    monkeypatch.setattr("pipeline.prosody.spectra.BLOCK", 37)
    # Sums over another number of rows are rounded otherwise.
    np.testing.assert_allclose(pitch_of(samples), whole, rtol=1e-4)


# --- frames and stretches --------------------------------------------------------------------------


def channel(samples, *spans, sounds=(), leak=None):
    spans = spans or (Span(0.0, len(samples) / RATE),)
    return ChannelActivity(spans=spans, sounds=sounds, samples=samples, leak=leak)


def measured(samples, *spans, voices=None, raw=None, **facts):
    heard = channel(samples, *spans, **facts)
    frames = measure_frames(samples if raw is None else raw, heard, voices or [heard.spans])
    return measure_stretch(frames, to_mask(heard.spans, len(frames.level)), LEAST_S)


@cache
def voice():
    return at(6.5, (0.25, speech(6.0)), noise_db=-65.0)


def test_clean_speech_is_usable():
    stretch = measured(voice(), Span(0.25, 6.25))
    assert stretch.usable_share > 0.6  # the rest is pauses between the words
    assert 0.3 < stretch.voiced_s / stretch.usable_s < 0.95
    assert 60 < 440 * 2 ** ((stretch.manner.pitch - 105.4) / 12) < 400
    assert 100 < np.exp(stretch.manner.rate) < 450


@pytest.mark.parametrize(
    "samples",
    [np.zeros(2 * RATE, np.float32), noise(2, -30), noise(2, -70), noise(0.0)],
    ids=["silence", "noise", "faint noise", "nothing"],
)
def test_silence_and_noise_give_no_numbers(samples):
    stretch = measured(samples)
    assert (stretch.usable_share, stretch.voiced_s, stretch.manner) == (0.0, 0.0, None)


def test_speech_in_noise_is_less_usable():
    clean, noisy = measured(voice()), measured(voice() + noise(6.5, -38, seed=3))
    assert noisy.usable_share < 0.7 * clean.usable_share


def test_music_clipping_overlap_and_leaks_are_not_usable():
    whole = measured(voice())
    half = Span(0.0, 3.25)
    sounds = (Sound(channel=0, kind="music", start_s=0.0, end_s=3.25),)
    over_music = measured(voice(), sounds=sounds)
    overlapped = measured(voice(), voices=[(Span(0.0, 6.5),), (half,)])
    leak = np.where(np.arange(650) < 325, 0.0, -120.0).astype(np.float32)
    leaked = measured(voice(), leak=leak)
    for stretch in (over_music, overlapped, leaked):
        assert 0.3 < stretch.usable_s / whole.usable_s < 0.7
    loud = np.clip(decibels(voice(), 30), -0.5, 0.5)
    clipped = measured(loud)
    assert clipped.usable_s < 0.6 * whole.usable_s
    faint = measured(decibels(loud, -20))
    assert faint.usable_s == pytest.approx(clipped.usable_s, abs=0.05)


def test_music_alone_is_not_a_voice_where_it_is_known():
    samples = music(3.0)
    sounds = (Sound(channel=0, kind="music", start_s=0.0, end_s=3.0),)
    assert measured(samples, sounds=sounds).usable_share == 0


def test_too_little_voice_is_not_judged():
    short = measured(voice(), Span(0.35, 0.75))
    assert short.usable_s > 0.2
    assert short.manner is None


def test_syllables_are_counted():
    syllable = harmonics(120, 0.16, band=(300, 3400)) * np.hanning(2560).astype(np.float32)
    for number in (4, 9):
        beat = at(3.0, *[(0.2 + 0.25 * i, syllable) for i in range(number)], noise_db=-70)
        stretch = measured(beat, Span(0.2, 0.2 + 0.25 * number))
        frames = measure_frames(beat, channel(beat, Span(0.0, 3.0)), [(Span(0.0, 3.0),)])
        assert frames.nucleus.sum() == number
        assert stretch.manner is None or stretch.manner.rate > 0


@settings(max_examples=15, deadline=None)
@given(st.floats(-10, 6))
def test_gain_moves_the_level_and_nothing_else(gain_db):
    plain, louder = measured(voice()), measured(decibels(voice(), gain_db))
    assert louder.manner.level - plain.manner.level == pytest.approx(gain_db, abs=0.05)
    assert louder.manner.pitch == pytest.approx(plain.manner.pitch, abs=0.02)
    assert louder.manner.effort == pytest.approx(plain.manner.effort, abs=0.1)
    assert louder.manner.rate == pytest.approx(plain.manner.rate, abs=0.05)
    assert louder.voiced_s == pytest.approx(plain.voiced_s, abs=0.05)


def test_importing_the_program_does_not_load_numba():
    code = "import sys, pipeline.cli, pipeline.analyse; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- against one's own ------------------------------------------------------------------------------

numbers = st.floats(-20, 20)
manners = st.builds(Prosody, pitch=numbers, level=numbers, effort=numbers, rate=st.floats(4, 7))
stretches = st.builds(
    Stretch,
    speech_s=st.just(9.0),
    usable_s=st.just(8.0),
    voiced_s=st.floats(0.6, 8),
    manner=manners,
)
calls = st.lists(stretches, min_size=3, max_size=12)


def moved(stretch, by):
    manner = stretch.manner
    return replace(
        stretch,
        manner=Prosody(
            pitch=manner.pitch + by.pitch,
            level=manner.level + by.level,
            effort=manner.effort + by.effort,
            rate=manner.rate + by.rate,
        ),
    )


@given(calls, manners)
def test_what_is_constant_for_a_speaker_moves_nothing_relative(call, by):
    before = find_baseline(call, 3)
    after = find_baseline([moved(stretch, by) for stretch in call], 3)
    for stretch in call:
        old, new = before.activation(stretch.manner), after.activation(moved(stretch, by).manner)
        assert new == pytest.approx(old, abs=1e-6)


@given(calls, manners)
def test_activation_is_bounded_and_0_at_the_median(call, manner):
    baseline = find_baseline(call, 3)
    assert -1 <= baseline.activation(manner) <= 1
    assert baseline.activation(baseline.median) == 0


@given(calls)
def test_activation_rises_with_each_measure(call):
    baseline = find_baseline(call, 3)
    for name in ("pitch", "level", "effort", "rate"):
        more = replace(baseline.median, **{name: getattr(baseline.median, name) + 1})
        less = replace(baseline.median, **{name: getattr(baseline.median, name) - 1})
        assert baseline.activation(less) < 0 < baseline.activation(more)


def stretch_at(pitch=0.0, voiced_s=2.0, **changes):
    manner = Prosody(pitch=pitch, level=0.0, effort=0.0, rate=5.0)
    return Stretch(speech_s=9.0, usable_s=8.0, voiced_s=voiced_s, manner=replace(manner, **changes))


def test_too_few_turns_show_nothing_usual():
    unjudged = Stretch(speech_s=1.0, usable_s=1.0, voiced_s=0.2)
    assert find_baseline([stretch_at(), stretch_at(), unjudged], 3) is None
    assert find_baseline([stretch_at(), stretch_at(), stretch_at()], 3) is not None


def test_a_monologue_alone_does_not_show_what_is_usual():
    turns = [stretch_at(0.0), stretch_at(0.1), stretch_at(0.2), stretch_at(5.0, voiced_s=60.0)]
    assert find_baseline(turns, 3).median.pitch < 1


def test_the_spread_is_the_typical_one_until_there_is_enough_of_ones_own():
    few = find_baseline([stretch_at()] * 3, 3)
    lively = [stretch_at(pitch) for pitch in np.linspace(-12, 12, 60)]
    assert 0.8 * TYPICAL.pitch < few.spread.pitch < TYPICAL.pitch
    assert find_baseline(lively, 3).spread.pitch > 3 * TYPICAL.pitch


def test_a_raised_voice_is_activated_at_any_gain():
    """Higher, and with more energy above 1 kHz: what is left of a raised voice after automatic gain."""
    usual = [stretch_at(pitch, effort=pitch / 2) for pitch in (-1.0, -0.5, 0.0, 0.5, 1.0)]
    raised = Prosody(pitch=5.0, level=0.0, effort=4.0, rate=5.0)
    assert find_baseline(usual, 3).activation(raised) > 0.5
