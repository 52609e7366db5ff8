"""The tables that hold a call's records, as `CallAnalysis` declares them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args, get_type_hints

from pipeline.records import CallAnalysis

PartStage = Literal["given", "audio", "assess"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A table, the field of CallAnalysis that fills it, the field's record and the stage that makes it.

    `many` is false where a recording has one row at most; `key` as in `InTable`.
    """

    table: str
    field: str
    record: type[Any]
    stage: PartStage
    many: bool
    key: str | None


def _parts() -> tuple[Part, ...]:
    out = []
    for field, hint in get_type_hints(CallAnalysis, include_extras=True).items():
        kind, place = get_args(hint)
        inner = [one for one in get_args(kind) if one is not type(None)]
        out.append(
            Part(
                table=place.table,
                field=field,
                record=inner[0] if inner else kind,
                stage=place.stage,
                many=Ellipsis in inner,
                key=place.key,
            )
        )
    return tuple(out)


PARTS = _parts()
"""All tables that are filled from a CallAnalysis, in the order of its fields."""
CHILDREN = tuple(part for part in PARTS if part.many)
"""The tables with any number of rows a recording."""
ASSESSED = tuple(part for part in CHILDREN if part.stage == "assess")
"""The tables that a recheck fills again."""

HISTORY = "verdict_history"
"""The table of verdicts that changed."""
