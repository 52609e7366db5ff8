"""Who is who, from what is said: the agent's channel, and announcements told from a live agent.

Each cue of `phrases/en/roles.toml` has a weight; a role's score is the sum over the cues that occur, so that
a role can be traced to words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

from pipeline.phrases.word_lists import any_pattern, load_words

OPENING_WORDS = 60  # greeting and introduction come early
AGENT_LEAD = 4.0  # score by which the agent is surely ahead: two clear cues


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """A phrase that speaks for the agent (weight above 0) or the customer (below); `opening` counts early."""

    name: str
    pattern: re.Pattern[str]
    weight: float
    opening: bool = False


def _read_cues() -> tuple[Cue, ...]:
    return tuple(
        Cue(
            name=cue["name"],
            pattern=any_pattern(cue["patterns"]),
            weight=cue["weight"] if cue["speaks_for"] == "agent" else -cue["weight"],
            opening=cue.get("opening", False),
        )
        for cue in load_words("roles")["cues"]
    )


CUES = _read_cues()


def cues_in(text: str) -> tuple[Cue, ...]:
    """The cues that occur in `text`, all that one party said."""
    lowered = text.lower()
    opening = " ".join(lowered.split()[:OPENING_WORDS])
    return tuple(cue for cue in CUES if cue.pattern.search(opening if cue.opening else lowered))


def agent_score(text: str) -> float:
    """How much `text` (all one party said) sounds like the agent; below 0 like the customer."""
    return fsum(cue.weight for cue in cues_in(text))


def find_agent(texts: Sequence[str]) -> tuple[int, float]:
    """Index of the party that sounds most like the agent, and the confidence, 0 to 1.

    Confidence is the lead over the next party, full at `AGENT_LEAD`.
    """
    scores = [agent_score(text) for text in texts]
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    if len(order) < 2:
        return order[0], 0.0
    return order[0], min(1.0, (scores[order[0]] - scores[order[1]]) / AGENT_LEAD)


_ANNOUNCEMENT, _QUEUE, _LIVE = (
    any_pattern(load_words("roles")[key]) for key in ("announcement", "queue", "live")
)


def is_announcement(text: str) -> bool:
    """Whether `text` sounds like a recorded announcement and not at all like a live agent.

    >>> is_announcement("Welcome to Oak Mutual. Calls are recorded for training.")
    True
    >>> is_announcement("Welcome to Oak Mutual, my name is Nina. Calls are recorded.")
    False
    """
    lowered = text.lower()
    return bool(_ANNOUNCEMENT.search(lowered)) and not _LIVE.search(lowered)


def is_queue_announcement(text: str) -> bool:
    """Whether `text` asks callers in general to wait on, which a live agent does not say in the call.

    >>> is_queue_announcement("Your call is important to us. Please stay on the line.")
    True
    >>> is_queue_announcement("Please stay on the line, this is taking longer.")
    False
    """
    lowered = text.lower()
    return bool(_QUEUE.search(lowered)) and not _LIVE.search(lowered)
