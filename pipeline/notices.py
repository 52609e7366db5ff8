"""Notices about many files as one line per kind, so that four hundred of one kind do not hide the others."""

from __future__ import annotations

import re
from collections.abc import Iterable

MOST = 3
"""So many notices of one kind are written out; of more, only the first with their number."""

_COLUMN = re.compile(r", column ([^;]*)")
_DIGITS = re.compile(r"\d+(\.\d+)?")


def kind_of(notice: str) -> str:
    """What a notice has in common with others: the text before its first colon, numbers left out.

    >>> kind_of("the file is empty (0 bytes): calls/a.wav; fetch it again")
    'the file is empty (# bytes)'
    """
    column = _COLUMN.search(notice)
    return _DIGITS.sub("#", notice.partition(": ")[0]) + (f", {column[1]}" if column else "")


def grouped(notices: Iterable[str], look: str | None = None) -> tuple[str, ...]:
    """The notices in their order, more than three of a kind as one line with their number.

    `look` says where all of them can be seen.
    """
    kinds: dict[str, list[str]] = {}
    for notice in notices:
        kinds.setdefault(kind_of(notice), []).append(notice)
    out: list[str] = []
    for same in kinds.values():
        if len(same) <= MOST:
            out += same
            continue
        where = f"; see them all with {look}" if look else ""
        out.append(f"{len(same)} times: {same[0]} (and {len(same) - 1} more of this kind{where})")
    return tuple(out)
