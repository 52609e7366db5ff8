"""Where a step of a sequence is looked for: seconds and turns around a moment, as a span of the recording."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pipeline.records import Role, Turn
from pipeline.rules.case import WORD_TOLERANCE_S, Clock
from pipeline.rules.specs import Step
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
        """The span in which what a step wants must begin, for `roles` to say it.

        What overlaps the moment itself lies in it too.
        """
        start_s = self._earliest(step, moment, roles) if step.before or step.around else moment.start_s
        end_s = moment.end_s if step.before else self._latest(step, moment, roles)
        return Span(max(0.0, start_s), min(self.duration_s, end_s))

    def _latest(self, step: Step, moment: Span, roles: Collection[Role]) -> float:
        limits_s = [self.duration_s]
        if step.within_s is not None:
            limits_s.append(self.clock.later(moment.end_s, step.within_s))
        if step.within_turns is not None:
            after = [floor for floor in floors(self.turns, roles) if floor.end_s > moment.end_s]
            if len(after) >= step.within_turns:
                limits_s.append(after[step.within_turns - 1].end_s + WORD_TOLERANCE_S)
        return min(limits_s)

    def _earliest(self, step: Step, moment: Span, roles: Collection[Role]) -> float:
        limits_s = [0.0]
        if step.within_s is not None:
            limits_s.append(self.clock.earlier(moment.start_s, step.within_s))
        if step.within_turns is not None:
            before = [floor for floor in floors(self.turns, roles) if floor.start_s < moment.start_s]
            if len(before) >= step.within_turns:
                limits_s.append(before[-step.within_turns].start_s - WORD_TOLERANCE_S)
        return max(limits_s)


def floors(turns: Sequence[Turn], roles: Collection[Role]) -> tuple[Span, ...]:
    """When `roles` have the floor, in order of time: their turns up to the next turn of somebody else.

    A few words alone ("okay", "I see") take no floor, and those of the other amid one do not end it.
    """
    out: list[Span] = []
    own: list[Turn] = []
    for turn in (*sorted(turns, key=lambda turn: turn.start_s), None):
        if turn is not None and turn.role in roles:
            own.append(turn)
        elif turn is None or not (_is_nod(turn) and own and turn.end_s < max(said.end_s for said in own)):
            if not all(map(_is_nod, own)):
                out.append(Span(own[0].start_s, max(said.end_s for said in own)))
            own = []
    return tuple(out)


def _is_nod(turn: Turn) -> bool:
    return len(turn.text.split()) <= NOD_WORDS
