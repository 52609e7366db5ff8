"""Simultaneous speech: who started while whom was speaking, and what came of it.

About 40 % of speaker changes overlap a little, so each overlap has a kind and only some are interruptions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.records import Activity, Overlap, OverlapKind, Turn
from pipeline.settings import OverlapSettings
from pipeline.spans import Span, intersection, total_s, union

BACKCHANNELS = frozenset(
    """
    absolutely ah aha all alright cool correct definitely exactly fine good got great hm hmm huh i indeed it
    lovely mhm mm mmhmm mmm no oh ok okay perfect really right see sure true uh uhhuh wow yeah yep yes yup
    """.split()
)
# A turn that ends in one of these was not finished.
_UNFINISHED = frozenset(
    """
    a an and as at be because been but by for from had has have her his i if in its just like my of on or our
    than the their they to uh um was we were when which who will with would your
    """.split()
)


def detect_overlaps(
    turns: Sequence[Turn], activities: Sequence[Activity], settings: OverlapSettings
) -> tuple[Overlap, ...]:
    """Overlaps of agent and customer turns that are on channels of their own, in order of time."""
    spoken = {role: union(a.span for a in activities if a.role == role) for role in ("agent", "customer")}
    both = intersection(spoken["agent"], spoken["customer"])
    parties = [t for t in turns if t.role in spoken]
    found: list[tuple[Span, Turn, Turn, OverlapKind]] = []
    for later in parties:
        for earlier in parties:
            starts_inside = (earlier.start_s, earlier.turn_index) < (later.start_s, later.turn_index)
            common = earlier.span & later.span
            if earlier.role == later.role or not starts_inside or not common:
                continue
            if total_s(intersection(both, (common,))) >= settings.min_s:
                found.append((common, later, earlier, classify(later, earlier, settings)))
    return tuple(
        Overlap(
            overlap_index=i,
            start_s=span.start_s,
            end_s=span.end_s,
            by_role=by.role,
            of_role=of.role,
            kind=kind,
        )
        for i, (span, by, of, kind) in enumerate(sorted(found, key=lambda item: item[0]))
    )


def classify(by: Turn, of: Turn, settings: OverlapSettings) -> OverlapKind:
    """The kind of overlap when `by` starts while `of` is speaking."""
    goes_on_s = of.end_s - by.start_s
    if by.start_s - of.start_s <= settings.simultaneous_s:
        return "simultaneous_start"
    if is_backchannel(by, settings) and goes_on_s >= settings.backchannel_goes_on_s:
        return "backchannel"
    if goes_on_s <= settings.terminal_s and is_complete(of.text):
        return "terminal"
    if goes_on_s <= settings.yields_within_s and by.end_s > of.end_s:
        return "interruption"
    return "attempt"


def is_backchannel(turn: Turn, settings: OverlapSettings) -> bool:
    """Whether a turn is only a short sign of listening; a short one without recognised words is."""
    words = re.findall(r"[a-z']+", turn.text.lower().replace("-", " "))
    short = (
        turn.span.duration_s <= settings.backchannel_max_s or 0 < len(words) <= settings.backchannel_max_words
    )
    return short and all(word in BACKCHANNELS for word in words)


def is_complete(text: str) -> bool:
    """Whether a turn's text reads as finished.

    >>> is_complete("I restarted it twice."), is_complete("The light stays red and")
    (True, False)
    """
    stripped = text.strip().lower()
    if not stripped or stripped.endswith(("...", "…", "-", ",", ";", ":")):
        return False
    words = re.findall(r"[a-z0-9']+", stripped)
    return bool(words) and words[-1] not in _UNFINISHED
