"""Names of persons: what the model finds, what context and spelling tell, and what is said again.

The model misses names that are everyday words; "my name is", an answer to a question for the name, titles
and greetings tell those. The agent's own name is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from pipeline.masking.masks import Found
from pipeline.masking.model import PERSON, Labels, likely
from pipeline.masking.numbers import number_runs
from pipeline.masking.text import Line, Phrasebook, word_list
from pipeline.masking.values import LABELS, REMEMBERED_LINES, spells_word_before
from pipeline.phrases.vocabulary import common_writings
from pipeline.phrases.word_lists import load_words

SURE = {"standard": 0.3, "strict": 0.2}
"""The model's probability, 0 to 1, from which a word is part of a name."""
KNOWN = 0.1
"""The same for a known first name that is written small."""
BESIDE = 0.15
"""The same for a word next to one that is sure."""
OPENING_LINES = 3
"""In so many of the agent's first lines, "this is" introduces the agent."""
ANSWER_WORDS = 5
"""An answer of no more words, fillers left out, is the name itself."""
FIRST_NAMES = frozenset(load_words("names")["sets"]["first_name"])
NAME_WORDS = frozenset(load_words("names")["sets"]["name_word"])

_TITLES = frozenset(load_words("names")["sets"]["title"])
_NO_NAME = word_list("no_name")
_FILLERS = word_list("fillers")
_SURE = frozenset(tuple(phrase.split()) for phrase in word_list("sure_name_follows"))
_FOLLOWS = Phrasebook({"follows": tuple(load_words("masking")["context"]["name_follows"])})
_VOCATIVE = Phrasebook({"vocative": tuple(load_words("masking")["context"]["vocative"])})
_OWN = Phrasebook(
    {
        "anywhere": tuple(load_words("masking")["context"]["introduces"]),
        "opening": tuple(load_words("masking")["context"]["introduces_in_opening"]),
    }
)
_ASKS = frozenset({"name"})


def own_names(lines: Sequence[Line], names: Sequence[Found], known: Collection[str]) -> frozenset[str]:
    """Words of the agents' own names: found ones they introduce themselves by, and `known` ones."""
    out, said = {word for name in known for word in name.lower().split()}, 0
    for line in lines:
        if line.role != "agent":
            continue
        said += 1
        for _, end, kind in _OWN.matches(line.texts):
            if kind == "anywhere" or said <= OPENING_LINES:
                out |= {
                    text
                    for each in names
                    if each.line == line.index and each.first == end
                    for text in line.texts[end : each.end]
                }
    return frozenset(out)


def find_names(lines: Sequence[Line], labels: Sequence[Sequence[Labels]], profile: str) -> Iterator[Found]:
    """Names in all lines; `labels` are the model's of each line."""
    asked_at = -REMEMBERED_LINES
    for line in lines:
        yield from _by_model(line, labels[line.index], profile)
        yield from _by_context(line)
        yield from _by_word(line, labels[line.index])
        if line.index - asked_at <= 2:
            yield from _answer(line)
        if any(kind in _ASKS for *_, kind in LABELS.matches(line.texts)):
            asked_at = line.index


def _by_model(line: Line, labels: Sequence[Labels], profile: str) -> Iterator[Found]:
    odds = [likely(each, PERSON) for each in labels]
    at = 0
    while at < len(odds):
        if odds[at] < SURE[profile] or line.texts[at] in _NO_NAME:
            at += 1
            continue
        first, end = at, at + 1
        while first and odds[first - 1] >= BESIDE and line.texts[first - 1] not in _NO_NAME:
            first -= 1
        while end < len(odds) and odds[end] >= BESIDE and line.texts[end] not in _NO_NAME:
            end += 1
        if first and line.texts[first - 1] in _TITLES:
            first -= 1
        yield Found(kind="name", line=line.index, first=first, end=end, by="model")
        at = end


def _by_context(line: Line) -> Iterator[Found]:
    for first, end, _ in _FOLLOWS.matches(line.texts):
        sure = tuple(line.texts[first:end]) in _SURE
        if (stop := _name_end(line, end, sure=sure)) > end:
            yield Found(kind="name", line=line.index, first=end, end=stop)
    for run in number_runs(line):
        if spells_word_before(line, run):
            yield Found(kind="name", line=line.index, first=run.first - 1, end=run.end)
    for _, end, _ in _VOCATIVE.matches(line.texts):
        named = line.texts[end] if end < len(line.texts) else ""
        if named in FIRST_NAMES or (named in NAME_WORDS and _closes(line, end)):
            yield Found(kind="name", line=line.index, first=end, end=end + 1)


def _by_word(line: Line, labels: Sequence[Labels]) -> Iterator[Found]:
    """What follows a title, and known first names that the model or a capital supports."""
    for at, text in enumerate(line.texts):
        if text in _TITLES and (stop := _name_end(line, at + 1, sure=text != "miss")) > at + 1:
            yield Found(kind="name", line=line.index, first=at, end=stop)
        elif text.removesuffix("'s") in FIRST_NAMES:
            supported = line.is_capital(at) or likely(labels[at], PERSON) >= KNOWN
            if supported:
                yield Found(kind="name", line=line.index, first=at, end=at + 1)


def _closes(line: Line, at: int) -> bool:
    return at + 1 == len(line.texts) or line.words[at].text[-1:] in ".,!?"


def _name_end(line: Line, first: int, *, sure: bool) -> int:
    """Where a name that begins at `first` ends: up to three words that may be one."""
    end = first
    while end < len(line.texts) and end - first < 3:
        text = line.texts[end]
        if text in _NO_NAME or any(sign.isdigit() for sign in text) or len(text) < 2:
            break
        known = text in FIRST_NAMES or not _is_common(text)
        everyday = text in NAME_WORDS and (sure or line.is_capital(end))
        if not (known or everyday or (sure and end == first)) or (not sure and not _named(line, end)):
            break
        end += 1
        if line.words[end - 1].text[-1:] in ".,!?;:" and text not in _TITLES:
            break
    return end


def _named(line: Line, at: int) -> bool:
    """Whether a word after an unsure context is a name: a known one, or written like one."""
    return line.texts[at] in FIRST_NAMES or (line.is_capital(at) and line.texts[at] in NAME_WORDS)


def _is_common(text: str) -> bool:
    return text in common_writings()


def _answer(line: Line) -> Iterator[Found]:
    """A short answer to a question for the name."""
    kept = [
        at
        for at, text in enumerate(line.texts)
        if text not in _FILLERS and text not in _NO_NAME and not any(sign.isdigit() for sign in text)
    ]
    if kept and len(kept) <= ANSWER_WORDS and len(line.texts) <= 2 * ANSWER_WORDS:
        likely_names = [at for at in kept if not _is_common(line.texts[at]) or line.texts[at] in NAME_WORDS]
        for at in likely_names:
            if len(line.texts[at]) > 1:
                yield Found(kind="name", line=line.index, first=at, end=at + 1)


def said_again(lines: Sequence[Line], names: Sequence[Found]) -> Iterator[Found]:
    """Every other place of the words of found names, everyday words left out."""
    known = {
        text
        for each in names
        for text in lines[each.line].texts[each.first : each.end]
        if len(text) > 2 and text not in _TITLES and not _is_common(text)
    }
    for line in lines:
        for at, text in enumerate(line.texts):
            if text.removesuffix("'s") in known:
                yield Found(kind="name", line=line.index, first=at, end=at + 1)
