"""What several formats need of a call's words: names, times in ms, and cues for subtitles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.records import CallAnalysis, Role, Turn, Word

MAX_CUE_CHARS = 84
"""Two lines of 42 characters, as broadcasters write subtitles; a longer sentence becomes several cues."""
ID_DIGITS = 12
_SENTENCE_END = re.compile(r"[.?!…][\"')]*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """Words that are shown together; `role` is None for what is not speech, whose `text` says what it is."""

    start_ms: int
    end_ms: int
    role: Role | None = None
    words: tuple[Word, ...] = ()
    text: str


def file_id(analysis: CallAnalysis) -> str:
    """A name without blanks for the call: its call_ref, else the first digits of the recording_id."""
    cleaned = re.sub(r"[^\w.-]+", "_", analysis.call.call_ref or "").strip("_")
    return cleaned or analysis.recording.recording_id[:ID_DIGITS]


def to_ms(time_s: float) -> int:
    """Seconds as whole ms."""
    return round(time_s * 1000)


def one_line(text: str) -> str:
    """Text without line breaks and other control characters."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f\u2028\u2029]", " ", text).split())


def words_by_turn(analysis: CallAnalysis) -> Iterator[tuple[Turn, tuple[Word, ...]]]:
    """Each turn with its words in order of time."""
    said: dict[int, list[Word]] = {}
    for word in sorted(analysis.words, key=lambda word: (word.start_s, word.word_index)):
        said.setdefault(word.turn_index, []).append(word)
    for turn in analysis.turns:
        yield turn, tuple(said.get(turn.turn_index, ()))


def cues(analysis: CallAnalysis) -> tuple[Cue, ...]:
    """What is said, a sentence or `MAX_CUE_CHARS` at a time, and the holds, in order of their starts."""
    out = [_spoken(turn.role, words) for turn, said in words_by_turn(analysis) for words in _sentences(said)]
    for hold in analysis.holds:
        text = f"[on hold, {hold.kind}, {hold.span.duration_s:.0f} s]"
        out.append(Cue(start_ms=to_ms(hold.start_s), end_ms=to_ms(hold.end_s), text=text))
    return tuple(sorted(out, key=lambda cue: (cue.start_ms, cue.end_ms)))


def _spoken(role: Role, words: tuple[Word, ...]) -> Cue:
    start_ms = to_ms(words[0].start_s)
    # A cue must not be empty, but a recogniser gives words without length.
    end_ms = max(start_ms + 1, *(to_ms(word.end_s) for word in words))
    text = one_line(" ".join(word.text for word in words))
    return Cue(start_ms=start_ms, end_ms=end_ms, role=role, words=words, text=text)


def _sentences(words: tuple[Word, ...]) -> Iterator[tuple[Word, ...]]:
    chunk: list[Word] = []
    length = -1  # no blank before the first word
    for word in words:
        ended = bool(chunk) and _SENTENCE_END.search(chunk[-1].text) is not None
        length += 1 + len(word.text)
        if chunk and (ended or length > MAX_CUE_CHARS):
            yield tuple(chunk)
            chunk, length = [], len(word.text)
        chunk.append(word)
    if chunk:
        yield tuple(chunk)
