"""The agent's phrases about holds and transfers, by which they are detected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pipeline.phrases.search import Match, Phrases, find
from pipeline.phrases.tokens import Transcript
from pipeline.records import Role
from pipeline.spans import Span

HoldPhraseKind = Literal[
    "request_question", "request_told", "wait", "thanks", "return", "transfer", "introduction"
]

# Where phrases overlap, the earlier kind counts: "Can you hold on?" is a question despite its "hold on".
_GROUPS: tuple[tuple[HoldPhraseKind, str], ...] = (
    ("request_question", "ask"),
    ("thanks", "thanks"),
    ("request_told", "told"),
    ("return", "back"),
    ("wait", "wait"),
    ("transfer", "transfer"),
    ("introduction", "introduces"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldPhrase:
    """Something the agent (or an unknown speaker) says that goes with a hold or a transfer.

    `request_question` asks permission, `request_told` announces the hold, `wait` announces a mere pause,
    `thanks` thanks or apologises for the wait, `return` is any other sign of coming back, `transfer`
    announces a transfer, `introduction` gives the agent's own name.
    `probability` is the mean word probability, 0 to 1.
    """

    kind: HoldPhraseKind
    role: Role
    start_s: float
    end_s: float
    turn_index: int
    probability: float

    @property
    def span(self) -> Span:
        """From the start of its first word to the end of its last one."""
        return Span(self.start_s, self.end_s)


def hold_phrases(transcript: Transcript, groups: Mapping[str, Phrases]) -> tuple[HoldPhrase, ...]:
    """What the agent (or an unknown speaker) says of holds and transfers, in order of time.

    `groups` are the shared phrases. Phrases do not overlap.
    """
    kept: list[tuple[HoldPhraseKind, Match]] = []
    for kind, group in _GROUPS:
        found = find(transcript, groups[group], ("agent", "unknown"))
        kept += [(kind, match) for match in found if not any(match.overlaps(other) for _, other in kept)]
    phrases = (
        HoldPhrase(
            kind=kind,
            role=match.role,
            start_s=match.span.start_s,
            end_s=match.span.end_s,
            turn_index=match.turn_index,
            probability=match.probability,
        )
        for kind, match in kept
    )
    return tuple(sorted(phrases, key=lambda phrase: phrase.span))
