"""Words that were found to be personal data, before they become masks."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.records import FoundBy
from pipeline.settings import MaskKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Words `[first, end)` of the line with that index; `code` is a number's value, for comparing."""

    kind: MaskKind
    line: int
    first: int
    end: int
    by: FoundBy = "finder"
    code: str = field(default="", repr=False)
