"""Talk time, speech rate, monologues and response latency. Speech inside a hold is not talk time."""

from __future__ import annotations

import statistics

from pipeline.metrics.timeline import PARTIES, Measures, Timeline, count, other, ratio
from pipeline.records import Role, Turn
from pipeline.spans import total_s


def talk_time(timeline: Timeline) -> Measures:
    """Speech activity of the role outside holds, in seconds.

    Overlaps count for both roles, so the roles can add up to more than the time in which somebody speaks.
    """
    for role in PARTIES:
        yield count("talk_time", role, total_s(timeline.talk(role)), "s", known=timeline.roles_known)
    yield count("talk_time", "ivr", total_s(timeline.speech("ivr")), "s")


def talk_ratio(timeline: Timeline) -> Measures:
    """Agent talk time over agent plus customer talk time; announcements and holds are excluded."""
    agent, customer = (total_s(timeline.talk(role)) for role in PARTIES)
    yield ratio("talk_ratio", None, (agent, agent + customer), "ratio", known=timeline.roles_known)


def speech_rate(timeline: Timeline) -> Measures:
    """Recognised words of the role per minute of its talk time."""
    for role in PARTIES:
        words = sum(w.role == role for w in timeline.words)
        minutes = total_s(timeline.talk(role)) / 60
        yield ratio("speech_rate", role, (float(words), minutes), "words/min", known=timeline.roles_known)


def longest_monologue(timeline: Timeline) -> Measures:
    """Longest run of the role's turns in seconds; the other's turn or a hold ends it, not a backchannel."""
    for role in PARTIES:
        longest = max(_stretches(timeline, role), default=0.0)
        yield count("longest_monologue", role, longest, "s", known=timeline.roles_known)


def _stretches(timeline: Timeline, role: Role) -> list[float]:
    """Lengths in seconds of the runs of one role's turns; backchannels do not end a run."""
    nods = {(o.start_s, o.by_role) for o in timeline.overlaps if o.kind == "backchannel"}
    lengths, start_s, end_s, other_until_s = [], None, 0.0, 0.0
    for turn in (t for t in timeline.turns if (t.start_s, t.role) not in nods):
        if turn.role != role:
            start_s, other_until_s = None, max(turn.end_s, other_until_s)
            continue
        held = any(end_s <= h.start_s + 0.1 and h.end_s <= turn.start_s + 0.1 for h in timeline.holds)
        # A start inside the other's turn that came to nothing is not where a later run began.
        if start_s is None or held or other_until_s > end_s:
            start_s = turn.start_s
        end_s = max(turn.end_s, end_s)
        lengths.append(end_s - start_s)
    return lengths


def response_latency(timeline: Timeline) -> Measures:
    """Gap in seconds from the end of the other's turn to the role's next turn: median and 90th percentile.

    Do not rank agents on gaps below 1 s, because they include the network's delay.
    """
    for role in PARTIES:
        gaps = sorted(_gaps(timeline, role))
        known = timeline.roles_known and bool(gaps)
        median = statistics.median(gaps) if gaps else 0.0
        # The 90th percentile is a member of the sample (nearest rank), so that it can be pointed at.
        p90 = gaps[max(0, -(-9 * len(gaps) // 10) - 1)] if gaps else 0.0
        yield count("response_latency_median", role, median, "s", known=known)
        yield count("response_latency_p90", role, p90, "s", known=known)


def _gaps(timeline: Timeline, role: Role) -> list[float]:
    """Gaps in seconds between the other's last turn and the turn of `role` after it, outside holds."""
    gaps = []
    last: Turn | None = None
    for turn in (t for t in timeline.turns if t.role in PARTIES):
        if last is not None and (turn.role, last.role) == (role, other(role)) and turn.start_s >= last.end_s:
            held = any(h.start_s < turn.start_s and last.end_s < h.end_s for h in timeline.holds)
            if not held:
                gaps.append(turn.start_s - last.end_s)
        if last is None or turn.end_s > last.end_s:
            last = turn
    return gaps
