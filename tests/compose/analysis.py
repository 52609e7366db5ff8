"""Runs the whole line over a composed call; the script can stand in for the recogniser."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from compose.clips import Samples
from compose.parts import ComposedCall
from compose.truth import TrueTurn, Truth
from pipeline.analyse import Models, analyse
from pipeline.audio.decode import read_audio
from pipeline.masking.model import labels_nothing
from pipeline.records import Call, CallAnalysis, HeardChannel, HeardWord
from pipeline.rules import RuleSet, load_rules
from pipeline.settings import AsrSettings, Settings
from pipeline.spans import Span, intersection
from pipeline.speech.activity import ChannelActivity, VoiceModel
from pipeline.speech.diarize import Diarization
from pipeline.speech.transcribe import Transcribe, supported
from pipeline.weights.voice_activity import load_voice_model

SCRIPT = "words of the script"


class Script:
    """Stands in for the recogniser: the words of the truth, spread evenly over their lines' speech."""

    def __init__(self, truth: Truth, settings: AsrSettings) -> None:
        self._truth, self._settings = truth, settings

    def __call__(
        self, channels: Sequence[ChannelActivity], names: Sequence[str] = ()
    ) -> tuple[HeardChannel, ...]:
        """Words of each channel that activity supports, as of recognised ones."""
        found: list[list[HeardWord]] = [[] for _ in channels]
        for turn in self._truth.turns:
            channel = int(turn.role == "customer") if len(channels) == 2 else 0
            found[channel] += _spread(turn, channel, self._truth.activity[turn.role])
        return tuple(
            HeardChannel(
                words=supported(sorted(words, key=lambda w: w.start_s), channel.spans, self._settings)
            )
            for words, channel in zip(found, channels, strict=True)
        )


def _spread(turn: TrueTurn, channel: int, active: Iterable[tuple[float, float]]) -> list[HeardWord]:
    spoken = intersection((Span(turn.start, turn.end),), (Span(a, b) for a, b in active))
    texts = turn.text.split()
    ends = np.cumsum([s.duration_s for s in spoken])
    edges = np.linspace(0.0, ends[-1], len(texts) + 1)

    def placed(times: NDArray[np.float64], side: Literal["left", "right"]) -> list[float]:
        """Times of speech as times of the call; at a pause, those before (left) or after it."""
        which = np.minimum(np.searchsorted(ends, times, side=side), len(spoken) - 1)
        return [float(spoken[i].end_s - (ends[i] - t)) for i, t in zip(which, times, strict=True)]

    return [
        HeardWord(channel=channel, start_s=start_s, end_s=end_s, text=text, probability=0.95)
        for start_s, end_s, text in zip(
            placed(edges[:-1], "right"), placed(edges[1:], "left"), texts, strict=True
        )
    ]


def analyse_composed(
    composed: ComposedCall,
    *,
    transcribe: Transcribe | None = None,
    rules: RuleSet | None = None,
    settings: Settings | None = None,
    facts: Call | None = None,
) -> CallAnalysis:
    """What the program finds in a stereo call: real audio reading, real voice model, all events and rules.

    Words come from the script unless a `transcribe` is given; `rules` are the program's own by default.
    """
    settings = settings or Settings()
    with tempfile.TemporaryDirectory() as folder:
        audio = read_audio(composed.write(Path(folder)), settings.audio)
    models = Models(
        voice=_voice_model(),
        transcribe=transcribe or Script(composed.truth, settings.asr),
        diarize=_no_diarization,
        label_words=labels_nothing,
        asr_model=SCRIPT if transcribe is None else "given",
        diarization_model="none",
    )
    return analyse(audio, call=facts or Call(), models=models, rules=rules or _own_rules(), settings=settings)


def _no_diarization(samples: Samples, speech: Sequence[Span], excluded: Sequence[Span]) -> Diarization:
    del samples, speech, excluded
    raise ValueError(
        "a composed call on one channel needs the models of `pipeline.archive.night.find_engine`"
    )


@cache
def _voice_model() -> VoiceModel:
    return load_voice_model()


@cache
def _own_rules() -> RuleSet:
    return load_rules()
