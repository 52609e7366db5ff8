"""Receipts of erasures: a chain of JSON lines that holds no value of a call.

Each line names the SHA-256 of the one before it, and carries a code of the master key: a line that was
changed, left out or moved is found. Lines cut off at the end are found by the number of the last receipt,
which the program prints, and which belongs in the protocol of whoever asked for the erasure.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import UsageError
from pipeline.retention.durable import add_lines, whole_lines


def add_receipt(path: Path, receipt: Mapping[str, Any], master: bytes) -> int:
    """Append a receipt, which has an `id`; one of the same id is not added again. Returns its number, from 1.

    Raises UsageError where the chain is damaged.
    """
    former = read_receipts(path, master)
    for number, one in enumerate(former, start=1):
        if one["id"] == receipt["id"]:
            return number
    lines = whole_lines(path)
    body = {"number": len(lines) + 1, "former": _sum(lines[-1]) if lines else None, **receipt}
    add_lines(path, [_line(body | {"code": _code(body, master)})])
    return len(lines) + 1


def read_receipts(path: Path, master: bytes) -> tuple[Mapping[str, Any], ...]:
    """The receipts in their order, checked. Raises UsageError for the first line that is not as written."""
    found: list[Mapping[str, Any]] = []
    former: str | None = None
    for number, line in enumerate(whole_lines(path), start=1):
        try:
            body = json.loads(line)
            code = body.pop("code")
            right = (body["number"], body["former"]) == (number, former)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise _broken(path, number) from None
        if not right or not hmac.compare_digest(str(code), _code(body, master)):
            raise _broken(path, number)
        former = _sum(line)
        found.append(body)
    return tuple(found)


def _broken(path: Path, number: int) -> UsageError:
    remedy = "restore the file from its backup"
    return UsageError("the chain of receipts is broken", where=path, value=f"line {number}", remedy=remedy)


def _line(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=True, sort_keys=True).encode()


def _sum(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _code(body: Mapping[str, Any], master: bytes) -> str:
    return hmac.new(master, b"earwitness receipt 1:" + _line(body), hashlib.sha256).hexdigest()
