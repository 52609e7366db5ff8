"""The gate: sentences that may say what a rule looks for, in words that no phrase foresaw.

A sentence model scores what people say, sentence by sentence (`score_sentences`); the scores are stored, so
that a recheck needs no model. Where a rule would judge that nothing was said, a sentence above the group's
threshold stands in the way (`reconsider`): a rule of compliance becomes not determinable, with the sentence
as evidence, for people to decide. A rule of quality passes, where the model has shown enough precision
for its group. The gate never makes a fail.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pipeline.phrases.confidence import mean_probability
from pipeline.phrases.search import Match, find
from pipeline.phrases.tokens import Transcript
from pipeline.records import Finding, SentenceScore, Word
from pipeline.rules.check import Evidence, Rule, quote, rounded
from pipeline.rules.context import RuleContext
from pipeline.rules.meanings import Meanings
from pipeline.rules.sentence_model import Embed, SentenceModel
from pipeline.spans import Span

LEAST_WORDS = 4
"""A shorter sentence means little by itself: it is read together with the next one."""
MOST_WORDS = 40
"""A longer sentence is read in parts: recognised speech may have no sentence ends."""
STORED_FROM = 0.5
"""Scores below this share of the lowest threshold of their group are not stored."""
DECIMALS = 3

POSSIBLE = "possible_wording"
NOT_COMPUTED = "gate_not_computed"


def score_sentences(transcript: Transcript, model: SentenceModel, embed: Embed) -> tuple[SentenceScore, ...]:
    """The scores of a call's sentences that come near a threshold, in order of time."""
    said = tuple(sentences(transcript))
    if not said:
        return ()
    scored = model.probabilities([quote(words) for words in said], embed)
    return tuple(
        SentenceScore(
            turn_index=words[0].turn_index,
            role=words[0].role,
            start_s=words[0].start_s,
            end_s=max(word.end_s for word in words),
            phrase_group=name,
            score=round(float(score), DECIMALS),
        )
        for words, row in zip(said, scored, strict=True)
        for (name, group), score in zip(model.groups.items(), row, strict=True)
        if score >= STORED_FROM * group.possible
    )


def sentences(transcript: Transcript) -> Iterator[tuple[Word, ...]]:
    """The words of the call, sentence by sentence; short ones joined with the next, long ones in parts."""
    for utterance in transcript.utterances:
        first, end = utterance.first_word, utterance.end_word
        ends = [t.last + 1 for t in transcript.tokens[utterance.first : utterance.end] if t.ends_sentence]
        for last in (*ends, end):
            rest = end - last
            if last - first < LEAST_WORDS and rest:
                continue
            for begin in range(first, last, MOST_WORDS):
                yield transcript.words[begin : min(begin + MOST_WORDS, last)]
            first = max(first, last)


def reconsider(context: RuleContext, rule: Rule, finding: Finding) -> Finding:
    """The finding, unless it says that nothing was said and a sentence may have said it."""
    meanings, window = context.meanings, rule.check.searched_in_vain(context, rule, finding)
    group = meanings.group(rule.id)
    if group is None or window is None:
        return finding
    if not meanings.computed:
        if finding.verdict != "fail":
            return finding
        return replace(
            finding, verdict="not_determinable", detail={**finding.detail, "reason_code": NOT_COMPUTED}
        )
    score = possible_wording(context, rule, window)
    if score is None:
        return finding
    passes = rule.score == "quality" and group.said is not None and score.score >= group.said
    if passes and score.role in rule.roles and context.reliable(_words(context, score)):
        return rule.finding("pass", evidence_of(context, score), _as_detail(finding, score))
    return possible_finding(context, rule, finding, score)


def possible_wording(context: RuleContext, rule: Rule, window: Span) -> SentenceScore | None:
    """The sentence that may say in `window` what counts for the rule; None where a phrase says it."""
    if context.meanings.group(rule.id) is None:
        return None
    groups = (rule.phrases[name] for name in rule.counts)
    found = [match for group in groups for match in find(context.transcript, group)]
    if any(match.span & window for match in found):
        return None
    return likeliest(rule, context.meanings, context.transcript, window, found)


def likeliest(
    rule: Rule, meanings: Meanings, transcript: Transcript, window: Span, found: Sequence[Match] = ()
) -> SentenceScore | None:
    """The likeliest possible wording in `window`.

    It has no phrase of `found`, and no wording of which the site has decided that it is none.
    """
    rejected = find(transcript, rule.not_said, rule.speakers) if rule.not_said else ()
    settled = [match.span for match in (*found, *rejected)]
    return next(
        (
            score
            for score in meanings.possible(rule.id, rule.speakers, window)
            if not any(span & Span(score.start_s, score.end_s) for span in settled)
        ),
        None,
    )


def possible_finding(context: RuleContext, rule: Rule, finding: Finding, score: SentenceScore) -> Finding:
    """The finding, not determinable because of a sentence that may have said it."""
    detail = {**_as_detail(finding, score), "reason_code": POSSIBLE}
    return rule.finding("not_determinable", evidence_of(context, score), detail)


def _as_detail(finding: Finding, score: SentenceScore) -> dict[str, object]:
    searched = [rounded(finding.start_s), rounded(finding.end_s)]
    return {**finding.detail, "meaning": {"score": score.score, "searched": searched}}


def evidence_of(context: RuleContext, score: SentenceScore) -> Evidence:
    """The scored sentence as evidence."""
    words = _words(context, score)
    return Evidence(
        basis="meaning",
        span=Span(score.start_s, score.end_s),
        turn_index=score.turn_index,
        quote=quote(words),
        confidence=mean_probability(words),
    )


def _words(context: RuleContext, score: SentenceScore) -> list[Word]:
    """The words of a scored sentence, which may go on in the speaker's next turn."""
    span = Span(score.start_s, score.end_s)
    return [word for word in context.call.words if word.role == score.role and word.start_s in span]
