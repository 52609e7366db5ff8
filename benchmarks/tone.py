"""Accuracy of activation and pitch, and the cost of the tone stage.

    python benchmarks/tone.py FOLDER [OTHER ...]

FOLDER contains acted clips named as in RAVDESS (`03-01-05-02-01-01-12.flac`: the third number is the acted
emotion, the last one the actor). Each clip's activation is relative to its actor's neutral clips, at 16 kHz
and over a telephone (8 kHz, 300 to 3400 Hz, mu-law). The figure is the area under the ROC curve (AUC) that
separates angry, happy and fearful clips from calm, neutral and sad ones. No parameter is fitted to the clips,
so leaving an actor out changes nothing for that actor.

Pitch is compared with librosa's pYIN on some clips of each actor and, within speech activity, on 10 s of each
channel of the recordings in OTHER. So is librosa's YIN, with our decision on what is voiced. The clips are
only read, never stored.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import librosa
import numpy as np
from _line import channels_of, write_result
from numpy.typing import NDArray
from scipy.signal import butter, resample_poly, sosfilt
from scipy.stats import rankdata

from pipeline.audio.decode import read_audio
from pipeline.audio.frames import HOP, SAMPLE_RATE, Mask, to_mask
from pipeline.audio.search import find_audio
from pipeline.prosody.baseline import Stretch, find_baseline, measure_stretch
from pipeline.prosody.frames import measure_frames
from pipeline.prosody.pitch import HIGH_HZ, LOW_HZ, track_pitch
from pipeline.settings import Settings
from pipeline.speech.activity import ChannelActivity, VoiceModel
from pipeline.weights.voice_activity import load_voice_model

NEUTRAL = "01"
AROUSED = ("03", "05", "06")  # happy, angry, fearful
CALM = ("01", "02", "04")  # neutral, calm, sad
BANDS = ("wide", "telephone")
PITCH_CLIPS = 15  # of each actor, spread over the clips
GROSS = 0.2
OTHER_S = (20, 30)  # which part of other recordings is measured

Wave = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A clip as measured; `acted` and `actor` as in its name."""

    acted: str
    actor: str
    stretch: Stretch


def main(folder: Path, others: Sequence[Path]) -> None:
    """Measure all clips in both bands and write the result."""
    settings, model = Settings(), load_voice_model()
    paths = find_audio([folder])
    waves = {path: read_audio(path, settings.audio).samples[0] for path in paths}
    figures: dict[str, object] = {"clips": len(paths), "audio_s": round(_seconds(waves.values()), 1)}
    for band in BANDS:
        heard = {path: wave if band == "wide" else telephone(wave) for path, wave in waves.items()}
        activity = {path: channels_of(w[None], model, settings)[0] for path, w in heard.items()}
        start = time.process_time()
        clips = [_clip(path, heard[path], activity[path], settings) for path in paths]
        cost = (time.process_time() - start) / _seconds(heard.values())
        figures[band] = _separation(clips, settings) | {"real_time_factor_one_core": round(cost, 4)}
        print(band, figures[band])
    pitch = {"acted": _pitch_errors(_some_of_each_actor(waves))}
    if others:
        pitch["other speech"] = _pitch_errors(_other_speech(others, model, settings))
    figures["pitch"] = {"reference": f"pYIN of librosa {librosa.__version__}", **pitch}
    print(figures["pitch"])
    print(write_result("tone", figures, settings))


def telephone(wave: Wave) -> Wave:
    """16 kHz audio limited to a telephone line's band, at 16 kHz again."""
    band = butter(6, [300, 3400], "band", fs=SAMPLE_RATE // 2, output="sos")
    narrow = np.clip(sosfilt(band, resample_poly(wave, 1, 2)), -1, 1)
    # Mu-law in 8 bits: a logarithm, rounded.
    packed = np.round(np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256) * 127) / 127
    wide = resample_poly(np.sign(packed) * np.expm1(np.abs(packed) * np.log(256)) / 255, 2, 1)
    return np.asarray(wide[: len(wave)], np.float32)


def auc(scores: Sequence[float], positive: Sequence[bool]) -> float:
    """Probability that a positive scores higher than a negative, ties half."""
    truth = np.array(positive)
    ranks = rankdata(scores)
    n = int(truth.sum())
    return float((ranks[truth].sum() - n * (n + 1) / 2) / (n * (len(truth) - n)))


def _clip(path: Path, wave: Wave, channel: ChannelActivity, settings: Settings) -> Clip:
    fields = path.stem.split("-")
    frames = measure_frames(wave, channel, [channel.spans])
    own = to_mask(channel.spans, len(frames.level))
    stretch = measure_stretch(frames, own, settings.tone.min_voiced_s)
    return Clip(acted=fields[2], actor=fields[6], stretch=stretch)


def _separation(clips: Sequence[Clip], settings: Settings) -> dict[str, object]:
    """AUC over all clips and for each actor; clips with too little voice are counted and left out."""
    scored: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    too_little = 0
    for actor in sorted({clip.actor for clip in clips}):
        own = [clip for clip in clips if clip.actor == actor]
        neutral = [clip.stretch for clip in own if clip.acted == NEUTRAL]
        baseline = find_baseline(neutral, settings.tone.min_turns)
        for clip in own:
            if clip.acted not in AROUSED + CALM:
                continue
            if baseline is None or clip.stretch.manner is None:
                too_little += 1
                continue
            scored[actor].append((baseline.activation(clip.stretch.manner), clip.acted in AROUSED))
    everything = [pair for pairs in scored.values() for pair in pairs]
    actors = {actor: auc(*zip(*pairs, strict=True)) for actor, pairs in scored.items()}
    return {
        "auc": round(auc(*zip(*everything, strict=True)), 3),
        "auc_mean_of_actors": round(float(np.mean(list(actors.values()))), 3),
        "auc_by_actor": {actor: round(value, 3) for actor, value in actors.items()},
        "clips_with_too_little_voice": too_little,
    }


def _some_of_each_actor(waves: dict[Path, Wave]) -> list[tuple[Wave, Mask]]:
    """Clips of each actor, spread over all of them, with the frames to measure: all."""
    by_actor: dict[str, list[Path]] = defaultdict(list)
    for path in waves:
        by_actor[path.stem.split("-")[6]].append(path)
    return [
        (waves[path], np.ones(len(waves[path]) // HOP, bool))
        for paths in by_actor.values()
        for path in islice(paths, 0, None, max(1, len(paths) // PITCH_CLIPS))
    ]


def _other_speech(folders: Sequence[Path], model: VoiceModel, settings: Settings) -> list[tuple[Wave, Mask]]:
    """A part of each channel, with the frames of its speech activity."""
    first, end = (second * SAMPLE_RATE for second in OTHER_S)
    found = []
    for path in find_audio(folders):
        channels = read_audio(path, settings.audio).samples[:, first:end]
        if channels.shape[1] < SAMPLE_RATE:
            continue
        for samples, activity in zip(channels, channels_of(channels, model, settings), strict=True):
            found.append((samples, to_mask(activity.spans, len(samples) // HOP)))
    return [(samples, wanted) for samples, wanted in found if wanted.any()]


def _pitch_errors(pieces: Sequence[tuple[Wave, Mask]]) -> dict[str, object]:
    """Per method and band: voiced frames of pYIN that are found, and those of them 20 % off or more."""
    counts: dict[tuple[str, str], NDArray[np.int64]] = defaultdict(lambda: np.zeros(3, np.int64))
    voiced = 0
    for wave, wanted in pieces:
        reference = np.where(wanted, _pyin(wave), np.nan)
        voiced += int(np.isfinite(reference).sum())
        for band in BANDS:
            heard = wave if band == "wide" else telephone(wave)
            for name, pitch in _methods(heard, wanted).items():
                ratio = (pitch / reference)[np.isfinite(pitch / reference)]
                gross = int((np.abs(ratio - 1) > GROSS).sum())
                unvoiced = int((np.isfinite(pitch) & ~np.isfinite(reference)).sum())
                counts[name, band] += (len(ratio), gross, unvoiced)
    return {
        "pieces": len(pieces),
        "voiced_frames_of_reference": voiced,
        **{
            f"{name}, {band}": {
                "found": round(both / voiced, 3),
                "gross_errors": round(gross / both, 4),
                "others_called_voiced": round(unvoiced / (sum(int(w.sum()) for _, w in pieces) - voiced), 3),
            }
            for (name, band), (both, gross, unvoiced) in counts.items()
        },
    }


def _methods(wave: Wave, wanted: Mask) -> dict[str, Wave]:
    """Ours, and librosa's YIN where ours finds a voice (YIN gives every frame a pitch)."""
    ours = track_pitch(wave, wanted)
    yin = librosa.yin(wave, fmin=LOW_HZ, fmax=HIGH_HZ, sr=SAMPLE_RATE, frame_length=1024, hop_length=HOP)
    between = np.sqrt(yin[:-1] * yin[1:])[: len(wanted)]
    return {"ours": ours, "yin": np.where(np.isfinite(ours), between, np.nan)}


def _pyin(wave: Wave) -> NDArray[np.float64]:
    """Pitch in Hz at the middle of each 10 ms; NaN where pYIN hears no voice on both sides of it."""
    hz, _, _ = librosa.pyin(
        wave, fmin=LOW_HZ, fmax=HIGH_HZ, sr=SAMPLE_RATE, frame_length=1024, hop_length=HOP
    )
    return np.asarray(np.sqrt(hz[:-1] * hz[1:])[: len(wave) // HOP])


def _seconds(waves: Iterable[Wave]) -> float:
    return sum(len(wave) for wave in waves) / SAMPLE_RATE


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python benchmarks/tone.py FOLDER [OTHER ...]")
    main(Path(sys.argv[1]), [Path(other) for other in sys.argv[2:]])
