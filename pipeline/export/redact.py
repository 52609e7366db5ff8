"""Leaves personal data out of a call's words before they are written for other programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pipeline.records import CallAnalysis, Finding, PersonalDatum, Turn, Word
from pipeline.spans import Span

WIDER_S = 0.3
"""Word times are off by up to this much, in seconds, so that a datum is taken to be longer by it."""
NOT_MASKED = frozenset({"reason_with_details"})
"""Kinds of personal data that are no value that could be misused."""
_KEPT_DETAIL = ("status", "reason_code", "reason")
"""Keys of a finding's detail that never hold words of the call."""


def redacted(analysis: CallAnalysis) -> CallAnalysis:
    """The call with each run of words that gives personal data replaced by its kind, as `[account_number]`.

    Turns and quotes follow from the words; of a finding's detail only status and reason are kept, and the
    customer's identifier and metadata under other names are left out.
    """
    data = tuple(datum for datum in analysis.personal_data if datum.kind not in NOT_MASKED)
    turns = {turn.turn_index: turn for turn in analysis.turns}
    words = _masked(analysis.words, turns, data)
    said: dict[int, list[Word]] = {}
    for word in words:
        said.setdefault(word.turn_index, []).append(word)
    changed = {word.turn_index for word in set(analysis.words) - set(words)}
    return replace(
        analysis,
        call=replace(analysis.call, customer_ref=None, extra={}),
        words=words,
        turns=tuple(
            replace(turn, text=_text(said.get(turn.turn_index, ()))) if turn.turn_index in changed else turn
            for turn in analysis.turns
        ),
        findings=tuple(_without_data(finding, data, words) for finding in analysis.findings),
    )


def _masked(
    words: Iterable[Word], turns: dict[int, Turn], data: tuple[PersonalDatum, ...]
) -> tuple[Word, ...]:
    """The words, each run of one turn inside one datum as a single word."""
    out: list[Word] = []
    open_datum: PersonalDatum | None = None
    for word in words:
        datum = next((one for one in data if _gives(word, turns[word.turn_index], one)), None)
        last = out[-1] if out else None
        if datum is None:
            out.append(word)
        elif last is not None and datum is open_datum and last.turn_index == word.turn_index:
            out[-1] = replace(last, end_s=max(last.end_s, word.end_s))
        else:
            out.append(replace(word, text=f"[{datum.kind}]"))
        open_datum = datum
    return tuple(out)


def _gives(word: Word, turn: Turn, datum: PersonalDatum) -> bool:
    """Whether a word is part of a datum: spoken by who gave it, in its time."""
    return turn.role == datum.role and word.span.middle_s in datum.span.padded(WIDER_S)


def _without_data(finding: Finding, data: Iterable[PersonalDatum], words: Iterable[Word]) -> Finding:
    quote = finding.quote
    if quote is not None and finding.start_s is not None and finding.end_s is not None:
        span = Span(finding.start_s, finding.end_s)
        if any(span & datum.span.padded(WIDER_S) for datum in data):
            quote = _text(
                word for word in words if word.turn_index == finding.turn_index and word.span & span
            )
    detail = {key: finding.detail[key] for key in _KEPT_DETAIL if key in finding.detail}
    return replace(finding, quote=quote, detail=detail)


def _text(words: Iterable[Word]) -> str:
    return " ".join(word.text for word in words)
