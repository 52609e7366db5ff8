"""A call as Amazon Transcribe Call Analytics writes it, for programs that read that form.

The form knows two participants, so that announcements and speakers of unknown role are left out. Categories
are the rules that failed, as `rule:status`. Nothing is inferred about agents: the form wants a sentiment on
every turn, and theirs is always NEUTRAL; sentiment over time is the customer's alone.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.export.words import file_id, one_line, to_ms, words_by_turn
from pipeline.records import CallAnalysis, Finding, Overlap, Tone, Turn, Word
from pipeline.report.text import as_json
from pipeline.spans import Span, union

PARTICIPANTS = {"agent": "AGENT", "customer": "CUSTOMER"}
_LANGUAGES = {"en": "en-US", "es": "es-US"}
CLEAR_SENTIMENT = 0.05
"""Word sentiment from which the text counts as positive (below its negative: negative), as VADER has it."""
SENTIMENT_SCALE = 5
"""Amazon's scores run from -5 to 5, word sentiment from -1 to 1."""
FULL_SCALE_LOUDNESS = 100
"""Loudness of speech at full scale; 1 dB less is 1 less. Amazon says only that it runs from 0 to 100."""
_PUNCTUATION = re.compile(r"[.,?!;:…]+$")
QUARTERS = 4


def amazon(analysis: CallAnalysis) -> str:
    """The call as a post-call analytics job's result in JSON; times are whole ms."""
    tones = {tone.turn_index: tone for tone in analysis.tone}
    spoken = [(turn, words) for turn, words in words_by_turn(analysis) if turn.role in PARTICIPANTS]
    out = {
        "JobName": file_id(analysis),
        "AccountId": "earwitness",
        "JobStatus": "COMPLETED",
        "LanguageCode": _language(analysis.recording.language),
        "Channel": "VOICE",
        "Participants": [{"ParticipantRole": name} for name in PARTICIPANTS.values()],
        "Transcript": [_entry(analysis, turn, words, tones.get(turn.turn_index)) for turn, words in spoken],
        "Categories": _categories(analysis.findings),
        "ConversationCharacteristics": _characteristics(analysis, tones),
    }
    return as_json(out) + "\n"


def left_out(analysis: CallAnalysis) -> str | None:
    """What the form has no place for, in one line; None if nothing."""
    turns = sum(turn.role not in PARTICIPANTS for turn in analysis.turns)
    return f"{turns} turns of neither agent nor customer are left out" if turns else None


def _language(code: str | None) -> str:
    return _LANGUAGES.get(code or "", code or "und")


def _entry(analysis: CallAnalysis, turn: Turn, words: Sequence[Word], tone: Tone | None) -> dict[str, Any]:
    identity = f"{analysis.recording.recording_id} {turn.turn_index}"
    return {
        "Id": str(uuid.uuid5(uuid.NAMESPACE_OID, identity)),
        "ParticipantRole": PARTICIPANTS[turn.role],
        **_offsets(turn.start_s, turn.end_s),
        "Content": one_line(turn.text),
        "LoudnessScores": _loudness(analysis, turn, tone),
        "Sentiment": _sentiment(tone) if turn.role == "customer" else "NEUTRAL",
        "Items": [item for word in words for item in _items(word)],
    }


def _loudness(analysis: CallAnalysis, turn: Turn, tone: Tone | None) -> list[float]:
    """A score a second: the level that was measured over the turn; none where it was not."""
    levels = {quality.channel: quality.level_db for quality in analysis.quality}
    level_db = levels.get(turn.channel)
    if level_db is None:
        return []
    relative_db = tone.level_db if tone and tone.level_db is not None else 0.0
    score = min(max(FULL_SCALE_LOUDNESS + level_db + relative_db, 1), FULL_SCALE_LOUDNESS)  # 0 is silence
    return [round(score, 1)] * max(1, round(turn.span.duration_s))


def _sentiment(tone: Tone | None) -> str:
    value = tone.word_sentiment if tone and tone.word_sentiment is not None else 0.0
    if abs(value) < CLEAR_SENTIMENT:
        return "NEUTRAL"
    return "POSITIVE" if value > 0 else "NEGATIVE"


def _items(word: Word) -> list[dict[str, Any]]:
    """The word and, as an item of its own, the punctuation after it."""
    text = one_line(word.text)
    mark = _PUNCTUATION.search(text)
    spoken = {
        "Type": "pronunciation",
        "Content": text[: mark.start()] if mark and mark.start() else text,
        "Confidence": f"{word.probability:.3f}",
        **_offsets(word.start_s, word.end_s),
    }
    if not mark or not mark.start():
        return [spoken]
    end = {"Type": "punctuation", "Content": mark[0], "Confidence": "0.0"}
    return [spoken, end | _offsets(word.end_s, word.end_s)]


def _categories(findings: Iterable[Finding]) -> dict[str, Any]:
    """The rules that failed. What was not said has no point of interest, as with Amazon's negated rules."""
    details: dict[str, Any] = {}
    for finding in findings:
        if finding.verdict == "fail":
            points = []
            if finding.basis != "absence" and finding.start_s is not None and finding.end_s is not None:
                points.append(_offsets(finding.start_s, finding.end_s))
            details[f"{finding.rule_id}:{finding.detail.get('status', 'fail')}"] = {
                "PointsOfInterest": points
            }
    return {"MatchedCategories": list(details), "MatchedDetails": details}


def _characteristics(analysis: CallAnalysis, tones: dict[int, Tone]) -> dict[str, Any]:
    talk_ms = {
        name: to_ms(metric.numerator)
        for metric in analysis.metrics
        if metric.name == "talk_time" and metric.denominator and (name := PARTICIPANTS.get(metric.role or ""))
    }
    speeds = {
        name: {"AverageWordsPerMinute": round(metric.numerator / metric.denominator)}
        for metric in analysis.metrics
        if metric.name == "speech_rate"
        and metric.denominator
        and (name := PARTICIPANTS.get(metric.role or ""))
    }
    return {
        "TotalConversationDurationMillis": to_ms(analysis.recording.duration_s or 0.0),
        "NonTalkTime": _non_talk(analysis),
        "Interruptions": _interruptions(analysis.overlaps),
        "TalkSpeed": {"DetailsByParticipant": speeds},
        "TalkTime": {
            "TotalTimeMillis": sum(talk_ms.values()),
            "DetailsByParticipant": {name: {"TotalTimeMillis": ms} for name, ms in talk_ms.items()},
        },
        "Sentiment": _sentiments(analysis, tones),
    }


def _non_talk(analysis: CallAnalysis) -> dict[str, Any]:
    """Holds, and silences longer than the threshold that was set."""
    spans = union(one.span for one in (*analysis.holds, *analysis.silences))
    return _together([_lasting(span) for span in spans])


def _interruptions(overlaps: Iterable[Overlap]) -> dict[str, Any]:
    """Overlaps in which somebody took the floor."""
    by: dict[str, list[dict[str, int]]] = {}
    for overlap in overlaps:
        if overlap.kind == "interruption" and (name := PARTICIPANTS.get(overlap.by_role)):
            by.setdefault(name, []).append(_lasting(Span(overlap.start_s, overlap.end_s)))
    every = _together([one for instances in by.values() for one in instances])
    return {
        "TotalCount": len(every["Instances"]),
        "TotalTimeMillis": every["TotalTimeMillis"],
        "InterruptionsByInterrupter": by,
    }


def _together(instances: list[dict[str, int]]) -> dict[str, Any]:
    return {"TotalTimeMillis": sum(one["DurationMillis"] for one in instances), "Instances": instances}


def _lasting(span: Span) -> dict[str, int]:
    offsets = _offsets(span.start_s, span.end_s)
    return offsets | {"DurationMillis": offsets["EndOffsetMillis"] - offsets["BeginOffsetMillis"]}


def _sentiments(analysis: CallAnalysis, tones: dict[int, Tone]) -> dict[str, Any]:
    """The customer's, over the call and its quarters; a quarter without anything measured is left out."""
    measured = [
        (turn.span.middle_s, tone.word_sentiment)
        for turn in analysis.turns
        if turn.role == "customer"
        and (tone := tones.get(turn.turn_index)) is not None
        and tone.word_sentiment is not None
    ]
    if not measured:
        return {"OverallSentiment": {}, "SentimentByPeriod": {"QUARTER": {}}}
    length_s = (analysis.recording.duration_s or 0.0) / QUARTERS
    periods = []
    for number in range(QUARTERS):
        span = Span(number * length_s, (number + 1) * length_s)
        if values := [value for at_s, value in measured if at_s in span]:
            periods.append(_offsets(*span) | {"Score": _score(values)})
    overall = {"CUSTOMER": _score([value for _, value in measured])}
    return {"OverallSentiment": overall, "SentimentByPeriod": {"QUARTER": {"CUSTOMER": periods}}}


def _score(values: Sequence[float]) -> float:
    return round(SENTIMENT_SCALE * sum(values) / len(values), 2)


def _offsets(start_s: float, end_s: float) -> dict[str, int]:
    return {"BeginOffsetMillis": to_ms(start_s), "EndOffsetMillis": to_ms(end_s)}
