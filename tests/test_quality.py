"""Signal facts of known signals, and the measures they forbid."""

from dataclasses import replace

import numpy as np
import pytest
from builders import activities_of, conversation, quality_of, say, words_of
from channels import channels_of
from hypothesis import given
from hypothesis import strategies as st
from signals import RATE, at, decibels, noise, speech

from pipeline.audio.frames import levels_db
from pipeline.metrics import MEASURES, measure
from pipeline.metrics.fit import FIT_FOR_ALL, Fit, find_fit
from pipeline.metrics.timeline import Timeline
from pipeline.phrases.role_cues import program_role_cues
from pipeline.records import HeardWord
from pipeline.settings import Settings
from pipeline.spans import Span
from pipeline.speech.activity import ChannelActivity
from pipeline.speech.attribution import Attribution
from pipeline.speech.quality import (
    bandwidth_hz,
    clipping_ratio,
    find_dropouts,
    measure_quality,
    swap_suspected,
)
from pipeline.speech.turns import Voice
from pipeline.weights.voice_activity import load_voice_model

SETTINGS = Settings()
CUES = program_role_cues()
NOBODY = Attribution(voices=(), agent_channel=0, source="none", confidence=None)
GOOD = quality_of()


def facts(samples, *spans, leak=None):
    """The facts of one channel that speaks in `spans`."""
    channel = ChannelActivity(spans=spans, sounds=(), samples=samples, leak=leak)
    return measure_quality(samples[None], (channel,), NOBODY, SETTINGS.quality, CUES)[0]


def test_the_facts_of_a_clean_channel():
    found = facts(at(12, (3, speech(6.0)), noise_db=-60), Span(3.1, 8.9))
    assert found.speech_s == pytest.approx(5.8, abs=0.02)
    assert found.noise_db == pytest.approx(-60.5, abs=1.5)
    assert found.snr_db == pytest.approx(found.level_db - found.noise_db)
    assert found.snr_db > 20
    assert found.clipping_ratio < 0.001
    assert (found.dropouts, found.dropout_s, found.crosstalk_db) == (0, 0.0, None)
    assert find_fit([found], SETTINGS.quality) == FIT_FOR_ALL


@pytest.mark.parametrize("gain_db", [10, 16, 26])
def test_clipping_is_seen_even_when_the_call_was_made_fainter_later(gain_db):
    clipped = decibels(np.clip(decibels(speech(6.0), gain_db), -0.5, 0.5), -12)
    assert clipping_ratio(speech(6.0)) < 0.001
    assert clipping_ratio(clipped) > 0.01


def test_telephone_speech_ends_below_four_kilohertz():
    assert bandwidth_hz(speech(6.0)) == pytest.approx(3750, abs=300)
    assert bandwidth_hz(noise(6.0)) == pytest.approx(8000)
    assert bandwidth_hz(np.zeros(RATE, np.float32)) is None


@pytest.mark.parametrize("share", [0.05, 0.15])
def test_lost_packets_are_dropouts(share):
    whole = speech(6.0)
    packets = np.random.default_rng(3).random(300) < share
    packets[::2] = False  # every loss stands alone
    broken = whole * np.repeat(~packets, RATE // 50)
    found = find_dropouts(broken, np.ones(600, bool), -60.0)
    levels = levels_db(whole).reshape(300, 2).mean(axis=1)
    assert 0 < len(found) <= packets.sum()
    assert len(found) >= (packets & (levels > -38)).sum() / 2
    assert all(packets[round(start / 2)] for start, _ in found)


def test_a_pause_in_digital_silence_is_no_dropout():
    fade = np.linspace(1, 0, 2000, dtype=np.float32)
    one, two = speech(2.0), speech(2.0)
    one[-2000:] *= fade
    pause = np.zeros(RATE // 5, np.float32)
    assert find_dropouts(np.concatenate([one, pause, two]), np.ones(420, bool), -60.0) == []
    assert (
        find_dropouts(np.concatenate([two, np.zeros(2 * RATE, np.float32), two]), np.ones(600, bool), -60.0)
        == []
    )


@pytest.mark.real
@pytest.mark.parametrize("leak_db", [-24, -34])
def test_the_level_of_crosstalk_is_measured(leak_db):
    agent = at(20, (1, speech(6.0)), (11, speech(6.0)), seed=1)
    customer = at(20, (8, speech(2.5, who="customer")), seed=2)
    customer[160:] += decibels(agent, leak_db)[:-160]
    samples = np.stack([agent, customer])
    found = measure_quality(
        samples, channels_of(samples, load_voice_model(), SETTINGS), NOBODY, SETTINGS.quality, CUES
    )
    assert found[0].crosstalk_db is None
    assert found[1].crosstalk_db == pytest.approx(leak_db, abs=2)


@given(st.floats(-30, 12))
def test_gain_moves_the_levels_and_nothing_else(gain_db):
    quiet = decibels(at(8, (2, speech(4.0)), noise_db=-50), -12)
    before, after = (facts(decibels(quiet, by), Span(2, 6)) for by in (0, gain_db))
    assert after.level_db - before.level_db == pytest.approx(gain_db, abs=0.01)
    assert after.clipping_ratio == pytest.approx(before.clipping_ratio, abs=1e-4)
    assert after.bandwidth_hz == before.bandwidth_hz


def heard(channel, text):
    words = tuple(
        HeardWord(channel=channel, start_s=i, end_s=i + 0.5, text=word, probability=0.9)
        for i, word in enumerate(text.split())
    )
    role = "agent" if channel == 0 else "customer"
    return Voice(channel=channel, speaker=f"channel{channel}", role=role, spans=(), words=words)


AGENT_SAYS = "Thank you for calling Oak Mutual, my name is Nina, how can I help you today?"
CUSTOMER_SAYS = "Hi, I have a problem, my internet is not working and I want to speak to your manager"


@pytest.mark.parametrize(
    ("texts", "source", "expected"),
    [
        ((AGENT_SAYS, CUSTOMER_SAYS), "setting", False),
        ((CUSTOMER_SAYS, AGENT_SAYS), "setting", True),
        ((CUSTOMER_SAYS, AGENT_SAYS), "words", False),
        (("hello hello", "yes yes"), "setting", False),
    ],
)
def test_swapped_channels_are_suspected_from_what_is_said(texts, source, expected):
    voices = tuple(heard(channel, text) for channel, text in enumerate(texts))
    parties = Attribution(voices=voices, agent_channel=0, source=source, confidence=None)
    assert swap_suspected(parties, SETTINGS.quality, CUES) is expected


@pytest.mark.parametrize(
    ("fault", "lost"),
    [
        ({"snr_db": 8.0}, "timing"),
        ({"dropouts": 80, "dropout_s": 2.0}, "timing"),
        ({"word_probability": 0.2}, "words"),
        ({"crosstalk_db": -4.0}, "overlaps"),
        ({"swap_suspected": True}, "roles"),
    ],
)
def test_what_the_audio_does_not_give_cannot_be_told(fault, lost):
    fit = find_fit([GOOD, replace(GOOD, channel=1, **fault)], SETTINGS.quality)
    assert fit == replace(FIT_FOR_ALL, **{lost: False})


def test_a_channel_on_which_nobody_speaks_forbids_nothing():
    silent = replace(GOOD, speech_s=0.0, level_db=None, snr_db=None, bandwidth_hz=None, word_probability=None)
    assert find_fit([GOOD, silent], SETTINGS.quality) == FIT_FOR_ALL


def a_timeline():
    turns = conversation(
        say("agent", 0, 4, "how can I help you"), say("customer", 3, 8, "my tent has not come"),
        say("agent", 9, 12, "I am sorry"),
    )  # fmt: skip
    return Timeline(
        duration_s=20.0,
        activities=activities_of(turns),
        words=words_of(turns),
        turns=turns,
        holds=(),
        overlaps=(),
        silences=(),
        settings=SETTINGS,
    )


@pytest.mark.parametrize("lost", ["timing", "words", "overlaps", "roles"])
def test_a_measure_that_needs_more_than_the_audio_gives_is_undefined(lost):
    line = a_timeline()
    whole = {(m.name, m.role): m for m in measure(line)}
    found = {(m.name, m.role): m for m in measure(line, Fit(**{lost: False}))}
    assert found.keys() == whole.keys()
    needs = {m.name: needed for measure_of, needed in MEASURES for m in measure_of(line)}
    for key, metric in found.items():
        expected = (
            replace(whole[key], numerator=0.0, denominator=0.0) if lost in needs[key[0]] else whole[key]
        )
        assert metric == expected


def test_the_partition_is_kept_whatever_the_audio():
    nothing = Fit(timing=False, words=False, overlaps=False, roles=False)
    parts = [m for m in measure(a_timeline(), nothing) if m.name.startswith("time_")]
    assert sum(m.numerator for m in parts) == pytest.approx(20.0)
