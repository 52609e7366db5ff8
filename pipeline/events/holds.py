"""Holds, by fusing evidence: the agent leaves, something plays or nobody speaks, the agent returns.

Every gap between two stretches of live agent speech is a candidate. It is a hold when music, repeated
tones or an announcement plays in it, or when nobody speaks in it and the agent's words frame it: a request
before ("please hold") or a return after ("thank you for holding"). A long gap while the customer talks,
or an announced pause ("bear with me"), is no hold. The edges are the last word before and the agent's
first word after [definition of hold].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from pipeline.records import Activity, Hold, HoldKind, Sound, Turn
from pipeline.settings import HoldSettings
from pipeline.spans import Span, complement, covered_s, intersection, total_s, union

REQUESTS = ("request_question", "request_told")
MIN_SOUND_SHARE = 0.35  # of the gap, for music; the rest may be fades and the talk around the hold
MIN_TONES = 2  # one beep is no hold tone
EDGE_S = 0.5  # sounds and words at an edge may overlap this much
MAX_CUSTOMER_SHARE = 0.5
OWN_KIND_SHARE = 0.6


class Phrase(Protocol):
    """A phrase about a hold in somebody's words, with its time and turn."""

    @property
    def kind(self) -> str:
        """`request_question`, `request_told`, `wait`, `thanks` or `return`."""
        ...

    @property
    def span(self) -> Span:
        """When."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What holds are found in."""

    duration_s: float
    activities: tuple[Activity, ...]
    turns: tuple[Turn, ...]
    sounds: tuple[Sound, ...]
    phrases: Sequence[Phrase]

    def speech(self, *roles: str) -> tuple[Span, ...]:
        """When anybody with one of these roles speaks."""
        return union(a.span for a in self.activities if a.role in roles)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    span: Span
    kind: HoldKind


def detect_holds(scene: Scene, settings: HoldSettings) -> tuple[Hold, ...]:
    """Holds in order of time; permission and thanks are judged later, from the words."""
    holds: list[Hold] = []
    live = [t for t in scene.turns if t.role in ("agent", "unknown")]
    for leaves, returns in _gaps(live):
        if returns.start_s - leaves.end_s < settings.min_s:
            continue
        gap = Span(leaves.end_s, returns.start_s)
        evidence = _sounding(scene, gap) or _silent(scene, gap, settings)
        if evidence is None:
            continue
        span = Span(_last_word_s(scene, gap, evidence.span), gap.end_s)
        if span.duration_s >= settings.min_s:
            holds.append(Hold(hold_index=0, start_s=span.start_s, end_s=span.end_s, kind=evidence.kind))
    return tuple(replace(hold, hold_index=i) for i, hold in enumerate(holds))


def _gaps(live: Sequence[Turn]) -> list[tuple[Turn, Turn]]:
    """Neighbouring live turns; the one that ends last counts as the one before."""
    pairs: list[tuple[Turn, Turn]] = []
    last: Turn | None = None
    for turn in live:
        if last is not None and turn.start_s > last.end_s:
            pairs.append((last, turn))
        if last is None or turn.end_s > last.end_s:
            last = turn
    return pairs


def _sounding(scene: Scene, gap: Span) -> _Evidence | None:
    """Music, tones or an announcement in the gap, from the first to the last of it."""
    reach = gap.padded(EDGE_S)
    music = intersection((s.span for s in scene.sounds if s.kind == "music"), (reach,))
    tones = intersection((s.span for s in scene.sounds if s.kind == "tones"), (reach,))
    spoken = intersection(scene.speech("ivr"), (gap,))
    if len(tones) < MIN_TONES:
        tones = ()
    heard = union((*music, *tones, *spoken))
    if not heard:
        return None
    hull = Span(heard[0].start_s, heard[-1].end_s)
    enough = total_s(music) >= MIN_SOUND_SHARE * gap.duration_s or bool(tones) or bool(spoken)
    customer = covered_s(hull, scene.speech("customer"))
    if not enough or customer > MAX_CUSTOMER_SHARE * max(hull.duration_s, 1.0):
        return None
    return _Evidence(span=hull, kind=_kind(hull, music, tones, spoken))


def _kind(hull: Span, music: Sequence[Span], tones: Sequence[Span], spoken: Sequence[Span]) -> HoldKind:
    """What mostly plays: music under an announcement stays music."""
    if total_s(music) >= OWN_KIND_SHARE * hull.duration_s:
        return "music"
    present: list[Literal["music", "tones", "announcement"]] = []
    if music:
        present.append("music")
    if tones:
        present.append("tones")
    if spoken:
        present.append("announcement")
    return present[0] if len(present) == 1 else "mixed"


def _silent(scene: Scene, gap: Span, settings: HoldSettings) -> _Evidence | None:
    """Silence in the gap that the agent's words frame as a hold."""
    quiet = [
        s
        for s in complement(scene.speech("agent", "customer", "unknown"), gap)
        if s.duration_s >= settings.min_s
    ]
    if not quiet or max(s.duration_s for s in quiet) < settings.min_silent_s:
        return None
    hull = Span(quiet[0].start_s, quiet[-1].end_s)
    if covered_s(hull, scene.speech("customer", "unknown")) > MAX_CUSTOMER_SHARE * hull.duration_s:
        return None
    if _requested(scene, hull, settings) or _returned(scene, gap, settings):
        return _Evidence(span=hull, kind="silence")
    return None


def _requested(scene: Scene, silence: Span, settings: HoldSettings) -> bool:
    """Whether the agent asked for or announced a hold shortly before the silence."""
    window = Span(silence.start_s - settings.request_within_s, silence.start_s + EDGE_S)
    return any(p.kind in REQUESTS and p.span.end_s in window for p in scene.phrases)


def _returned(scene: Scene, gap: Span, settings: HoldSettings) -> bool:
    after = Span(gap.end_s - EDGE_S, gap.end_s + settings.thanks_within_s)
    return any(p.kind == "thanks" and p.span.start_s in after for p in scene.phrases)


def without_honoured_refusals(holds: Sequence[Hold]) -> tuple[Hold, ...]:
    """Judged holds without the silences that followed a declined request: the agent stayed on the line.

    Music after a "no" is a hold all the same, and so is a silence the agent gives thanks for.
    """
    kept = [h for h in holds if not (h.kind == "silence" and h.permission == "refused" and not h.thanked)]
    return tuple(replace(hold, hold_index=i) for i, hold in enumerate(kept))


def _last_word_s(scene: Scene, gap: Span, evidence: Span) -> float:
    """End of the last word by agent or customer before the evidence begins."""
    spoken = scene.speech("agent", "customer", "unknown")
    ends = [s.end_s for s in spoken if gap.start_s <= s.end_s <= evidence.start_s + EDGE_S]
    return max(ends, default=gap.start_s)
