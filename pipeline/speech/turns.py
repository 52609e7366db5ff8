"""Turns from activity and words, and the role of each.

A turn is a stretch of speech by one speaker including short pauses. Activity gives its times, the recogniser
its text. On stereo a channel is a speaker, so the role follows from the channel; an announcement on the
agent's channel is distinguished from the live agent by its words and by its position in the call.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.phrases.role_cues import RoleCues
from pipeline.records import Activity, HeardWord, Role, Sound, Turn, Word
from pipeline.settings import TurnSettings
from pipeline.spans import Span, covered_s, union
from pipeline.speech.roles import is_announcement, is_queue_announcement

IVR_SPEAKER = "ivr"
PART_PAUSE_S = 0.7  # shorter pauses never separate an announcement from a live agent
PICK_UP_S = 1.0  # an agent who continues sooner than this has spoken the announcement too
ALONE_S = 3.0  # silence on both sides of an announcement to a caller who waits
IN_MUSIC = 0.6  # share of a part that music must cover to make it an announcement


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """One speaker's speech: activity, words and role. On stereo a channel is a speaker."""

    channel: int
    speaker: str
    role: Role
    spans: tuple[Span, ...]
    words: tuple[HeardWord, ...]
    sounds: tuple[Sound, ...] = ()


def build_turns(
    voices: Sequence[Voice], settings: TurnSettings, cues: RoleCues
) -> tuple[tuple[Turn, ...], tuple[Word, ...]]:
    """Turns and words of all channels in order of time; each word points to its turn.

    `cues` are those by which announcements are recognised.
    """
    drafts: list[tuple[Voice, Span, Role, tuple[HeardWord, ...]]] = []
    for voice in voices:
        others = union(s for other in voices if other.speaker != voice.speaker for s in other.spans)
        parts = union(voice.spans, bridge_s=min(PART_PAUSE_S, settings.pause_across_s))
        roles = _part_roles(voice, parts, _assign(voice.words, parts), others, cues)
        turns_of = _join(list(zip(parts, roles, strict=True)), others, settings)
        texts = _assign(voice.words, [span for span, _ in turns_of])
        drafts += [(voice, span, role, words) for (span, role), words in zip(turns_of, texts, strict=True)]
    drafts.sort(key=lambda draft: (draft[1], draft[0].channel))
    turns = tuple(
        Turn(
            turn_index=i,
            speaker=IVR_SPEAKER if role == "ivr" else voice.speaker,
            role=role,
            channel=voice.channel,
            start_s=span.start_s,
            end_s=span.end_s,
            text=_text(words),
        )
        for i, (voice, span, role, words) in enumerate(drafts)
    )
    return turns, _number_words([(turn, draft[3]) for turn, draft in zip(turns, drafts, strict=True)])


def _number_words(by_turn: Sequence[tuple[Turn, tuple[HeardWord, ...]]]) -> tuple[Word, ...]:
    pairs = sorted(
        ((turn, word) for turn, words in by_turn for word in words),
        key=lambda pair: (pair[1].start_s, pair[0].turn_index),
    )
    return tuple(
        Word(
            word_index=i,
            turn_index=turn.turn_index,
            role=turn.role,
            channel=word.channel,
            start_s=word.start_s,
            end_s=word.end_s,
            text=word.text,
            probability=word.probability,
        )
        for i, (turn, word) in enumerate(pairs)
    )


def _join(
    parts: Sequence[tuple[Span, Role]], others: Sequence[Span], settings: TurnSettings
) -> tuple[tuple[Span, Role], ...]:
    """Parts joined to turns: longer pauses stay inside a turn while nobody else speaks."""
    out: list[tuple[Span, Role]] = []
    for span, role in parts:
        if out and out[-1][1] == role:
            before = out[-1][0]
            pause = Span(before.end_s, span.start_s)
            longest_s = settings.pause_across_s if _any_within(pause, others) else settings.pause_s
            if pause.duration_s <= longest_s:
                out[-1] = (before | span, role)
                continue
        out.append((span, role))
    return tuple(out)


def _assign(words: Sequence[HeardWord], spans: Sequence[Span]) -> list[tuple[HeardWord, ...]]:
    """The words of each span: those whose middle lies in it or, between two, nearest to it."""
    by_span: list[list[HeardWord]] = [[] for _ in spans]
    starts = [span.start_s for span in spans]
    for word in words:
        middle_s = word.span.middle_s
        i = bisect_right(starts, middle_s) - 1
        candidates = [k for k in (i, i + 1) if 0 <= k < len(spans)]
        if candidates:
            by_span[min(candidates, key=lambda k: _gap_s(middle_s, spans[k]))].append(word)
    return [tuple(found) for found in by_span]


def _gap_s(time_s: float, span: Span) -> float:
    return max(span.start_s - time_s, time_s - span.end_s, 0.0)


def _part_roles(
    voice: Voice,
    parts: Sequence[Span],
    words: Sequence[Sequence[HeardWord]],
    others: Sequence[Span],
    cues: RoleCues,
) -> list[Role]:
    """The role of each part of a channel: the channel's own, but `ivr` for announcements.

    A part is an announcement if any of three policies says so: it stands inside hold music, it opens the
    call, or it stands alone in a silence. Only the agent's side and unknown speakers play announcements.
    """
    if voice.role not in ("agent", "unknown"):
        return [voice.role] * len(parts)
    in_music = _in_music(voice, parts)
    opening = _opening(parts, words, in_music, others, cues) if voice.role == "agent" else frozenset()
    announced = in_music | opening | _queue_announcements(parts, words, others, cues)
    announced -= _spoken_into(parts, announced)
    return ["ivr" if i in announced else voice.role for i in range(len(parts))]


def _in_music(voice: Voice, parts: Sequence[Span]) -> frozenset[int]:
    """The parts that music mostly covers."""
    music = union((s.span for s in voice.sounds if s.kind == "music"), bridge_s=1.0)
    return frozenset(i for i, part in enumerate(parts) if covered_s(part, music) > IN_MUSIC * part.duration_s)


def _opening(
    parts: Sequence[Span],
    words: Sequence[Sequence[HeardWord]],
    in_music: frozenset[int],
    others: Sequence[Span],
    cues: RoleCues,
) -> frozenset[int]:
    """The parts before the agent speaks and before anybody else does; those in music do not end them."""
    first_other_s = others[0].start_s if others else float("inf")
    found = set()
    for i, part in enumerate(parts):
        if part.end_s > first_other_s or not (i in in_music or is_announcement(_text(words[i]), cues)):
            break
        found.add(i)
    return frozenset(found)


def _queue_announcements(
    parts: Sequence[Span], words: Sequence[Sequence[HeardWord]], others: Sequence[Span], cues: RoleCues
) -> frozenset[int]:
    """The parts that stand alone in a silence and tell a waiting caller to wait on."""
    return frozenset(
        i
        for first, last in _alone(parts, others)
        if is_queue_announcement(_text(word for part in words[first:last] for word in part), cues)
        for i in range(first, last)
    )


def _spoken_into(parts: Sequence[Span], announced: frozenset[int]) -> frozenset[int]:
    """The announcements before the agent's first part, where the agent continues too soon after them.

    A recording does not hand over within `PICK_UP_S`: then the agent spoke them.
    """
    first = next((i for i in range(len(parts)) if i not in announced), 0)
    if first == 0 or parts[first].start_s - parts[first - 1].end_s >= PICK_UP_S:
        return frozenset()
    return frozenset(range(first))


def _text(words: Iterable[HeardWord]) -> str:
    return " ".join(word.text for word in words)


def _alone(parts: Sequence[Span], others: Sequence[Span]) -> list[tuple[int, int]]:
    """Runs `[first, last)` of close parts with `ALONE_S` of silence from everybody around them."""
    runs: list[tuple[int, int]] = []
    first = 0
    for i in range(1, len(parts) + 1):
        if i == len(parts) or parts[i].start_s - parts[i - 1].end_s >= ALONE_S:
            around = (parts[first] | parts[i - 1]).padded(ALONE_S)
            if first > 0 and i < len(parts) and not _any_within(around, others):
                runs.append((first, i))
            first = i
    return runs


def _any_within(span: Span, others: Sequence[Span]) -> bool:
    """Whether one of the sorted, disjoint `others` reaches into `span`."""
    i = bisect_left(others, span.end_s, key=lambda other: other.start_s)
    return i > 0 and others[i - 1].end_s > span.start_s


def activities_of(turns: Sequence[Turn], voices: Sequence[Voice]) -> tuple[Activity, ...]:
    """Each speaker's activity with the role of the turn it lies in."""
    found = []
    for voice in voices:
        own = [t for t in turns if t.channel == voice.channel and t.speaker in (voice.speaker, IVR_SPEAKER)]
        starts = [turn.start_s for turn in own]
        for span in voice.spans:
            turn = own[max(0, bisect_right(starts, span.middle_s) - 1)]
            found.append(
                Activity(channel=voice.channel, role=turn.role, start_s=span.start_s, end_s=span.end_s)
            )
    return tuple(sorted(found, key=lambda a: (a.start_s, a.channel)))
