"""Secret words (passwords, security answers) and details of health."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from pipeline.masking.masks import Found
from pipeline.masking.numbers import number_runs
from pipeline.masking.text import Line, Phrasebook, word_list
from pipeline.masking.values import LABELS
from pipeline.phrases.word_lists import load_words

SECRET_WORDS = 5
"""A secret has no more words, fillers left out."""
HEALTH_WORDS = 4
"""So many words after "diagnosed with" may tell of what."""

_FILLERS = word_list("fillers")
_SOUNDS = frozenset({"um", "uh", "er", "erm"})
_HEALTH = load_words("masking")["health"]
_TERMS = Phrasebook({"term": (*_HEALTH["terms"], *_HEALTH["phrases"])})
_OPENERS = Phrasebook({"opener": tuple(_HEALTH["opened_by"])})
_DRUGS = tuple(_HEALTH["drug_endings"])
_NO_DRUGS = frozenset(_HEALTH["no_drugs"])
_TELLS = word_list("tells_secret")
_JOINS = frozenset({"and", "but", "do"})
_STOPS = frozenset(_HEALTH["ends"])


def find_secrets(lines: Sequence[Line]) -> Iterator[Found]:
    """Words that give access, where they are told ("the password is …") or asked for."""
    asked_at = -2
    for line in lines:
        labels = [(end, kind) for _, end, kind in LABELS.matches(line.texts)]
        for end, kind in labels:
            following = line.texts[end : end + 1]
            if kind == "secret" and following and following[0] in _TELLS and not line.ends_sentence(end - 1):
                yield from _secret(line, end + 1, _SOUNDS)
        if asked_at == line.index - 1 and not labels:
            yield from _secret(line, 0, _FILLERS)
        if labels and labels[-1][1] == "secret":
            asked_at = line.index


def _secret(line: Line, first: int, skipped: Collection[str]) -> Iterator[Found]:
    while first < len(line.texts) and line.texts[first] in skipped:
        first += 1
    end = first
    while end < len(line.texts) and end - first < SECRET_WORDS and line.texts[end] not in _JOINS:
        end += 1
        if line.ends_sentence(end - 1):
            break
    if end > first:
        yield Found(kind="secret", line=line.index, first=first, end=end)


def find_health(lines: Sequence[Line]) -> Iterator[Found]:
    """Illnesses, treatments and medicines, as far as single words tell."""
    for line in lines:
        named = {at for first, end, _ in _TERMS.matches(line.texts) for at in range(first, end)}
        named |= {
            at
            for at, text in enumerate(line.texts)
            if len(text) > 6 and text.endswith(_DRUGS) and text not in _NO_DRUGS
        }
        listed = {at for at, text in enumerate(line.texts) if text == "and" and {at - 1, at + 1} <= named}
        for at in sorted(named | listed):
            yield Found(kind="health", line=line.index, first=at, end=at + 1)
        for first, end, _ in _OPENERS.matches(line.texts):
            stop = end
            while stop < len(line.texts) and stop - end < HEALTH_WORDS:
                if line.texts[stop] in _STOPS or (stop > end and line.ends_sentence(stop - 1)):
                    break
                stop += 1
            if stop > end:
                yield Found(kind="health", line=line.index, first=first, end=stop)


def find_all_numbers(lines: Sequence[Line]) -> Iterator[Found]:
    """Every number and spelled word, whatever it counts: what the strict profile adds."""
    for line in lines:
        for run in number_runs(line):
            yield Found(kind="number", line=line.index, first=run.first, end=run.end, by="strict")
