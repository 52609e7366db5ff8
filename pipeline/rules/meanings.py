"""What a sentence model found in a call, to be asked about by time and role."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from pipeline.records import Role, SentenceScore
from pipeline.rules.sentence_model import Group, SentenceModel
from pipeline.spans import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Meanings:
    """The scores of a call's sentences, and the model that gives them their thresholds.

    `computed` says whether they are that model's. Without a model nothing is possible, and nothing missing.
    """

    scores: tuple[SentenceScore, ...] = ()
    model: SentenceModel | None = None
    computed: bool = True

    def group(self, name: str) -> Group | None:
        """The thresholds of a group; None for one that the model does not know."""
        return None if self.model is None else self.model.groups.get(name)

    def possible(self, name: str, roles: Collection[Role], window: Span) -> list[SentenceScore]:
        """The sentences of `roles` in `window` that may be the group's phrase, the likeliest first."""
        group = self.group(name)
        if group is None:
            return []
        near = (
            score
            for score in self.scores
            if score.phrase_group == name
            and score.score >= group.possible
            and score.role in roles
            and Span(score.start_s, score.end_s) & window
        )
        return sorted(near, key=lambda score: (-score.score, score.start_s))


PATTERNS_ALONE = Meanings()
"""Where the gate is switched off: what phrases find decides."""
