"""The check `beeps`: a recording beep sounds at regular times as long as people talk.

The beep that gives notice of recording is a tone of about 1400 Hz for about 0.2 s, every 15 s or so (FCC,
Use of Recording Devices, 1947). It is one way of giving notice among others, so a call in which none is
heard is no fail unless the pack says so (`without`); one in which it is heard for a part only is.
"""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar, Literal

from pydantic import Field

from pipeline.records import Basis, Finding, Sound, Verdict
from pipeline.rules.check import Check, Evidence, Need, Part, Rule
from pipeline.rules.context import Clock, RuleContext
from pipeline.spans import Span

SAME_BEEP_S = 0.5
"""Tones this close in time are one beep on both channels."""
MOST_MISSED = 2
"""So many beeps in a row may go unheard under speech."""


class Beeps(Check):
    """A beep tone sounds at regular times over the conversation.

    The evidence is the stretch from the first beep to the last. Beeps during a hold do not count: the hold's
    own tones are something else. Up to two beeps in a row may go unheard under speech.
    """

    reads: ClassVar[frozenset[Part]] = frozenset({"holds", "sounds"})
    bases: ClassVar[frozenset[Basis]] = frozenset({"event"})
    needs: ClassVar[frozenset[Need]] = frozenset()

    kind: Literal["beeps"]
    near_hz: float = Field(1400.0, gt=0)
    """The usual pitch of a beep, in Hz."""
    within_hz: float = Field(150.0, gt=0)
    """Tolerance of a beep's frequency."""
    every_s: float = Field(15.0, gt=0)
    """The usual time from beep to beep, in seconds."""
    tolerance_s: float = Field(4.0, gt=0)
    """Tolerance of a single gap."""
    longest_s: float = Field(0.6, gt=0)
    """A longer tone is no beep."""
    least: int = Field(3, ge=2)
    """Fewer beeps show no regular tone."""
    without: Literal["not_applicable", "fail"] = "not_applicable"
    """The verdict without a regular beep."""

    def judge(self, context: RuleContext, rule: Rule) -> Finding:
        """The verdict, with the times of the beeps in the detail."""
        clock = context.call.clock
        if clock is None:
            return self._finding(context, rule, "not_applicable", ())
        beeps_s = self._beeps_s(context, clock)
        if not self._is_series(beeps_s):
            return self._finding(context, rule, self.without, ())
        last_word_s = max(turn.end_s for turn in context.call.turns if turn.role != "ivr")
        edges_s = (clock.start_s, *beeps_s, last_word_s)
        gaps_s = (clock.at(after) - clock.at(before) for before, after in pairwise(edges_s))
        longest_s = (MOST_MISSED + 1) * self.every_s + self.tolerance_s
        return self._finding(context, rule, "pass" if max(gaps_s) <= longest_s else "fail", beeps_s)

    def _beeps_s(self, context: RuleContext, clock: Clock) -> tuple[float, ...]:
        """The starts of beeps outside holds, in seconds."""
        starts_s = sorted(
            sound.start_s
            for sound in context.call.sounds
            if self._is_beep(sound) and not any(sound.span & away for away in clock.outside)
        )
        out: list[float] = []
        for start_s in starts_s:
            if not out or start_s - out[-1] > SAME_BEEP_S:
                out.append(start_s)
        return tuple(out)

    def _is_beep(self, sound: Sound) -> bool:
        short = sound.kind in {"beep", "tones"} and sound.span.duration_s <= self.longest_s
        pitch = sound.frequency_hz is None or abs(sound.frequency_hz - self.near_hz) <= self.within_hz
        return short and pitch

    def _is_series(self, beeps_s: tuple[float, ...]) -> bool:
        """Whether the beeps keep time: most gaps are the usual one or, where some are missing, a multiple."""
        if len(beeps_s) < self.least:
            return False
        kept = 0
        for before, after in pairwise(beeps_s):
            periods = round((after - before) / self.every_s)
            kept += periods >= 1 and abs(after - before - periods * self.every_s) <= self.tolerance_s
        return 2 * kept > len(beeps_s) - 1

    def _finding(
        self, context: RuleContext, rule: Rule, verdict: Verdict, beeps_s: tuple[float, ...]
    ) -> Finding:
        detail = {"beeps_s": [round(at_s, 2) for at_s in beeps_s], "every_s": self.every_s}
        if verdict == "not_applicable":
            return rule.finding(verdict, detail=detail)
        span = Span(beeps_s[0], beeps_s[-1]) if beeps_s else context.call.whole
        return rule.finding(verdict, Evidence(basis="event", span=span), detail)
