"""Who is who, from what is said: the agent's channel, and announcements told from a live agent.

Each cue is a phrase with a weight; a role's score is the sum over the cues that occur, so that a verdict
can be traced to words. Weights are steps of confidence set by hand, not fitted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

OPENING_WORDS = 60  # greeting and introduction come early
AGENT_LEAD = 4.0  # score by which the agent is surely ahead: two clear cues


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """A phrase that speaks for (weight above 0) or against the agent; `opening` ones count only early."""

    name: str
    pattern: re.Pattern[str]
    weight: float
    opening: bool = False


def _cue(name: str, weight: float, pattern: str, *, opening: bool = False) -> Cue:
    return Cue(name=name, weight=weight, pattern=re.compile(pattern), opening=opening)


AGENT_CUES = (
    _cue("company greeting", 2.0, r"\b(?:thank you|thanks) for (?:calling|contacting|phoning|choosing)\b"),
    _cue(
        "offer of help", 2.0, r"\bhow (?:may|can|could) i (?:help|assist|be of)\b|\bwhat can i do for you\b"
    ),
    _cue(
        "introduction",
        1.0,
        r"\bmy name(?:'s| is)\b|\bspeaking with\b|\bthis is \w+ (?:from|at|with|calling)\b",
        opening=True,
    ),
    _cue("recording notice", 1.5, r"\b(?:calls?|line|conversation)\b.{0,30}\brecorded\b|\brecorded line\b"),
    _cue(
        "asks for details",
        1.0,
        r"\b(?:can|could|may) i (?:have|get|take|ask)\b"
        r"|\bcan you (?:confirm|give me|tell me) your\b"
        r"|\bwhat is (?:the|your) (?:name|account|postcode|zip|date)\b"
        r"|\byour (?:account number|date of birth|postcode|zip code)\b",
    ),
    _cue(
        "hold",
        1.5,
        r"\b(?:put|place|pop) you on (?:a )?(?:brief |short |quick )?hold\b|\bplease hold\b|\bbear with me\b",
    ),
    _cue(
        "thanks for holding",
        2.0,
        r"\b(?:thank you|thanks)(?: so much| very much)? for (?:holding|waiting|your patience)\b",
    ),
    _cue(
        "further help",
        1.5,
        r"\banything else\b.{0,30}\b(?:i can|help|need|today)\b|\bis there anything else\b",
    ),
    _cue("transfer", 1.0, r"\b(?:transfer|transferring) you\b|\bput you through\b"),
)
CUSTOMER_CUES = (
    _cue(
        "states a problem",
        1.5,
        r"\bi (?:have|had|got|'ve got|'ve) (?:a |an )?(?:problem|issue|question)\b"
        r"|\b(?:not|isn't|doesn't|won't|hasn't|stopped) (?:working|work|arrived|shipped)\b",
    ),
    _cue(
        "states a wish",
        1.0,
        r"\bi(?:'d| would) like to\b|\bi(?:'m| am) calling (?:about|because|to)\b|\bi (?:need|want) to\b",
    ),
    _cue(
        "own account",
        1.0,
        r"\bmy (?:account|address|bill|booking|card|contract|internet|order|payment|phone|policy)\b",
    ),
    _cue("asks for a manager", 1.5, r"\b(?:your|a) (?:manager|supervisor)\b"),
)


def agent_score(text: str) -> float:
    """How much `text` (all one party said) sounds like the agent; below 0 like the customer."""
    lowered = text.lower()
    opening = " ".join(lowered.split()[:OPENING_WORDS])
    score = 0.0
    for sign, cues in ((1.0, AGENT_CUES), (-1.0, CUSTOMER_CUES)):
        score += sign * sum(c.weight for c in cues if c.pattern.search(opening if c.opening else lowered))
    return score


def find_agent(texts: Sequence[str]) -> tuple[int, float]:
    """Index of the party that sounds most like the agent, and the confidence, 0 to 1.

    Confidence is the lead over the next party, full at `AGENT_LEAD`.
    """
    scores = [agent_score(text) for text in texts]
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    if len(order) < 2:
        return order[0], 0.0
    return order[0], min(1.0, (scores[order[0]] - scores[order[1]]) / AGENT_LEAD)


# An announcement speaks for the company to nobody in particular and takes no part in the talk.
_ANNOUNCEMENT = re.compile(
    r"\bwelcome to\b"
    r"|\b(?:calls?|conversations?|lines?) (?:is|are|(?:may|will|might|can) be) (?:being )?"
    r"(?:recorded|monitored)"
    r"|\byour call (?:is|may|will|has|cannot|can't)\b"
    r"|\bimportant to us\b"
    r"|\bplease (?:stay|remain|hold|wait)\b"
    r"|\b(?:press|dial|enter|say) (?:\d|one|two|three|four|five|six|seven|eight|nine|zero)\b"
    r"|\b(?:press|dial|enter|say) (?:star|hash|pound|the|your)\b"
    r"|\bour (?:agents|advis[eo]rs|representatives|operators|lines|colleagues|staff) (?:is|are)\b"
    r"|\bnext available\b"
    r"|\bin (?:the )?(?:queue|line)\b"
    r"|\b(?:estimated|expected|average|current) (?:wait|hold)"
    r"|\bwill be (?:with you|answered|connected|transferred)\b"
    r"|\b(?:after|at) the (?:tone|beep)\b"
    r"|\bfor (?:training|quality|monitoring|security)\b"
    r"|\bour website\b"
    r"|\b(?:office|opening|business) hours\b"
)
# What only somebody speaking for a queue says, and to everybody who waits.
_QUEUE = re.compile(
    r"\byour call (?:is|will|has)\b"
    r"|\bimportant to us\b"
    r"|\b(?:all )?(?:of )?our (?:agents|advis[eo]rs|representatives|operators|lines|staff) are\b"
    r"|\bnext (?:available|free)\b"
    r"|\b(?:you are|position)\b.{0,20}\bin (?:the )?(?:queue|line)\b"
    r"|\b(?:estimated|expected|average|current) (?:wait|hold)"
)
_LIVE = re.compile(
    r"\bmy name(?:'s| is)\b"
    r"|\b(?:this is|i am|i'm) [a-z]+\b"
    r"|\b(?:you are|you're) speaking\b|\bspeaking (?:with|to)\b|\bspeaking\b"
    r"|\bhow (?:may|can|could) (?:i|we) (?:help|assist|be)\b|\bwhat can i do\b"
    r"|\b(?:can|could|may|shall) i\b|\bi(?:'ll| will| can| have|'ve| see)\b"
    r"|\bgood (?:morning|afternoon|evening)\b|\bhello\b|\bhi\b"
    r"|\?"
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
