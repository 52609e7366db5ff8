"""Roles from what is said: which speaker is the agent, and which speech is an announcement.

Each cue of `phrases/en/roles.toml`, and of a site's `roles.toml`, has a weight. A role's score is the sum
over the cues that occur, so that a role can be traced to words.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum

from pipeline.phrases.role_cues import Cue, RoleCues

OPENING_WORDS = 60  # greeting and introduction come early
AGENT_LEAD = 4.0  # score by which the agent is surely ahead: two clear cues


def cues_in(text: str, known: RoleCues) -> tuple[Cue, ...]:
    """The cues that occur in `text`, all that one party said."""
    lowered = text.lower()
    opening = " ".join(lowered.split()[:OPENING_WORDS])
    return tuple(cue for cue in known.cues if cue.pattern.search(opening if cue.opening else lowered))


def agent_score(text: str, known: RoleCues) -> float:
    """How much `text`, all that one party said, sounds like the agent; below 0 like the customer."""
    return fsum(cue.weight for cue in cues_in(text, known))


def find_agent(texts: Sequence[str], known: RoleCues) -> tuple[int, float]:
    """Index of the party that sounds most like the agent, and the confidence, 0 to 1.

    Confidence is the lead over the next party, full at `AGENT_LEAD`.
    """
    scores = [agent_score(text, known) for text in texts]
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    if len(order) < 2:
        return order[0], 0.0
    return order[0], min(1.0, (scores[order[0]] - scores[order[1]]) / AGENT_LEAD)


def is_announcement(text: str, known: RoleCues) -> bool:
    """Whether `text` sounds like a recorded announcement and not at all like a live agent.

    >>> from pipeline.phrases.role_cues import program_role_cues
    >>> is_announcement("Welcome to Oak Mutual. Calls are recorded for training.", program_role_cues())
    True
    >>> is_announcement("Welcome to Oak Mutual, my name is Nina. Calls are recorded.", program_role_cues())
    False
    """
    lowered = text.lower()
    return bool(known.announcement.search(lowered)) and not known.live.search(lowered)


def is_queue_announcement(text: str, known: RoleCues) -> bool:
    """Whether `text` asks callers in general to keep waiting, which a live agent does not say in a call.

    >>> from pipeline.phrases.role_cues import program_role_cues
    >>> is_queue_announcement("Your call is important to us. Please stay on the line.", program_role_cues())
    True
    >>> is_queue_announcement("Please stay on the line, this is taking longer.", program_role_cues())
    False
    """
    lowered = text.lower()
    return bool(known.queue.search(lowered)) and not known.live.search(lowered)
