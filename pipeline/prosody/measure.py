"""From a call's channels and turns to the tone of each turn, the curve of each speaker, and the rises."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.audio.frames import FRAME_RATE, Mask, to_mask
from pipeline.prosody.baseline import Baseline, Stretch, find_baseline, measure_stretch
from pipeline.prosody.frames import ChannelFrames, measure_frames
from pipeline.prosody.rise import find_rise
from pipeline.prosody.sentiment import score_text
from pipeline.records import Role, Samples, Tone, TonePoint, ToneRise, Turn, Word
from pipeline.settings import ToneSettings
from pipeline.spans import Span
from pipeline.speech.activity import ChannelActivity
from pipeline.speech.turns import Voice


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """The speech of a call; `roles_sure` is false where the channels may be swapped."""

    voices: tuple[Voice, ...]
    turns: tuple[Turn, ...]
    words: tuple[Word, ...]
    roles_sure: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTone:
    """The tone of a call: one entry a turn, the points of each speaker's curve, a rise a speaker at most."""

    turns: tuple[Tone, ...]
    curve: tuple[TonePoint, ...]
    rises: tuple[ToneRise, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Speaker:
    """A speaker with the frames in which they speak."""

    name: str
    role: Role
    turns: tuple[Turn, ...]
    frames: ChannelFrames
    own: Mask
    inferred: bool

    def stretch(self, span: Span, settings: ToneSettings) -> Stretch:
        """The measurements in `span`."""
        first, end = (max(0, round(time_s * FRAME_RATE)) for time_s in (span.start_s, span.end_s))
        return measure_stretch(self.frames.cut(first, end), self.own[first:end], settings.min_voiced_s)


def measure_tone(
    samples: Samples, channels: Sequence[ChannelActivity], spoken: Spoken, settings: ToneSettings
) -> CallTone:
    """The tone of a call; `samples` has shape (channels, n) at 16 kHz, as decoded."""
    frames = [
        measure_frames(samples[i], channel, [v.spans for v in spoken.voices if v.channel == i])
        for i, channel in enumerate(channels)
    ]
    counts = {turn.turn_index: 0 for turn in spoken.turns}
    for word in spoken.words:
        counts[word.turn_index] += 1
    tones: list[Tone] = []
    curve: list[TonePoint] = []
    rises: list[ToneRise] = []
    for speaker in _speakers(spoken, frames, settings):
        stretches = [speaker.stretch(turn.span, settings) for turn in speaker.turns]
        baseline = find_baseline(stretches, settings.min_turns)
        tones += [
            _tone(speaker, turn, (stretch, counts[turn.turn_index]), baseline)
            for turn, stretch in zip(speaker.turns, stretches, strict=True)
        ]
        points = list(_curve(speaker, baseline, settings)) if baseline else []
        curve += points
        if rise := find_rise(points, settings):
            rises.append(rise)
    return CallTone(
        turns=tuple(sorted(tones, key=lambda tone: tone.turn_index)),
        curve=tuple(sorted(curve, key=lambda point: (point.start_s, point.speaker))),
        rises=tuple(sorted(rises, key=lambda rise: (rise.start_s, rise.speaker))),
    )


def _speakers(spoken: Spoken, frames: Sequence[ChannelFrames], settings: ToneSettings) -> Iterator[_Speaker]:
    for name, role, channel in sorted({(turn.speaker, turn.role, turn.channel) for turn in spoken.turns}):
        turns = tuple(t for t in spoken.turns if (t.speaker, t.role, t.channel) == (name, role, channel))
        n = len(frames[channel].level)
        # An announcement counts as the channel's voice until it is recognised as one.
        heard = [
            span
            for voice in spoken.voices
            if voice.channel == channel and (role == "ivr" or voice.speaker == name)
            for span in voice.spans
        ]
        yield _Speaker(
            name=name,
            role=role,
            turns=turns,
            frames=frames[channel],
            own=to_mask(heard, n) & to_mask((turn.span for turn in turns), n),
            inferred=_inferred(role, spoken, settings),
        )


def _inferred(role: Role, spoken: Spoken, settings: ToneSettings) -> bool:
    """Whether more than acoustic measurements is stored of a speaker: of customers, of others if configured.

    A speaker who may be an agent is treated as one.
    """
    if role == "ivr":
        return False
    return settings.agents or (role == "customer" and spoken.roles_sure)


def _tone(speaker: _Speaker, turn: Turn, heard: tuple[Stretch, int], baseline: Baseline | None) -> Tone:
    """The tone of a turn from what was measured in it and the number of its words."""
    stretch, words = heard
    tone = Tone(
        turn_index=turn.turn_index,
        speech_s=stretch.speech_s,
        voiced_s=stretch.voiced_s,
        usable_share=stretch.usable_share,
        word_sentiment=score_text(turn.text) if speaker.inferred else None,
    )
    manner = stretch.manner
    if manner is None:
        return tone
    against = baseline.difference(manner) if baseline else None
    return replace(
        tone,
        voiced_share=stretch.voiced_s / stretch.usable_s,
        pitch_semitones=against.pitch if against else None,
        pitch_range_semitones=stretch.pitch_range,
        level_db=against.level if against else None,
        level_variation_db=stretch.level_variation,
        effort_db=against.effort if against else None,
        words_per_min=words / stretch.speech_s * 60,
        syllables_per_min=math.exp(manner.rate),
        pause_share=max(0.0, 1 - stretch.speech_s / turn.span.duration_s),
        activation=baseline.activation(manner) if baseline and speaker.inferred else None,
    )


def _curve(speaker: _Speaker, baseline: Baseline, settings: ToneSettings) -> Iterator[TonePoint]:
    """The points of a speaker's curve: windows in which they speak enough."""
    duration_s = len(speaker.own) / FRAME_RATE
    for start_s in np.arange(0.0, duration_s, settings.window_s / 2).tolist():
        span = Span(start_s, min(duration_s, start_s + settings.window_s))
        stretch = speaker.stretch(span, settings)
        if stretch.manner is None:
            continue
        against = baseline.difference(stretch.manner)
        yield TonePoint(
            speaker=speaker.name,
            role=speaker.role,
            start_s=span.start_s,
            end_s=span.end_s,
            voiced_s=stretch.voiced_s,
            pitch_semitones=against.pitch,
            level_db=against.level,
            effort_db=against.effort,
            syllables_per_min=math.exp(stretch.manner.rate),
            activation=baseline.activation(stretch.manner) if speaker.inferred else None,
        )
