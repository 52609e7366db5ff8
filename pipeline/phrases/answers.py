"""Answers to questions: the customer's yes or no in the utterances that follow a question."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.phrases.search import Match, Phrases, find
from pipeline.phrases.tokens import Transcript, Utterance

ANSWER_OVERLAP_S = 0.3
"""An answer may begin this long before the question has ended."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A customer's yes or no."""

    agrees: bool
    match: Match


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerPhrases:
    """The groups of phrases of which answers consist.

    A refusal outweighs a yes in the same utterance. `bare_no` agrees where the question contains a phrase of
    `negative`, such as "do you mind". With `asks_back` nothing counts after the customer's first utterance
    that contains no such phrase; without, every utterance may answer.
    """

    agrees: tuple[Phrases, ...]
    refuses: tuple[Phrases, ...]
    bare_no: Phrases
    negative: Phrases
    asks_back: Phrases | None = None


def find_answers(
    transcript: Transcript,
    phrases: AnswerPhrases,
    questions: Sequence[Match],
    within_s: float,
    until_s: float,
) -> tuple[Answer, ...]:
    """The customer's answers to `questions` (in order of time, at least one) that begin before `until_s`.

    Each next utterance must follow the one before within `within_s` seconds, so that an answer may come after
    a question back.
    """
    out: list[Answer] = []
    for number, utterance in _next_utterances(transcript, questions[0], within_s, until_s):
        if utterance.role == "customer":
            starts_s = transcript.utterance_words(utterance)[0].start_s
            asked = [question for question in questions if question.span.start_s <= starts_s]
            answer = _answer(transcript, phrases, number, asked[-1] if asked else questions[0])
            out += [answer] if answer else []
            if phrases.asks_back and not _here(transcript, number, phrases.asks_back):
                break
    return tuple(out)


def _next_utterances(
    transcript: Transcript, question: Match, within_s: float, until_s: float
) -> Iterator[tuple[int, Utterance]]:
    """The utterances, with their numbers, that follow `question` without a longer pause between them."""
    spoken_s = transcript.utterance_words(transcript.utterances[question.utterance])[-1].end_s
    for number, utterance in enumerate(transcript.utterances):
        said = transcript.utterance_words(utterance)
        starts_s = said[0].start_s
        if starts_s < question.span.end_s - ANSWER_OVERLAP_S or utterance.role == "ivr":
            continue
        if starts_s - spoken_s > within_s or starts_s > until_s:
            return
        spoken_s = max(spoken_s, said[-1].end_s)
        yield number, utterance


def _answer(transcript: Transcript, phrases: AnswerPhrases, number: int, question: Match) -> Answer | None:
    """The yes or no in utterance `number`."""
    refusals, bare = _here(transcript, number, *phrases.refuses), []
    negative = find(transcript, phrases.negative, (question.role,))
    if any(_is_asked(match, question) for match in negative):
        bare = _here(transcript, number, phrases.bare_no)
        refusals = [match for match in refusals if not any(match.overlaps(other) for other in bare)]
    if refusals:
        return Answer(agrees=False, match=refusals[-1])
    for group in phrases.agrees:
        if agreed := _here(transcript, number, group):
            return Answer(agrees=True, match=agreed[-1])
    return Answer(agrees=True, match=bare[-1]) if bare else None


def _is_asked(negative: Match, question: Match) -> bool:
    """Whether `question` asks in the negative; of two questions in one match the last one is answered."""
    ends_s = [word.end_s for word in question.words if word.text.rstrip().endswith("?")]
    return negative.overlaps(question) and (len(ends_s) < 2 or negative.span.start_s >= ends_s[-2])


def _here(transcript: Transcript, number: int, *groups: Phrases) -> list[Match]:
    """What is found of the groups in utterance `number`, group by group."""
    found = (match for group in groups for match in find(transcript, group))
    return [match for match in found if match.utterance == number]
