"""Cases for the rules: a call from its turns, its holds judged, its findings by rule."""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import replace
from functools import cache
from typing import Any

from builders import activities_of, conversation, words_of

from pipeline.phrases.lexicon import load_lexicon
from pipeline.phrases.search import Phrases, compile_patterns
from pipeline.records import Activity, Finding, Hold, Role, Turn, Word
from pipeline.rules import CallContext, Rule, judge, judge_holds, load_rules
from pipeline.rules.check import Check
from pipeline.settings import Settings

RULES = load_rules()
SETTINGS = Settings()

GREETING = "Good morning, Oak Mutual, this is Nina, how can I help you?"
NOTICE = "This call is being recorded for training purposes."
REASON = "Hi, I would like to add my new bicycle to my home policy please."


def a_case(*turns: Turn, probability: float = 0.9, **parts: Any) -> CallContext:
    numbered = conversation(*turns)
    filled: dict[str, Any] = {
        "duration_s": max((turn.end_s for turn in turns), default=0.0) + 1.0,
        "layout": "stereo",
        "words": words_of(numbered, probability),
        "turns": numbered,
        "activities": activities_of(numbered),
    }
    return CallContext(**filled | parts)


def finding(case: CallContext, rule_id: str, settings: Settings = SETTINGS) -> Finding:
    (found,) = [f for f in judge(case, RULES, settings.rules) if f.rule_id == rule_id]
    return found


def disclosure(case: CallContext, settings: Settings = SETTINGS) -> Finding:
    return finding(case, "recording_disclosure", settings)


def doubtful(case: CallContext, texts: set[str], probability: float) -> CallContext:
    """The case with another probability for the words in `texts`."""
    words = [replace(w, probability=probability) if w.text in texts else w for w in case.words]
    return replace(case, words=tuple(words))


def judged(holds: Many[Hold], turns: Many[Turn], **parts: Any) -> tuple[Hold, ...]:
    numbered = conversation(*turns)
    words: Many[Word] = parts.get("words", words_of(numbered))
    activities: Many[Activity] = parts.get("activities", activities_of(numbered))
    return judge_holds(holds, numbered, words, activities, RULES, SETTINGS)


@cache
def a_group(role: Role, pattern: str) -> Phrases:
    """A group of one pattern, in a book of its own."""
    lexicon = load_lexicon()
    return Phrases(
        roles=(role,),
        any=compile_patterns([pattern], lexicon, pattern),
        but=compile_patterns([], lexicon, pattern),
    )


def a_rule(check: Check, **groups: str | tuple[Role, str]) -> Rule:
    """A rule of groups with one pattern each, said by the agent unless told."""
    phrases = {
        name: a_group("agent", group) if isinstance(group, str) else a_group(*group)
        for name, group in groups.items()
    }
    return replace(RULES.rule("hold_thanks"), id="tried", check=check, phrases=phrases)


def tried(case: CallContext, rule: Rule, settings: Settings = SETTINGS) -> Finding:
    """The finding of one rule."""
    (found,) = judge(case, replace(RULES, rules=(rule,)), settings.rules, settings.holds)
    return found
