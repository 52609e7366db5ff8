import json

import numpy as np
import pytest
from channels import channels_of
from compose import Composer, Line
from scipy.signal import resample_poly
from signals import RATE, SAMPLES, at, decibels, music, sample_call, speech, tone

from pipeline.audio.crosstalk import estimate_leak, remove_crosstalk
from pipeline.audio.frames import levels_db, noise_floor_db, to_spans
from pipeline.settings import Settings
from pipeline.spans import Span, covered_s, total_s, union
from pipeline.speech.activity import VAD_STEP, voice_probability
from pipeline.weights.voice_activity import load_voice_model

SETTINGS = Settings()


@pytest.fixture(scope="module")
def voice_model():
    return load_voice_model()


def spans_of(voice_model, *channels):
    return [c.spans for c in channels_of(np.stack(channels), voice_model, SETTINGS)]


def test_speech_edges_are_found_within_a_tenth_of_a_second(voice_model):
    (found,) = spans_of(voice_model, at(12, (3.0, speech(5.0))))
    truth = Span(3.0, 8.0)
    assert found[0].start_s == pytest.approx(truth.start_s, abs=0.1)
    assert found[-1].end_s == pytest.approx(truth.end_s, abs=0.15)


@pytest.mark.parametrize("by_db", [-25, -15, -5])
def test_quiet_callers_are_heard_alike(voice_model, by_db):
    (even,) = spans_of(voice_model, at(12, (3.0, speech(5.0)), noise_db=-60))
    (found,) = spans_of(voice_model, at(12, (3.0, decibels(speech(5.0), by_db)), noise_db=-75))
    assert total_s(found) == pytest.approx(total_s(even), rel=0.2)


@pytest.mark.parametrize("noise_db", [-60, -50, -45])
def test_line_noise_is_not_speech(voice_model, noise_db):
    (found,) = spans_of(voice_model, at(20, (3.0, speech(5.0)), noise_db=noise_db))
    assert covered_s(Span(0, 2.8), found) + covered_s(Span(8.3, 20), found) == 0
    assert covered_s(Span(3, 8), found) > 2.8


@pytest.mark.parametrize("silence", [np.zeros(5 * RATE, np.float32), at(5.0), np.zeros(0, np.float32)])
def test_nothing_is_found_in_silence(voice_model, silence):
    (channel,) = channels_of(silence[None], voice_model, SETTINGS)
    assert channel.spans == ()
    assert channel.sounds == ()


def test_music_and_tones_are_no_activity(voice_model):
    (channel,) = channels_of(
        at(30, (5, music(12)), (20, tone(0.3)), (24, tone(0.3)))[None], voice_model, SETTINGS
    )
    assert total_s(channel.spans) < 0.5
    assert [s.kind for s in channel.sounds] == ["music", "beep", "beep"]
    assert channel.sounds[0].start_s == pytest.approx(5.0, abs=0.5)
    assert channel.sounds[0].end_s == pytest.approx(17.0, abs=0.5)


@pytest.mark.parametrize("level_db", [0, -12, -20])
def test_music_is_found_at_low_level(voice_model, level_db):
    (channel,) = channels_of(at(30, (5, decibels(music(12), level_db)))[None], voice_model, SETTINGS)
    assert total_s(s.span for s in channel.sounds if s.kind == "music") == pytest.approx(12, abs=1.5)


def test_speech_is_never_taken_for_music(voice_model):
    for name in (
        "dev02_rude_no_disclosure.flac",
        "dev03_ivr_disclosure_refused_hold.flac",
        "audiohook_stereo_ulaw.wav",
    ):
        for channel in channels_of(sample_call(name), voice_model, SETTINGS):
            assert [s for s in channel.sounds if s.kind == "music"] == []


def test_an_announcement_over_music_is_speech_and_does_not_end_the_music(voice_model):
    announcement = decibels(speech(4.0, who="customer"), 6)
    (channel,) = channels_of(
        at(40, (5, decibels(music(30), -12)), (18, announcement))[None], voice_model, SETTINGS
    )
    spoken = covered_s(Span(18, 22), channel.spans)
    assert spoken > 1.5
    assert total_s(channel.spans) - spoken < 0.6
    tunes = union(s.span for s in channel.sounds if s.kind == "music")
    assert total_s(tunes) > 25
    assert len(tunes) == 1


@pytest.mark.parametrize("leak_db", [-20, -32, -45])
@pytest.mark.parametrize("delay_s", [0.0, 0.03, 0.06])
def test_crosstalk_is_not_activity_whatever_its_level_and_delay(voice_model, leak_db, delay_s):
    own = at(60, (2, speech(6.0, who="customer")), (40, speech(6.0, who="customer")), noise_db=-65, seed=1)
    other = at(60, (12, speech(9.0)), (24, speech(9.0)), (48, speech(9.0)), noise_db=-65)
    delay = round(delay_s * RATE)
    leaked = own + decibels(np.concatenate([np.zeros(delay, np.float32), other])[: len(own)], leak_db)
    spans = spans_of(voice_model, other, leaked)[1]
    foreign = Span(11.8, 33.5), Span(47.8, 58)
    assert sum(covered_s(part, spans) for part in foreign) < 0.3
    assert covered_s(Span(2, 8), spans) > 4.5


def test_double_talk_survives_crosstalk_removal(voice_model):
    both = at(60, (10, speech(6.0, who="customer")), (30, speech(6.0, who="customer")), noise_db=-65, seed=1)
    other = at(60, (2, speech(9.0)), (12, speech(9.0)), (42, speech(9.0)), noise_db=-70)
    leaked = both + decibels(np.concatenate([np.zeros(480, np.float32), other])[: len(both)], -25)
    spans = spans_of(voice_model, other, leaked)[1]
    assert covered_s(Span(12, 16), spans) > 2.8


def test_a_leak_is_measured_and_its_absence_too():
    other = at(40, (2, speech(9.0)), (20, speech(9.0)))
    leaked = at(40, noise_db=-65, seed=1) + decibels(
        np.concatenate([np.zeros(480, np.float32), other])[: 40 * RATE], -32
    )
    leak = estimate_leak(other, leaked, 0.08)
    assert leak is not None
    assert leak.delay_s == pytest.approx(0.030, abs=0.001)
    assert leak.gain_db == pytest.approx(-32, abs=3)
    assert estimate_leak(other, at(40, noise_db=-65, seed=1), 0.08) is None


class GrowsDeaf:
    """A voice model that needs 0.6 s of a voice to hear it after 4 s without one, unless it starts anew."""

    def __init__(self):
        self.asked_s = 0.0

    def __call__(self, audio):
        self.asked_s += len(audio) / RATE
        loud = np.abs(audio.reshape(-1, VAD_STEP)).max(axis=1) > 0.02
        out = loud.astype(np.float32)
        for run in to_spans(~loud, rate=1):
            if run.duration_s >= 125:
                out[round(run.end_s) : round(run.end_s) + 19] = 0.1
        return out


@pytest.mark.parametrize("wait_s", [1, 10, 60])
def test_a_voice_model_that_grew_deaf_is_asked_anew_where_it_hears_again(wait_s):
    model = GrowsDeaf()
    samples = at(wait_s + 12, (1, tone(2.0)), (3 + wait_s, tone(3.0)))
    voice = voice_probability(samples, levels_db(samples), model)
    (before, after) = union(to_spans(voice >= 0.5), bridge_s=0.2)
    assert (before.start_s, before.end_s) == (pytest.approx(1, abs=0.05), pytest.approx(3, abs=0.05))
    assert (after.start_s, after.end_s) == (
        pytest.approx(3 + wait_s, abs=0.05),
        pytest.approx(6 + wait_s, abs=0.05),
    )
    assert model.asked_s <= wait_s + 12 + 5


@pytest.mark.real
def test_the_first_word_after_music_is_heard_where_only_a_pause_parts_them(voice_model):
    script = Composer(21, agent="rms", customer="awb").say("agent", "greeting").say("customer", "problem")
    composed = script.transfer(14, to="slt").say("customer", "thanks").render(Line())
    returns = composed.truth.transfers[0].end
    audio = resample_poly(composed.samples[0], 2, 1).astype(np.float32)
    (found,) = spans_of(voice_model, audio)
    assert min(abs(s.start_s - returns) for s in found) <= 0.1


def test_crosstalk_in_a_mono_recording_is_left_alone():
    samples = at(3.0)[None]
    (channel,) = remove_crosstalk(samples, SETTINGS.activity)
    assert np.array_equal(channel.samples, samples[0])
    assert channel.leak is None


def test_levels_are_in_decibels_of_full_scale():
    levels = levels_db(tone(1.0, level_db=-20))
    assert np.median(levels) == pytest.approx(-20, abs=0.2)
    assert len(levels) == 100
    assert noise_floor_db(levels_db(at(5, noise_db=-60))) == pytest.approx(-60.5, abs=1.5)


@pytest.mark.real
def test_edges_against_the_truth_of_the_sample_calls(voice_model):
    off = []
    for path in sorted((SAMPLES / "truth").glob("*.json")):
        truth = json.loads(path.read_text())
        if truth["mono"]:
            continue
        channels = channels_of(sample_call(f"{path.stem}.flac"), voice_model, SETTINGS)
        for turn in truth["turns"]:
            spans = union(channels[1 if turn["role"] == "customer" else 0].spans, bridge_s=0.6)
            mine = [s for s in spans if s & Span(turn["start"], turn["end"])]
            assert mine, turn
            off += [abs(mine[0].start_s - turn["start"]), abs(mine[-1].end_s - turn["end"])]
    assert np.median(off) <= 0.05
    assert np.percentile(off, 95) <= 0.2
