"""Diarization error rate on mono audio, compared with pyannote.audio's own pipeline with the same weights.

    python benchmarks/diarization.py FOLDER [--telephone]

FOLDER contains audio with its truth: RTTM files that name the recordings by their stems, or NAME.json with
`turns` of `role`, `start` and `end` beside NAME.flac. Stereo is mixed to mono; `--telephone` converts it to
8 kHz mu-law first. Errors are measured by pyannote.metrics, without a collar and with overlaps. Our result is
scored as turns, which include a speaker's own pauses up to `turns.pause_across_s`. Music is not scored.
pyannote's pipeline runs twice: it determines the number of speakers itself, or two speakers are given.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from _line import calls_in, channels_of, write_result
from numpy.typing import NDArray
from scipy.signal import resample_poly

from pipeline.audio.decode import read_audio
from pipeline.records import SpeakerSpan
from pipeline.settings import Settings
from pipeline.spans import Span, complement, union
from pipeline.speech.activity import ChannelActivity
from pipeline.weights.diarization import (
    MEL_BANDS,
    find_speaker_weights,
    load_diarizer,
    load_embedding,
    load_segmentation,
    log_mel,
)
from pipeline.weights.voice_activity import load_voice_model

STOCK = {
    "segmentation": {"min_duration_off": 0.0},
    "clustering": {"method": "centroid", "min_cluster_size": 12, "threshold": 0.7045654963945799},
}
"""The parameters of pyannote's pipeline 3.1, which has this segmentation and agglomerative clustering."""

MU = 255
LEAST_FRAMES = 10  # of voice, for an embedding

Runner = Callable[[ChannelActivity], Sequence[SpeakerSpan]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Seconds of error and of speech in the truth, of processing and of audio."""

    missed: float = 0.0
    false: float = 0.0
    confused: float = 0.0
    total: float = 0.0
    wall: float = 0.0
    audio: float = 0.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            **{name: getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__}
        )

    @property
    def rate(self) -> float:
        """Diarization error rate."""
        return (self.missed + self.false + self.confused) / self.total if self.total else 0.0

    def __str__(self) -> str:
        parts = (
            value / self.total if self.total else 0.0 for value in (self.missed, self.false, self.confused)
        )
        shares = " ".join(f"{part:9.1%}" for part in parts)
        return f"{self.rate:7.1%} {shares} {self.wall / max(self.audio, 1e-9):9.2f}"


def main(arguments: Sequence[str]) -> None:
    """Score all recordings of the folder and print a line per recording and method, and the totals."""
    folders = [argument for argument in arguments if argument != "--telephone"]
    if len(folders) != 1:
        sys.exit(__doc__)
    folder, telephone, settings = Path(folders[0]), "--telephone" in arguments, Settings()
    voice_model, runners = load_voice_model(), load_runners(settings)
    sums: dict[str, Counts] = defaultdict(Counts)
    print(
        f"{'recording':24} {'method':18} {'DER':>7} {'missed':>9} {'false':>9} {'confused':>9} {'real time'}"
    )
    for path, truth in truths_in(folder):
        mono = read_audio(path, settings.audio).samples.mean(axis=0)
        channel = channels_of((to_telephone(mono) if telephone else mono)[None], voice_model, settings)[0]
        for method, run in runners.items():
            started = time.perf_counter()
            found = run(channel)
            counts = score(truth, found, channel, time.perf_counter() - started)
            sums[method] += counts
            print(f"{path.stem[:24]:24} {method:18} {counts}", flush=True)
    for method, counts in sums.items():
        print(f"{'all':24} {method:18} {counts}")
    figures = {method: {"der": round(counts.rate, 4)} for method, counts in sums.items()}
    name = f"diarization-{folder.name}{'-telephone' if telephone else ''}"
    print(write_result(name, {"folder": folder.name, "methods": figures}, settings))


def truths_in(folder: Path) -> list[tuple[Path, list[SpeakerSpan]]]:
    """The recordings of `folder` with who really speaks when."""
    found = [
        (path, [SpeakerSpan(speaker=t["role"], start_s=t["start"], end_s=t["end"]) for t in truth["turns"]])
        for path, truth in calls_in(folder)
    ]
    by_name: dict[str, list[SpeakerSpan]] = defaultdict(list)
    for rttm in sorted(folder.glob("*.rttm")):
        for line in rttm.read_text(encoding="utf-8").splitlines():
            _, name, _, start, length, _, _, speaker, *_ = line.split()
            by_name[name].append(
                SpeakerSpan(speaker=speaker, start_s=float(start), end_s=float(start) + float(length))
            )
    paths = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix in {".flac", ".wav"}}
    return found + [(paths[name], truth) for name, truth in by_name.items() if name in paths]


def to_telephone(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The audio as an 8 kHz mu-law line carries it, at 16 kHz again."""
    narrow = np.clip(resample_poly(samples, 1, 2), -1, 1)
    coded = np.round(np.sign(narrow) * np.log1p(MU * np.abs(narrow)) / np.log1p(MU) * 127) / 127
    decoded = np.sign(coded) * np.expm1(np.abs(coded) * np.log1p(MU)) / MU
    return np.asarray(resample_poly(decoded, 2, 1), np.float32)


def load_runners(settings: Settings) -> dict[str, Runner]:
    """The methods that are compared."""
    weights = find_speaker_weights(settings.diarization)
    diarize = load_diarizer(weights, settings.diarization)
    stock = load_stock(weights.folder)
    pause_s = settings.turns.pause_across_s

    def ours(channel: ChannelActivity) -> Sequence[SpeakerSpan]:
        found = diarize(channel.samples, channel.spans, [sound.span for sound in channel.sounds])
        return as_turns(found.spans, pause_s)

    return {
        "earwitness": ours,
        "pyannote": lambda channel: stock(channel.samples, None),
        "pyannote, two": lambda channel: stock(channel.samples, 2),
    }


def as_turns(spans: Sequence[SpeakerSpan], pause_s: float) -> list[SpeakerSpan]:
    """Each speaker's spans joined over pauses in which nobody else speaks."""
    turns = []
    for speaker in sorted({span.speaker for span in spans}):
        own = union(span.span for span in spans if span.speaker == speaker)
        others = union(span.span for span in spans if span.speaker != speaker)
        pauses = [Span(a.end_s, b.start_s) for a, b in pairwise(own)]
        closed = [p for p in pauses if p.duration_s <= pause_s and not any(p & other for other in others)]
        turns += [
            SpeakerSpan(speaker=speaker, start_s=s.start_s, end_s=s.end_s) for s in union([*own, *closed])
        ]
    return turns


def load_stock(folder: Path) -> Callable[[NDArray[np.float32], int | None], list[SpeakerSpan]]:
    """The stock pipeline with the networks in `folder`; called with audio and a count, or None."""
    import torch  # noqa: PLC0415 - pyannote.audio must be prepared before it is imported
    from pyannote.audio import Model  # noqa: PLC0415
    from pyannote.audio.core.plda import PLDA  # noqa: PLC0415
    from pyannote.audio.core.task import Problem, Resolution, Specifications  # noqa: PLC0415
    from pyannote.audio.pipelines import SpeakerDiarization  # noqa: PLC0415

    class Embedding(Model):  # type: ignore[misc, unused-ignore]
        """The embedding network behind pyannote's interface: it sees the frames that are one speaker's."""

        def __init__(self, network: Any) -> None:
            super().__init__()
            self.network = network
            self.specifications = Specifications(
                problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=5.0
            )

        @property
        def dimension(self) -> int:
            return len(self.network(torch.zeros(1, LEAST_FRAMES, MEL_BANDS))[0])

        def forward(self, waveforms: Any, weights: Any = None) -> Any:
            found = []
            for i, waveform in enumerate(waveforms):
                bands = log_mel(waveform[0].numpy())
                if weights is not None:
                    resampled = torch.nn.functional.interpolate(weights[i][None, None], size=len(bands))
                    bands = bands[resampled[0, 0] > 0.5]
                enough = len(bands) >= LEAST_FRAMES
                centred = bands - bands.mean(dim=0) if enough else torch.zeros(LEAST_FRAMES, MEL_BANDS)
                found.append(self.network(centred[None])[0] * (1.0 if enough else float("nan")))
            return torch.stack(found)

    pipeline = SpeakerDiarization(
        segmentation=load_segmentation(folder),
        embedding=Embedding(load_embedding(folder)),
        clustering="AgglomerativeClustering",
        plda=PLDA.__new__(PLDA),  # only the other clusterings use it, and it has no weights offline
    )
    pipeline.instantiate(STOCK)

    def run(samples: NDArray[np.float32], count: int | None) -> list[SpeakerSpan]:
        waveform = {"waveform": torch.from_numpy(samples)[None], "sample_rate": 16_000}
        found = pipeline(waveform, num_speakers=count).speaker_diarization
        return [
            SpeakerSpan(speaker=str(label), start_s=segment.start, end_s=segment.end)
            for segment, _, label in found.itertracks(yield_label=True)
        ]

    return run


def score(
    truth: Iterable[SpeakerSpan], found: Iterable[SpeakerSpan], channel: ChannelActivity, wall_s: float
) -> Counts:
    """Errors of `found` outside music, by the mapping of its speakers that suits it best."""
    from pyannote.core import Segment, Timeline  # noqa: PLC0415 - after pyannote.audio was prepared
    from pyannote.metrics.diarization import DiarizationErrorRate  # noqa: PLC0415

    whole = Span(0.0, len(channel.samples) / 16_000)
    music = union(sound.span.padded(0.5) for sound in channel.sounds if sound.kind == "music")
    scored = Timeline([Segment(span.start_s, span.end_s) for span in complement(music, whole)])
    parts = DiarizationErrorRate(collar=0.0, skip_overlap=False)(
        _annotation(truth), _annotation(found), uem=scored, detailed=True
    )
    return Counts(
        missed=parts["missed detection"],
        false=parts["false alarm"],
        confused=parts["confusion"],
        total=parts["total"],
        wall=wall_s,
        audio=whole.duration_s,
    )


def _annotation(spans: Iterable[SpeakerSpan]) -> Any:
    from pyannote.core import Annotation, Segment  # noqa: PLC0415

    annotation = Annotation()
    for i, span in enumerate(spans):
        annotation[Segment(span.start_s, span.end_s), i] = span.speaker
    return annotation


if __name__ == "__main__":
    main(sys.argv[1:])
