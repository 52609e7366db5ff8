"""What every measure is taken from: one call's turns and events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.records import Activity, Hold, Metric, Overlap, Role, Silence, Tone, TonePoint, Turn, Word
from pipeline.settings import Settings
from pipeline.spans import Span, difference, union

PARTIES: tuple[Role, Role] = ("agent", "customer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """One call. `overlaps_known` is false where simultaneous speech cannot be attributed (some mono).

    `short_holds` are like holds in all but length; they count only where other thresholds are tried.
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
    """When each role speaks, as far as it was asked for: nearly every measure does."""

    @property
    def roles_known(self) -> bool:
        """Whether agent and customer can be told apart."""
        return not any(a.role == "unknown" for a in self.activities)

    def speech(self, role: Role) -> tuple[Span, ...]:
        """When `role` speaks, disjoint and sorted."""
        if role not in self.remembered:
            self.remembered[role] = union(a.span for a in self.activities if a.role == role)
        return self.remembered[role]

    def talk(self, role: Role) -> tuple[Span, ...]:
        """When `role` speaks outside holds."""
        return difference(self.speech(role), (h.span for h in self.holds))


def other(role: Role) -> Role:
    """The other party."""
    return "customer" if role == "agent" else "agent"


def count(name: str, role: Role | None, value: float, unit: str, *, known: bool = True) -> Metric:
    """A measure that is no ratio; its denominator counts calls, 0 where it cannot be told."""
    return Metric(
        name=name, role=role, numerator=value if known else 0.0, denominator=float(known), unit=unit
    )


def ratio(
    name: str, role: Role | None, parts: tuple[float, float], unit: str, *, known: bool = True
) -> Metric:
    """A measure `parts[0] / parts[1]`, undefined where it cannot be told."""
    numerator, denominator = parts if known else (0.0, 0.0)
    return Metric(name=name, role=role, numerator=numerator, denominator=denominator, unit=unit)


Measures = Iterable[Metric]
