"""Rates of overlaps by kind, per minute of the other's talk time, in which an overlap was possible."""

from __future__ import annotations

from pipeline.metrics.timeline import PARTIES, Measures, Timeline, other, ratio
from pipeline.records import OverlapKind
from pipeline.spans import total_s


def interruptions(timeline: Timeline) -> Measures:
    """Interruptions by the role, per minute of the other's talk time."""
    return _per_minute(timeline, "interruptions", "interruption")


def attempts(timeline: Timeline) -> Measures:
    """Attempts to interrupt that the role gave up, per minute of the other's talk time."""
    return _per_minute(timeline, "attempts", "attempt")


def backchannels(timeline: Timeline) -> Measures:
    """Backchannels of the role during the other's speech, per minute of the other's talk time."""
    return _per_minute(timeline, "backchannels", "backchannel")


def _per_minute(timeline: Timeline, name: str, kind: OverlapKind) -> Measures:
    for role in PARTIES:
        count = sum(o.kind == kind and o.by_role == role for o in timeline.overlaps)
        minutes = total_s(timeline.talk(other(role))) / 60
        yield ratio(name, role, (float(count), minutes), "1/min", known=_known(timeline))


def agent_overtalk(timeline: Timeline) -> Measures:
    """Agent turns that begin inside a customer turn, except backchannels, over all agent turns [Medallia]."""
    turns = [t for t in timeline.turns if t.role == "agent"]
    begun = sum(o.by_role == "agent" and o.kind != "backchannel" for o in timeline.overlaps)
    yield ratio(
        "agent_overtalk", "agent", (float(begun), float(len(turns))), "ratio", known=timeline.roles_known
    )


def _known(timeline: Timeline) -> bool:
    return timeline.roles_known and timeline.overlaps_known
