"""Accuracy of times and events against the exact truth of randomly composed calls.

    python benchmarks/timing.py [--calls 200] [--first 0] [--words recogniser|truth] [--memory FOLDER]

Calls of one to four minutes are composed from seeds (`tests/compose`), written as WAV files and analysed by
the whole pipeline. The recognised words of each window are cached in FOLDER, so that a run can be resumed.
`--words truth` takes the words from the script instead. It measures times alone, in a tenth of the time, and
the result says so. Figures:

- holds: F1 (two holds match if they share half their union), edge errors, kinds; a transfer is not a hold
- interruptions and backchannels: F1, matched by role and time with 0.5 s of tolerance
- activity: error of each true edge to the nearest found one, speech missed and invented
- the time partition, talk ratio, and music found where none plays
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from _line import write_result
from numpy.typing import NDArray

from pipeline.records import CallAnalysis
from pipeline.rules import load_rules
from pipeline.settings import Settings
from pipeline.spans import Span, covered_s, total_s, union
from pipeline.speech.transcribe import FasterWhisper, WindowWord
from pipeline.weights.whisper import find_whisper, load_whisper

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from compose import Truth
from compose.analysis import analyse_composed
from compose.random_calls import random_call

OVERLAP_KINDS = ("interruption", "backchannel")
TOLERANCE_S = 0.5
PARTS = ("agent_only", "customer_only", "both", "ivr", "hold", "silence")


class Remembering(FasterWhisper):
    """The recogniser, asked once for each window of audio; answers are files named by the audio's sum."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        weights = find_whisper(settings.asr)
        super().__init__(load_whisper(weights, settings.asr), settings.asr)
        self.name = f"{weights.name}@{weights.sha256[:12]}"
        self._folder = folder
        self._made_with = (self.name, settings.asr.beam_size)
        folder.mkdir(parents=True, exist_ok=True)

    def recognise(
        self,
        audio: Sequence[NDArray[np.float32]],
        language: str,
        hotwords: str = "",
        *,
        fallbacks: bool = True,
    ) -> list[list[WindowWord]]:
        """Words of each window, from memory where it has them; composed calls have no `hotwords`."""
        if not fallbacks:
            return super().recognise(audio, language, hotwords, fallbacks=False)
        files = [self._folder / f"{self._key(one, language)}.json" for one in audio]
        new = [i for i, file in enumerate(files) if not file.is_file()]
        for i, words in zip(new, super().recognise([audio[i] for i in new], language, hotwords), strict=True):
            kept = [[w.start_s, w.end_s, w.text, w.probability] for w in words]
            files[i].write_text(json.dumps(kept), encoding="utf-8")
        return [_remembered(file) for file in files]

    def _key(self, audio: NDArray[np.float32], language: str) -> str:
        made_with = json.dumps([*self._made_with, language])
        return hashlib.sha256(made_with.encode() + audio.tobytes()).hexdigest()[:32]


def _remembered(file: Path) -> list[WindowWord]:
    return [
        WindowWord(start_s=start_s, end_s=end_s, text=text, probability=probability)
        for start_s, end_s, text, probability in json.loads(file.read_text(encoding="utf-8"))
    ]


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts over some calls."""

    hits: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    true: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    found: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    hold_edges: list[float] = field(default_factory=list)
    activity_edges: list[float] = field(default_factory=list)
    talk_ratio_errors: list[float] = field(default_factory=list)
    partition_errors: list[float] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def f1(self, name: str) -> float | None:
        """Two hits over true and found; None where there were none of either."""
        both = self.true[name] + self.found[name]
        return round(2 * self.hits[name] / both, 4) if both else None

    def share(self, name: str) -> float | None:
        """Hits over true."""
        return round(self.hits[name] / self.true[name], 4) if self.true[name] else None

    def figures(self) -> dict[str, Any]:
        """The figures of the benchmark."""
        speech_s = max(1e-9, self.seconds["speech"])
        return {
            "hold_f1": self.f1("hold"),
            "hold_edge_error_s_median": _quantile(self.hold_edges, 50),
            "hold_edge_error_s_max": _quantile(self.hold_edges, 100),
            "hold_kinds_right": self.share("hold_kind"),
            "hold_permission_right": self.share("hold_permission"),
            "hold_thanks_right": self.share("hold_thanks"),
            "interruption_f1": self.f1("interruption"),
            "backchannel_f1": self.f1("backchannel"),
            "activity_edge_error_s_median": _quantile(self.activity_edges, 50),
            "activity_edge_error_s_p95": _quantile(self.activity_edges, 95),
            "speech_missed": round(self.seconds["missed"] / speech_s, 4),
            "speech_invented": round(self.seconds["invented"] / speech_s, 4),
            "partition_exact": self.share("partition"),
            "partition_error_points_mean": _mean(self.partition_errors),
            "talk_ratio_error_points_mean": _mean(self.talk_ratio_errors),
            "talk_ratio_error_points_max": _quantile(self.talk_ratio_errors, 100),
            "false_music_s": round(self.seconds["false_music"], 1),
            "false_music_on_speech_s": round(self.seconds["false_music_on_speech"], 1),
        }


def _quantile(values: list[float], percent: float) -> float | None:
    return round(float(np.percentile(values, percent)), 3) if values else None


def _mean(values: list[float]) -> float | None:
    return round(float(np.mean(values)), 3) if values else None


def count(truth: Truth, found: CallAnalysis, tally: Tally) -> list[str]:
    """Add one call to the tally; gives what was wrong with it, a line each."""
    wrong = count_holds(truth, found, tally)
    for kind in OVERLAP_KINDS:
        wrong += count_overlaps(kind, truth, found, tally)
    wrong += count_activity(truth, found, tally)
    count_measures(truth, found, tally)
    count_music(truth, found, tally)
    return wrong


def count_holds(truth: Truth, found: CallAnalysis, tally: Tally) -> list[str]:
    """Holds, their edges, kinds, permission and thanks."""
    pairs = matched(truth.holds, found.holds, lambda a, b: _iou(_span(a), b.span) >= 0.5)
    tally.hits["hold"] += len(pairs)
    tally.true["hold"] += len(truth.holds)
    tally.found["hold"] += len(found.holds)
    wrong = [f"hold missed {h.kind} {h.start:.1f}-{h.end:.1f}" for h in _without(truth.holds, pairs, 0)]
    wrong += [
        f"hold invented {h.kind} {h.start_s:.1f}-{h.end_s:.1f}" for h in _without(found.holds, pairs, 1)
    ]
    for true, hold in pairs:
        errors = [abs(true.start - hold.start_s), abs(true.end - hold.end_s)]
        tally.hold_edges += errors
        right = {
            "hold_kind": true.kind == hold.kind,
            "hold_permission": (hold.permission == "granted") == true.agreed,
            "hold_thanks": bool(hold.thanked) == true.thanked,
        }
        for name, is_right in right.items():
            tally.true[name] += 1
            tally.hits[name] += is_right
        wrong += [f"{name} of {true}: {hold}" for name, is_right in right.items() if not is_right]
        if max(errors) > 0.5:
            wrong.append(f"hold edges {true.start:.2f}-{true.end:.2f}: {hold.start_s:.2f}-{hold.end_s:.2f}")
    return wrong


def count_overlaps(kind: str, truth: Truth, found: CallAnalysis, tally: Tally) -> list[str]:
    """Overlaps of one kind."""
    true = [o for o in truth.overlaps if o.kind == kind]
    ours = [o for o in found.overlaps if o.kind == kind]
    pairs = matched(
        true,
        ours,
        lambda a, b: (
            a.by == b.by_role
            and bool(_span(a).padded(TOLERANCE_S) & Span(b.start_s, b.end_s).padded(TOLERANCE_S))
        ),
    )
    tally.hits[kind] += len(pairs)
    tally.true[kind] += len(true)
    tally.found[kind] += len(ours)
    return [f"{kind} missed by {o.by} {o.start:.2f}-{o.end:.2f}" for o in _without(true, pairs, 0)] + [
        f"{kind} invented by {o.by_role} {o.start_s:.2f}-{o.end_s:.2f}" for o in _without(ours, pairs, 1)
    ]


def count_activity(truth: Truth, found: CallAnalysis, tally: Tally) -> list[str]:
    """Edges of speech on each channel, and speech missed and invented."""
    wrong = []
    for channel, roles in ((0, ("agent", "ivr")), (1, ("customer",))):
        true = union(Span(a, b) for role in roles for a, b in truth.activity[role])
        ours = union(a.span for a in found.activities if a.channel == channel)
        for name in ("start_s", "end_s"):
            edges = np.array([getattr(s, name) for s in ours])
            errors = [float(np.abs(edges - getattr(s, name)).min()) if len(edges) else 2.0 for s in true]
            tally.activity_edges += [min(e, 2.0) for e in errors]
            wrong += [
                f"activity {name} on {channel} off by {e:.2f} at {s.start_s:.2f}-{s.end_s:.2f}"
                for s, e in zip(true, errors, strict=True)
                if e > 0.2
            ]
        invented = [s for s in ours if covered_s(s, true) == 0]
        wrong += [f"activity invented on {channel} {s.start_s:.2f}-{s.end_s:.2f}" for s in invented]
        tally.seconds["speech"] += total_s(true)
        tally.seconds["missed"] += sum(s.duration_s - covered_s(s, ours) for s in true)
        tally.seconds["invented"] += sum(s.duration_s - covered_s(s, true) for s in ours)
    return wrong


def count_measures(truth: Truth, found: CallAnalysis, tally: Tally) -> None:
    """The partition adds up to the duration and agrees with the truth; so does the talk ratio."""
    metrics = {m.name: m for m in found.metrics if m.role is None}
    parts = {f"time_{part}": metrics[f"time_{part}"].numerator for part in PARTS}
    tally.true["partition"] += 1
    tally.hits["partition"] += abs(sum(parts.values()) - (found.recording.duration_s or 0.0)) < 1e-6
    true = truth.partition()
    tally.partition_errors += [100 * abs(parts[name] - true[name]) / truth.duration for name in parts]
    ratio = metrics["talk_ratio"]
    tally.talk_ratio_errors.append(
        100 * abs(ratio.numerator / max(1e-9, ratio.denominator) - truth.talk_ratio())
    )


def count_music(truth: Truth, found: CallAnalysis, tally: Tally) -> None:
    """Music found where none plays."""
    for channel, roles in ((0, ("agent", "ivr")), (1, ("customer",))):
        plays = union(_span(s) for s in truth.sounds if (s.channel, s.kind) == (channel, "music"))
        speech = union(Span(a, b) for role in roles for a, b in truth.activity[role])
        for sound in found.sounds:
            if (sound.channel, sound.kind) == (channel, "music"):
                tally.seconds["false_music"] += sound.span.duration_s - covered_s(sound.span, plays)
                tally.seconds["false_music_on_speech"] += covered_s(sound.span, speech) - covered_s(
                    sound.span, [s & p for s in speech for p in plays]
                )


def matched(
    true: Sequence[Any], found: Sequence[Any], fits: Callable[[Any, Any], bool]
) -> list[tuple[Any, Any]]:
    """Pairs in order of time; each is used once."""
    left = list(found)
    pairs = []
    for one in true:
        partner = next((other for other in left if fits(one, other)), None)
        if partner is not None:
            left.remove(partner)
            pairs.append((one, partner))
    return pairs


def _without(items: Iterable[Any], pairs: Sequence[tuple[Any, Any]], place: int) -> list[Any]:
    return [item for item in items if not any(pair[place] is item for pair in pairs)]


def _span(event: Any) -> Span:
    return Span(event.start, event.end)


def _iou(a: Span, b: Span) -> float:
    return (a & b).duration_s / max(1e-9, (a | b).duration_s)


def main(arguments: argparse.Namespace) -> None:
    """Compose, analyse, count, print and store."""
    settings = Settings()
    rules = load_rules(settings.rules.packs)
    recogniser = Remembering(settings, arguments.memory) if arguments.words == "recogniser" else None
    whole, wrong = Tally(), list[str]()
    by_condition: defaultdict[str, Tally] = defaultdict(Tally)
    seeds = range(arguments.first, arguments.first + arguments.calls)
    started = time.perf_counter()
    for seed in seeds:
        call = random_call(seed)
        composed = call.composer.render(call.line, name=f"call{seed:04d}")
        found = analyse_composed(composed, transcribe=recogniser, rules=rules, settings=settings)
        lines = count(composed.truth, found, whole)
        count(composed.truth, found, by_condition[call.condition])
        wrong += [f"{seed} ({call.condition}): {line}" for line in lines]
        spent = time.perf_counter() - started
        print(
            f"{seed:4d} {call.condition:20s} {composed.truth.duration:5.0f} s, at {spent:6.0f} s", flush=True
        )
        for line in lines:
            print(f"       {line}", flush=True)
    figures = {
        "calls": arguments.calls,
        "first_seed": arguments.first,
        "words": f"recognised by {recogniser.name}" if recogniser else "from the script, not recognised",
        **whole.figures(),
        "by_condition": {name: tally.figures() for name, tally in sorted(by_condition.items())},
        "wrong": [line for line in wrong if "activity" not in line],
    }
    for name, value in whole.figures().items():
        print(f"{name:32s} {value}")
    if arguments.store:
        print(write_result("timing", figures, settings))


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How right the line's times are, on composed calls.")
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--words", choices=("recogniser", "truth"), default="recogniser")
    parser.add_argument("--memory", type=Path, default=Path(tempfile.gettempdir()) / "earwitness-timing")
    parser.add_argument("--no-store", dest="store", action="store_false", help="write no results file")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main(_arguments(sys.argv[1:]))
