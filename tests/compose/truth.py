"""What is true of a composed call, by construction. Times are seconds from its start."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FRAME_RATE = 100
SHORT_PAUSE_S = 0.3
"""Pauses up to this long inside a speaker's speech count as speech."""

Spans = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueTurn:
    """A line as it was said."""

    role: str
    start: float
    end: float
    text: str
    voice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueHold:
    """A hold, from the last word before it to the agent's first word after it."""

    start: float
    end: float
    kind: str
    asked: bool
    agreed: bool
    thanked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueTransfer:
    """The call goes to another agent: from the last word before to the other's first word."""

    start: float
    end: float
    announced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueOverlap:
    """`by` starts while `of` is speaking."""

    kind: str
    by: str
    of: str
    start: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueSound:
    """Music or tones on a channel."""

    channel: int
    kind: str
    start: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Everything that is true of a call; `activity` has each role's speech to the sample."""

    name: str
    duration: float
    mono: bool
    turns: tuple[TrueTurn, ...]
    holds: tuple[TrueHold, ...]
    transfers: tuple[TrueTransfer, ...]
    overlaps: tuple[TrueOverlap, ...]
    sounds: tuple[TrueSound, ...]
    dead_air: Spans
    activity: dict[str, Spans]

    def as_dict(self) -> dict[str, Any]:
        """The truth as JSON has it; rules have no verdicts here."""
        return asdict(self) | {"findings": {}, "meta": {}}

    def frames(self, role: str) -> NDArray[np.bool_]:
        """Whether `role` speaks, per 10 ms."""
        mask = np.zeros(round(self.duration * FRAME_RATE), bool)
        for start, end in self.activity[role]:
            mask[round(start * FRAME_RATE) : round(end * FRAME_RATE)] = True
        return mask

    def talk_ratio(self) -> float:
        """The agent's share of both parties' speech, holds left out."""
        held = self._held()
        agent, customer = (int((self.frames(role) & ~held).sum()) for role in ("agent", "customer"))
        return agent / max(1, agent + customer)

    def partition(self) -> dict[str, float]:
        """Seconds of each of the six parts of the call; they add up to its length."""
        held = self._held()
        agent, customer, ivr = (self.frames(role) & ~held for role in ("agent", "customer", "ivr"))
        ivr &= ~(agent | customer)
        parts = {
            "time_agent_only": agent & ~customer,
            "time_customer_only": customer & ~agent,
            "time_both": agent & customer,
            "time_ivr": ivr,
            "time_hold": held,
            "time_silence": ~(agent | customer | ivr | held),
        }
        return {name: float(mask.sum()) / FRAME_RATE for name, mask in parts.items()}

    def _held(self) -> NDArray[np.bool_]:
        mask = np.zeros(round(self.duration * FRAME_RATE), bool)
        for hold in self.holds:
            mask[round(hold.start * FRAME_RATE) : round(hold.end * FRAME_RATE)] = True
        return mask


def joined(spans: list[tuple[float, float]], pause_s: float = SHORT_PAUSE_S) -> Spans:
    """Sorted, disjoint spans; pauses of at most `pause_s` are closed."""
    out: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if out and start - out[-1][1] <= pause_s:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return tuple(out)
