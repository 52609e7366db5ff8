"""The logic `beeps`: a recording beep is heard again and again as long as people talk.

The beep that gives notice of recording is a tone of about 1400 Hz for about 0.2 s, every 15 s or so (FCC,
Use of Recording Devices, 1947). It is one way of giving notice among others, so a call in which none is
heard is no fail unless the pack says so (`without`); one in which it is heard for a part only is.
"""

from __future__ import annotations

from itertools import pairwise

from pipeline.records import Finding, Sound, Verdict
from pipeline.rules.context import Clock, RuleContext
from pipeline.rules.load import Rule
from pipeline.rules.spec import Beeps
from pipeline.spans import Span

SAME_BEEP_S = 0.5
"""Tones this close are one beep, heard on both channels."""
MOST_MISSED = 2
"""So many beeps in a row may go unheard under speech."""


def beeps(hearing: RuleContext, rule: Rule, logic: Beeps) -> Finding:
    """The verdict, with the stretch from the first beep to the last as evidence."""
    clock = hearing.case.clock
    heard = _heard(hearing, logic, clock) if clock else ()
    if clock is None or not _is_series(heard, logic):
        return _finding(hearing, rule, logic, "not_applicable" if clock is None else logic.without, ())
    said_s = [turn.end_s for turn in hearing.case.turns if turn.role != "ivr"]
    whole = Span(clock.start_s, max(said_s))
    longest_s = (MOST_MISSED + 1) * logic.every_s + logic.tolerance_s
    edges_s = (whole.start_s, *heard, whole.end_s)
    gaps_s = (clock.at(after) - clock.at(before) for before, after in pairwise(edges_s))
    return _finding(hearing, rule, logic, "pass" if max(gaps_s) <= longest_s else "fail", heard)


def _heard(hearing: RuleContext, logic: Beeps, clock: Clock) -> tuple[float, ...]:
    """When beeps begin, outside holds, whose own tones are something else."""
    starts_s = sorted(
        sound.start_s
        for sound in hearing.case.sounds
        if _is_beep(sound, logic) and not any(sound.span & away for away in clock.outside)
    )
    out: list[float] = []
    for start_s in starts_s:
        if not out or start_s - out[-1] > SAME_BEEP_S:
            out.append(start_s)
    return tuple(out)


def _is_beep(sound: Sound, logic: Beeps) -> bool:
    short = sound.kind in {"beep", "tones"} and sound.span.duration_s <= logic.longest_s
    pitch = sound.frequency_hz is None or abs(sound.frequency_hz - logic.near_hz) <= logic.within_hz
    return short and pitch


def _is_series(heard: tuple[float, ...], logic: Beeps) -> bool:
    """Whether the beeps keep time: most gaps are the usual one or, where some went unheard, a multiple."""
    if len(heard) < logic.least:
        return False
    kept = 0
    for before, after in pairwise(heard):
        periods = round((after - before) / logic.every_s)
        kept += periods >= 1 and abs(after - before - periods * logic.every_s) <= logic.tolerance_s
    return 2 * kept > len(heard) - 1


def _finding(
    hearing: RuleContext, rule: Rule, logic: Beeps, verdict: Verdict, heard: tuple[float, ...]
) -> Finding:
    span = Span(heard[0], heard[-1]) if heard else Span(0.0, hearing.case.duration_s)
    applies = verdict != "not_applicable"
    return rule.finding(
        verdict,
        span=span if applies else None,
        detail={"beeps_s": [round(at_s, 2) for at_s in heard], "every_s": logic.every_s},
    )
