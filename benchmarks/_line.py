"""Shared by the benchmarks: the loaded pipeline, the calls, and the folder for results."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import pipeline.samples
from pipeline.audio.crosstalk import remove_crosstalk
from pipeline.audio.fingerprints import NO_TRACKS, Tracks
from pipeline.audio.sounds import detect_sounds
from pipeline.settings import Settings
from pipeline.speech.activity import ChannelActivity, VoiceModel, detect_activity, voice_probabilities

SAMPLES = Path(pipeline.samples.__file__).parent
RESULTS = Path(__file__).parent / "results"


def calls_in(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Audio files of `folder` that have their truth beside them or in `truth/`."""
    found = []
    for audio in sorted(p for p in folder.iterdir() if p.suffix in {".flac", ".wav", ".mp3"}):
        for truth in (audio.with_suffix(".json"), folder / "truth" / f"{audio.stem}.json"):
            if truth.is_file():
                found.append((audio, json.loads(truth.read_text(encoding="utf-8"))))
                break
    return found


def channels_of(
    samples: NDArray[np.float32], model: VoiceModel, settings: Settings, tracks: Tracks = NO_TRACKS
) -> tuple[ChannelActivity, ...]:
    """The channels of a call, from its audio to its activity, as `analyse` finds them."""
    clean = remove_crosstalk(samples, settings.activity)
    voice = voice_probabilities(clean, model)
    sounds = detect_sounds(samples, clean, voice, settings.sounds, tracks)
    return detect_activity(clean, voice, sounds, settings.activity)


def write_result(name: str, figures: dict[str, Any], settings: Settings) -> Path:
    """The figures with machine, date and settings as `results/NAME.json`."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    whole = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "settings_hash": settings.fingerprint(),
        **figures,
    }
    path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    return path
