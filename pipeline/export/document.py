"""A call as one JSON document with the names and units of the store's tables."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any

from pipeline import __version__
from pipeline.records import CallAnalysis
from pipeline.report.text import as_json
from pipeline.store.parts import PARTS

FORMAT = "earwitness call 1"
_LEFT_OUT = frozenset({"recording_file", "fingerprint", "sealed_text"})
"""Tables that serve the program alone, or say where files lie."""


def document(analysis: CallAnalysis) -> str:
    """All records of the call by table; a table with one row a call is an object, the others are arrays.

    Of the recording's address only the file's name is kept.
    """
    out: dict[str, Any] = {"format": FORMAT, "made_by": f"earwitness {__version__}"}
    for part in PARTS:
        if part.table not in _LEFT_OUT:
            value = getattr(analysis, part.field)
            out[part.table] = [asdict(one) for one in value] if part.many else value and asdict(value)
    out["recording"]["uri"] = PurePosixPath(analysis.recording.uri).name
    return as_json(out) + "\n"
