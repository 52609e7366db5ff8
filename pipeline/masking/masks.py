"""What is masked: kinds of data, found words and the masks made of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from pipeline.records import Role

MaskKind = Literal[
    "card",
    "card_expiry",
    "security_code",
    "account",
    "sort_code",
    "routing_number",
    "iban",
    "ssn",
    "nino",
    "pin",
    "one_time_code",
    "secret",
    "phone",
    "date_of_birth",
    "age",
    "address",
    "email",
    "reference",
    "document",
    "name",
    "health",
    "number",
]
MASK_KINDS: tuple[MaskKind, ...] = get_args(MaskKind)
FoundBy = Literal["finder", "model", "strict"]
Profile = Literal["standard", "strict", "off"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Words `[first, end)` of the line with that index; `code` is a number's value, for comparing."""

    kind: MaskKind
    line: int
    first: int
    end: int
    by: FoundBy = "finder"
    code: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """Words of one turn that are masked, `first_word` to `last_word` (both included) by their word index.

    `label` takes their place, such as "[card]" or "[name 1]"; `start_s` and `end_s` are the words' times in
    seconds, without margin. The words themselves are not kept.
    """

    kind: MaskKind
    label: str
    first_word: int
    last_word: int
    start_s: float
    end_s: float
    turn_index: int
    channel: int
    role: Role
    found_by: FoundBy
    confidence: float
    """Mean probability of the words as recognised, 0 to 1."""
