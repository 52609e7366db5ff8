"""Recognition of windows with less work than faster-whisper's own batches, and the same words.

- The encoder sees a window's own length and some seconds more, not always 30 s.
- Windows are decoded greedily; only those whose words are doubtful are searched with beams, on the encoder's
  output that is there already.

Without the seconds more the decoder begins to repeat itself. Where it still does, the caller recognises the
window again in the usual way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from ctranslate2 import StorageView
from faster_whisper import BatchedInferencePipeline
from numpy.typing import NDArray

FRAMES_PER_S = 100
SPARE_S = 4.0
"""Silence behind the window that the encoder sees."""
MIN_INPUT_S = 15.0
DOUBTFUL = -0.2
"""Mean log probability of a token, below which a window is searched with beams."""
ALIKE = 0.7
"""The shortest of the windows that are encoded together has at least this share of the longest's input."""


def input_s(duration_s: float) -> float:
    """Seconds that the encoder sees of a window.

    >>> input_s(3.0), input_s(20.0), input_s(29.0)
    (15.0, 24.0, 30.0)
    """
    return min(30.0, max(MIN_INPUT_S, duration_s + SPARE_S))


def alike(durations_s: Sequence[float]) -> list[list[int]]:
    """The indices of windows in groups of similar length, the longest first.

    >>> alike([5.0, 29.0, 25.0, 16.0, 4.0])
    [[1, 2], [3, 0, 4]]
    """
    groups: list[list[int]] = []
    for index in sorted(range(len(durations_s)), key=lambda i: -durations_s[i]):
        longest = input_s(durations_s[groups[-1][0]]) if groups else 0.0
        if groups and input_s(durations_s[index]) >= ALIKE * longest:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


class ThriftyPipeline(BatchedInferencePipeline):  # type: ignore[misc] # it has no types
    """faster-whisper's batches of windows, with shorter inputs and beams only where they are needed."""

    def forward(
        self,
        features: NDArray[np.float32],
        tokenizer: Any,
        chunks_metadata: Sequence[Mapping[str, float]],
        options: Any,
    ) -> Any:
        """The segments of a batch of windows, `features` of shape (windows, bands, frames)."""
        longest_s = max(chunk["duration"] for chunk in chunks_metadata)
        frames = 2 * round(input_s(longest_s) * FRAMES_PER_S / 2)
        return super().forward(features[:, :, :frames], tokenizer, chunks_metadata, options)

    def generate_segment_batched(
        self, features: NDArray[np.float32], tokenizer: Any, options: Any
    ) -> tuple[Any, list[dict[str, Any]]]:
        """The encoder's output, and the tokens of each window with their probability."""
        encoded = self.model.encode(features)
        count = len(features)
        # A graphics card decodes beams side by side, and its memory is not read here.
        if options.beam_size == 1 or self.model.model.device != "cpu":
            return encoded, self._decoded(encoded, count, tokenizer, options)
        found = self._decoded(encoded, count, tokenizer, replace(options, beam_size=1))
        doubtful = [index for index, one in enumerate(found) if one["avg_logprob"] < DOUBTFUL]
        if doubtful:
            theirs = StorageView.from_array(np.ascontiguousarray(np.asarray(encoded)[doubtful]))
            better = self._decoded(theirs, len(doubtful), tokenizer, options)
            for index, one in zip(doubtful, better, strict=True):
                found[index] = one
        return encoded, found

    def _decoded(self, encoded: Any, count: int, tokenizer: Any, options: Any) -> list[dict[str, Any]]:
        """The tokens of `count` encoded windows, as faster-whisper gives them."""
        prompt = self.model.get_prompt(
            tokenizer,
            previous_tokens=[],
            without_timestamps=options.without_timestamps,
            hotwords=options.hotwords,
        )
        results = self.model.model.generate(
            encoded,
            [list(prompt) for _ in range(count)],
            beam_size=options.beam_size,
            patience=options.patience,
            length_penalty=options.length_penalty,
            max_length=self.model.max_length,
            suppress_blank=options.suppress_blank,
            suppress_tokens=options.suppress_tokens,
            return_scores=True,
            return_no_speech_prob=True,
            sampling_temperature=options.temperatures[0],
            repetition_penalty=options.repetition_penalty,
            no_repeat_ngram_size=options.no_repeat_ngram_size,
        )
        return [
            {
                "avg_logprob": result.scores[0] * length**options.length_penalty / (length + 1),
                "no_speech_prob": result.no_speech_prob,
                "tokens": result.sequences_ids[0],
            }
            for result in results
            for length in [len(result.sequences_ids[0])]
        ]
