"""How much hold music is found, by what plays it, and how much speech is taken for music.

    python benchmarks/music.py MUSIC SPEECH [SPEECH ...]

MUSIC is a folder of recorded hold music; instruments, singing and drums made of numbers join it. SPEECH has
recordings without music, or with a `NAME.json` beside them that lists holds, which are left out with 5 s on
either side. Each piece of music is 16 s long, on a channel with line noise, at the level given.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from _line import channels_of, write_result
from numpy.typing import NDArray

from pipeline.audio.decode import read_audio
from pipeline.audio.frames import SAMPLE_RATE
from pipeline.audio.search import find_audio
from pipeline.settings import Settings
from pipeline.spans import Span, difference, total_s
from pipeline.speech.activity import VoiceModel
from pipeline.weights.voice_activity import load_voice_model

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from instruments import drums, music_of, singing
from signals import at, decibels

PIECE_S = 16.0
LEVELS_DB = (0, -15, -30)  # relative to the -24 dB that the pieces have
TEMPOS = (72, 90, 108, 132)
HOLD_EDGE_S = 5.0

Wave = NDArray[np.float32]


def main(music: Path, speech: Sequence[Path]) -> None:
    """Measure music and speech, and write the result."""
    settings, model = Settings(), load_voice_model()
    figures: dict[str, object] = {
        kind: {
            f"{by_db} dB": round(
                float(np.mean([_found(decibels(p, by_db), model, settings) for p in pieces])), 3
            )
            for by_db in LEVELS_DB
        }
        for kind, pieces in _pieces(music, settings).items()
    }
    false_s = speech_s = 0.0
    for path in find_audio(speech):
        for spans, duration_s in _music_in_speech(path, model, settings):
            speech_s += duration_s
            false_s += total_s(spans)
            if spans:
                print(path.name, spans)
    figures["speech"] = {"channel_s": round(speech_s), "taken_for_music_s": round(false_s, 1)}
    print(figures)
    print(write_result("music", figures, settings))


def _pieces(music: Path, settings: Settings) -> dict[str, list[Wave]]:
    recorded = [read_audio(path, settings.audio).samples[0] for path in find_audio([music])]
    made = {
        kind: [music_of(PIECE_S, kind, bpm=bpm, seed=bpm) for bpm in TEMPOS]
        for kind in ("pad", "organ", "pluck", "piano", "brass")
    }
    return {
        "recorded": [
            w[a : a + round(PIECE_S * SAMPLE_RATE)] for w in recorded for a in (0, 20 * SAMPLE_RATE)
        ],
        **made,
        "drums": [drums(PIECE_S, bpm=bpm, seed=bpm) for bpm in TEMPOS],
        "sung, unaccompanied": [singing(PIECE_S, bpm=bpm, seed=bpm) for bpm in TEMPOS],
    }


def _found(piece: Wave, model: VoiceModel, settings: Settings) -> float:
    """Share of the piece that is found."""
    (channel,) = channels_of(at(30.0, (7.0, piece), noise_db=-68.0)[None], model, settings)
    found = [sound.span for sound in channel.sounds if sound.kind == "music"]
    played = Span(7.0, 7.0 + len(piece) / SAMPLE_RATE)
    return total_s(span & played for span in found) / played.duration_s


def _music_in_speech(
    path: Path, model: VoiceModel, settings: Settings
) -> Iterator[tuple[tuple[Span, ...], float]]:
    """Per channel: what is taken for music outside the holds, and how long the channel is."""
    samples = read_audio(path, settings.audio).samples
    truth = path.with_suffix(".json")
    holds = json.loads(truth.read_text()).get("holds", []) if truth.exists() else []
    spans = [Span(h["start"], h["end"]).padded(HOLD_EDGE_S) for h in holds]
    for channel in channels_of(samples, model, settings):
        music = [sound.span for sound in channel.sounds if sound.kind == "music"]
        yield difference(music, spans), samples.shape[1] / SAMPLE_RATE


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: python benchmarks/music.py MUSIC SPEECH [SPEECH ...]")
    main(Path(sys.argv[1]), [Path(folder) for folder in sys.argv[2:]])
