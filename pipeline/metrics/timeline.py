"""The input of every metric: the turns and events of one call."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.records import Activity, Hold, Metric, Overlap, Role, Silence, Tone, TonePoint, Turn, Word
from pipeline.settings import Settings
from pipeline.spans import Span, difference, union

PARTIES: tuple[Role, Role] = ("agent", "customer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The turns and events of one call; times are in seconds.

    `overlaps_known` is false where simultaneous speech cannot be attributed to a role, which happens on some
    mono calls. `short_holds` meet all conditions of a hold except `holds.min_s`; `hold_count_at` uses them.
    """

    duration_s: float
    activities: tuple[Activity, ...]
    words: tuple[Word, ...]
    turns: tuple[Turn, ...]
    holds: tuple[Hold, ...]
    overlaps: tuple[Overlap, ...]
    silences: tuple[Silence, ...]
    settings: Settings
    overlaps_known: bool = True
    short_holds: tuple[Hold, ...] = ()
    tone: tuple[Tone, ...] = ()
    tone_curve: tuple[TonePoint, ...] = ()
    remembered: dict[Role, tuple[Span, ...]] = field(default_factory=dict, compare=False, repr=False)
    """Cache of `speech` by role, since nearly every metric needs it."""

    @property
    def roles_known(self) -> bool:
        """Whether every activity has a role, so that agent and customer can be distinguished."""
        return not any(a.role == "unknown" for a in self.activities)

    def speech(self, role: Role) -> tuple[Span, ...]:
        """The spans in which `role` speaks, disjoint and sorted."""
        if role not in self.remembered:
            self.remembered[role] = union(a.span for a in self.activities if a.role == role)
        return self.remembered[role]

    def talk(self, role: Role) -> tuple[Span, ...]:
        """The spans in which `role` speaks outside holds, disjoint and sorted."""
        return difference(self.speech(role), (h.span for h in self.holds))


def other(role: Role) -> Role:
    """The other party."""
    return "customer" if role == "agent" else "agent"


def count(name: str, role: Role | None, value: float, unit: str, *, known: bool = True) -> Metric:
    """A metric that is not a ratio: denominator 1, or 0 where the value is not `known`."""
    return Metric(
        name=name, role=role, numerator=value if known else 0.0, denominator=float(known), unit=unit
    )


def ratio(
    name: str, role: Role | None, parts: tuple[float, float], unit: str, *, known: bool = True
) -> Metric:
    """The metric `parts[0] / parts[1]`; both are stored as 0 where the value is not `known`."""
    numerator, denominator = parts if known else (0.0, 0.0)
    return Metric(name=name, role=role, numerator=numerator, denominator=denominator, unit=unit)


Measures = Iterable[Metric]
