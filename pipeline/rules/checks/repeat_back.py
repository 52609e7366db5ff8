"""The check `repeat_back`: what the customer gave is read back, or the agent asks whether it was understood.

The agent's words are compared with the customer's own: digits and letters of numbers, days and figures of
dates, the content words of a problem. A first name in thanks does not count as reading back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from rapidfuzz.distance import Levenshtein

from pipeline.personal_data.find import PersonalData
from pipeline.personal_data.key_words import is_day, key_words
from pipeline.personal_data.number_runs import number_runs
from pipeline.personal_data.number_words import is_number, plain
from pipeline.phrases.confidence import mean_probability
from pipeline.phrases.lexicon import Text
from pipeline.phrases.search import Match, find
from pipeline.records import Basis, Finding, Role, Verdict, Word
from pipeline.rules.check import NOWHERE, Check, Evidence, Part, Rule, rounded
from pipeline.rules.context import Clock, RuleContext
from pipeline.rules.reasons import why
from pipeline.spans import Span

LEAST_DIGITS = 4
"""Fewer digits in common are chance; a shorter number must be repeated whole."""
MOST_WRONG = 0.25
"""Share of a number that may have been misheard on either side."""
SHARED_WORDS = {"reason_with_details": 3}
"""Minimum number of key words that a sentence shares with the problem that it repeats."""
SHARED_FIGURES = 2
"""Minimum number of figures that a sentence shares with a date or an address."""

DAY_WORDS = 5
"""Largest distance, in words, between a day and its date or time."""

_EITHER: tuple[Role, ...] = ("agent", "unknown")
_CUSTOMER: tuple[Role, ...] = ("customer",)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """Something the customer gave: a number by its digits and letters (`code`), or key words.

    `window` is when it may be read back.
    """

    kind: str
    span: Span
    window: Span
    confidence: float
    code: str
    words: frozenset[str]

    def in_number(self, code: str) -> bool:
        """Whether a number the agent says is this one, in whole or in a long part."""
        own = self.code
        if not own:
            return False
        if len(own) < LEAST_DIGITS or len(code) < LEAST_DIGITS:
            return own == code and len(own) > 2
        if own in code or code in own:
            return True
        return Levenshtein.distance(own, code) <= MOST_WRONG * min(len(own), len(code))

    def in_words(self, words: frozenset[str]) -> bool:
        """Whether a sentence with these key words tells it again."""
        return len(self.words & words) >= SHARED_WORDS.get(self.kind, SHARED_FIGURES)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Echo:
    """Words of the agent's that read `given` back, or ask whether all was understood (None)."""

    words: tuple[Word, ...]
    given: _Given | None

    @property
    def start_s(self) -> float:
        """The start of its first word, in seconds."""
        return self.words[0].start_s


class RepeatBack(Check):
    """What the customer gave is read back, or the agent asks whether it was understood rightly.

    It must be within the setting `rules.repeat_back_within_s` of conversation. The evidence is the words that
    read back or, for a fail, the time in which none did. Where the customer gave nothing the rule does not
    apply.
    """

    reads: ClassVar[frozenset[Part]] = frozenset({"holds"})
    reads_values: ClassVar[bool] = True
    bases: ClassVar[frozenset[Basis]] = frozenset({"phrase", "absence"})

    kind: Literal["repeat_back"]
    checks: Text
    """Group with which the agent asks or begins to read back."""

    def groups(self) -> tuple[str, ...]:
        """The groups it uses."""
        return (self.checks,)

    def judge(self, context: RuleContext, rule: Rule) -> Finding:
        """The verdict, with kinds and times of what was given in the detail, never the values."""
        clock = context.call.clock
        if clock is None:
            return _bare(rule, "not_applicable", "nobody but an ivr speaks")
        given = _all_given(context, clock)
        if not given:
            return _without_given(context, rule)
        asked = find(context.transcript, rule.phrases[self.checks], _EITHER)
        echoes = _echoes(context, asked, given)
        sure = [echo for echo in echoes if context.reliable(echo.words)]
        if by_agent := [echo for echo in sure if echo.words[0].role == "agent"]:
            return _said(rule, "pass", given, by_agent)
        if echoes:
            reason = "speaker_unknown" if sure else "words_unsure"
            return _said(rule, "not_determinable", given, echoes, reason)
        return _unsaid(context, rule, given)


def _all_given(context: RuleContext, clock: Clock) -> tuple[_Given, ...]:
    """The customer's data in order of time; a day that belongs to another datum is not listed by itself."""
    found = [_datum(context, clock, data) for data in context.personal_data]
    taken = [given.span for given in found if given.kind != "reason_with_details"]
    found += (day for day in _days(context, clock) if not any(day.span & span for span in taken))
    return tuple(sorted(found, key=lambda given: given.span.start_s))


def _datum(context: RuleContext, clock: Clock, data: PersonalData) -> _Given:
    """A datum with its key words; for a reason those of all that was said with it."""
    words = data.words
    if data.kind == "reason_with_details":
        words = context.transcript.utterance_of(words[0])
    span = Span(data.start_s, data.end_s)
    return _Given(
        kind=data.kind,
        span=span,
        window=_window(context, clock, span),
        confidence=data.confidence,
        code=data.code,
        words=key_words(words),
    )


def _days(context: RuleContext, clock: Clock) -> Iterator[_Given]:
    """Days with a date or time that the customer names, such as for an appointment."""
    for utterance in context.transcript.utterances:
        if utterance.role != "customer":
            continue
        words = context.transcript.utterance_words(utterance)
        for at, word in enumerate(words):
            near = words[at : at + DAY_WORDS]
            if is_day(words, at) and any(is_number(said.text) for said in near):
                span = Span(word.start_s, near[-1].end_s)
                yield _Given(
                    kind="day",
                    span=span,
                    window=_window(context, clock, span),
                    confidence=mean_probability(near) or 0.0,
                    code="",
                    words=_figures(near),
                )


def _window(context: RuleContext, clock: Clock, given: Span) -> Span:
    """The window in which a datum may be read back."""
    end_s = clock.later(given.end_s, context.settings.repeat_back_within_s)
    return Span(given.start_s, min(end_s, context.call.duration_s))


def _figures(words: Sequence[Word]) -> frozenset[str]:
    """The key words that are days, months and numbers."""
    keys = key_words(words)
    named = {plain(word.text) for at, word in enumerate(words) if is_day(words, at)}
    return frozenset(key for key in keys if key.isdigit() or key in named)


def _echoes(context: RuleContext, asked: Sequence[Match], given: Sequence[_Given]) -> list[_Echo]:
    """All words that ask, or read something back in its window, in order of time."""
    found = [
        _Echo(words=match.words, given=None)
        for match in asked
        if any(match.span.start_s in each.window for each in given)
    ]
    for utterance in context.transcript.utterances:
        words = context.transcript.utterance_words(utterance)
        if utterance.role in _EITHER and any(_touches(words, each.window) for each in given):
            found += _numbers(words, given)
            found += _told_again(words, given)
    return sorted(found, key=lambda echo: echo.start_s)


def _touches(words: Sequence[Word], window: Span) -> bool:
    return words[0].start_s < window.end_s and words[-1].end_s > window.start_s


def _numbers(words: Sequence[Word], given: Sequence[_Given]) -> Iterator[_Echo]:
    """The numbers among the words that were given."""
    for run in number_runs(words):
        for each in given:
            if run.words[0].start_s in each.window and each.in_number(run.code):
                yield _Echo(words=run.words, given=each)


def _told_again(words: Sequence[Word], given: Sequence[_Given]) -> Iterator[_Echo]:
    """The sentences that share enough key words with something that was given."""
    for sentence in _sentences(words):
        near = [each for each in given if sentence[0].start_s in each.window]
        keys = key_words(sentence) if near else frozenset[str]()
        yield from (_Echo(words=sentence, given=each) for each in near if each.in_words(keys))


def _sentences(words: Sequence[Word]) -> Iterator[tuple[Word, ...]]:
    sentence: list[Word] = []
    for word in words:
        sentence.append(word)
        if word.text.rstrip("\"')")[-1:] in {".", "?", "!"}:
            yield tuple(sentence)
            sentence = []
    if sentence:
        yield tuple(sentence)


def _without_given(context: RuleContext, rule: Rule) -> Finding:
    """The verdict when the customer gave nothing, unless it may have been missed."""
    if any(turn.role == "unknown" for turn in context.call.turns):
        return _bare(rule, "not_determinable", "speaker_unknown")
    if not context.intelligible(_CUSTOMER, context.call.whole):
        return _bare(rule, "not_determinable", "customer_not_understood")
    return _bare(rule, "not_applicable", "the customer gave no details")


def _bare(rule: Rule, verdict: Verdict, reason: str) -> Finding:
    """A finding without anything that was given."""
    return rule.finding(verdict, NOWHERE, {**why(verdict, reason), "given": []})


def _said(
    rule: Rule,
    verdict: Verdict,
    given: Sequence[_Given],
    echoes: Sequence[_Echo],
    reason: str | None = None,
) -> Finding:
    """The finding with the words that read back or ask."""
    return rule.finding(verdict, Evidence.of_words(echoes[0].words), _as_detail(given, echoes, reason))


def _unsaid(context: RuleContext, rule: Rule, given: Sequence[_Given]) -> Finding:
    """The finding when nothing was read back, in the time from the first window to the end of the last."""
    searched = Span(given[0].window.start_s, max(each.window.end_s for each in given))
    verdict: Verdict = "not_determinable"
    reason: str | None = None
    if all(each.confidence < context.settings.min_phrase_probability for each in given):
        reason = "customer_not_understood"
    elif not context.intelligible(_EITHER, searched):
        reason = "agent_not_understood"
    else:
        verdict = "fail"
    return rule.finding(verdict, Evidence.absent(context, _EITHER, searched), _as_detail(given, (), reason))


def _as_detail(given: Sequence[_Given], echoes: Sequence[_Echo], reason: str | None) -> dict[str, Any]:
    """Kinds and times of what was given and read back, never the values."""
    return {
        "given": [
            {
                "kind": each.kind,
                "start_s": rounded(each.span.start_s),
                "repeated_s": rounded(next((echo.start_s for echo in echoes if echo.given is each), None)),
            }
            for each in given
        ],
        "asked_s": [round(echo.start_s, 3) for echo in echoes if echo.given is None],
        **({"reason_code": reason} if reason else {}),
    }
