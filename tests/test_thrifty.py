"""Shorter inputs and beams only where they are needed, with a fake network and with the real one."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from faster_whisper import BatchedInferencePipeline

from pipeline.audio.decode import read_audio
from pipeline.settings import Settings
from pipeline.speech.thrifty import DOUBTFUL, ThriftyPipeline, alike, input_s
from pipeline.speech.transcribe import FasterWhisper

RATE = 16_000


@pytest.mark.parametrize(
    ("duration_s", "expected"), [(0.5, 15), (11, 15), (11.1, 15.1), (20, 24), (26, 30), (29, 30)]
)
def test_the_encoder_sees_the_window_and_four_seconds_more(duration_s, expected):
    assert input_s(duration_s) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("durations", "groups"),
    [
        ([], []),
        ([3.0], [[0]]),
        ([5.0, 29.0], [[1], [0]]),
        ([29.0, 17.0], [[0, 1]]),
        ([29.0, 16.9], [[0], [1]]),
    ],
)
def test_windows_of_similar_length_are_encoded_together(durations, groups):
    assert alike(durations) == groups


@dataclass(frozen=True)
class Options:
    """What faster-whisper gives to a batch."""

    beam_size: int = 5
    patience: float = 1
    length_penalty: float = 1
    suppress_blank: bool = True
    suppress_tokens: tuple = ()
    temperatures: tuple = (0.0,)
    repetition_penalty: float = 1
    no_repeat_ngram_size: int = 0
    without_timestamps: bool = True
    hotwords: str | None = None


class Network:
    """Decodes each window to its number; greedily with the given log probability, else with 0."""

    def __init__(self, greedy, device="cpu"):
        self.greedy, self.device, self.asked = greedy, device, []

    def generate(self, encoded, prompts, *, beam_size, **_):
        windows = [int(value) for value in np.asarray(encoded)[:, 0, 0]]
        assert len(prompts) == len(windows)
        self.asked.append((beam_size, windows))
        scores = [self.greedy[window] if beam_size == 1 else 0.0 for window in windows]
        return [
            SimpleNamespace(scores=[2 * score], sequences_ids=[[window]], no_speech_prob=0.1)
            for window, score in zip(windows, scores, strict=True)
        ]


def pipeline_on(network):
    """The pipeline on a network whose encoder gives the features themselves."""
    from ctranslate2 import StorageView  # noqa: PLC0415

    model = SimpleNamespace(
        model=network,
        encode=lambda features: StorageView.from_array(np.ascontiguousarray(features)),
        get_prompt=lambda *_, **__: [1, 2],
        max_length=448,
    )
    return ThriftyPipeline(model)


FEATURES = np.arange(3, dtype=np.float32)[:, None, None] * np.ones((3, 2, 8), np.float32)


def test_only_doubtful_windows_are_searched_with_beams():
    network = Network([DOUBTFUL, DOUBTFUL - 0.01, DOUBTFUL + 0.01])
    _, found = pipeline_on(network).generate_segment_batched(FEATURES, None, Options())
    assert network.asked == [(1, [0, 1, 2]), (5, [1])]
    assert [one["tokens"] for one in found] == [[0], [1], [2]]
    assert [one["avg_logprob"] for one in found] == pytest.approx([DOUBTFUL, 0.0, DOUBTFUL + 0.01])


def test_sure_windows_are_decoded_once():
    network = Network([0.0, 0.0, 0.0])
    pipeline_on(network).generate_segment_batched(FEATURES, None, Options())
    assert network.asked == [(1, [0, 1, 2])]


@pytest.mark.parametrize(("device", "beams"), [("cuda", 5), ("cpu", 1)])
def test_on_a_card_and_with_one_beam_there_is_one_pass(device, beams):
    network = Network([-9.0, -9.0, -9.0], device)
    pipeline_on(network).generate_segment_batched(FEATURES, None, Options(beam_size=beams))
    assert network.asked == [(beams, [0, 1, 2])]


@pytest.fixture(scope="module")
def both(recogniser, samples):
    """The words of a clear call's agent by faster-whisper's own batches, and by these."""
    audio = read_audio(samples / "dev01_billing_good.flac", Settings().audio).samples[0]
    windows = [audio[a * RATE : b * RATE] for a, b in ((0, 9), (9, 31), (31, 45))]
    ours = FasterWhisper(recogniser._model, Settings().asr)
    thrifty = ours.recognise(windows, "en")
    ours._batched = BatchedInferencePipeline(recogniser._model)
    return ours.recognise(windows, "en"), thrifty


@pytest.mark.real
def test_the_words_are_those_of_the_usual_way(both):
    usual, thrifty = (
        [[word.text.lower().strip(".,?!") for word in window] for window in one] for one in both
    )
    different = sum(
        a != b for plain, ours in zip(usual, thrifty, strict=True) for a, b in zip(plain, ours, strict=True)
    )
    assert [len(window) for window in usual] == [len(window) for window in thrifty]
    assert different <= 0.03 * sum(map(len, usual))


@pytest.mark.real
def test_words_keep_their_times(both):
    for plain, ours in zip(*both, strict=True):
        shifts = [abs(a.start_s - b.start_s) for a, b in zip(plain, ours, strict=True)]
        assert np.median(shifts) <= 0.04
        assert ours[-1].end_s <= 23
