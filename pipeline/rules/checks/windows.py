"""Where a step of a sequence is looked for: seconds and turns around a moment, as a span of the recording."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pipeline.records import WORD_TOLERANCE_S, Role, Turn
from pipeline.rules.context import Clock
from pipeline.rules.spec import Step
from pipeline.spans import Span

NOD_WORDS = 3
"""A turn this short is a sign of listening or a bare answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What limits count by: the call's turns and its conversation time."""

    duration_s: float
    clock: Clock
    turns: tuple[Turn, ...]

    def window(self, step: Step, moment: Span, roles: Collection[Role]) -> Span:
        """The span in which what a step wants is looked for in the words of `roles`.

        What overlaps the moment itself lies in it, and before a moment the whole turn the moment lies in.
        """
        floors = self.floors(roles, moment) if step.within_turns else ()
        start_s, end_s = moment.start_s, moment.end_s
        if step.before or step.around:
            start_s = min(start_s, self._earliest(step, moment, floors))
        if step.before:
            amid = [floor.end_s + WORD_TOLERANCE_S for floor in floors if moment.start_s in floor]
            end_s = max([end_s, *amid])
        else:
            end_s = max(end_s, self._latest(step, moment, floors))
        return Span(max(0.0, start_s), min(self.duration_s, end_s))

    def _latest(self, step: Step, moment: Span, floors: Sequence[Span]) -> float:
        limits_s = [self.duration_s]
        if step.within_s is not None:
            limits_s.append(self.clock.later(moment.end_s, step.within_s))
        if step.within_turns is not None:
            after = [floor for floor in floors if floor.end_s > moment.end_s]
            if len(after) >= step.within_turns:
                limits_s.append(after[step.within_turns - 1].end_s + WORD_TOLERANCE_S)
        return min(limits_s)

    def _earliest(self, step: Step, moment: Span, floors: Sequence[Span]) -> float:
        limits_s = [0.0]
        if step.within_s is not None:
            limits_s.append(self.clock.earlier(moment.start_s, step.within_s))
        if step.within_turns is not None:
            before = [floor for floor in floors if floor.start_s < moment.end_s]
            if len(before) >= step.within_turns:
                limits_s.append(before[-step.within_turns].start_s - WORD_TOLERANCE_S)
        return max(limits_s)

    def floors(self, roles: Collection[Role], moment: Span) -> tuple[Span, ...]:
        """When `roles` have the floor, in order: their turns up to somebody else's turn, a hold or an ivr.

        A few words alone ("okay", "I see") take no floor unless the moment lies in them, and those of
        somebody else amid one do not end it.
        """
        out: list[Span] = []
        own: list[Turn] = []
        for turn in (*sorted(self.turns, key=lambda turn: turn.start_s), None):
            said_s = max((said.end_s for said in own), default=0.0)
            if turn is not None and turn.role not in roles and _is_nod(turn) and turn.end_s < said_s:
                continue
            goes_on = turn is not None and turn.role in roles and not self._cut(said_s, turn.start_s)
            if own and not goes_on:
                span = Span(own[0].start_s, said_s)
                if span & moment or moment.start_s in span or not all(map(_is_nod, own)):
                    out.append(span)
                own = []
            if turn is not None and turn.role in roles:
                own.append(turn)
        return tuple(out)

    def _cut(self, from_s: float, to_s: float) -> bool:
        """Whether a hold or an announcement begins between two times."""
        return any(from_s - WORD_TOLERANCE_S <= span.start_s < to_s for span in self.clock.outside)


def _is_nod(turn: Turn) -> bool:
    return len(turn.text.split()) <= NOD_WORDS
