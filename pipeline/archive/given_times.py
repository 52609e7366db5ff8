"""Times in a call as metadata gives them: pairs of start and end, in seconds from the recording's start."""

from __future__ import annotations

import json
from itertools import chain, pairwise
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from pipeline.records import Pairs


def _from_text(value: object) -> object:
    return json.loads(value) if isinstance(value, str) else value


def _in_order(pairs: Pairs) -> Pairs:
    if any(start_s >= end_s for start_s, end_s in pairs):
        raise ValueError("a start at or after its end")
    if any(before > after for before, after in pairwise(chain.from_iterable(pairs))):
        raise ValueError("pairs out of order")
    return pairs


Time = Annotated[float, Field(ge=0, allow_inf_nan=False)]

GivenTimes = Annotated[tuple[tuple[Time, Time], ...], BeforeValidator(_from_text), AfterValidator(_in_order)]
"""A JSON array such as `[[31.5, 74.0], [90, 120]]`, or its text; pairs in order that do not overlap."""
