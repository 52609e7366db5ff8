"""Groups of possible wordings for people to decide on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from rich.padding import Padding
from rich.text import Text

from pipeline.report.text import clock, console_for


def print_groups(groups: Sequence[Mapping[str, Any]], out: TextIO) -> None:
    """Print each group: its rule, how often it is found, sentences with a place of each, and what to do."""
    console = console_for(out)
    for facts in groups:
        calls = f"in {facts['calls']:,} call{'s' if facts['calls'] != 1 else ''}"
        by = f"by {facts['agents']:,} agent{'s' if facts['agents'] != 1 else ''}" if facts["agents"] else ""
        when = "to".join(f" {day:%Y-%m-%d} " for day in _days(facts["first_at"], facts["last_at"])).strip()
        head = " · ".join(part for part in (calls, by, when) if part)
        console.print(Text.assemble((facts["id"], "bold"), "  ", (facts["rule_id"], "bold"), "  ", head))
        for one in facts["quotes"]:
            line = Text.assemble(f"“{one['quote']}”  ", (f"{one['call']} at {clock(one['start_s'])}", "dim"))
            console.print(Padding(line, (0, 0, 0, 2)))
        more = facts["wordings"] - len(facts["quotes"])
        if more > 0:
            console.print(Padding(f"and {more:,} similar sentences", (0, 0, 0, 2)))
        console.print()


def _days(first: object, last: object) -> list[object]:
    """The first and last day, or the only one."""
    return list(dict.fromkeys(day for day in (first, last) if day is not None))
