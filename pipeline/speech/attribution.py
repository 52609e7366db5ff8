"""Speakers and their roles: one speaker per channel on stereo, one per voice on mono.

The result is a `Voice` per speaker: its activity, its words and its role. On stereo the role comes from the
settings or the call's metadata; where these do not determine it, and on mono, from what is said.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal

from pipeline.phrases.role_cues import RoleCues
from pipeline.phrases.word_lists import word_set
from pipeline.records import HeardWord, Role
from pipeline.settings import AudioSettings, TurnSettings
from pipeline.spans import Span, covered_s, union
from pipeline.speech.activity import ChannelActivity
from pipeline.speech.diarize import Diarize
from pipeline.speech.roles import AGENT_LEAD, agent_score, cues_in, find_agent, is_announcement
from pipeline.speech.turns import Voice

AGENT_CHANNELS = {"left": 0, "right": 1}
SNAP_WORDS = 2
SNAP_S = 0.8  # word times and voice changes are each off by a few tenths of a second
SENTENCE_END = (".", "?", "!")
ANSWER_S = 1.2
ALONE_S = 0.3
ANSWERS = word_set("talk", "answers")
_PLAIN = re.compile(r"[^a-z']+")

Source = Literal["setting", "words", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """The call's voices and how their roles were determined.

    `source` is what determined the roles, `confidence` (0 to 1) how clearly the words did. `overlaps_known`
    is false where simultaneous speech cannot be attributed (some mono calls). `diarized` is true where the
    voices were separated within one channel.
    """

    voices: tuple[Voice, ...]
    agent_channel: int | None
    source: Source
    confidence: float | None
    overlaps_known: bool = True
    diarized: bool = False
    role_cues: Mapping[str, list[str]] = field(default_factory=dict)
    """By speaker, the names of the cues that decided; empty where words did not decide."""


def attribute_channels(
    channels: Sequence[ChannelActivity],
    heard: Sequence[Sequence[HeardWord]],
    settings: AudioSettings,
    known: RoleCues,
) -> Attribution:
    """The two speakers of a stereo call."""
    agent: int | None
    cues: dict[str, str] = {}
    if settings.agent_channel in AGENT_CHANNELS:
        agent, source, confidence = AGENT_CHANNELS[settings.agent_channel], "setting", None
    else:
        texts = [" ".join(w.text for w in words) for words in heard]
        agent, confidence = find_agent(texts, known)
        source = "words"
        cues = {f"channel{i}": text for i, text in enumerate(texts)}
        if confidence < settings.auto_role_min_confidence:
            agent, source, cues = None, "none", {}
    voices = tuple(
        Voice(
            channel=i,
            speaker=f"channel{i}",
            role="unknown" if agent is None else "agent" if i == agent else "customer",
            spans=channel.spans,
            words=tuple(words),
            sounds=channel.sounds,
        )
        for i, (channel, words) in enumerate(zip(channels, heard, strict=True))
    )
    return Attribution(
        voices=voices,
        agent_channel=agent,
        source=_source(source),
        confidence=confidence,
        role_cues=_cue_names(cues, known),
    )


def _cue_names(texts: Mapping[str, str], known: RoleCues) -> dict[str, list[str]]:
    """The names of the cues in what each speaker said."""
    return {speaker: [cue.name for cue in cues_in(text, known)] for speaker, text in texts.items()}


def _source(name: str) -> Source:
    return "setting" if name == "setting" else "words" if name == "words" else "none"


def attribute_voices(
    channel: ChannelActivity,
    heard: Sequence[HeardWord],
    diarize: Diarize,
    settings: tuple[AudioSettings, TurnSettings],
    known: RoleCues,
) -> Attribution:
    """The speakers of a mono call: voices from diarization, roles from their words."""
    audio, turns = settings
    found = diarize(channel.samples, channel.spans, [sound.span for sound in channel.sounds])
    spans: dict[str, list[Span]] = {}
    for part in found.spans:
        spans.setdefault(part.speaker, []).append(part.span)
    own = {speaker: union(parts) for speaker, parts in spans.items()}
    own = give_answers_to_the_other(heard, own, turns)
    words = words_by_speaker(heard, own, turns)
    texts = {speaker: " ".join(w.text for w in words[speaker]) for speaker in own}
    roles, confidence = roles_of(texts, audio.auto_role_min_confidence, known)
    voices = tuple(
        Voice(
            channel=0,
            speaker=speaker,
            role=roles[speaker],
            spans=own[speaker],
            words=words[speaker],
            sounds=channel.sounds,
        )
        for speaker in own
    )
    determined = "unknown" not in roles.values()
    return Attribution(
        voices=voices,
        agent_channel=None,
        source="words" if determined else "none",
        confidence=confidence,
        overlaps_known=found.overlap_confident,
        diarized=True,
        role_cues=_cue_names(texts, known) if determined else {},
    )


def roles_of(texts: dict[str, str], min_confidence: float, known: RoleCues) -> tuple[dict[str, Role], float]:
    """The role of each speaker from what it says, and the confidence; all `unknown` below `min_confidence`.

    A speaker who only announces is the ivr. The one that sounds most like an agent is the agent; a
    further one joins the agent's side (a second agent) or the customer's, by its own score.
    """
    roles: dict[str, Role] = dict.fromkeys(texts, "unknown")
    live = [speaker for speaker, text in texts.items() if not is_announcement(text, known)]
    if len(live) > 1:
        roles |= {speaker: "ivr" for speaker in texts if speaker not in live}
    else:
        live = list(texts)
    if not live:
        return roles, 0.0
    scores = {speaker: agent_score(texts[speaker], known) for speaker in live}
    if len(live) == 1:
        confidence = min(1.0, abs(scores[live[0]]) / AGENT_LEAD)
        if confidence >= min_confidence:
            roles[live[0]] = "agent" if scores[live[0]] > 0 else "customer"
        return roles, confidence
    best, lowest = (pick(live, key=lambda s: scores[s]) for pick in (max, min))
    confidence = min(1.0, (scores[best] - scores[lowest]) / AGENT_LEAD)
    if confidence < min_confidence:
        return roles, confidence
    for speaker in live:
        like_agent = speaker == best or (speaker != lowest and scores[speaker] >= AGENT_LEAD / 2)
        roles[speaker] = "agent" if like_agent else "customer"
    return roles, confidence


def words_by_speaker(
    words: Sequence[HeardWord], spans: dict[str, tuple[Span, ...]], settings: TurnSettings
) -> dict[str, tuple[HeardWord, ...]]:
    """Each speaker's words: by whose activity covers more of a word, without flips shorter than a setting."""
    speakers = list(spans)
    if not speakers:
        return {}
    owners = _owners(words, spans, settings)
    return {
        speaker: tuple(replace(w) for w, owner in zip(words, owners, strict=True) if owner == speaker)
        for speaker in speakers
    }


def give_answers_to_the_other(
    words: Sequence[HeardWord], spans: dict[str, tuple[Span, ...]], settings: TurnSettings
) -> dict[str, tuple[Span, ...]]:
    """Speech with short answers taken from the asker: a "sure" is too short to know a voice by.

    Between two speakers, a stretch of at most 1.2 s that stands alone, says nothing but an answer and
    follows a question by the same speaker is the other's.
    """
    if len(spans) != 2:
        return spans
    owners = _owners(words, spans, settings)
    out = dict(spans)
    for first, end in _islands(words, owners):
        stretch = Span(words[first].start_s, words[end - 1].end_s)
        texts = [_PLAIN.sub("", w.text.lower()) for w in words[first:end]]
        if stretch.duration_s > ANSWER_S or not all(text in ANSWERS for text in texts):
            continue
        if not _asked(words[:first], owners[:first], owners[first]):
            continue
        asker = owners[first]
        other = next(speaker for speaker in spans if speaker != asker)
        moved = [s for s in out[asker] if s.duration_s <= ANSWER_S and s & stretch.padded(ALONE_S / 2)]
        out[asker] = tuple(s for s in out[asker] if s not in moved)
        out[other] = union((*out[other], *moved))
    return out


def _islands(words: Sequence[HeardWord], owners: Sequence[str]) -> list[tuple[int, int]]:
    """Runs `[first, end)` of one speaker's words with a pause on both sides."""
    starts = (
        i
        for i in range(1, len(words))
        if owners[i] != owners[i - 1] or words[i].start_s - words[i - 1].end_s >= ALONE_S
    )
    cuts = [0, *starts, len(words)]
    return [(a, b) for a, b in pairwise(cuts) if a < b]


def _asked(words: Sequence[HeardWord], owners: Sequence[str], speaker: str) -> bool:
    """Whether `speaker` spoke last and asked something in the words since anybody else did."""
    for word, owner in zip(reversed(words), reversed(owners), strict=True):
        if owner != speaker:
            return False
        if word.text.endswith("?"):
            return True
    return False


def _owners(
    words: Sequence[HeardWord], spans: dict[str, tuple[Span, ...]], settings: TurnSettings
) -> list[str]:
    """The speaker of each word."""
    owners = [_owner(word, spans) for word in words]
    return _snap_to_sentences(words, _without_flips(words, owners, settings.min_flip_s))


def _owner(word: HeardWord, spans: dict[str, tuple[Span, ...]]) -> str:
    def fit(speaker: str) -> tuple[float, float]:
        own = spans[speaker]
        return covered_s(word.span, _near(own, word.span)), -_distance_s(own, word.span.middle_s)

    return max(spans, key=fit)


def _near(spans: Sequence[Span], span: Span) -> Sequence[Span]:
    """The spans around `span`; `spans` is sorted."""
    i = bisect_left(spans, span.start_s, key=lambda s: s.end_s)
    return spans[max(0, i - 1) : i + 3]


def _distance_s(spans: Sequence[Span], time_s: float) -> float:
    near = _near(spans, Span(time_s, time_s))
    return min((max(s.start_s - time_s, time_s - s.end_s, 0.0) for s in near), default=float("inf"))


def _without_flips(words: Sequence[HeardWord], owners: Sequence[str], min_flip_s: float) -> list[str]:
    """Owners in which no run of words inside another speaker's is shorter than `min_flip_s`."""
    out = list(owners)
    start = 0
    while start < len(out):
        end = start
        while end < len(out) and out[end] == out[start]:
            end += 1
        length_s = words[end - 1].end_s - words[start].start_s
        inside = start > 0 and end < len(out) and out[start - 1] == out[end]
        if inside and length_s < min_flip_s and words[end].start_s - words[start - 1].end_s < length_s + 0.3:
            out[start:end] = [out[end]] * (end - start)
        start = end
    return out


def _snap_to_sentences(words: Sequence[HeardWord], owners: Sequence[str]) -> list[str]:
    """Owners with each change of speaker moved to the end of a sentence that is close enough."""
    out = list(owners)
    for change in range(1, len(words)):
        if out[change] == out[change - 1] or _starts_sentence(words, change):
            continue
        target = _sentence_near(words, out, change)
        if target is not None:
            speaker = out[change - 1] if target > change else out[change]
            for i in _between(change, target):
                out[i] = speaker
    return out


def _sentence_near(words: Sequence[HeardWord], owners: Sequence[str], change: int) -> int | None:
    """The first word of the nearest sentence to which a change of speaker at `change` can move.

    It is at most `SNAP_WORDS` away; the words between last at most `SNAP_S` and have one speaker.
    """
    for distance in range(1, SNAP_WORDS + 1):
        for target in (change + distance, change - distance):
            if not (0 < target < len(words) and _starts_sentence(words, target)):
                continue
            between = _between(change, target)
            length_s = words[between[-1]].end_s - words[between[0]].start_s
            if length_s <= SNAP_S and len({owners[i] for i in between}) == 1:
                return target
    return None


def _starts_sentence(words: Sequence[HeardWord], index: int) -> bool:
    return words[index - 1].text.endswith(SENTENCE_END)


def _between(one: int, other: int) -> range:
    """The indices from the lower one up to, but without, the higher one."""
    return range(min(one, other), max(one, other))
