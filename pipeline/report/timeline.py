"""A call as lanes of marks over a time axis, drawn as inline SVG by `templates/_timeline.html`.

Places are in per cent of the length, so that the picture has any width without distorting its patterns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.records import CallAnalysis, Hold, Role, SilenceKind, TonePoint
from pipeline.report.text import clock
from pipeline.spans import Span

ROW_PX = 26
AXIS_PX = 22
STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)
MOST_TICKS = 12
LEAST_WIDTH = 0.15
"""Per cent: what is shorter is drawn this wide, so that it can be seen."""
NAMES: dict[Role, tuple[str, str]] = {
    "agent": ("A", "agent"),
    "customer": ("C", "customer"),
    "unknown": ("?", "not known"),
}
DATUM_SAID = "gives "
_SILENCES: dict[SilenceKind, str] = {"silence": "silence", "recorder_pause": "recorder paused"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something from `start_s` to `end_s` in a lane; `label` says it in words."""

    kind: str
    start_s: float
    end_s: float
    lane: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A row: its marks, or the `reason` why they cannot be told."""

    id: str
    letter: str
    name: str
    marks: tuple[Mark, ...]
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Lanes in the order from top to bottom, ticks in seconds, and a line from 0 to 1 over the time."""

    duration_s: float
    lanes: tuple[Lane, ...]
    ticks: tuple[float, ...]
    curve: tuple[tuple[float, float], ...] = ()
    curve_name: str = ""
    row_px: int = ROW_PX
    axis_px: int = AXIS_PX
    events: tuple[Mark, ...] = ()

    @property
    def height_px(self) -> int:
        """Height of the picture."""
        return self.axis_px + self.row_px * (len(self.lanes) + bool(self.curve))

    def top_px(self, row: int) -> int:
        """Top of a lane."""
        return self.axis_px + self.row_px * row

    def x(self, at_s: float) -> float:
        """The place of an instant, in per cent."""
        return round(100 * min(max(at_s, 0.0), self.duration_s) / (self.duration_s or 1.0), 3)

    def width(self, mark: Mark) -> float:
        """The width of a mark, in per cent."""
        return round(max(self.x(mark.end_s) - self.x(mark.start_s), LEAST_WIDTH), 3)


def timeline_of(call: CallAnalysis, marks: Iterable[Mark] = ()) -> Timeline:
    """The timeline of a call; `marks` are further ones of the lane `marks` or `searched`."""
    duration_s = call.recording.duration_s or 0.0
    further = tuple(marks)
    lanes = [_spoken(call, role) for role in NAMES if role != "unknown" or _speaks(call, role)]
    lanes += [_together(call), _system(call), _lane_of("marks", "", "marks", (*_data(call), *further))]
    searched = [mark for mark in further if mark.lane == "searched"]
    if searched:
        lanes.append(_lane_of("searched", "", "searched", searched))
    in_order = sorted(
        (mark for lane in lanes if lane.id not in {*NAMES, "searched"} for mark in lane.marks),
        key=lambda mark: (mark.start_s, mark.end_s),
    )
    curve = _curve(call)
    return Timeline(
        duration_s=duration_s,
        lanes=tuple(lanes),
        ticks=_ticks(duration_s),
        curve=curve,
        curve_name="customer's activation" if curve else "",
        events=tuple(in_order),
    )


def _lane_of(id_: str, letter: str, name: str, marks: Iterable[Mark]) -> Lane:
    own = tuple(mark for mark in marks if mark.lane == id_)
    return Lane(id=id_, letter=letter, name=name, marks=own)


def _speaks(call: CallAnalysis, role: Role) -> bool:
    return any(activity.role == role for activity in call.activities)


def _spoken(call: CallAnalysis, role: Role) -> Lane:
    letter, name = NAMES[role]
    marks = tuple(
        Mark(
            kind="speech",
            start_s=turn.start_s,
            end_s=turn.end_s,
            lane=role,
            label=f"{name} speaks, {_times(turn.span)}",
        )
        for turn in call.turns
        if turn.role == role
    )
    unknown = not marks and _speaks(call, "unknown")
    return Lane(
        id=role,
        letter=letter,
        name=name,
        marks=marks,
        reason="who is the agent is not known" if unknown else None,
    )


def _together(call: CallAnalysis) -> Lane:
    marks = tuple(
        Mark(
            kind=overlap.kind,
            start_s=overlap.start_s,
            end_s=overlap.end_s,
            lane="both",
            label=f"{overlap.kind.replace('_', ' ')} by the {overlap.by_role}",
        )
        for overlap in call.overlaps
    )
    told = any(
        metric.denominator for metric in call.metrics if metric.name.startswith(("interruption", "overlap"))
    )
    reason = None if marks or told else "overlaps cannot be told in this recording"
    return Lane(id="both", letter="", name="both at once", marks=marks, reason=reason)


def _system(call: CallAnalysis) -> Lane:
    marks = [
        Mark(
            kind="hold",
            start_s=hold.start_s,
            end_s=hold.end_s,
            lane="system",
            label=_hold_in_words(hold),
        )
        for hold in call.holds
    ]
    marks += [
        Mark(
            kind="announcement",
            start_s=turn.start_s,
            end_s=turn.end_s,
            lane="system",
            label=f"announcement, {_times(turn.span)}",
        )
        for turn in call.turns
        if turn.role == "ivr"
    ]
    marks += [
        Mark(
            kind="silence",
            start_s=silence.start_s,
            end_s=silence.end_s,
            lane="system",
            label=f"{_SILENCES[silence.kind]}, {silence.span.duration_s:.0f} s",
        )
        for silence in call.silences
    ]
    marks += _transfers(call)
    marks.sort(key=lambda mark: (mark.start_s, mark.end_s))
    return Lane(id="system", letter="", name="system", marks=tuple(marks))


def _transfers(call: CallAnalysis) -> list[Mark]:
    return [
        Mark(
            kind="transfer",
            start_s=transfer.start_s,
            end_s=transfer.end_s or transfer.start_s,
            lane="system",
            label=f"transfer, {transfer.kind}",
        )
        for transfer in call.transfers
    ]


def _hold_in_words(hold: Hold) -> str:
    asked = hold.permission.replace("_", " ")
    return f"on hold, {hold.kind}, {hold.span.duration_s:.0f} s, permission {asked}"


def _data(call: CallAnalysis) -> list[Mark]:
    return [
        Mark(
            kind="datum",
            start_s=datum.start_s,
            end_s=datum.end_s,
            lane="marks",
            label=f"{datum.role} {DATUM_SAID}{datum.kind.replace('_', ' ')}",
        )
        for datum in call.personal_data
    ]


def _curve(call: CallAnalysis) -> tuple[tuple[float, float], ...]:
    """The customer's activation from 0 (lowest of the call) to 1; empty without at least three values."""
    points: Sequence[TonePoint] = [
        point for point in call.tone_curve if point.role == "customer" and point.activation is not None
    ]
    values = [point.activation or 0.0 for point in points]
    if len(points) < 3 or max(values) <= min(values):
        return ()
    low, high = min(values), max(values)
    return tuple(
        ((point.start_s + point.end_s) / 2, round((value - low) / (high - low), 3))
        for point, value in zip(points, values, strict=True)
    )


def _ticks(duration_s: float) -> tuple[float, ...]:
    step = next((step for step in STEPS_S if duration_s / step <= MOST_TICKS), STEPS_S[-1])
    return tuple(float(at) for at in range(0, int(duration_s) + 1, step))


def _times(span: Span) -> str:
    return f"{clock(span.start_s)} to {clock(span.end_s)}"
