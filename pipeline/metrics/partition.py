"""The time partition: every instant belongs to one of six parts, which add up to the duration [Genesys].

An instant inside a hold counts as hold, whoever speaks. Outside holds, speech of people takes precedence over
an announcement.
"""

from __future__ import annotations

from pipeline.metrics.timeline import Measures, Timeline, ratio
from pipeline.spans import Span, difference, intersection, total_s, union


def time_partition(timeline: Timeline) -> Measures:
    """Time in each of the six parts, over the duration.

    The parts that need a role are undefined where roles are unknown.
    """
    for name, seconds in partition(timeline).items():
        known = timeline.roles_known or name in ("time_ivr", "time_hold", "time_silence")
        yield ratio(name, None, (seconds, timeline.duration_s), "ratio", known=known)


def partition(timeline: Timeline) -> dict[str, float]:
    """Seconds of each part by metric name: agent only, customer only, both, ivr, hold and silence."""
    call = Span(0.0, timeline.duration_s)
    hold = intersection((h.span for h in timeline.holds), (call,))
    agent, customer, ivr, unknown = (
        difference(intersection(timeline.speech(role), (call,)), hold)
        for role in ("agent", "customer", "ivr", "unknown")
    )
    people = union((*agent, *customer, *unknown))
    both = intersection(agent, customer)
    announced = difference(ivr, people)
    return {
        "time_agent_only": total_s(difference(agent, customer)),
        "time_customer_only": total_s(difference(customer, agent)),
        "time_both": total_s(both),
        "time_ivr": total_s(announced),
        "time_hold": total_s(hold),
        "time_silence": timeline.duration_s - total_s((*people, *announced, *hold)),
    }
