"""The logic `name_used`: once the customer's name is known, the agent addresses the customer by it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.personal_data.number_words import plain
from pipeline.phrases.confidence import mean_probability
from pipeline.phrases.search import Match, find
from pipeline.records import Finding, Verdict, Word
from pipeline.rules.context import RuleContext
from pipeline.rules.customer_names import (
    TITLES,
    CustomerName,
    NamePhrases,
    find_customer_names,
    is_name,
)
from pipeline.rules.load import Rule
from pipeline.rules.spec import NameUsed
from pipeline.spans import Span

LEAST_WORDS = 4
"""With fewer words after the name was known the agent had no occasion to use it."""
LEAST_TIMES = 2
"""So often a name that was heard otherwise shows that it is the customer's."""

_MENTIONS = frozenset({
    "is", "for", "under", "to", "with", "from", "by", "of", "named", "called", "as", "i'm", "am", "name",
    "it's", "that's", "he's", "she's", "and", "or", "a", "the", "your", "my", "our", "in", "at",
})  # fmt: skip
"""Right before a name these speak of it, not to its bearer."""
_OWN = frozenset({"here", "speaking"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inquiry:
    """A rule before a case, with what is known of the name."""

    hearing: RuleContext
    rule: Rule
    names: tuple[CustomerName, ...]

    @property
    def parts(self) -> frozenset[str]:
        return frozenset(part for name in self.names for part in name.parts)

    @property
    def known_s(self) -> float:
        return min((name.known_s for name in self.names), default=0.0)


def name_used(hearing: RuleContext, rule: Rule, logic: NameUsed) -> Finding:
    """The verdict, with the name as the agent said it or, for a fail, the time in which it was not said."""
    phrases = NamePhrases(
        introduces=rule.phrases[logic.introduces],
        perhaps=rule.phrases[logic.perhaps],
        asks_name=rule.phrases[logic.asks_name],
        asks_for=rule.phrases[logic.asks_for],
        denies=rule.phrases[logic.denies],
    )
    inquiry = _Inquiry(hearing=hearing, rule=rule, names=find_customer_names(hearing, phrases))
    uses = list(_uses(inquiry))
    sure = [use for use in uses if hearing.heard(use)]
    if by_agent := [use for use in sure if use[0].role == "agent"]:
        return _finding(inquiry, "pass", by_agent[0], times=len(by_agent))
    addressed = find(hearing.transcript, rule.phrases[logic.addressed])
    if not inquiry.names:
        return _without_name(inquiry, [match.words for match in addressed])
    if uses:
        reason = "speaker unknown" if sure else "not heard well enough"
        return _finding(inquiry, "not_determinable", uses[0], reason=reason)
    after = Span(inquiry.known_s, hearing.case.duration_s)
    if other := [match for match in addressed if match.span.start_s in after]:
        reason = "addressed by a name that was heard otherwise"
        if same := _used_again(inquiry, other):
            return _finding(inquiry, "pass", same[0].words, times=len(same), reason=reason)
        return _finding(inquiry, "not_determinable", other[0].words, reason=reason)
    speakers = {*rule.roles, "unknown"}
    if not hearing.intelligible(speakers, after):
        return _finding(inquiry, "not_determinable", (), reason="the agent was not understood")
    said = sum(word.role in speakers and word.start_s in after for word in hearing.case.words)
    if said < LEAST_WORDS:
        return _finding(inquiry, "not_applicable", (), reason="the name was not known in time")
    return _finding(inquiry, "fail", ())


def _without_name(inquiry: _Inquiry, addressed: Sequence[Sequence[Word]]) -> Finding:
    """The verdict when nobody gives the name: the agent may know it all the same."""
    hearing = inquiry.hearing
    if sure := [words for words in addressed if hearing.heard(words)]:
        return _finding(inquiry, "pass", sure[0], times=len(sure))
    whole = Span(0.0, hearing.case.duration_s)
    if any(turn.role == "unknown" for turn in hearing.case.turns):
        return _finding(inquiry, "not_determinable", (), reason="speaker unknown")
    if not hearing.intelligible(("customer", "agent"), whole):
        return _finding(inquiry, "not_determinable", (), reason="the call was not understood")
    return _finding(inquiry, "not_applicable", (), reason="the customer's name is not known")


def _used_again(inquiry: _Inquiry, addressed: Sequence[Match]) -> list[Match]:
    """The agent's addresses by one name, if there are at least two.

    The customer's own name was heard once, perhaps wrongly; what the agent is heard to say again is no
    slip. A name from the metadata is sure, so another one does not become right by being used again.
    """
    if any(name.source == "metadata" for name in inquiry.names):
        return []
    by_name: dict[str, dict[int, Match]] = {}
    for match in addressed:
        name = _name_in(inquiry, match)
        if name and match.role == "agent" and inquiry.hearing.heard((*match.words, name)):
            # Title and name may each be a match.
            by_name.setdefault(plain(name.text), {}).setdefault(name.word_index, match)
    return next(([*same.values()] for same in by_name.values() if len(same) >= LEAST_TIMES), [])


def _name_in(inquiry: _Inquiry, match: Match) -> Word | None:
    """The name by which somebody is addressed: a known first name, or what follows a title."""
    transcript = inquiry.hearing.transcript
    said = transcript.utterance_words(transcript.utterances[match.utterance])
    if plain(match.words[-1].text) in TITLES:
        at = said.index(match.words[-1]) + 1
        return said[at] if at < len(said) else None
    first_names = inquiry.hearing.rules.lexicon.first_names
    return next((word for word in match.words if plain(word.text) in first_names), None)


def _uses(inquiry: _Inquiry) -> Iterator[tuple[Word, ...]]:
    """Each time the customer is addressed by the name, with the title before it."""
    transcript, first_names = inquiry.hearing.transcript, inquiry.hearing.rules.lexicon.first_names
    roles, parts, known_s = {*inquiry.rule.roles, "unknown"}, inquiry.parts, inquiry.known_s
    for utterance in transcript.utterances if parts else ():
        if utterance.role not in roles:
            continue
        words = transcript.utterance_words(utterance)
        at = 0
        while at < len(words):
            word = words[at]
            if word.start_s < known_s or not is_name(
                word.text, parts, proper=_is_proper(words, at, first_names)
            ):
                at += 1
                continue
            first = at - 1 if at and plain(words[at - 1].text) in TITLES else at
            end = at + 1
            while end < len(words) and is_name(words[end].text, parts, proper=words[end].text[:1].isupper()):
                end += 1
            if _addresses(words, first, end):
                yield tuple(words[first:end])
            at = end


def _is_proper(words: Sequence[Word], at: int, first_names: Collection[str]) -> bool:
    """Whether a word is known as a name, or written as one where sentences do not begin."""
    begins = at == 0 or words[at - 1].text[-1:] in {".", "?", "!"}
    return plain(words[at].text) in first_names or (words[at].text[:1].isupper() and not begins)


def _addresses(words: Sequence[Word], first: int, end: int) -> bool:
    """Whether words `[first, end)`, a name, speak to its bearer."""
    if words[end - 1].text.rstrip(".,?!").endswith(("'s", "'")):
        return False
    if end < len(words) and plain(words[end].text) in _OWN:
        return False
    if first == 0 or words[first - 1].text[-1:] in {",", ".", "?", "!", ";"}:
        return True
    before = plain(words[first - 1].text)
    asked = first >= 2 and plain(words[first - 2].text) in {"speaking", "talking"}
    return asked or before not in _MENTIONS


def _finding(
    inquiry: _Inquiry, verdict: Verdict, words: Sequence[Word], *, times: int = 0, reason: str | None = None
) -> Finding:
    """The finding; the name itself stands in the quote alone."""
    hearing, rule = inquiry.hearing, inquiry.rule
    span = Span(words[0].start_s, words[-1].end_s) if words else None
    if span is None and verdict in {"fail", "not_determinable"}:
        span = Span(inquiry.known_s, hearing.case.duration_s)
    confidence = mean_probability(words)
    if span and not words:
        confidence = hearing.case.heard.probability(rule.roles, span)
    detail: dict[str, Any] = {
        "known_from": sorted({name.source for name in inquiry.names}),
        "known_s": round(inquiry.known_s, 3) if inquiry.names else None,
        "times": times,
    }
    return rule.finding(
        verdict,
        span=span,
        turn_index=words[0].turn_index if words else None,
        quote=" ".join(word.text.strip() for word in words) or None,
        confidence=confidence,
        detail=detail | ({"reason": reason} if reason else {}),
    )
