"""Simultaneous speech: who started while whom was speaking, and what came of it.

About 40 % of speaker changes overlap a little, so each overlap has a kind and only some are interruptions.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from pipeline.phrases.word_lists import word_set
from pipeline.records import Activity, Overlap, OverlapKind, Role, Turn
from pipeline.settings import OverlapSettings
from pipeline.spans import Span, intersection, total_s, union

PARTIES: tuple[Role, Role] = ("agent", "customer")
BACKCHANNELS = word_set("talk", "backchannels")
_HUM = re.compile(r"(?:m+h*m+|h+m+|m+|u+h+|a+h+|o+h+|h+u+h+)+")  # recognisers spell them as they like
_SPELLED = re.compile(r"(?<=\b[a-z])[.-](?=[a-z]\b)")  # "M.M.H.M."
# No sentence ends in one of these, whatever the recogniser's full stop says.
_NEVER_LAST = word_set("talk", "never_last")
# Sentences may end in these ("what it is for."), so without a full stop they were not finished.
_SELDOM_LAST = word_set("talk", "seldom_last")


def detect_overlaps(
    turns: Sequence[Turn], activities: Sequence[Activity], settings: OverlapSettings
) -> tuple[Overlap, ...]:
    """Overlaps of agent and customer turns that are on channels of their own, in order of time."""
    spoken = {role: union(a.span for a in activities if a.role == role) for role in PARTIES}
    both = intersection(spoken["agent"], spoken["customer"])
    starts = {role: [span.start_s for span in spoken[role]] for role in PARTIES}
    found: list[tuple[Span, Turn, Turn, OverlapKind]] = []
    for by, of in _pairs([t for t in turns if t.role in PARTIES]):
        common = by.span & of.span
        if total_s(intersection(both, (common,))) >= settings.min_s:
            after = bisect_left(starts[of.role], of.end_s)
            goes_on_s = starts[of.role][after] if after < len(starts[of.role]) else float("inf")
            found.append((common, by, of, classify(by, of, settings, goes_on_s)))
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


def _pairs(parties: Sequence[Turn]) -> Iterator[tuple[Turn, Turn]]:
    """Each turn that starts while the other party is in one, with that one."""
    under_way: list[Turn] = []
    for turn in sorted(parties, key=lambda t: (t.start_s, t.turn_index)):
        under_way = [earlier for earlier in under_way if earlier.end_s > turn.start_s]
        yield from ((turn, earlier) for earlier in under_way if earlier.role != turn.role)
        under_way.append(turn)


def classify(by: Turn, of: Turn, settings: OverlapSettings, goes_on_s: float = float("inf")) -> OverlapKind:
    """The kind of overlap when `by` starts while `of` is speaking.

    `goes_on_s` is when the speaker of `of` is next heard after it: somebody who only paused, and goes on
    as soon as `by` has given up, was not interrupted.
    """
    left_s = of.end_s - by.start_s
    if by.start_s - of.start_s <= settings.simultaneous_s:
        return "simultaneous_start"
    if is_backchannel(by, settings) and left_s >= settings.backchannel_goes_on_s:
        return "backchannel"
    if left_s <= settings.terminal_s and is_complete(of.text):
        return "terminal"
    if is_backchannel(by, settings) and goes_on_s - by.end_s <= settings.floor_s:
        return "backchannel"  # the other only paused, as the recogniser's turns show, and went on
    gave_up = (
        by.end_s - of.end_s < settings.floor_s
        and goes_on_s - by.end_s <= settings.floor_s
        and not is_complete(by.text)
    )
    if left_s <= settings.yields_within_s and by.end_s > of.end_s and not gave_up:
        return "interruption"
    return "attempt"


def is_backchannel(turn: Turn, settings: OverlapSettings) -> bool:
    """Whether a turn is only a short sign of listening; a short one without recognised words is."""
    text = _SPELLED.sub("", turn.text.lower()).replace("-", " ")
    words = re.findall(r"[a-z']+", text)
    short = (
        turn.span.duration_s <= settings.backchannel_max_s or 0 < len(words) <= settings.backchannel_max_words
    )
    return short and all(word in BACKCHANNELS or _HUM.fullmatch(word) for word in words)


def is_complete(text: str) -> bool:
    """Whether a turn's text reads as finished.

    >>> is_complete("I restarted it twice."), is_complete("I have no idea what it is for.")
    (True, True)
    >>> is_complete("The light stays red and."), is_complete("Good. I asked you two weeks")
    (False, False)
    """
    stripped = text.strip().lower()
    if not stripped or stripped.endswith(("...", "…", "-", ",", ";", ":")):
        return False
    words = re.findall(r"[a-z0-9']+", stripped)
    if not words or words[-1] in _NEVER_LAST:
        return False
    if stripped.endswith((".", "?", "!")):
        return True
    # A recogniser that ends other sentences of the turn, but not this one, heard no end.
    return words[-1] not in _SELDOM_LAST and not re.search(r"[.?!]\s", stripped)
