"""Detection of holds by combining evidence: the agent is away, music or silence, the agent returns.

Every gap between two stretches of live agent speech is a candidate. It is a hold when music, repeated
tones or an announcement plays in it, or when nobody speaks in it and the agent's words frame it: a request
before ("please hold") or a return after ("thank you for holding"). A long gap while the customer talks,
or an announced pause ("bear with me"), is no hold, nor is one that ends with another agent: that is a
transfer. The edges are the last word before and the agent's first word after [definition of hold].
Where the telephone system gave the holds, these are the holds, with its times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pipeline.events.scene import LIVE, REQUESTS, Scene
from pipeline.records import Hold, HoldKind, Sound, Transfer, Turn
from pipeline.settings import HoldSettings
from pipeline.spans import Span, complement, covered_s, difference, intersection, total_s, union

MIN_SOUND_SHARE = 0.35  # of the gap, for music; the rest may be fades and the talk around the hold
MIN_TONES = 2  # one beep is no hold tone
EDGE_S = 0.5  # sounds and words at an edge may overlap this much
MAX_CUSTOMER_SHARE = 0.5
OWN_KIND_SHARE = 0.6
TONES = ("tones", "beep")
NETWORK = ("ringing", "busy")  # may occur in a hold that words frame, but are not a hold by themselves

# A beep that goes on while people talk is the recorder's.
TALK_GAP_S = 15.0  # in a shorter gap of the agent's people are talking
SAME_HZ = 0.03
RECORDER_BEEPS = 2
RECORDER_SHARE = 0.3  # of the beeps per second in the gap


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    span: Span
    kind: HoldKind


def detect_holds(
    scene: Scene, settings: HoldSettings, transfers: Sequence[Transfer] = ()
) -> tuple[Hold, ...]:
    """Holds in order of time; permission and thanks are judged later, from the words."""
    if scene.given_holds is not None:
        found = [(span, _kind_of_given(scene, span)) for span in union(scene.given_holds)]
    else:
        found = list(_from_evidence(scene, settings, transfers))
    holds = [
        Hold(hold_index=0, start_s=span.start_s, end_s=span.end_s, kind=kind, track_id=_track(scene, span))
        for span, kind in found
        if span.duration_s >= settings.min_s
    ]
    return tuple(replace(hold, hold_index=i) for i, hold in enumerate(holds))


def _from_evidence(
    scene: Scene, settings: HoldSettings, transfers: Sequence[Transfer]
) -> Iterator[tuple[Span, HoldKind]]:
    handed_on = [t.end_s for t in transfers if t.kind == "completed" and t.end_s is not None]
    requests_s = [p.span.end_s for p in scene.phrases if p.kind in REQUESTS]
    requests_s += [t.start_s for t in transfers if t.kind == "returned"]
    for leaves, returns in scene.gaps:
        if returns.start_s - leaves.end_s < settings.min_s:
            continue
        gap = Span(leaves.end_s, returns.start_s)
        if any(abs(gap.end_s - end_s) < EDGE_S for end_s in handed_on):
            continue
        evidence = _sounding(scene, gap, _framed(scene, gap, gap.start_s, requests_s, settings))
        evidence = evidence or _silent(scene, gap, requests_s, settings)
        if evidence is not None:
            yield Span(_last_word_s(scene, gap, evidence.span), gap.end_s), evidence.kind


def _kind_of_given(scene: Scene, span: Span) -> HoldKind:
    evidence = _sounding(scene, span, framed=True)
    return "silence" if evidence is None else evidence.kind


def _track(scene: Scene, span: Span) -> str | None:
    """The known music that plays longest in a hold."""
    played: dict[str, float] = {}
    for sound in scene.sounds:
        if sound.track_id is not None and sound.span & span:
            played[sound.track_id] = played.get(sound.track_id, 0.0) + (sound.span & span).duration_s
    return max(sorted(played), key=lambda name: played[name], default=None)


def _sounding(scene: Scene, gap: Span, framed: bool) -> _Evidence | None:
    """Music, tones or an announcement in the gap, from the first to the last of it.

    What plays on the customer's channel alone (a radio, a hold on that side) counts only where words
    frame it.
    """
    reach = gap.padded(EDGE_S)
    ours = {turn.channel for turn in scene.turns if turn.role != "customer"}
    playing = [s for s in scene.sounds if s.span & reach and (framed or s.channel in ours)]
    spoken = intersection(scene.speech("ivr"), (gap,))
    if not playing and not spoken:
        return None
    music = intersection((s.span for s in playing if s.kind == "music"), (reach,))
    tones = intersection((s.span for s in _hold_tones(scene, playing, gap, framed)), (reach,))
    if len(tones) < MIN_TONES and total_s(tones) < MIN_SOUND_SHARE * gap.duration_s:
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


def _hold_tones(scene: Scene, playing: Sequence[Sound], gap: Span, framed: bool) -> list[Sound]:
    """The tones in a gap that a hold may be made of."""
    kinds = (*TONES, *NETWORK) if framed else TONES
    tones = [s for s in playing if s.kind in kinds]
    return [s for s in tones if s.kind != "beep" or not _of_recorder(scene, s, tones, gap)]


def _of_recorder(scene: Scene, beep: Sound, tones: Sequence[Sound], gap: Span) -> bool:
    """Whether beeps like this one occur about as often while people talk."""

    def alike(sound: Sound) -> bool:
        if sound.kind != "beep" or beep.frequency_hz is None or sound.frequency_hz is None:
            return False
        return abs(sound.frequency_hz - beep.frequency_hz) <= SAME_HZ * beep.frequency_hz

    away = [Span(a.end_s, b.start_s) for a, b in scene.gaps if b.start_s - a.end_s >= TALK_GAP_S]
    talk = complement(away, Span(0.0, scene.duration_s))
    during_talk = [s for s in scene.sounds if alike(s) and any(s.span.middle_s in part for part in talk)]
    if len(during_talk) < RECORDER_BEEPS:
        return False
    per_s = sum(alike(s) for s in tones) / max(gap.duration_s, 1.0)
    return len(during_talk) / max(total_s(talk), 1.0) >= RECORDER_SHARE * per_s


def _kind(hull: Span, music: Sequence[Span], tones: Sequence[Span], spoken: Sequence[Span]) -> HoldKind:
    """The kind of sound that covers most of it; music under an announcement counts as music."""
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


def _silent(scene: Scene, gap: Span, requests_s: Sequence[float], settings: HoldSettings) -> _Evidence | None:
    """Silence in the gap that the agent's words frame as a hold."""
    silent = complement(scene.speech("agent", "customer", "unknown"), gap)
    quiet = [s for s in difference(silent, scene.given_pauses or ()) if s.duration_s >= settings.min_s]
    if not quiet or max(s.duration_s for s in quiet) < settings.min_silent_s:
        return None
    hull = Span(quiet[0].start_s, quiet[-1].end_s)
    if covered_s(hull, scene.speech("customer", "unknown")) > MAX_CUSTOMER_SHARE * hull.duration_s:
        return None
    if not _framed(scene, gap, hull.start_s, requests_s, settings):
        return None
    return _Evidence(span=hull, kind="silence")


def _framed(
    scene: Scene, gap: Span, begins_s: float, requests_s: Sequence[float], settings: HoldSettings
) -> bool:
    """Whether the agent asked for or announced a hold shortly before, or gives thanks for it after."""
    before = Span(begins_s - settings.request_within_s, begins_s + EDGE_S)
    after = Span(gap.end_s - EDGE_S, gap.end_s + settings.thanks_within_s)
    return any(at_s in before for at_s in requests_s) or bool(scene.said("thanks", after))


def without_honoured_refusals(holds: Sequence[Hold], turns: Sequence[Turn]) -> tuple[Hold, ...]:
    """Judged holds without the silences that followed a declined request: the agent stayed on the line.

    Whoever heeds a "no" says so; a silence right after it, without an answer, is a hold all the same. So
    is music, and a silence the agent gives thanks for.
    """
    kept = [
        h
        for h in holds
        if h.kind != "silence" or h.permission != "refused" or h.thanked or not _answered(h, turns)
    ]
    return tuple(replace(hold, hold_index=i) for i, hold in enumerate(kept))


def _answered(hold: Hold, turns: Sequence[Turn]) -> bool:
    """Whether the agent says anything between the customer's reply to the request and the hold."""
    asked_s = [turn.start_s for turn in turns if turn.turn_index == hold.request_turn_index]
    after = [turn for turn in turns if max(asked_s, default=0.0) < turn.start_s < hold.start_s]
    replied_s = min((turn.start_s for turn in after if turn.role == "customer"), default=hold.start_s)
    return any(turn.role in LIVE and turn.start_s > replied_s for turn in after)


def _last_word_s(scene: Scene, gap: Span, evidence: Span) -> float:
    """End of the last word by agent or customer before the evidence begins."""
    spoken = [a for a in scene.activities if a.role != "ivr" and not scene.is_onset(a.channel, a.span)]
    ends = [a.end_s for a in spoken if gap.start_s <= a.end_s <= evidence.start_s + EDGE_S]
    return max(ends, default=gap.start_s)
