"""The logic `repeat_back`: what the customer gave is read back, or the agent asks whether it was understood.

The agent's words are compared with the customer's own: digits and letters of numbers, days and figures of
dates, the content words of a problem. A first name in thanks reads nothing back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rapidfuzz.distance import Levenshtein

from pipeline.personal_data.find import PersonalData, find_personal_data
from pipeline.personal_data.key_words import is_day, key_words
from pipeline.personal_data.number_runs import number_runs
from pipeline.personal_data.number_words import is_number, plain
from pipeline.phrases.confidence import mean_probability
from pipeline.phrases.search import find
from pipeline.records import Finding, Role, Verdict, Word
from pipeline.rules.context import Clock, RuleContext
from pipeline.rules.load import Rule
from pipeline.rules.spec import RepeatBack
from pipeline.spans import Span

LEAST_DIGITS = 4
"""Fewer digits in common are chance; a shorter number must be repeated whole."""
MOST_WRONG = 0.25
"""Share of a number that may have been misheard on either side."""
SHARED_WORDS = {"reason_with_details": 3}
"""How many key words a sentence shares with a problem that it tells again."""
SHARED_FIGURES = 2
"""How many a sentence shares with a date or an address."""

DAY_WORDS = 5
"""How close to the day its date or time is said."""

_EITHER: tuple[Role, ...] = ("agent", "unknown")
_CUSTOMER: tuple[Role, ...] = ("customer",)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Detail:
    """Something the customer gave: a number by its digits and letters (`code`), or key words."""

    kind: str
    start_s: float
    end_s: float
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
    """Words of the agent's that read a detail back, or ask whether all was understood (no `detail`)."""

    words: tuple[Word, ...]
    detail: _Detail | None

    @property
    def start_s(self) -> float:
        return self.words[0].start_s


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inquiry:
    hearing: RuleContext
    rule: Rule
    clock: Clock
    details: tuple[_Detail, ...]

    def window(self, detail: _Detail) -> Span:
        """When the detail may be read back."""
        end_s = self.clock.later(detail.end_s, self.hearing.settings.repeat_back_within_s)
        return Span(detail.start_s, min(end_s, self.hearing.case.duration_s))


def repeat_back(hearing: RuleContext, rule: Rule, logic: RepeatBack) -> Finding:
    """The verdict, with the words that read back or, for a fail, the time in which none did."""
    clock = hearing.case.clock
    if clock is None:
        return _bare(rule, "not_applicable", "nobody but an ivr speaks")
    given = find_personal_data(hearing.transcript, hearing.rules.personal_data)
    found = [_detail(hearing, data) for data in given]
    taken = [Span(detail.start_s, detail.end_s) for detail in found if detail.kind != "reason_with_details"]
    found += (day for day in _days(hearing) if not any(Span(day.start_s, day.end_s) & span for span in taken))
    details = tuple(sorted(found, key=lambda detail: detail.start_s))
    inquiry = _Inquiry(hearing=hearing, rule=rule, clock=clock, details=details)
    if not details:
        return _without_details(inquiry)
    echoes = sorted(_echoes(inquiry, logic), key=lambda echo: echo.start_s)
    sure = [echo for echo in echoes if hearing.heard(echo.words)]
    if by_agent := [echo for echo in sure if echo.words[0].role == "agent"]:
        return _finding(inquiry, "pass", by_agent)
    if echoes:
        return _finding(
            inquiry, "not_determinable", echoes, "speaker unknown" if sure else "not heard well enough"
        )
    if all(detail.confidence < hearing.settings.min_phrase_probability for detail in details):
        return _finding(inquiry, "not_determinable", (), "the customer was not heard well enough")
    if not hearing.intelligible(_EITHER, _searched(inquiry)):
        return _finding(inquiry, "not_determinable", (), "the agent was not understood")
    return _finding(inquiry, "fail", ())


def _figures(words: Sequence[Word]) -> frozenset[str]:
    """The key words that are days, months and numbers."""
    keys = key_words(words)
    named = {plain(word.text) for at, word in enumerate(words) if is_day(words, at)}
    return frozenset(key for key in keys if key.isdigit() or key in named)


def _without_details(inquiry: _Inquiry) -> Finding:
    hearing = inquiry.hearing
    if any(turn.role == "unknown" for turn in hearing.case.turns):
        return _bare(inquiry.rule, "not_determinable", "speaker unknown")
    if not hearing.intelligible(_CUSTOMER, Span(0.0, hearing.case.duration_s)):
        return _bare(inquiry.rule, "not_determinable", "the customer was not understood")
    return _bare(inquiry.rule, "not_applicable", "the customer gave no details")


def _detail(hearing: RuleContext, data: PersonalData) -> _Detail:
    """A datum with its key words; for a reason those of all that was said with it."""
    words = data.words
    if data.kind == "reason_with_details":
        words = hearing.transcript.utterance_of(words[0])
    return _Detail(
        kind=data.kind,
        start_s=data.start_s,
        end_s=data.end_s,
        confidence=data.confidence,
        code=data.code,
        words=key_words(words),
    )


def _days(hearing: RuleContext) -> Iterator[_Detail]:
    """Days with a date or time that the customer names, such as for an appointment."""
    for utterance in hearing.transcript.utterances:
        if utterance.role != "customer":
            continue
        words = hearing.transcript.utterance_words(utterance)
        for at, word in enumerate(words):
            if not is_day(words, at):
                continue
            near = words[at : at + DAY_WORDS]
            if any(is_number(w.text) for w in near):
                yield _Detail(
                    kind="day",
                    start_s=word.start_s,
                    end_s=near[-1].end_s,
                    confidence=mean_probability(near) or 0.0,
                    code="",
                    words=_figures(near),
                )


def _echoes(inquiry: _Inquiry, logic: RepeatBack) -> Iterator[_Echo]:
    transcript = inquiry.hearing.transcript
    windows = [(detail, inquiry.window(detail)) for detail in inquiry.details]
    for match in find(transcript, inquiry.rule.phrases[logic.checks], _EITHER):
        if any(match.span.start_s in window for _, window in windows):
            yield _Echo(words=match.words, detail=None)
    for utterance in transcript.utterances:
        if utterance.role not in _EITHER:
            continue
        words = transcript.utterance_words(utterance)
        if not any(
            words[0].start_s < window.end_s and words[-1].end_s > window.start_s for _, window in windows
        ):
            continue
        for run in number_runs(words):
            for detail, window in windows:
                if run.words[0].start_s in window and detail.in_number(run.code):
                    yield _Echo(words=run.words, detail=detail)
        for sentence in _sentences(words):
            near = [detail for detail, window in windows if sentence[0].start_s in window]
            keys = key_words(sentence) if near else frozenset[str]()
            yield from (_Echo(words=sentence, detail=detail) for detail in near if detail.in_words(keys))


def _sentences(words: Sequence[Word]) -> Iterator[tuple[Word, ...]]:
    sentence: list[Word] = []
    for word in words:
        sentence.append(word)
        if word.text.rstrip("\"')")[-1:] in {".", "?", "!"}:
            yield tuple(sentence)
            sentence = []
    if sentence:
        yield tuple(sentence)


def _searched(inquiry: _Inquiry) -> Span:
    windows = [inquiry.window(detail) for detail in inquiry.details]
    return Span(windows[0].start_s, max(window.end_s for window in windows))


def _bare(rule: Rule, verdict: Verdict, reason: str) -> Finding:
    return rule.finding(verdict, detail={"reason": reason, "given": []})


def _finding(
    inquiry: _Inquiry, verdict: Verdict, echoes: Sequence[_Echo], reason: str | None = None
) -> Finding:
    """The finding; `detail` tells kinds and times of what was given, never the values."""
    words = echoes[0].words if echoes else ()
    span = Span(words[0].start_s, words[-1].end_s) if words else _searched(inquiry)
    heard = inquiry.hearing.case.heard
    return inquiry.rule.finding(
        verdict,
        span=span,
        turn_index=words[0].turn_index if words else None,
        quote=" ".join(word.text.strip() for word in words) or None,
        confidence=mean_probability(words) if words else heard.probability(_EITHER, span),
        detail={
            "given": [_as_detail(detail, echoes) for detail in inquiry.details],
            "asked_s": [round(echo.start_s, 3) for echo in echoes if echo.detail is None],
            **({"reason": reason} if reason else {}),
        },
    )


def _as_detail(detail: _Detail, echoes: Sequence[_Echo]) -> dict[str, Any]:
    repeated_s = [echo.start_s for echo in echoes if echo.detail is detail]
    return {
        "kind": detail.kind,
        "start_s": round(detail.start_s, 3),
        "repeated_s": round(repeated_s[0], 3) if repeated_s else None,
    }
