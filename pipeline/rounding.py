"""The precision of records: what is kept in memory is what is stored, so that a recheck finds the same.

Times are on a grid of 10 ms, finer than any method here resolves. Shares, probabilities and confidences
have three decimals, metrics and the share of clipped samples four, all else (dB, semitones, Hz, rates) two.
Full doubles would be more than half of a store's size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar

Record = TypeVar("Record")

OTHERS = 2
DETAIL = 3
"""Decimals of numbers in a finding's detail, which has times and shares."""
_DECIMALS: Mapping[str, int] = MappingProxyType(
    {
        "activation": 3,
        "clipping_ratio": 4,
        "confidence": 3,
        "denominator": 4,
        "high": 3,
        "language_probability": 3,
        "low": 3,
        "numerator": 4,
        "pause_share": 3,
        "probability": 3,
        "role_confidence": 3,
        "score": 3,
        "speed": 3,
        "usable_share": 3,
        "voiced_share": 3,
        "word_probability": 3,
        "word_sentiment": 3,
    }
)


def decimals_of(name: str) -> int:
    """The number of decimals of a record's field `name`."""
    return _DECIMALS.get(name, OTHERS)


def rounded(record: Record) -> Record:
    """The record with its numbers in the precision of the store; the same one if they are."""
    changed: dict[str, Any] = {}
    for name in _names(record.__class__):  # type: ignore[arg-type]
        value = getattr(record, name)
        if isinstance(value, float):
            new: Any = round(value, decimals_of(name))
        elif isinstance(value, dict):
            new = _plain(value)
        else:
            continue
        if new != value:
            changed[name] = new
    return replace(record, **changed) if changed else record  # type: ignore[type-var]


def all_rounded(records: tuple[Record, ...]) -> tuple[Record, ...]:
    """The records as `rounded` makes each of them; the same tuple if none is another."""
    new = tuple(rounded(record) for record in records)
    return records if all(a is b for a, b in zip(new, records, strict=True)) else new


def parts_rounded(analysis: Record, *names: str) -> Record:
    """The analysis of a call with the records of its fields `names` rounded."""
    new = {name: all_rounded(getattr(analysis, name)) for name in names}
    return replace(analysis, **new)  # type: ignore[type-var]


@cache
def _names(record: type[Any]) -> tuple[str, ...]:
    """The fields that may hold a number with decimals, or a finding's detail."""
    return tuple(one.name for one in fields(record) if "float" in str(one.type) or one.name == "detail")


def _plain(value: Any) -> Any:
    """A JSON value with its numbers rounded."""
    if isinstance(value, float):
        return round(value, DETAIL)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
