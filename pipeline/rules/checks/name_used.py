"""The check `name_used`: once the customer's name is known, the agent addresses the customer by it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from pipeline.personal_data.number_words import plain
from pipeline.phrases.lexicon import Text
from pipeline.phrases.search import Match, find
from pipeline.records import Basis, Finding, Verdict, Word
from pipeline.rules.check import Check, Evidence, Part, Rule, rounded
from pipeline.rules.context import RuleContext
from pipeline.rules.customer_names import (
    TITLES,
    CustomerName,
    NamePhrases,
    find_customer_names,
    is_name,
)
from pipeline.rules.reasons import why
from pipeline.spans import Span

LEAST_WORDS = 4
"""With fewer words after the name was known the agent had no occasion to use it."""
LEAST_TIMES = 2
"""Number of uses after which a name recognised differently is taken to be the customer's."""

_MENTIONS = frozenset({
    "is", "for", "under", "to", "with", "from", "by", "of", "named", "called", "as", "i'm", "am", "name",
    "it's", "that's", "he's", "she's", "and", "or", "a", "the", "your", "my", "our", "in", "at",
})  # fmt: skip
"""Right before a name these speak of it, not to its bearer."""
_OWN = frozenset({"here", "speaking"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """A verdict with the words that decide, none where something is missing, and its reason."""

    verdict: Verdict
    words: tuple[Word, ...] = ()
    times: int = 0
    reason: str | None = None


class NameUsed(Check):
    """The agent addresses the customer by name at least once after it is known.

    The evidence is the name as the agent said it or, for a fail, the time in which it was not said. The name
    itself stands in the quote alone. Where nobody gives the name, the agent may know it all the same; where
    the agent hardly speaks after it was given, the rule does not apply.
    """

    reads: ClassVar[frozenset[Part]] = frozenset({"facts"})
    reads_values: ClassVar[bool] = True
    bases: ClassVar[frozenset[Basis]] = frozenset({"phrase", "absence"})

    kind: Literal["name_used"]
    introduces: Text
    """Group with which the customer gives the name."""
    perhaps: Text
    """Group after which a known first name is the customer's."""
    asks_name: Text
    """Group with which the agent asks for the name."""
    asks_for: Text
    """Group with which the agent asks for somebody by name."""
    denies: Text
    """Group with which the customer says that it is somebody else."""
    addressed: Text
    """Group that addresses somebody by any name."""

    def groups(self) -> tuple[str, ...]:
        """The groups it uses."""
        return (
            self.introduces,
            self.perhaps,
            self.asks_name,
            self.asks_for,
            self.denies,
            self.addressed,
        )

    def judge(self, context: RuleContext, rule: Rule) -> Finding:
        """The verdict, with who gave the name, when, and how often it was used in the detail."""
        phrases = NamePhrases(
            introduces=rule.phrases[self.introduces],
            perhaps=rule.phrases[self.perhaps],
            asks_name=rule.phrases[self.asks_name],
            asks_for=rule.phrases[self.asks_for],
            denies=rule.phrases[self.denies],
        )
        names = find_customer_names(context, phrases)
        known_s = min((name.known_s for name in names), default=0.0)
        addressed = find(context.transcript, rule.phrases[self.addressed])
        outcome = _with_name(context, rule, names, addressed) if names else _without_name(context, addressed)
        detail = {
            "known_from": sorted({name.source for name in names}),
            "known_s": rounded(known_s) if names else None,
            "times": outcome.times,
            **(why(outcome.verdict, outcome.reason) if outcome.reason else {}),
        }
        if outcome.verdict == "not_applicable":
            return rule.finding("not_applicable", detail=detail)
        if outcome.words:
            return rule.finding(outcome.verdict, Evidence.of_words(outcome.words), detail)
        after = Span(known_s, context.call.duration_s)
        return rule.finding(outcome.verdict, Evidence.absent(context, rule.roles, after), detail)


def _without_name(context: RuleContext, addressed: Sequence[Match]) -> _Outcome:
    """The result for a call in which nobody gives the name."""
    if sure := [match for match in addressed if context.reliable(match.words)]:
        return _Outcome(verdict="pass", words=sure[0].words, times=len(sure))
    if any(turn.role == "unknown" for turn in context.call.turns):
        return _Outcome(verdict="not_determinable", reason="speaker_unknown")
    if not context.intelligible(("customer", "agent"), context.call.whole):
        return _Outcome(verdict="not_determinable", reason="call_not_understood")
    return _Outcome(verdict="not_applicable", reason="the customer's name is not known")


def _with_name(
    context: RuleContext, rule: Rule, names: Sequence[CustomerName], addressed: Sequence[Match]
) -> _Outcome:
    """The result for a call in which the name is known: it was used, another was used, or none was."""
    known_s = min(name.known_s for name in names)
    after = Span(known_s, context.call.duration_s)
    uses = list(_uses(context, rule, names, known_s))
    others = [match for match in addressed if match.span.start_s in after]
    return _by_name(context, uses) or _by_another(context, names, others) or _by_none(context, rule, after)


def _by_name(context: RuleContext, uses: Sequence[tuple[Word, ...]]) -> _Outcome | None:
    """The result from uses of the name; None without any."""
    if not uses:
        return None
    sure = [use for use in uses if context.reliable(use)]
    if by_agent := [use for use in sure if use[0].role == "agent"]:
        return _Outcome(verdict="pass", words=by_agent[0], times=len(by_agent))
    reason = "speaker_unknown" if sure else "words_unsure"
    return _Outcome(verdict="not_determinable", words=uses[0], reason=reason)


def _by_another(
    context: RuleContext, names: Sequence[CustomerName], others: Sequence[Match]
) -> _Outcome | None:
    """The result from addresses by another name, which may be the customer's; None without any."""
    if not others:
        return None
    reason = "addressed by a name that was heard otherwise"
    if same := _used_again(context, names, others):
        return _Outcome(verdict="pass", words=same[0].words, times=len(same), reason=reason)
    return _Outcome(verdict="not_determinable", words=others[0].words, reason="other_name")


def _by_none(context: RuleContext, rule: Rule, after: Span) -> _Outcome:
    """The result if the agent used no name in the time `after` it was known."""
    if not context.intelligible(rule.speakers, after):
        return _Outcome(verdict="not_determinable", reason="agent_not_understood")
    said = sum(word.role in rule.speakers and word.start_s in after for word in context.call.words)
    if said < LEAST_WORDS:
        return _Outcome(verdict="not_applicable", reason="the name was not known in time")
    return _Outcome(verdict="fail")


def _used_again(
    context: RuleContext, names: Sequence[CustomerName], addressed: Sequence[Match]
) -> list[Match]:
    """The agent's addresses by one name, if there are at least two.

    The customer's own name was recognised once, perhaps wrongly; what the agent says again is no
    slip. A name from the metadata is sure, so another one does not become right by being used again.
    """
    if any(name.source == "metadata" for name in names):
        return []
    by_name: dict[str, dict[int, Match]] = {}
    for match in addressed:
        name = _name_in(context, match)
        if name and match.role == "agent" and context.reliable((*match.words, name)):
            # Title and name may each be a match.
            by_name.setdefault(plain(name.text), {}).setdefault(name.word_index, match)
    return next(([*same.values()] for same in by_name.values() if len(same) >= LEAST_TIMES), [])


def _name_in(context: RuleContext, match: Match) -> Word | None:
    """The name by which somebody is addressed: a known first name, or what follows a title."""
    transcript = context.transcript
    said = transcript.utterance_words(transcript.utterances[match.utterance])
    if plain(match.words[-1].text) in TITLES:
        at = said.index(match.words[-1]) + 1
        return said[at] if at < len(said) else None
    return next((word for word in match.words if plain(word.text) in context.first_names), None)


def _uses(
    context: RuleContext, rule: Rule, names: Sequence[CustomerName], known_s: float
) -> Iterator[tuple[Word, ...]]:
    """Each time the customer is addressed by the name after `known_s`, with the title before it."""
    parts = frozenset(part for name in names for part in name.parts)
    for utterance in context.transcript.utterances:
        if utterance.role not in rule.speakers:
            continue
        words = context.transcript.utterance_words(utterance)
        searched_until = 0
        for at, word in enumerate(words):
            if at < searched_until or word.start_s < known_s:
                continue
            if not is_name(word.text, parts, proper=_is_proper(context, words, at)):
                continue
            searched_until = end = _name_end(words, at, parts)
            first = at - 1 if at and plain(words[at - 1].text) in TITLES else at
            if _addresses(words, first, end):
                yield tuple(words[first:end])


def _name_end(words: Sequence[Word], at: int, parts: frozenset[str]) -> int:
    """The position after the last of the name's words that follow each other from `at` on."""
    for end in range(at + 1, len(words)):
        text = words[end].text
        if not is_name(text, parts, proper=text[:1].isupper()):
            return end
    return len(words)


def _is_proper(context: RuleContext, words: Sequence[Word], at: int) -> bool:
    """Whether a word is known as a name, or written as one where sentences do not begin."""
    begins = at == 0 or words[at - 1].text[-1:] in {".", "?", "!"}
    known = plain(words[at].text) in context.first_names
    return known or (words[at].text[:1].isupper() and not begins)


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
