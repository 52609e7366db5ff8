"""The check `card_recorded`: no card number or security code is heard in the recording.

PCI DSS forbids to keep a card's security code after a payment, in sound too, and a card's whole number
without protection. Recorders are therefore paused while customers tell them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from pipeline.masking.numbers import number_runs
from pipeline.masking.text import lines_of
from pipeline.phrases.lexicon import Text
from pipeline.phrases.search import find
from pipeline.records import Basis, Finding, Mask
from pipeline.rules.check import Check, Evidence, Part, Rule
from pipeline.rules.context import RuleContext
from pipeline.spans import Span

LEAST_DIGITS = 13
"""Fewer digits are no whole card number (ISO/IEC 7812: 12 to 19, in use 13 to 19)."""
PIECES_S = 20.0
"""Pieces of one number follow each other within so many seconds."""


class CardRecorded(Check):
    """A pass is a pause of the recorder after a card was asked for; a fail a code or number that is heard.

    The evidence is the time of what is heard, never what. Last digits alone do not count. Where nobody asks
    for a card and none is heard the rule does not apply, nor with masking off.
    """

    reads: ClassVar[frozenset[Part]] = frozenset({"masks", "silences"})
    reads_values: ClassVar[bool] = True
    bases: ClassVar[frozenset[Basis]] = frozenset({"event"})

    kind: Literal["card_recorded"]
    asks: Text
    """Group with which a card number or its security code is asked for."""
    within_s: float = Field(60.0, gt=0)
    """A pause that begins within this time, in seconds, after the question covers the answer."""

    def groups(self) -> tuple[str, ...]:
        """The group it uses."""
        return (self.asks,)

    def judge(self, context: RuleContext, rule: Rule) -> Finding:
        """The verdict, with what was heard and how often in the detail."""
        heard = list(_heard(context))
        sure = [mask for mask in heard if mask.confidence >= context.settings.min_phrase_probability]
        detail = {
            "security_codes": sum(mask.kind == "security_code" for mask in heard),
            "card_numbers": sum(mask.kind == "card" for mask in heard),
        }
        if heard:
            shown = (sure or heard)[0]
            evidence = Evidence(
                basis="event", span=shown.span, turn_index=shown.turn_index, confidence=shown.confidence
            )
            return rule.finding("fail" if sure else "not_determinable", evidence, detail)
        pause = self._pause(context, rule)
        if pause is None:
            return rule.finding("not_applicable", detail=detail)
        return rule.finding("pass", Evidence(basis="event", span=pause), detail)

    def _pause(self, context: RuleContext, rule: Rule) -> Span | None:
        """The first pause of the recorder after a card was asked for."""
        asked_s = [match.span.end_s for match in find(context.transcript, rule.phrases[self.asks])]
        pauses = (silence.span for silence in context.call.silences if silence.kind == "recorder_pause")
        return next(
            (
                pause
                for pause in pauses
                if any(-1.0 <= pause.start_s - at_s <= self.within_s for at_s in asked_s)
            ),
            None,
        )


def _heard(context: RuleContext) -> Iterator[Mask]:
    """Security codes, and the first piece of each whole card number, in order of time."""
    masks = context.call.masks
    yield from (mask for mask in masks if mask.kind == "security_code")
    for role in ("customer", "agent", "unknown"):
        pieces: list[Mask] = []
        digits = 0
        for mask in masks:
            if mask.kind != "card" or mask.role != role:
                continue
            if pieces and mask.start_s - pieces[-1].end_s > PIECES_S:
                pieces, digits = [], 0
            pieces.append(mask)
            digits += _digits(context, mask)
            if digits >= LEAST_DIGITS:
                yield pieces[0]
                pieces, digits = [], 0


def _digits(context: RuleContext, mask: Mask) -> int:
    """Number of digits that are said under a mask."""
    words = context.call.words[mask.first_word : mask.last_word + 1]
    own = [word for word in words if word.turn_index == mask.turn_index]
    return sum(len(run.digits) for line in lines_of(own) for run in number_runs(line))
