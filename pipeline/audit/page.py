"""The page of an evidence pack: one HTML file that uses no other file than the clip beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from pipeline.report.text import UNKNOWN, as_json

_TEMPLATE = "evidence.html"


def page(document: Mapping[str, Any], rule_text: str | None) -> str:
    """The document of a pack as HTML; everything in it is escaped."""
    environment = Environment(
        loader=PackageLoader("pipeline.audit"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {"clock": _clock, "share": _share, "words": _plain, "pretty": as_json}
    return environment.get_template(_TEMPLATE).render(
        **document, rule_text=rule_text, lines=_lines(document["heard"])
    )


def _lines(heard: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The words turn by turn."""
    lines = []
    in_turns = sorted(heard, key=lambda word: (word["turn_index"], word["word_index"]))
    for _, group in groupby(in_turns, key=lambda word: word["turn_index"]):
        words = list(group)
        lines.append({"role": words[0]["role"], "start_s": words[0]["start_s"], "words": words})
    return sorted(lines, key=lambda line: line["start_s"])


def _clock(seconds: float | None) -> str:
    """Minutes and seconds with hundredths.

    >>> _clock(83.456)
    '1:23.46'
    """
    if seconds is None:
        return UNKNOWN
    hundredths = round(seconds * 100)
    return f"{hundredths // 6000}:{hundredths % 6000 / 100:05.2f}"


def _share(value: float | None) -> str:
    """A share as per cent.

    >>> _share(0.873)
    '87 %'
    """
    return UNKNOWN if value is None else f"{value:.0%}".replace("%", " %")


def _plain(value: object) -> str:
    """A name of ours as words, a list as its parts."""
    if value is None or value == "":
        return UNKNOWN
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value)) or UNKNOWN
    return str(value).replace("_", " ")
