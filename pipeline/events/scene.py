"""The input of hold and transfer detection: activity, turns, sounds, and phrases about holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from pipeline.phrases.role_cues import RoleCues, program_role_cues
from pipeline.records import Activity, Sound, Turn, Word
from pipeline.spans import Span, union

LIVE = ("agent", "unknown")
REQUESTS = ("request_question", "request_told")

ONSET_S = 0.5  # sound this short, without a word
SOUND_LATE_S = 2.5  # how late music is recognised, on a line that loses packets
WORD_OFF_S = 0.5  # how far a word's times may be off


class Phrase(Protocol):
    """A phrase about a hold or a transfer in somebody's words, with its time and turn."""

    @property
    def kind(self) -> str:
        """`request_question`, `request_told`, `wait`, `thanks`, `return`, `transfer` or `introduction`."""
        ...

    @property
    def span(self) -> Span:
        """The time from its first word to its last."""
        ...

    @property
    def turn_index(self) -> int:
        """The turn it is in."""
        ...


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One call. `given_holds` and `given_pauses` come from the telephone system; None without them.

    `role_cues` has the greetings by which another agent is recognised.
    """

    duration_s: float
    activities: tuple[Activity, ...]
    turns: tuple[Turn, ...]
    sounds: tuple[Sound, ...]
    phrases: Sequence[Phrase]
    words: tuple[Word, ...] = ()
    given_holds: tuple[Span, ...] | None = None
    given_pauses: tuple[Span, ...] | None = None
    role_cues: RoleCues = field(default_factory=program_role_cues)
    _speech: dict[tuple[str, ...], tuple[Span, ...]] = field(default_factory=dict, compare=False, repr=False)
    """Answers of `speech` so far."""

    def speech(self, *roles: str) -> tuple[Span, ...]:
        """The speech of all speakers with one of these roles, in order of time."""
        if roles not in self._speech:
            self._speech[roles] = union(a.span for a in self.activities if a.role in roles)
        return self._speech[roles]

    def said(self, kind: str, within: Span) -> tuple[Phrase, ...]:
        """The phrases of a kind that begin in a stretch."""
        return tuple(p for p in self.phrases if p.kind == kind and p.span.start_s in within)

    def is_onset(self, channel: int, span: Span) -> bool:
        """Whether "speech" is the first sound of what plays, which is recognised only a moment later."""
        if span.duration_s > ONSET_S:
            return False
        soon = Span(span.start_s, span.start_s + SOUND_LATE_S)
        plays = any(s.channel == channel and s.start_s in soon for s in self.sounds)
        near = span.padded(WORD_OFF_S)
        return plays and not any(w.channel == channel and w.span.middle_s in near for w in self.words)

    @cached_property
    def gaps(self) -> list[tuple[Turn, Turn]]:
        """Neighbouring turns of the agent; the one that ends last counts as the one before."""
        pairs: list[tuple[Turn, Turn]] = []
        last: Turn | None = None
        for turn in self.turns:
            if turn.role not in LIVE or self.is_onset(turn.channel, turn.span):
                continue
            if last is not None and turn.start_s > last.end_s:
                pairs.append((last, turn))
            if last is None or turn.end_s > last.end_s:
                last = turn
        return pairs
