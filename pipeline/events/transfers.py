"""Transfers: the agent hands the customer on, and somebody else takes over, or the same agent comes back.

A transfer begins with its announcement. Agents who introduce themselves or greet after it are other agents:
nobody does that twice. An agent who goes on without it after being away has come back, and what played
meanwhile was a hold. On mono, where voices are separated, another voice is another agent too. Where the
announcement was not made, or not recognised, an introduction after music shows another agent if one has
greeted the caller before and asked for no hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pipeline.events.scene import LIVE, REQUESTS, Phrase, Scene
from pipeline.records import Transfer, TransferKind, Turn
from pipeline.spans import Span, covered_s, total_s

AWAY_S = 4.0  # the agent is gone, or waits for somebody to pick up
MAX_CUSTOMER_SHARE = 0.5  # of the time away; the agent listens to a longer story
TAKES_OVER_S = 15.0  # after it, in which whoever took over gives a name
PLAYS = ("music", "tones", "ringing")  # while the caller is handed on
AGENT_TALK_S = 30.0  # of the agent's speech after the announcement; after more the transfer was given up


def detect_transfers(scene: Scene) -> tuple[Transfer, ...]:
    """Transfers in order of time."""
    announced = _announced(scene)
    taken = [Span(t.start_s, t.end_s) for t in announced if t.end_s is not None]
    others = (t for t in _unannounced(scene) if not any(t.start_s in span for span in taken))
    found = sorted((*announced, *others), key=lambda transfer: transfer.start_s)
    return tuple(replace(transfer, transfer_index=i) for i, transfer in enumerate(found))


def _announced(scene: Scene) -> list[Transfer]:
    """Transfers with an announcement; two announcements before anything happens are one transfer."""
    announced = [phrase for phrase in scene.phrases if phrase.kind == "transfer"]
    found: list[Transfer] = []
    for i, phrase in enumerate(announced):
        end_s, kind = _outcome(scene, phrase)
        again = announced[i + 1 : i + 2]
        if again and (end_s is None or again[0].span.start_s < end_s):
            continue
        found.append(
            Transfer(
                transfer_index=0,
                start_s=phrase.span.end_s,
                end_s=end_s,
                turn_index=phrase.turn_index,
                kind=kind,
            )
        )
    return found


def _unannounced(scene: Scene) -> Iterator[Transfer]:
    """Transfers that only another agent's introduction reveals, after music or tones."""
    customer = scene.speech("customer")
    for before, after in scene.gaps:
        gap = Span(before.end_s, after.start_s)
        if gap.duration_s < AWAY_S or covered_s(gap, customer) > MAX_CUSTOMER_SHARE * gap.duration_s:
            continue
        plays = any(sound.kind in PLAYS and sound.span & gap for sound in scene.sounds)
        earlier, soon = Span(0.0, gap.start_s), Span(gap.end_s - 0.5, gap.end_s + TAKES_OVER_S)
        asked = Span(gap.start_s - TAKES_OVER_S, gap.end_s)
        wait = any(scene.said(kind, asked) for kind in REQUESTS) or scene.said("thanks", soon)
        if plays and not wait and scene.said("introduction", soon) and _greeted(scene, earlier):
            yield Transfer(
                transfer_index=0,
                start_s=before.end_s,
                end_s=after.start_s,
                turn_index=before.turn_index,
                kind="completed",
            )


def _greeted(scene: Scene, within: Span) -> bool:
    """Whether an agent has given a name or greeted the caller."""
    said = (turn.text for turn in scene.turns if turn.role in LIVE and turn.start_s in within)
    return bool(scene.said("introduction", within)) or any(map(scene.role_cues.greeting.search, said))


def _outcome(scene: Scene, phrase: Phrase) -> tuple[float | None, TransferKind]:
    """The time at which an agent speaks again after an announcement, and whether it is another agent."""
    away = _away(scene, phrase)
    for i, (before, after) in enumerate(away):
        leaves_s = away[i + 1][0].end_s if i + 1 < len(away) else scene.duration_s
        if _takes_over(scene, before, after, min(leaves_s, after.start_s + TAKES_OVER_S)):
            return after.start_s, "completed"
    introduced = [p for p in scene.phrases if p.kind == "introduction" and p.span.start_s > phrase.span.end_s]
    if introduced and _agent_talk_s(scene, phrase, introduced[0].span.start_s) <= AGENT_TALK_S:
        first = next(turn for turn in scene.turns if turn.turn_index == introduced[0].turn_index)
        begins_s = first.start_s if first.start_s > phrase.span.end_s else introduced[0].span.start_s
        return begins_s, "completed"
    return (away[0][1].start_s, "returned") if away else (None, "announced")


def _away(scene: Scene, phrase: Phrase) -> list[tuple[Turn, Turn]]:
    """The agent's turns around each time away that follows an announcement soon enough."""
    customer = scene.speech("customer")
    found: list[tuple[Turn, Turn]] = []
    for before, after in scene.gaps:
        gap = Span(before.end_s, after.start_s)
        if gap.start_s < phrase.span.end_s - 0.5 or gap.duration_s < AWAY_S:
            continue
        if _agent_talk_s(scene, phrase, gap.start_s) > AGENT_TALK_S:
            break
        if covered_s(gap, customer) <= MAX_CUSTOMER_SHARE * gap.duration_s:
            found.append((before, after))
    return found


def _agent_talk_s(scene: Scene, phrase: Phrase, until_s: float) -> float:
    return total_s(Span(phrase.span.end_s, until_s) & speech for speech in scene.speech(*LIVE))


def _takes_over(scene: Scene, before: Turn, after: Turn, until_s: float) -> bool:
    """Whether the turn after the time away is somebody else's, by what is said until then."""
    if before.speaker != after.speaker and before.channel == after.channel:
        return True
    soon = Span(after.start_s - 0.5, until_s)
    if scene.said("introduction", soon):
        return True
    said = " ".join(turn.text for turn in scene.turns if turn.role in LIVE and turn.start_s in soon)
    if scene.said("thanks", soon):
        return False
    cues = scene.role_cues
    return bool(cues.greeting.search(said) or (cues.hello.match(said) and not scene.said("return", soon)))
