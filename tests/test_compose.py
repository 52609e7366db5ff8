import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compose import CODECS, Clip, Composer, Line, all_clips, clips
from compose.clips import read, speech
from compose.line import alignment, coded, dtmf, melody
from compose.random_calls import CONDITIONS, random_call
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.spans import Span, covered_s, difference, union

GOLDEN = Path(__file__).parent / "data" / "compose" / "truth.json"
PURE = Line(noise_db=None, codec="none")
seeds = st.integers(0, 10_000)
few = settings(max_examples=8, deadline=None)


def level_db(samples):
    return 10 * np.log10(float(np.mean(np.asarray(samples, np.float64) ** 2)))


def a_script(seed=3, **voices):
    return (
        Composer(seed, **voices)
        .say("ivr", "disclosure")
        .say("agent", "greeting", after_s=1.0)
        .say("customer", "problem")
        .overlap("backchannel", by="agent")
        .say("agent", "explanation")
        .overlap("interruption", by="customer")
        .hold(15, "music")
        .say("customer", "question")
        .keys("customer", "12")
        .hold(20, "announcement", request="hold_told", answer=None, back="return")
        .transfer(9, "rms")
        .pause(12)
        .say("agent", "closing")
        .say("customer", "goodbye")
    )


@pytest.fixture(scope="module")
def talk():
    return a_script().render(PURE)


def rounded(value):
    if isinstance(value, dict):
        return {name: rounded(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(part) for part in value]
    return round(value, 2) if isinstance(value, float) else value


def test_the_truth_of_a_script_is_what_it_was(talk):
    assert rounded(talk.truth.as_dict()) == json.loads(GOLDEN.read_text())
    assert talk.truth == a_script().truth()


def test_the_truth_has_the_form_of_scripted_calls(talk, samples):
    scripted = json.loads((samples / "truth" / "dev06_two_holds_announcement.json").read_text())
    ours = talk.truth.as_dict()
    assert scripted.keys() <= ours.keys()
    for name in ("turns", "holds"):
        assert scripted[name][0].keys() <= ours[name][0].keys()


@few
@given(seeds)
def test_truth_agrees_with_itself(seed):
    truth = random_call(seed, max_s=90).composer.truth()
    for role, spans in truth.activity.items():
        assert all(0 <= a < b <= truth.duration for a, b in spans)
        assert all(b < c for (_, b), (c, _) in itertools.pairwise(spans))
        said = union([Span(t.start, t.end) for t in truth.turns if t.role == role], bridge_s=0.3)
        assert covered_s(Span(0, truth.duration), said) >= sum(b - a for a, b in spans) - 1e-6
        assert not difference([Span(a, b) for a, b in spans], [s.padded(1e-6) for s in said])
    assert sum(truth.partition().values()) == pytest.approx(truth.duration)
    events: tuple[Any, ...] = (*truth.holds, *truth.transfers)
    for hold in events:
        inside = [t for t in truth.turns if t.start < hold.end - 1e-6 and hold.start + 1e-6 < t.end]
        assert all(t.role == "ivr" for t in inside)
        assert any(t.start == hold.end for t in truth.turns if t.role == "agent")
        assert any(t.end == pytest.approx(hold.start) for t in truth.turns)


@few
@given(seeds)
def test_overlaps_mean_what_their_kind_says(seed):
    truth = random_call(seed, max_s=120).composer.truth()
    for o in truth.overlaps:
        by = next(t for t in truth.turns if t.role == o.by and abs(t.start - o.start) < 0.001)
        of = next(t for t in truth.turns if t.role == o.of and t.start <= by.start + 0.3 and t.end > by.start)
        goes_on_s = of.end - by.start
        assert o.end - o.start >= 0.2
        if o.kind == "backchannel":
            assert goes_on_s >= 1.0
        elif o.kind == "terminal":
            assert goes_on_s <= 0.5
        elif o.kind == "simultaneous_start":
            assert by.start - of.start <= 0.3
        elif o.kind == "interruption":
            assert 0.4 <= goes_on_s <= 1.5
            assert by.end > of.end
        else:
            assert by.end < of.end - 0.9


@few
@given(seeds)
def test_a_seed_is_one_call(seed):
    one, same = (random_call(seed, max_s=60) for _ in range(2))
    first, second = (c.composer.render(replace(c.line, codec="none")) for c in (one, same))
    assert np.array_equal(first.samples, second.samples)
    assert first.truth == second.truth


def test_random_calls_take_every_condition_in_turn_and_keep_their_length():
    calls = [random_call(seed) for seed in range(len(CONDITIONS))]
    assert [c.condition for c in calls] == list(CONDITIONS)
    assert all(55 < c.composer.now_s < 260 for c in calls)


@few
@given(seeds, st.floats(-45, -20), st.floats(0, 60))
def test_crosstalk_has_the_level_and_delay_asked_for(seed, gain_db, delay_ms):
    script = Composer(seed).say("agent", "explanation").say("customer", "answer")
    line = replace(PURE, crosstalk_db=gain_db, crosstalk_delay_ms=delay_ms)
    with_it, without = script.render(line).samples, script.render(PURE).samples
    leak = with_it[1] - without[1]
    assert level_db(leak) - level_db(without[0]) == pytest.approx(gain_db, abs=0.1)
    assert alignment(without[0], leak) / 8 == pytest.approx(delay_ms, abs=0.2)


@pytest.mark.parametrize("codec", CODECS)
def test_a_codec_keeps_time_and_length(codec):
    whole = speech(clips("agent", "explanation", "slt")[0], 8000).samples
    out = coded(whole, codec, 8000)
    assert len(out) == len(whole)
    assert abs(alignment(whole, out)) <= 80  # 10 ms
    assert level_db(out) == pytest.approx(level_db(whole), abs=2.5)


def test_opus_keeps_time_at_16_khz_and_amr_is_refused_there():
    whole = speech(clips("agent", "question", "heart")[0], 16_000).samples
    assert abs(alignment(whole, coded(whole, "opus", 16_000))) <= 160
    with pytest.raises(ValueError, match="needs 8000 Hz, got 16000"):
        coded(whole, "amr", 16_000)


def test_the_line_does_what_it_says():
    script = Composer(5).say("agent", "greeting").say("customer", "problem")
    plain = script.render(PURE)
    before = slice(0, round(0.7 * plain.rate))
    assert level_db(script.render(replace(PURE, noise_db=-45.0)).samples[0, before]) == pytest.approx(
        -45, abs=0.5
    )
    quiet = script.render(replace(PURE, customer_db=-18.0)).samples
    assert level_db(quiet[1]) - level_db(plain.samples[1]) == pytest.approx(-18, abs=0.1)
    loud = script.render(replace(PURE, clip_db=20.0)).samples
    assert 0.01 < float(np.mean(np.abs(loud[0]) >= 0.999)) < 0.5
    lost = script.render(replace(PURE, loss=0.05)).samples
    changed = np.any((lost != plain.samples)[:, : lost.shape[1] // 160 * 160].reshape(2, -1, 160), axis=2)
    speaks = np.any(plain.samples[:, : lost.shape[1] // 160 * 160].reshape(2, -1, 160) != 0, axis=2)
    assert 0.01 < changed[speaks].mean() < 0.12
    comfort = script.render(replace(PURE, comfort_db=-55.0)).samples
    first = round(plain.truth.turns[0].start * plain.rate)
    assert level_db(comfort[0, : first - 800]) == pytest.approx(-55, abs=0.5)
    assert np.array_equal(
        comfort[0, first + 8000 : first + 9000], plain.samples[0, first + 8000 : first + 9000]
    )


@pytest.mark.parametrize("rate", [8000, 16_000])
def test_speech_is_where_the_truth_says(rate):
    call = a_script(rate=rate).render(PURE)
    for role, channel in (("agent", 0), ("customer", 1)):
        for start, end in call.truth.activity[role]:
            edges = [call.samples[channel, round(t * rate) :][: rate // 50] for t in (start, end - 0.02)]
            around = [call.samples[channel, round(t * rate) :][: rate // 50] for t in (start - 0.02, end)]
            assert min(level_db(edge) for edge in edges) > -70
            if all((a, b) == (0.0, 0.0) for a, b in [(e.min(), e.max()) for e in around]):
                continue
            assert max(level_db(e + 1e-9) for e in around) < -15


def test_mono_is_the_sum_of_both_sides(talk):
    mono = a_script().render(PURE, mono=True)
    assert mono.samples.shape[0] == 1
    assert mono.truth.mono
    assert np.allclose(mono.samples[0], talk.samples.mean(axis=0), atol=1e-6)


def test_a_call_is_written_with_its_truth(talk, tmp_path):
    path = talk.write(tmp_path)
    assert read(path, 8000).shape[0] == talk.samples.shape[1]
    assert json.loads(path.with_suffix(".json").read_text())["duration"] == talk.truth.duration


def test_every_clip_is_there_and_starts_and_ends_with_speech():
    names = [clip.name for clip in all_clips()]
    assert len(names) == len(set(names)) > 100
    for clip in all_clips():
        sound = speech(clip, 8000)
        assert sound.active[0][0] == 0
        assert sound.active[-1][1] == pytest.approx(sound.duration_s)
        assert 0.2 < sound.duration_s < 12


def test_a_clip_of_ones_own_is_cut_to_its_speech(tmp_path):
    known = clips("agent", "greeting", "slt")[0]
    sound = speech(known, 8000)
    path = Composer(1).say("agent", known).render(PURE).write(tmp_path)
    own = Clip(name="mine", role="agent", kind="own", voice="me", text="hello", file=path)
    assert speech(own, 8000).duration_s == pytest.approx(sound.duration_s, abs=0.02)


def test_a_broken_off_line_has_as_many_words_as_time():
    truth = Composer(2).say("agent", "explanation").overlap("interruption", by="customer").truth()
    line = next(c for c in clips("agent", "explanation") if c.text.startswith(truth.turns[0].text))
    assert 0 < len(truth.turns[0].text.split()) < len(line.text.split())


@pytest.mark.parametrize(
    ("compose", "error", "message"),
    [
        (lambda c: c.say("agent", "weather"), KeyError, "agent has .*greeting"),
        (lambda c: c.overlap("attempt", by="agent"), ValueError, "the other party's"),
        (lambda c: c.say("agent", "greeting").overlap("attempt", by="agent"), ValueError, "other party's"),
        (lambda c: c.say("agent", "hold_told").overlap("attempt", by="customer"), ValueError, "too short"),
    ],
)
def test_mistakes_are_told(compose, error, message):
    with pytest.raises(error, match=message):
        compose(Composer(1))


def test_sounds_are_as_asked():
    keys = dtmf("5", 8000)
    peaks = np.sort(np.argsort(np.abs(np.fft.rfft(keys, 8000)))[-2:])
    assert list(peaks) == pytest.approx([770, 1336], abs=10)
    tune = melody(6, 8000, np.random.default_rng(4))
    assert (len(tune), np.abs(tune).max() <= 1) == (48_000, True)
    assert level_db(tune) == pytest.approx(-23, abs=0.1)
