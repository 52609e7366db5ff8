"""What kind of call a recording holds: a conversation, or one in which no live agent meets a live customer.

It is found from activity, sounds and words. A voice is a machine's where its words are those of an answering
machine, a carrier, a queue or a menu; what a machine says is nobody's personal data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

from pipeline.phrases.role_cues import RoleCues
from pipeline.phrases.word_lists import word_set
from pipeline.records import CallAnalysis, CallKind, Role, Sound, Turn
from pipeline.speech.roles import is_announcement, is_queue_announcement

MachineKind = Literal["greeting", "carrier", "queue", "announcement"]

OPENING_TURNS = 2  # of its side, in which a machine's greeting begins
SAME_GREETING_S = 3.5  # a greeting goes on after a pause of no more than this
LEAST_LIVE_S = 0.3
SPEAKS_S = 1.5  # a live party who says so much takes part
LEAST_MUSIC_S = 2.0
LEAST_ANNOUNCING = 2  # patterns in a turn that is no announcement by its place in the call
MANY_TURNS = 4  # with pauses for answers, so many turns of one side are half of a conversation
ANSWER_PAUSE_S = (0.8, 20.0)

_ANSWERS = word_set("talk", "answers")


@dataclass(frozen=True, slots=True, kw_only=True)
class KindFound:
    """The kind of a call, and the turns (by index) that a machine speaks."""

    kind: CallKind
    machine_turns: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """A channel of a stereo call, or a speaker of a mono one: what people and what machines say there."""

    live: tuple[Turn, ...]
    machine: tuple[tuple[Turn, MachineKind], ...]

    @property
    def live_s(self) -> float:
        return sum(turn.span.duration_s for turn in self.live)

    @property
    def role(self) -> Role:
        """The role of the live speech; unknown without any."""
        return self.live[0].role if self.live else "unknown"


def find_call_kind(call: CallAnalysis, cues: RoleCues) -> KindFound:
    """The kind of a call whose turns and sounds are known; `cues` are the words of machines."""
    sides = [_side(turns, call.sounds, cues) for turns in _by_side(call)]
    sides = _beeped(sides, call.sounds)
    machines = [(turn, kind) for side in sides for turn, kind in side.machine]
    kind = _kind(call, sides, {kind for _, kind in machines})
    # In a conversation, words such as "for security" are not enough to take a customer for a machine.
    surely = {"greeting", "carrier"} if kind == "conversation" else set(get_args(MachineKind))
    spoken = frozenset(turn.turn_index for turn, of in machines if of in surely)
    return KindFound(kind=kind, machine_turns=spoken)


def _kind(call: CallAnalysis, sides: Sequence[_Side], machines: set[MachineKind]) -> CallKind:
    live = [side for side in sides if side.live_s >= LEAST_LIVE_S]
    if len(live) >= 2:
        return "conversation"
    if "greeting" in machines:
        return "voicemail"
    agent = any(side.role == "agent" and side.live_s >= SPEAKS_S for side in live)
    if "carrier" in machines:
        return "ivr_only"
    if not agent and ("queue" in machines or _seconds(call.sounds, "music") >= LEAST_MUSIC_S):
        return "queue_abandoned"
    if not agent and machines:
        return "ivr_only"
    if any(sound.kind in {"ringing", "busy"} for sound in call.sounds) and not agent:
        return "ring_no_answer"
    if not live:
        return "silent"
    return "one_sided" if _is_half(call, live[0]) else "monologue"


def _by_side(call: CallAnalysis) -> list[list[Turn]]:
    """The turns of each channel, or of each speaker of a mono call."""
    sides: dict[object, list[Turn]] = {}
    for turn in call.turns:
        key = turn.channel if call.recording.layout == "stereo" else turn.speaker
        sides.setdefault(key, []).append(turn)
    return list(sides.values())


def _side(turns: Sequence[Turn], sounds: Sequence[Sound], cues: RoleCues) -> _Side:
    """What of one side's turns a machine says.

    A greeting is searched where the side begins to speak and goes on until it pauses or beeps. What follows
    was said by somebody, unless it is a machine's words again.
    """
    live: list[Turn] = []
    machine: list[tuple[Turn, MachineKind]] = []
    for number, turn in enumerate(turns):
        kind = _machine_kind(turn, cues, opening=not live or number < OPENING_TURNS)
        if kind is None and turn.text == "" and turn.span.duration_s < LEAST_LIVE_S:
            continue
        if kind is None or (turn.role == "agent" and kind in {"queue", "announcement"}):
            live.append(turn)
        else:
            machine.append((turn, kind))
    greeting = [turn for turn, kind in machine if kind in {"greeting", "carrier"}]
    if greeting:
        beeps_s = [s.start_s for s in sounds if s.kind == "beep" and s.channel == greeting[-1].channel]
        end_s = max([greeting[-1].end_s, *(at for at in beeps_s if at >= greeting[-1].start_s)])
        joined = [
            turn for turn in live if turn.start_s <= end_s + SAME_GREETING_S and turn.end_s <= end_s + 1
        ]
        machine += [(turn, "greeting") for turn in joined]
        live = [turn for turn in live if turn not in joined]
    return _Side(live=tuple(live), machine=tuple(machine))


def _machine_kind(turn: Turn, cues: RoleCues, *, opening: bool) -> MachineKind | None:
    """Which machine's words a turn has; a greeting only where its side begins to speak."""
    text = turn.text.lower()
    if opening and cues.machine.search(text):
        return "greeting"
    if opening and cues.carrier.search(text):
        return "carrier"
    if is_queue_announcement(text, cues):
        return "queue"
    if turn.role == "ivr" or (is_announcement(text, cues) and _announces(text, cues) >= LEAST_ANNOUNCING):
        return "announcement"
    return None


def _announces(text: str, cues: RoleCues) -> int:
    """How many of the patterns of announcements a text has; a customer's words may have one by chance."""
    return sum(pattern.search(text) is not None for pattern in cues.announcements)


def _beeped(sides: Sequence[_Side], sounds: Sequence[Sound]) -> list[_Side]:
    """The sides; one that speaks only before its beep, the other only after it, is a machine."""
    live = [side for side in sides if side.live]
    if len(live) != 2:
        return list(sides)
    first, second = sorted(live, key=lambda side: side.live[0].start_s)
    end_s = first.live[-1].end_s
    channel = first.live[0].channel
    beeps = [s for s in sounds if s.kind == "beep" and s.channel == channel]
    after = [beep for beep in beeps if end_s - 0.5 <= beep.start_s <= second.live[0].start_s + 0.5]
    if len(beeps) != 1 or not after or first.live_s < SPEAKS_S:
        return list(sides)
    machine = _Side(live=(), machine=(*first.machine, *((turn, "greeting") for turn in first.live)))
    return [machine if side is first else side for side in sides]


def _is_half(call: CallAnalysis, side: _Side) -> bool:
    """Whether one side of a stereo call speaks as if with somebody: it answers, or pauses for answers."""
    if call.recording.layout != "stereo":
        return False
    least_s, most_s = ANSWER_PAUSE_S
    turns = side.live
    pauses = sum(least_s <= after.start_s - before.end_s <= most_s for before, after in pairwise(turns))
    answers = sum(_first_word(turn) in _ANSWERS for turn in turns[1:])
    return pauses >= MANY_TURNS - 1 or (pauses >= 1 and answers >= 1 and len(turns) > 2)


def _first_word(turn: Turn) -> str:
    return (turn.text.lower().split() or [""])[0].strip(".,!?")


def _seconds(sounds: Sequence[Sound], kind: str) -> float:
    return sum(sound.span.duration_s for sound in sounds if sound.kind == kind)
