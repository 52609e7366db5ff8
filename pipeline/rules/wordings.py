"""A site's decisions about wordings: what says a rule's phrase, and what does not.

They stand in `wordings.toml` of the site's folder, by rule. `earwitness rules suggest` writes them, and
people may::

    [recording_disclosure]
    said = ["all of it ends up on the big wheel"]      # patterns that count as the rule's phrase
    not_said = ["we keep a note of your number"]       # patterns of sentences that do not say it

    [recording_disclosure.examples]                    # the sentences that were decided on
    match = ["All of it ends up on the big wheel, you should know."]
    no_match = ["We keep a note of your number here."]

A pattern of `said` joins the first group that the rule counts. A sentence with one of `not_said` is no
possible wording any more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field, TypeAdapter, ValidationError

from pipeline.errors import UsageError
from pipeline.phrases.lexicon import Spec, Text, read_toml, readable
from pipeline.phrases.shared import GroupSpec, Language
from pipeline.rules.site import Pack
from pipeline.rules.spec import ExamplesSpec

WORDINGS_NAME = "wordings.toml"


class Wordings(Spec):
    """What a site decided about wordings of one rule."""

    said: tuple[Text, ...] = ()
    not_said: tuple[Text, ...] = ()
    examples: ExamplesSpec = Field(default_factory=ExamplesSpec)

    def as_toml(self, table: str) -> str:
        """The decisions as the table `table` of a TOML file."""
        return "\n".join(
            (
                f"[{table}]",
                _list("said", self.said),
                _list("not_said", self.not_said),
                "",
                f"[{table}.examples]",
                _list("match", self.examples.match),
                _list("no_match", self.examples.no_match),
                "",
            )
        )

    def __add__(self, more: Wordings) -> Wordings:
        """Both; what one has already is not written twice."""
        return Wordings(
            said=_joined(self.said, more.said),
            not_said=_joined(self.not_said, more.not_said),
            examples=ExamplesSpec(
                match=_joined(self.examples.match, more.examples.match),
                no_match=_joined(self.examples.no_match, more.examples.no_match),
            ),
        )


NOTHING_DECIDED = Wordings()


def read_wordings(site: Path | None, known: Iterable[str]) -> dict[str, Wordings]:
    """The decisions of the folder `site` by rule; empty without any. Raises UsageError as packs do."""
    path = None if site is None else site / WORDINGS_NAME
    if path is None or not path.is_file():
        return {}
    values = read_toml(path)
    try:
        wordings = TypeAdapter(dict[str, Wordings]).validate_python(values)
    except ValidationError as error:
        raise readable(error, path, values) from None
    for rule_id in wordings.keys() - set(known):
        allowed = ", ".join(sorted(known))
        where = f"{path}: {rule_id}"
        raise UsageError("unknown rule", where=where, allowed=allowed, remedy="check the spelling")
    return wordings


def with_wordings(
    packs: Mapping[str, Pack], language: Language, wordings: Mapping[str, Wordings], site: Path
) -> tuple[dict[str, Pack], Language]:
    """The packs and the language with the patterns that say a rule's phrase, and their examples."""
    out = dict(packs)
    for rule_id, decided in wordings.items():
        pack = packs[rule_id]
        name, phrases = pack.values["counts"][0], dict(pack.values["phrases"])
        group = phrases[name]
        if decided.said and "shared" in group:
            shared = language.groups[group["shared"]]
            added = GroupSpec.model_validate({**shared.model_dump(), "any": (*shared.any, *decided.said)})
            language = language.replaced({group["shared"]: added}, site / WORDINGS_NAME)
        elif decided.said:
            phrases[name] = {**group, "any": [*group["any"], *decided.said]}
        values = {**pack.values, "phrases": phrases, "examples": _with_examples(pack.values, decided)}
        out[rule_id] = replace(pack, values=values)
    return out, language


def _with_examples(values: Mapping[str, Any], decided: Wordings) -> dict[str, Any]:
    """The pack's examples with the sentences that were decided on, said by the rule's first role."""
    examples = dict(values["examples"])
    role = values["roles"][0]
    own = examples.get(role, {})
    examples[role] = {
        "match": [*own.get("match", ()), *decided.examples.match],
        "no_match": [*own.get("no_match", ()), *decided.examples.no_match],
    }
    return examples


def _list(key: str, values: Sequence[str]) -> str:
    lines = "".join(f"  {json.dumps(value, ensure_ascii=False)},\n" for value in values)
    return f"{key} = [\n{lines}]" if values else f"{key} = []"


def _joined(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))
