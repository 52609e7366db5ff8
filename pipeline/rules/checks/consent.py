"""Questions for consent and their answers, as a part of checks."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from pipeline.phrases.answers import Answer, AnswerPhrases, find_answers
from pipeline.phrases.lexicon import Spec, Text
from pipeline.phrases.search import Match, find
from pipeline.rules.check import Rule
from pipeline.rules.context import RuleContext


class Consent(Spec):
    """The groups of phrases that find a question for consent and its answer."""

    asks: Text
    """Group of the questions."""
    agrees: tuple[Text, ...] = Field(min_length=1)
    """Groups of the answers that mean yes."""
    refuses: tuple[Text, ...] = Field(min_length=1)
    """Groups of the answers that mean no; they outweigh a yes in the same utterance."""
    bare_no: Text
    """Group of the answers that mean yes to a question such as "do you mind"."""
    negative: Text
    """Group of the phrases that make a question one to which a bare no means yes."""
    asks_back: Text
    """Group of the customer's questions about it; the answer may follow them, but nothing else."""

    def groups(self) -> tuple[str, ...]:
        """The groups it uses."""
        return (self.asks, *self.agrees, *self.refuses, self.bare_no, self.negative, self.asks_back)

    def questions(self, context: RuleContext, rule: Rule) -> tuple[Match, ...]:
        """The questions of the group's roles and of unknown speakers, in order of time."""
        phrases = rule.phrases[self.asks]
        return find(context.transcript, phrases, phrases.speakers)

    def answers(self, context: RuleContext, rule: Rule, questions: Sequence[Match]) -> tuple[Answer, ...]:
        """The customer's answers to `questions`, question by question.

        An answer follows within the setting `holds.answer_within_s`, before the customer says anything but a
        question back. An announcement's question is answered before an agent speaks.
        """
        phrases = AnswerPhrases(
            agrees=tuple(rule.phrases[name] for name in self.agrees),
            refuses=tuple(rule.phrases[name] for name in self.refuses),
            bare_no=rule.phrases[self.bare_no],
            negative=rule.phrases[self.negative],
            asks_back=rule.phrases[self.asks_back],
        )
        within_s = context.holds.answer_within_s
        return tuple(
            answer
            for asked in questions
            for answer in find_answers(
                context.transcript, phrases, [asked], within_s, _answered_until_s(context, asked)
            )
        )

    def refusals(self, context: RuleContext, rule: Rule) -> tuple[Match, ...]:
        """Where the customer refuses what a reliable question asks for."""
        questions = self.questions(context, rule)
        sure = [question for question in questions if context.sure(question)]
        answers = self.answers(context, rule, sure)
        return tuple(answer.match for answer in answers if not answer.agrees)


def not_asked(consent: Consent | None) -> bool:
    """Whether a check says nothing of consent, and is written, and hashed, as if it could not."""
    return consent is None


def _answered_until_s(context: RuleContext, question: Match) -> float:
    """Until when an answer counts."""
    if question.role != "ivr":
        return context.call.duration_s
    starts_s = (turn.start_s for turn in context.call.turns if turn.role == "agent")
    return min((s for s in starts_s if s >= question.span.end_s), default=context.call.duration_s)
