"""What holds and transfers are found in: who speaks when, what sounds, and what is said about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pipeline.records import Activity, Sound, Turn
from pipeline.spans import Span, union

LIVE = ("agent", "unknown")


class Phrase(Protocol):
    """A phrase about a hold or a transfer in somebody's words, with its time and turn."""

    @property
    def kind(self) -> str:
        """`request_question`, `request_told`, `wait`, `thanks`, `return`, `transfer` or `introduction`."""
        ...

    @property
    def span(self) -> Span:
        """When."""
        ...

    @property
    def turn_index(self) -> int:
        """The turn it is in."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One call. `given_holds` and `given_pauses` are the telephone system's, None where it gave none."""

    duration_s: float
    activities: tuple[Activity, ...]
    turns: tuple[Turn, ...]
    sounds: tuple[Sound, ...]
    phrases: Sequence[Phrase]
    given_holds: tuple[Span, ...] | None = None
    given_pauses: tuple[Span, ...] | None = None

    def speech(self, *roles: str) -> tuple[Span, ...]:
        """When anybody with one of these roles speaks."""
        return union(a.span for a in self.activities if a.role in roles)

    def said(self, kind: str, within: Span) -> tuple[Phrase, ...]:
        """The phrases of a kind that begin in a stretch."""
        return tuple(p for p in self.phrases if p.kind == kind and p.span.start_s in within)

    def gaps(self) -> list[tuple[Turn, Turn]]:
        """Neighbouring turns of the agent; the one that ends last counts as the one before."""
        pairs: list[tuple[Turn, Turn]] = []
        last: Turn | None = None
        for turn in self.turns:
            if turn.role not in LIVE:
                continue
            if last is not None and turn.start_s > last.end_s:
                pairs.append((last, turn))
            if last is None or turn.end_s > last.end_s:
                last = turn
        return pairs
