"""Models that need no weights, and recordings that need no speaker."""

from __future__ import annotations

import wave
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.analyse import Models
from pipeline.archive.items import WorkItem
from pipeline.archive.night import Engine
from pipeline.archive.plan import Plan
from pipeline.masking.model import labels_nothing
from pipeline.records import HeardChannel, HeardWord, Recording, SpeakerSpan
from pipeline.rules import RuleSet, load_rules
from pipeline.settings import Settings
from pipeline.spans import Span
from pipeline.speech.activity import ChannelActivity
from pipeline.speech.diarize import Diarization
from pipeline.speech.transcribe import Transcribe

RATE = 8_000


def write_call(path: Path, seed: int = 1, seconds: float = 3.0) -> Path:
    """A stereo WAV: a burst of noise on the left, then one on the right, over a quiet line."""
    n = int(seconds * RATE)
    random = np.random.default_rng(seed)
    sound = random.normal(0, 10, (n, 2))
    for channel, start in enumerate((0.2, 0.6)):
        burst = slice(int(start * n), int((start + 0.3) * n))
        sound[burst, channel] = random.normal(0, 3000, sound[burst, channel].shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(sound.astype("<i2").tobytes())
    return path


def loud_is_voice(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """A voice model that takes all that is loud for a voice."""
    return np.asarray(np.abs(audio.reshape(-1, 512)).mean(axis=1) > 0.01, np.float32)


def one_speaker(
    samples: NDArray[np.float32], speech: Sequence[Span], excluded: Sequence[Span]
) -> Diarization:
    """A diarizer that hears one voice."""
    spans = tuple(SpeakerSpan(speaker="speaker1", start_s=s.start_s, end_s=s.end_s) for s in speech)
    return Diarization(spans=spans, overlaps=(), overlap_confident=False, speakers=1, confidence=0.5)


def no_mono_here(
    samples: NDArray[np.float32], speech: Sequence[Span], excluded: Sequence[Span]
) -> Diarization:
    """A diarizer for stereo calls, which need none."""
    raise AssertionError("a stereo call was diarized")


class Says:
    """A recogniser that hears one word per stretch of speech."""

    def __init__(
        self, text: str = "hello", probability: float = 0.9, fails: Iterable[BaseException | None] = ()
    ) -> None:
        self.text, self.probability, self.fails = text, probability, list(fails)

    def __call__(
        self, channels: Sequence[ChannelActivity], names: Sequence[str] = ()
    ) -> tuple[HeardChannel, ...]:
        if self.fails and (error := self.fails.pop(0)) is not None:
            raise error
        return tuple(
            HeardChannel(words=tuple(self._word(i, s) for s in c.spans)) for i, c in enumerate(channels)
        )

    def _word(self, channel: int, span: Span) -> HeardWord:
        return HeardWord(
            channel=channel,
            start_s=span.start_s,
            end_s=span.end_s,
            text=self.text,
            probability=self.probability,
        )


class Recites:
    """A recogniser that hears a text on each channel, spread over its speech."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts

    def __call__(
        self, channels: Sequence[ChannelActivity], names: Sequence[str] = ()
    ) -> tuple[HeardChannel, ...]:
        return tuple(
            HeardChannel(words=tuple(self._words(at, channel.spans, text)))
            for at, (channel, text) in enumerate(zip(channels, self.texts, strict=True))
        )

    def _words(self, channel: int, spans: Sequence[Span], text: str) -> Iterable[HeardWord]:
        start_s, end_s = spans[0].start_s, spans[-1].end_s
        texts = text.split()
        step_s = (end_s - start_s) / len(texts)
        for at, word in enumerate(texts):
            begin_s = start_s + at * step_s
            yield HeardWord(
                channel=channel, start_s=begin_s, end_s=begin_s + 0.9 * step_s, text=word, probability=0.9
            )


@cache
def own_rules() -> RuleSet:
    return load_rules()


class FakeEngine:
    """Makes engines, and counts how often their models were loaded."""

    def __init__(
        self,
        transcribe: Transcribe | None = None,
        asr_model: str = "fake@1",
        rules: RuleSet | None = None,
    ) -> None:
        self.transcribe = transcribe or Says()
        self.asr_model = asr_model
        self.rules = rules or own_rules()
        self.loads = 0

    def __call__(self, settings: Settings | None = None) -> Engine:
        return Engine(asr_model=self.asr_model, rules=self.rules, load=self._load)

    def _load(self) -> Models:
        self.loads += 1
        return Models(
            voice=loud_is_voice,
            transcribe=self.transcribe,
            diarize=one_speaker,
            label_words=labels_nothing,
            asr_model=self.asr_model,
            diarization_model="fake@1",
        )


class Watcher:
    """Progress that remembers."""

    def __init__(self, db: Path | None = None) -> None:
        self.db = db
        self.plan: Plan | None = None
        self.seen: list[tuple[str, str]] = []
        self.db_there: list[bool] = []

    def planned(self, plan: Plan) -> None:
        self.plan = plan

    def done(self, item: WorkItem, recording: Recording) -> None:
        self.seen.append((item.path.name, recording.status))
        if self.db is not None:
            self.db_there.append(self.db.exists())
