"""One decision for one wording: possible wordings grouped over the archive, and what people decide of them.

Agents repeat their script, so that one sentence that no phrase finds stands in thousands of calls. A group is
confirmed, or rejected; either is written into `wordings.toml` of the site's folder, and the next recheck
settles its calls.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import UsageError
from pipeline.rules import RuleSet, load_rules
from pipeline.rules.sentence_model import Embed, Vectors
from pipeline.rules.spec import ExamplesSpec
from pipeline.rules.wording_patterns import literal_patterns, patterns_of, without_names
from pipeline.rules.wordings import NOTHING_DECIDED, WORDINGS_NAME, Wordings, read_wordings
from pipeline.store import Connection, ask

SIMILAR = 0.8
"""Cosine similarity to a group's most frequent sentence from which a sentence belongs to it."""
SHOWN = 5
"""Quotes of a group that are shown, with a place of each."""
ID_DIGITS = 8
BLOCK = 2000

_HEADER = (
    "# Decisions about wordings, by rule: see `earwitness rules suggest`. The program writes this file anew\n"
    "# when something is decided, so that comments in it do not stay.\n\n"
)
_WORDINGS = """
SELECT
    rule_id,
    any_value(quote ORDER BY started_at, recording_id) AS quote,
    count(DISTINCT recording_id) AS calls,
    list(DISTINCT agent_id) FILTER (agent_id IS NOT NULL) AS agents,
    min(started_at) AS first_at,
    max(started_at) AS last_at,
    arg_min(coalesce(call_ref, recording_id), (started_at, recording_id)) AS call,
    arg_min(start_s, (started_at, recording_id)) AS start_s
FROM review_queue
WHERE kind = 'possible_wording' AND wording <> '' AND ($rule_id IS NULL OR rule_id = $rule_id)
GROUP BY rule_id, wording
ORDER BY rule_id, calls DESC, wording
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """A sentence that is a possible wording of a rule; `call` and `start_s` are its first place."""

    rule_id: str
    quote: str
    calls: int
    agents: frozenset[str]
    first_at: datetime | None
    last_at: datetime | None
    call: str
    start_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Similar wordings of one rule, the most frequent first."""

    rule_id: str
    wordings: tuple[Wording, ...]

    @property
    def id(self) -> str:
        """A short name that stays as long as its most frequent sentence does."""
        text = f"{self.rule_id}\n{self.wordings[0].quote}"
        return hashlib.sha256(text.encode()).hexdigest()[:ID_DIGITS]

    @property
    def calls(self) -> int:
        """In how many calls it is found."""
        return sum(wording.calls for wording in self.wordings)

    def as_dict(self) -> dict[str, Any]:
        """The group for machines."""
        firsts = [wording.first_at for wording in self.wordings if wording.first_at]
        lasts = [wording.last_at for wording in self.wordings if wording.last_at]
        return {
            "id": self.id,
            "rule_id": self.rule_id,
            "calls": self.calls,
            "agents": len(frozenset().union(*(wording.agents for wording in self.wordings))),
            "first_at": min(firsts, default=None),
            "last_at": max(lasts, default=None),
            "wordings": len(self.wordings),
            "quotes": [
                {"quote": one.quote, "calls": one.calls, "call": one.call, "start_s": one.start_s}
                for one in self.wordings[:SHOWN]
            ],
        }


def groups_in(
    connection: Connection, embed: Embed | None, *, rule_id: str | None = None, min_calls: int = 1
) -> tuple[Group, ...]:
    """The groups of possible wordings in at least `min_calls` calls, the most frequent first.

    Without an `embed`, only equal sentences are a group.
    """
    found = ask(connection, _WORDINGS, {"rule_id": rule_id})
    wordings = [
        Wording(**{**dict(zip(found.columns, row, strict=True)), "agents": frozenset(row[3] or ())})
        for row in found.rows
    ]
    by_rule: dict[str, list[Wording]] = {}
    for wording in wordings:
        by_rule.setdefault(wording.rule_id, []).append(wording)
    groups = [group for own in by_rule.values() for group in _grouped(own, embed)]
    enough = (group for group in groups if group.calls >= min_calls)
    return tuple(sorted(enough, key=lambda group: (-group.calls, group.rule_id, group.id)))


def _grouped(wordings: Sequence[Wording], embed: Embed | None) -> Iterator[Group]:
    """Each wording with the most frequent one before it that is similar enough."""
    if embed is None:
        yield from (Group(rule_id=one.rule_id, wordings=(one,)) for one in wordings)
        return
    heads: list[Vectors] = []
    members: list[list[Wording]] = []
    for start in range(0, len(wordings), BLOCK):
        block = wordings[start : start + BLOCK]
        for wording, vector in zip(block, embed([one.quote for one in block]), strict=True):
            near = np.array(heads) @ vector if heads else np.zeros(0)
            if len(near) and near.max() >= SIMILAR:
                members[int(near.argmax())].append(wording)
            else:
                heads.append(vector)
                members.append([wording])
    for group in members:
        yield Group(rule_id=group[0].rule_id, wordings=tuple(group))


def chosen(groups: Sequence[Group], group_id: str) -> Group:
    """The group of this id. Raises UsageError where there is none."""
    found = next((group for group in groups if group.id == group_id), None)
    if found is None:
        remedy = "run `earwitness rules suggest` for the present groups"
        raise UsageError("no such group of wordings", value=group_id, remedy=remedy)
    return found


def decision(group: Group, rules: RuleSet, *, accept: bool) -> tuple[Wordings, ...]:
    """What may be written of a group, the most general first: patterns, and its sentences."""
    quotes = [wording.quote for wording in group.wordings]
    examples = tuple(dict.fromkeys(without_names(quote, rules.lexicon) for quote in quotes))
    tried = dict.fromkeys((patterns_of(quotes, rules.lexicon), literal_patterns(quotes, rules.lexicon)))
    return tuple(
        Wordings(said=patterns, examples=ExamplesSpec(match=examples))
        if accept
        else Wordings(not_said=patterns, examples=ExamplesSpec(no_match=examples))
        for patterns in tried
    )


def decide(group: Group, rules: RuleSet, site: Path, *, accept: bool, dry_run: bool = False) -> Wordings:
    """Write what was decided of a group into the folder `site`; returns it.

    The rules with it are tried on all examples first. Raises UsageError, with the folder as it was, where
    no pattern finds the sentences and none of the rule's decoys.
    """
    fault: UsageError | None = None
    for wordings in decision(group, rules, accept=accept):
        try:
            text = _tried(group.rule_id, wordings, site, rules)
        except UsageError as error:
            fault = error
            continue
        if not dry_run:
            _put(text, site / WORDINGS_NAME)
        return wordings
    raise UsageError(
        "the wording cannot be told from the rule's decoys",
        value=group.wordings[0].quote,
        remedy="write a phrase into a pack of your own",
    ) from fault


def _tried(rule_id: str, wordings: Wordings, site: Path, rules: RuleSet) -> str:
    """The file with the decision, with which the site's rules load and find what they should."""
    known = {rule.id for rule in (*rules.rules, *rules.inactive)}
    decided = read_wordings(site, known)
    decided[rule_id] = decided.get(rule_id, NOTHING_DECIDED) + wordings
    text = _HEADER + "\n".join(decided[name].as_toml(name) for name in sorted(decided))
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / "site"
        if site.is_dir():
            shutil.copytree(site, trial)
        trial.mkdir(exist_ok=True)
        (trial / WORDINGS_NAME).write_text(text, encoding="utf-8")
        load_rules(trial)
    return text


def _put(text: str, path: Path) -> None:
    """Write a file as a whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).chmod(0o644)
        Path(file.name).replace(path)
    except OSError as error:
        raise UsageError("cannot write the decisions", where=path, value=error.strerror) from error
