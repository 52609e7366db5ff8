"""Cases for the rules: a call from its turns, its holds judged, its findings by rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from builders import activities_of, conversation, words_of

from pipeline.records import Activity, Finding, Hold, Turn, Word
from pipeline.rules import Case, judge, judge_holds, load_rules
from pipeline.settings import Settings

RULES = load_rules()
SETTINGS = Settings()

GREETING = "Good morning, Oak Mutual, this is Nina, how can I help you?"
NOTICE = "This call is being recorded for training purposes."
REASON = "Hi, I would like to add my new bicycle to my home policy please."


def a_case(*turns: Turn, probability: float = 0.9, **parts: Any) -> Case:
    numbered = conversation(*turns)
    filled: dict[str, Any] = {
        "duration_s": max((turn.end_s for turn in turns), default=0.0) + 1.0,
        "layout": "stereo",
        "words": words_of(numbered, probability),
        "turns": numbered,
        "activities": activities_of(numbered),
    }
    return Case(**filled | parts)


def finding(case: Case, rule_id: str, settings: Settings = SETTINGS) -> Finding:
    (found,) = [f for f in judge(case, RULES, settings.rules) if f.rule_id == rule_id]
    return found


def disclosure(case: Case, settings: Settings = SETTINGS) -> Finding:
    return finding(case, "recording_disclosure", settings)


def doubtful(case: Case, texts: set[str], probability: float) -> Case:
    """The case with another probability for the words in `texts`."""
    words = [replace(w, probability=probability) if w.text in texts else w for w in case.words]
    return replace(case, words=tuple(words))


def judged(holds: Sequence[Hold], turns: Sequence[Turn], **parts: Any) -> tuple[Hold, ...]:
    numbered = conversation(*turns)
    words: Sequence[Word] = parts.get("words", words_of(numbered))
    activities: Sequence[Activity] = parts.get("activities", activities_of(numbered))
    return judge_holds(holds, numbered, words, activities, RULES, SETTINGS)
