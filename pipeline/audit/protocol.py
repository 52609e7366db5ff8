"""The protocol of a spot check: what was drawn how, so that an auditor can draw it again and compare."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pipeline import __version__
from pipeline.audit.sampling import SampleRequest, draw
from pipeline.errors import UsageError
from pipeline.report.text import as_json
from pipeline.store import Connection
from pipeline.store.review_log import Drawing, Item, Judged

FORMAT = "earwitness spot check 1"
PROTOCOL = "protocol.json"
SHOWN = 5
"""Differences in the sample that are listed."""


def request_values(request: SampleRequest) -> dict[str, Any]:
    """The request as JSON values."""
    values: dict[str, Any] = json.loads(as_json(asdict(request)))
    return values


def read_request(values: Mapping[str, Any]) -> SampleRequest:
    """The request of `request_values`. Raises KeyError, TypeError and ValueError for others."""
    days = {name: date.fromisoformat(values[name]) if values[name] else None for name in ("since", "until")}
    as_of = datetime.fromisoformat(values["as_of"]) if values["as_of"] else None
    return SampleRequest(**{**values, **days, "as_of": as_of, "verdicts": tuple(values["verdicts"])})


def protocol(
    drawing: Drawing,
    items: Sequence[Item],
    judged: Sequence[Judged] = (),
    estimates: Mapping[str, Any] | None = None,
) -> str:
    """The text of the protocol: a JSON document with the sum of everything else in it."""
    document = {
        "format": FORMAT,
        "made_at": drawing.made_at,
        "made_by": drawing.made_by,
        "written_by": f"earwitness {__version__}",
        "drawing": drawing.draw_id or None,
        "rule_id": drawing.rule_id,
        "request": drawing.request,
        "population": drawing.population,
        "drawn": drawing.drawn,
        "verdict_hidden": drawing.blind,
        "items": [asdict(item) for item in items],
        "judgements": [_judgement(one) for one in judged],
        "estimates": estimates,
    }
    return _text(document)


def verify(connection: Connection, path: Path) -> tuple[str, ...]:
    """What differs between the protocol in `path` and the sample that its request draws from the store.

    Raises UsageError for a file that is no protocol, or was changed since it was written.
    """
    document = _read(path)
    try:
        request = read_request(document["request"])
        items, counts = document["items"], {name: document[name] for name in ("population", "drawn")}
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError("not the protocol of a spot check", where=path, value=str(error)) from None
    sample = draw(connection, request)
    found = [
        f"{name}: {_counts(former)} in the protocol, {_counts(now)} in the store"
        for name, now in (("population", sample.population), ("drawn", sample.drawn))
        if (former := counts[name]) != dict(now)
    ]
    drawn = [asdict(item) for item in sample.items]
    differ = [was["position"] for was, now in zip(items, drawn, strict=False) if was != now]
    if differ:
        some = ", ".join(map(str, differ[:SHOWN])) + (" and more" if len(differ) > SHOWN else "")
        found.append(f"other findings, versions or verdicts at {len(differ)} positions: {some}")
    return tuple(found)


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text)
    except OSError as error:
        raise UsageError("cannot read the protocol", where=path, value=error.strerror) from None
    except ValueError as error:
        raise UsageError("not the protocol of a spot check", where=path, value=str(error)) from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UsageError("not the protocol of a spot check", where=path, allowed=f"format {FORMAT!r}")
    given = document.pop("sha256", None)
    if _text(document) != text:
        what = "the protocol was changed since it was written"
        raise UsageError(what, where=path, value=given, remedy="compare it with another copy")
    return document


def _text(document: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(as_json(document).encode()).hexdigest()
    return as_json({**document, "sha256": digest}) + "\n"


def _judgement(judged: Judged) -> dict[str, Any]:
    review = judged.review
    return {
        "position": judged.position,
        "reviewer": review.reviewer,
        "reviewed_at": review.reviewed_at.astimezone(UTC),
        "kind": review.kind,
        "answer": review.answer,
        "judgement": review.judgement,
        "verdict_hidden": review.blind,
        "note": review.note,
    }


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"
