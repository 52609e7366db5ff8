"""What the name of a file says about its part in a call: a leg, a mix, or nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Side = Literal["agent", "customer"]

LEGS: Mapping[str, str] = {
    "out": "in",
    "tx": "rx",
    "agent": "customer",
    "callee": "caller",
    "called": "calling",
    "operator": "client",
    "local": "remote",
    "internal": "external",
}
"""Endings of the agent's file, and of the customer's to it, as recorders write them after `-`, `_` or `.`."""

MIXES = ("mix", "mixed", "all", "both", "combined", "stereo", "full")

_ENDING = re.compile(r"(?P<base>.+)[-_.](?P<ending>[^-_.]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class LegName:
    """A leg by its name: `base` is the name without the ending, `side` whose voice it should hold."""

    base: str
    ending: str
    other: str
    side: Side


def leg_name(path: Path, more: Mapping[str, str]) -> LegName | None:
    """What the name says; `more` are endings of a site's own, as in `LEGS`. None where it is no leg's."""
    match = _ENDING.fullmatch(path.stem.casefold())
    if match is None:
        return None
    base, ending = match["base"], match["ending"]
    for agent, customer in {**LEGS, **{a.casefold(): c.casefold() for a, c in more.items()}}.items():
        if ending == agent:
            return LegName(base=base, ending=ending, other=customer, side="agent")
        if ending == customer:
            return LegName(base=base, ending=ending, other=agent, side="customer")
    return None


def mix_base(path: Path) -> str:
    """The name without an ending that says that both sides are in the file."""
    stem = path.stem.casefold()
    match = _ENDING.fullmatch(stem)
    return match["base"] if match is not None and match["ending"] in MIXES else stem
