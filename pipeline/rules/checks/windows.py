"""A step of a sequence, and where it is searched: seconds and turns around a moment, as a span of a call."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from pipeline.phrases.lexicon import Spec, Text
from pipeline.records import WORD_TOLERANCE_S, Role, Turn
from pipeline.rules.context import Clock
from pipeline.spans import Span

NOD_WORDS = 3
"""A turn this short is a sign of listening or a bare answer."""


class Step(Spec):
    """Something that is to be said, or never said, near a moment."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    say: tuple[Text, ...] = Field(min_length=1)
    """Groups of which any counts, each searched in the words of its own roles."""
    within_s: float | None = Field(None, gt=0)
    """Seconds of conversation, holds and announcements not counted."""
    within_turns: int | None = Field(None, ge=1)
    """Turns of the roles that say it; the one the moment lies in is the first."""
    before: bool = False
    """Searched before the moment instead of after it; what overlaps the moment counts either way."""
    around: bool = False
    """Searched on both sides of the moment, with the same limits on each."""
    after: Literal["moment", "previous"] = "moment"
    """What both limits count from: the moment, or where the step before was found."""
    never: bool = False
    """Must not be said there."""
    times: int = Field(1, ge=1)
    """How often it must be said at least."""
    optional: bool = False
    """Reported, does not decide."""
    past_opening: bool = False
    """The first turn of the roles that say it does not count, unless it is their only one."""

    @model_serializer(mode="wrap")
    def _without_new_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without the key that release 0.1.0 did not have, where it says nothing: versions stay."""
        values: dict[str, Any] = dump(self)
        return values if self.past_opening else {k: v for k, v in values.items() if k != "past_opening"}

    @model_validator(mode="after")
    def _fitting(self) -> Step:
        if self.before + self.around + (self.after == "previous") > 1:
            message = "only one of before = true, around = true and after = 'previous'"
            raise ValueError(message)
        if self.never and self.times != 1:
            message = "times counts what must be said; it does not go with never = true"
            raise ValueError(message)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What limits count by: the call's turns and its conversation time."""

    duration_s: float
    clock: Clock
    turns: tuple[Turn, ...]

    def window(self, step: Step, moment: Span, roles: Collection[Role]) -> Span:
        """The span in which what a step wants is searched in the words of `roles`.

        What overlaps the moment itself lies in it, and before a moment the whole turn the moment lies in.
        """
        floors = self.floors(roles, moment) if step.within_turns or step.past_opening else ()
        start_s, end_s = moment.start_s, moment.end_s
        if step.before or step.around:
            start_s = min(start_s, self._earliest(step, moment, floors))
        if step.before:
            within = [floor.end_s + WORD_TOLERANCE_S for floor in floors if moment.start_s in floor]
            end_s = max([end_s, *within])
        else:
            end_s = max(end_s, self._latest(step, moment, floors))
        if step.past_opening and len(floors) > 1:
            start_s = min(end_s, max(start_s, floors[0].end_s))
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
        somebody else within one do not end it.
        """
        spans = ((Span(run[0].start_s, _ends_s(run)), run) for run in self._runs(roles))
        return tuple(
            span
            for span, run in spans
            if span & moment or moment.start_s in span or not all(map(_is_nod, run))
        )

    def _runs(self, roles: Collection[Role]) -> list[list[Turn]]:
        """The turns of `roles` that belong together."""
        runs: list[list[Turn]] = []
        goes_on = False
        for turn in sorted(self.turns, key=lambda turn: turn.start_s):
            said_s = _ends_s(runs[-1]) if goes_on else 0.0
            if turn.role in roles:
                if goes_on and not self._cut(said_s, turn.start_s):
                    runs[-1].append(turn)
                else:
                    runs.append([turn])
                goes_on = True
            elif not (_is_nod(turn) and turn.end_s < said_s):
                goes_on = False
        return runs

    def _cut(self, from_s: float, to_s: float) -> bool:
        """Whether a hold or an announcement begins between two times."""
        return any(from_s - WORD_TOLERANCE_S <= span.start_s < to_s for span in self.clock.outside)


def _ends_s(turns: Sequence[Turn]) -> float:
    """When the last of some turns has ended."""
    return max(turn.end_s for turn in turns)


def _is_nod(turn: Turn) -> bool:
    return len(turn.text.split()) <= NOD_WORDS
