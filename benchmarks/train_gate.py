"""Trains the sentence model of the gate, and measures it by cross-validation over speakers.

    python benchmarks/train_gate.py [--no-write]

Training sentences are those of the imagined speakers (benchmarks/data/sentences), of the rules' examples and
of tests/data/phrases, and ordinary talk (benchmarks/data/ordinary). For the cross-validation the speakers are
divided into six parts; each part is scored by a model that saw none of its speakers. From these scores follow
the thresholds:

- `possible`: the lowest probability that at most 0.2 % of ordinary sentences reach (0.1 % for groups that are
  searched in the whole call), and at most 1 % of the acts of other rules. The larger collection counts as
  ordinary where its talk contains no such acts.
- `said`, for rules of quality: the lowest probability, not below `possible`, from which on the precision
  over all sentences of the speakers, decoys and the acts of other rules included, is 0.97 or more; none where
  there is no such probability, or where it rests on fewer than 50 sentences.

The result is written to pipeline/rules/meaning, and the figures beside it.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from pipeline.rules import RuleSet, load_rules
from pipeline.rules.sentence_model import FOLDER, features
from pipeline.weights.sentences import find_sentence_weights, load_embed

DATA = Path(__file__).parent / "data"
TESTS = Path(__file__).parent.parent / "tests" / "data" / "phrases"
GROUPS = (
    *("recording_disclosure", "recording_objection", "greeting", "agent_introduction", "hold_permission"),
    *(
        "hold_thanks",
        "transfer_explained",
        "escalation_offered",
        "escalation_requested",
        "apology",
        "empathy",
    ),
    *("ownership", "offer_further_help", "closing"),
)
SOCIAL = frozenset(
    {
        *("greeting", "agent_introduction", "hold_permission", "hold_thanks", "apology", "empathy"),
        *("offer_further_help", "closing"),
    }
)
"""Acts that the larger collection of ordinary talk contains, unlabelled."""
FOLDS = 6
REGULARITY = 10.0
ORDINARY_SHARE = 0.002
OTHERS_SHARE = 0.01
WHOLE_CALL = frozenset({"recording_objection", "escalation_requested"})
"""Groups that are searched in all that a customer says, in some 30 sentences a call."""
WHOLE_CALL_SHARE = 0.001
PRECISION = 0.97
UNKNOWN = ("d", "e", "f")
"""The files whose speakers the phrases had not in view either."""
LEAST_SENTENCES = 50
WEIGHTS = {"own": 1.0, "other": 0.5, "collection": 0.3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A sentence; `rule` is the rule that it was written for, None in ordinary talk."""

    rule: str | None
    role: str
    text: str
    expect: bool
    speaker: str | None
    collection: bool = False


def main() -> None:
    """Train, measure, print and write."""
    weights = find_sentence_weights()
    if weights is None:
        raise SystemExit("the sentence model is not installed")
    rules = load_rules()
    sentences = [*_of_speakers(), *_of_packs(rules), *_of_tests(), *_collection()]
    texts = sorted({sentence.text for sentence in sentences})
    rows = dict(zip(texts, features(texts, load_embed(weights)), strict=True))
    known = np.array([rows[sentence.text] for sentence in sentences])
    scores = _cross_validated(sentences, known)
    groups = {name: _thresholds(name, sentences, scores[:, at], rules) for at, name in enumerate(GROUPS)}
    for name, group in groups.items():
        print(f"{name:21s}", json.dumps(group))
    if "--no-write" not in sys.argv:
        _write(_fit(sentences, known, np.ones(len(sentences), bool)), groups)


def _of_speakers() -> list[Labelled]:
    out = []
    for path in sorted((DATA / "sentences").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            said = json.loads(line)
            ordinary = said["rule"] == "ordinary"
            out.append(
                Labelled(
                    rule=None if ordinary else said["rule"],
                    role=said["role"],
                    text=said["text"],
                    expect=said["expect"],
                    speaker=f"{path.stem} {said['speaker']}",
                )
            )
    return out


def _of_packs(rules: RuleSet) -> list[Labelled]:
    return [
        Labelled(rule=rule.id, role=role, text=text, expect=expect, speaker=None)
        for rule in rules.rules
        for role, text, expect in rule.examples
    ]


def _of_tests() -> list[Labelled]:
    lines = [
        json.loads(line)
        for path in sorted(TESTS.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    return [
        Labelled(rule=said["rule"], role=said["role"], text=said["text"], expect=said["expect"], speaker=None)
        for said in lines
        if {"rule", "role", "text", "expect"} <= said.keys()
    ]


def _collection() -> list[Labelled]:
    lines = (DATA / "ordinary" / "taskmaster.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        Labelled(rule=None, expect=False, speaker=None, collection=True, **json.loads(line)) for line in lines
    ]


def _cross_validated(sentences: Sequence[Labelled], known: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities of each group from models that did not see the speaker; NaN for what has no speaker."""
    speakers = sorted({sentence.speaker for sentence in sentences if sentence.speaker})
    part = {speaker: at % FOLDS for at, speaker in enumerate(speakers)}
    folds = np.array(
        [
            part[s.speaker] if s.speaker else at % FOLDS if s.collection else -1
            for at, s in enumerate(sentences)
        ]
    )
    scores = np.full((len(sentences), len(GROUPS)), np.nan)
    for fold in range(FOLDS):
        coefficients, intercepts = _fit(sentences, known, folds != fold)
        held = folds == fold
        scores[held] = 1.0 / (1.0 + np.exp(-(known[held] @ coefficients + intercepts)))
    return scores


def _fit(
    sentences: Sequence[Labelled], known: NDArray[np.float32], used: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The coefficients, shape (features, groups), and intercepts of all groups."""
    fitted = [_fit_one(name, sentences, known, used) for name in GROUPS]
    return (
        np.array([model.coef_[0] for model in fitted], np.float32).T,
        np.array([model.intercept_[0] for model in fitted], np.float32),
    )


def _fit_one(
    name: str, sentences: Sequence[Labelled], known: NDArray[np.float32], used: NDArray[np.bool_]
) -> LogisticRegression:
    weight = np.array([_weight(name, sentence) for sentence in sentences])
    chosen = used & (weight > 0)
    says = np.array([sentence.rule == name and sentence.expect for sentence in sentences])
    model = LogisticRegression(C=REGULARITY, class_weight="balanced", solver="liblinear", max_iter=500)
    return model.fit(known[chosen], says[chosen], sample_weight=weight[chosen])


def _weight(name: str, sentence: Labelled) -> float:
    if sentence.collection:
        return 0.0 if name in SOCIAL else WEIGHTS["collection"]
    return WEIGHTS["own" if sentence.rule == name else "other"]


def _thresholds(
    name: str, sentences: Sequence[Labelled], scores: NDArray[np.float64], rules: RuleSet
) -> dict[str, Any]:
    """Thresholds and figures of a group: shares that reach `possible`, and that model or phrases find.

    `either_unknown` is over the speakers that neither had seen.
    """
    kinds = [_kind(name, sentence) for sentence in sentences]
    roles = {sentence.role for sentence in sentences if sentence.rule == name and sentence.expect}
    by_kind = {
        kind: np.array(
            [s for s, k, one in zip(scores, kinds, sentences, strict=True) if k == kind and one.role in roles]
        )
        for kind in ("said", "decoy", "other", "ordinary", "collection")
    }
    if name in SOCIAL:
        talk = np.array([s for s, kind in zip(scores, kinds, strict=True) if kind == "ordinary"])
    else:
        talk = np.concatenate([by_kind["ordinary"], by_kind["collection"]])
    share = WHOLE_CALL_SHARE if name in WHOLE_CALL else ORDINARY_SHARE
    possible = max(_quantile(talk, share), _quantile(by_kind["other"], OTHERS_SHARE))
    said = _precise(by_kind, possible) if rules.rule(name).score == "quality" else None
    own = [(one, s) for one, s, kind in zip(sentences, scores, kinds, strict=True) if kind == "said"]
    either = [(one, s >= possible or rules.says(name, one.role, one.text)) for one, s in own]
    unknown = [found for one, found in either if str(one.speaker).startswith(UNKNOWN)]
    shares = {kind: round(float((found >= possible).mean()), 4) for kind, found in by_kind.items()}
    return {
        "possible": possible,
        "said": said,
        "shares": shares,
        "either": _share(found for _, found in either),
        "either_unknown": _share(unknown),
    }


def _share(found: Iterable[bool]) -> float:
    every = list(found)
    return round(sum(every) / len(every), 4)


def _kind(name: str, sentence: Labelled) -> str:
    if sentence.collection:
        return "collection"
    if sentence.speaker is None:
        return "unmeasured"
    if sentence.rule is None:
        return "ordinary"
    if sentence.rule != name:
        return "other"
    return "said" if sentence.expect else "decoy"


def _quantile(scores: NDArray[np.float64], share: float) -> float:
    """The lowest probability, in thousandths, that no more than `share` of the scores reach."""
    allowed = int(share * len(scores))
    return float(np.ceil(np.sort(scores)[::-1][allowed] * 1000 + 1e-6) / 1000)


def _precise(by_kind: dict[str, NDArray[np.float64]], possible: float) -> float | None:
    """The lowest probability from which on the precision is high enough."""
    others = np.concatenate([by_kind["decoy"], by_kind["other"], by_kind["ordinary"]])
    for threshold in np.arange(possible, 1.0, 0.001):
        right, wrong = (by_kind["said"] >= threshold).sum(), (others >= threshold).sum()
        if right < LEAST_SENTENCES:
            return None
        if right / (right + wrong) >= PRECISION:
            return round(float(threshold), 3)
    return None


def _write(
    fitted: tuple[NDArray[np.float32], NDArray[np.float32]], groups: dict[str, dict[str, Any]]
) -> None:
    FOLDER.mkdir(exist_ok=True)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in zip(("coefficients", "intercepts"), fitted, strict=True):
            one = io.BytesIO()
            np.save(one, values.astype(np.float16 if name == "coefficients" else np.float32))
            # A fixed date: the same coefficients give the same bytes.
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), one.getvalue(), zipfile.ZIP_DEFLATED)
    (FOLDER / "en.npz").write_bytes(buffer.getvalue())
    about = {"sha256": hashlib.sha256(buffer.getvalue()).hexdigest(), "groups": groups}
    (FOLDER / "en.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
