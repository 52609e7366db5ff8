"""What the store that everybody reads holds of a call, and what is sealed: the call hidden and opened again.

Words under masks become labels wherever they stand: in words, turns and quotes. What they were is sealed
with the recording's key, except for codes that must not be kept at all.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipeline.masking.text_masks import masked_words, text_of
from pipeline.records import Call, CallAnalysis, Finding, Mask, Sealed, Turn, Word
from pipeline.sealing.seal import seal, unseal
from pipeline.settings import MaskKind
from pipeline.speech.names import FURTHER_KEYS

NEVER_KEPT: frozenset[MaskKind] = frozenset({"security_code", "pin", "one_time_code"})
"""Kinds of which not even a sealed copy is kept (PCI DSS 3.3.1)."""
NAME_COLUMNS = FURTHER_KEYS | {"customer"}
"""Further columns of metadata that rules and the recogniser read; they are sealed rather than dropped."""


def without_secrets(
    words: Sequence[Word], turns: Sequence[Turn], masks: Sequence[Mask]
) -> tuple[tuple[Word, ...], tuple[Turn, ...]]:
    """Words and turns with the codes that are never kept as labels; before anything is judged by them.

    So a judgement of the stored call, which lacks them, sees what the first one saw.
    """
    secret = [mask for mask in masks if mask.kind in NEVER_KEPT]
    hidden = masked_words(words, secret)
    return hidden, _with_texts(turns, hidden, secret)


def hidden(analysis: CallAnalysis, key: bytes | None, keep: Collection[str] = ()) -> CallAnalysis:
    """The call as it is stored: masked, with what was masked sealed by `key`; without one as it is.

    Of further metadata only the columns `keep` stay readable.
    """
    if key is None:
        return analysis
    kept = hidden_call(analysis.call, keep)
    words = masked_words(analysis.words, analysis.masks)
    return replace(
        analysis,
        call=kept,
        words=words,
        turns=_with_texts(analysis.turns, words, analysis.masks),
        findings=hidden_findings(analysis),
        sealed=_sealed(_secret(analysis, kept), key, analysis.recording.recording_id),
    )


def hidden_call(call: Call, keep: Collection[str]) -> Call:
    """The business facts as they are stored: of further columns those of `keep` alone."""
    return replace(call, extra=_kept(call.extra, keep))


def hidden_findings(analysis: CallAnalysis) -> tuple[Finding, ...]:
    """The findings of a call with clear words, their quotes masked."""
    if not analysis.masks:
        return analysis.findings
    return requoted(analysis.findings, analysis, masked_words(analysis.words, analysis.masks))


def is_sealed(analysis: CallAnalysis) -> bool:
    """Whether a stored call has words that are sealed."""
    return analysis.sealed is not None and analysis.sealed.blob is not None


def opened(analysis: CallAnalysis, key: bytes) -> CallAnalysis:
    """A stored call in clear: words, turns, quotes and names, except for codes that are never kept.

    Raises UsageError where its sealed text cannot be opened with `key`.
    """
    if analysis.sealed is None or analysis.sealed.blob is None:
        return analysis
    content = json.loads(unseal(analysis.sealed.blob, key, analysis.recording.recording_id))
    clear: Mapping[str, str] = content["words"]
    words = tuple(
        replace(word, text=clear[index]) if (index := str(word.word_index)) in clear else word
        for word in analysis.words
    )
    given: Mapping[str, str] = content["turns"]
    turns = tuple(
        replace(turn, text=given[index]) if (index := str(turn.turn_index)) in given else turn
        for turn in _with_texts(analysis.turns, words, analysis.masks)
    )
    call = replace(analysis.call, extra={**analysis.call.extra, **content["extra"]})
    findings = requoted(analysis.findings, analysis, words)
    return replace(analysis, call=call, words=words, turns=turns, findings=findings)


def _secret(analysis: CallAnalysis, kept: Call) -> dict[str, dict[Any, str]]:
    """What is sealed: masked words, names of the metadata, and turns that are more than their words."""
    under = _under(analysis.masks)
    rebuilt = _with_texts(analysis.turns, analysis.words, analysis.masks)
    return {
        "words": {word.word_index: word.text for word in analysis.words if word.word_index in under},
        "turns": {
            turn.turn_index: turn.text
            for turn, again in zip(analysis.turns, rebuilt, strict=True)
            if turn.text != again.text
        },
        "extra": {
            name: str(value)
            for name, value in analysis.call.extra.items()
            if name not in kept.extra and _plain(name) in NAME_COLUMNS
        },
    }


def _sealed(secret: Mapping[str, Mapping[Any, str]], key: bytes, recording_id: str) -> Sealed:
    """The sealed text, empty where there is nothing to seal."""
    if not any(secret.values()):
        return Sealed(blob=None)
    text = json.dumps(secret, ensure_ascii=False, separators=(",", ":"))
    return Sealed(blob=seal(text.encode(), key, recording_id))


def _kept(extra: Mapping[str, Any], keep: Collection[str]) -> dict[str, Any]:
    wanted = {_plain(name) for name in keep}
    return {name: value for name, value in extra.items() if _plain(name) in wanted}


def _plain(name: str) -> str:
    return "_".join(name.casefold().replace("-", " ").replace("_", " ").split())


def _under(masks: Iterable[Mask]) -> set[int]:
    """The numbers of the words that are masked and may be sealed."""
    secret = {at for mask in masks if mask.kind in NEVER_KEPT for at in _words_of(mask)}
    return {at for mask in masks for at in _words_of(mask)} - secret


def _words_of(mask: Mask) -> range:
    return range(mask.first_word, mask.last_word + 1)


def _with_texts(turns: Iterable[Turn], words: Iterable[Word], masks: Iterable[Mask]) -> tuple[Turn, ...]:
    """The turns, those with a mask with the text of `words`."""
    changed = {mask.turn_index for mask in masks}
    said: dict[int, list[Word]] = {index: [] for index in changed}
    for word in words if changed else ():
        if word.turn_index in changed:
            said[word.turn_index].append(word)
    return tuple(
        replace(turn, text=text_of(said[turn.turn_index])) if turn.turn_index in changed else turn
        for turn in turns
    )


def requoted(
    findings: Iterable[Finding], analysis: CallAnalysis, words: Iterable[Word]
) -> tuple[Finding, ...]:
    """The findings of a call, with the texts of `words` in the place of those of the call's own words."""
    pairs = list(zip(analysis.words, words, strict=True))
    return tuple(
        finding if finding.quote is None else replace(finding, quote=_new_quote(finding, analysis, pairs))
        for finding in findings
    )


def masked_quote(quote: str, start_s: float | None, analysis: CallAnalysis) -> str:
    """A quote from a call with clear words, masked; `start_s` is where it begins, in seconds."""
    pairs = list(zip(analysis.words, masked_words(analysis.words, analysis.masks), strict=True))
    run = _run(pairs, quote, start_s or 0.0)
    if run is not None:
        return text_of(new for _, new in run)
    return _replaced(quote, pairs, analysis.masks)


def _new_quote(finding: Finding, analysis: CallAnalysis, pairs: Sequence[tuple[Word, Word]]) -> str:
    """The quote with the second word of each of the `pairs` for the first.

    A quote is the text of a turn or a run of one speaker's words. Where neither is found, which a quote of
    another making could be, what stands under masks is replaced as text.
    """
    quote = finding.quote or ""
    turn = next((turn for turn in analysis.turns if turn.turn_index == finding.turn_index), None)
    if turn is not None:
        own = [pair for pair in pairs if pair[0].turn_index == turn.turn_index]
        if quote == turn.text:
            return text_of(new for _, new in own)
        speaker = [pair for pair in pairs if (pair[0].role, pair[0].channel) == (turn.role, turn.channel)]
        for words in (own, speaker, pairs):
            run = _run(words, quote, finding.start_s or 0.0)
            if run is not None:
                return text_of(new for _, new in run)
    return _replaced(quote, pairs, analysis.masks)


def _run(
    pairs: Sequence[tuple[Word, Word]], quote: str, start_s: float
) -> Sequence[tuple[Word, Word]] | None:
    """The run of words whose text the quote is, the one nearest to `start_s`; None where there is none."""
    wanted = quote.split()
    texts = [word.text.strip() for word, _ in pairs]
    heads = [at for at, text in enumerate(texts) if text.split()[:1] == wanted[:1]]
    for first in sorted(heads, key=lambda at: abs(pairs[at][0].start_s - start_s)):
        said: list[str] = []
        for end in range(first, len(texts)):
            said += texts[end].split()
            if len(said) >= len(wanted):
                if said != wanted:
                    break
                while end + 1 < len(texts) and not texts[end + 1]:  # the rest of a mask that ends here
                    end += 1  # noqa: PLW2901
                return pairs[first : end + 1]
    return None


def _replaced(quote: str, pairs: Sequence[tuple[Word, Word]], masks: Iterable[Mask]) -> str:
    clear = {word.word_index: word.text.strip() for word, _ in pairs}
    out = quote
    for mask in masks:
        texts = [clear[at] for at in _words_of(mask) if clear.get(at)]
        out = out.replace(" ".join(texts), mask.label)
        for text in sorted(texts, key=len, reverse=True):
            out = " ".join(mask.label if part == text else part for part in out.split(" "))
    return out
