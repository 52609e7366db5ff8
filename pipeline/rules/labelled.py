"""Trying the rules on labelled sentences: `earwitness rules test CASES.jsonl`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.errors import UsageError
from pipeline.records import Role
from pipeline.rules import RuleSet


class Sentence(BaseModel):
    """A sentence said by `role`; `expect` says whether it contains the phrase of `rule`.

    `where` is its file and line.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    rule: str
    role: Role
    text: str
    expect: bool
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """A rule's results: found and expected, found only, expected only, neither."""

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The results by rule, and the sentences that a rule gets wrong."""

    by_rule: dict[str, Confusion]
    wrong: tuple[Sentence, ...]


def read_sentences(path: Path) -> tuple[Sentence, ...]:
    """The cases in a file of JSON lines. Raises UsageError with the line number for a bad line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError("cannot read the cases", where=path, value=error.strerror) from None
    except UnicodeDecodeError:
        raise UsageError("not a text in UTF-8", where=path, remedy="save it as UTF-8") from None
    sentences = tuple(_sentence(line, f"{path}:{n}") for n, line in enumerate(lines, start=1) if line.strip())
    if not sentences:
        raise UsageError("no cases in the file", where=path, remedy="write one JSON object a line")
    return sentences


def _sentence(line: str, where: str) -> Sentence:
    try:
        return Sentence.model_validate_json(line).model_copy(update={"where": where})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        allowed = '{"rule": id, "role": "agent", "text": sentence, "expect": true}'
        what = f"not a case ({name}: {first['msg']})" if name else f"not a case ({first['msg']})"
        raise UsageError(what, where=where, value=line, allowed=allowed) from None


def try_rules(rules: RuleSet, sentences: Sequence[Sentence]) -> Trial:
    """The rules' answers for the sentences, counted. Raises UsageError with the line for an unknown rule."""
    known = {rule.id for rule in (*rules.rules, *rules.inactive)}
    if stray := next((sentence for sentence in sentences if sentence.rule not in known), None):
        allowed = ", ".join(sorted(known))
        raise UsageError("unknown rule", where=stray.where or None, value=stray.rule, allowed=allowed)
    counts: dict[str, dict[str, int]] = {}
    wrong: list[Sentence] = []
    for sentence in sentences:
        found = rules.says(sentence.rule, sentence.role, sentence.text)
        kind = ("t" if found == sentence.expect else "f") + ("p" if found else "n")
        counts.setdefault(sentence.rule, dict.fromkeys(("tp", "fp", "fn", "tn"), 0))[kind] += 1
        if found != sentence.expect:
            wrong.append(sentence)
    return Trial(by_rule={rule: Confusion(**counts[rule]) for rule in sorted(counts)}, wrong=tuple(wrong))
