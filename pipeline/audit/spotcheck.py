"""Spot checks on paper: a random sample with an evidence pack for each finding, and a sheet to fill in."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pipeline import __version__
from pipeline.audit.evidence import PAGE, FindingCase, find_case, new_folder, put_pack
from pipeline.audit.protocol import PROTOCOL, protocol, request_values
from pipeline.audit.sampling import Sample, SampleRequest, draw
from pipeline.progress import UNWATCHED, Progress
from pipeline.store import Connection
from pipeline.store.review_log import Drawing, ReviewLog

SHEET = "judged.csv"
COLUMNS = tuple(
    "number verdict quote start_s end_s status call_ref started_at queue agent evidence judgement note "
    "reviewer finding".split()
)
"""Of the sheet; people fill in judgement, note and reviewer, and `finding` says which one is judged."""

_FORMULA = ("=", "+", "-", "@")
"""A cell that begins so is a formula to spreadsheets."""


def draw_and_keep(
    connection: Connection, request: SampleRequest, log: ReviewLog, *, blind: bool, made_by: str
) -> tuple[Drawing, Sample]:
    """Draw a sample and enter it in the file of reviews, which numbers it. Raises UsageError as `draw`."""
    made_at = datetime.now(UTC)
    request = replace(request, as_of=request.as_of or made_at)
    sample = draw(connection, request)
    drawing = Drawing(
        rule_id=request.rule_id,
        request=request_values(request),
        population=sample.population,
        drawn=sample.drawn,
        blind=blind,
        made_at=made_at,
        made_by=made_by,
    )
    return replace(drawing, draw_id=log.add_draw(drawing, sample.items)), sample


def write_sample(
    connection: Connection, request: SampleRequest, out: Path, log: ReviewLog, progress: Progress = UNWATCHED
) -> Sample:
    """Draw a sample and write it to the new folder `out`: a pack for each finding, a sheet, a protocol.

    Raises UsageError as `draw` does, and for a folder that has something in it.
    """
    with new_folder(out) as folder:
        drawing, sample = draw_and_keep(
            connection, request, log, blind=False, made_by=f"earwitness {__version__}"
        )
        progress.started(len(sample.items))
        digits = len(str(len(sample.items)))
        rows = []
        for item in sample.items:
            case = find_case(connection, item.recording_id, request.rule_id)
            name = f"{item.position:0{digits}}-{item.recording_id[:8]}"
            (folder / name).mkdir()
            put_pack(case, folder / name)
            rows.append(_row(case, item.position, f"{name}/{PAGE}"))
            progress.advanced(1)
        _write_sheet(folder / SHEET, rows)
        (folder / PROTOCOL).write_text(protocol(drawing, sample.items), encoding="utf-8")
    return sample


def finding_key(case: FindingCase) -> str:
    """Names a finding with its version and verdict, in a way that no spreadsheet takes for a number."""
    finding = case.finding
    parts = (finding["rule_id"], finding["rule_version"], finding["verdict"], finding["recording_id"])
    return "/".join(parts)


def _row(case: FindingCase, number: int, evidence: str) -> tuple[object, ...]:
    """A line of the sheet."""
    finding, call = case.finding, case.call
    began = call["started_at"].isoformat() if call["started_at"] else None
    return (
        number,
        finding["verdict"],
        finding["quote"],
        *(None if at_s is None else round(at_s, 2) for at_s in (finding["start_s"], finding["end_s"])),
        case.why,
        call["call_ref"],
        began,
        call["queue"],
        call["agent_name"] or call["agent_id"],
        evidence,
        "",
        "",
        "",
        finding_key(case),
    )


def _write_sheet(path: Path, rows: Sequence[tuple[object, ...]]) -> None:
    """CSV with a byte order mark, without which Excel takes UTF-8 for something else."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([safe_cell(value) for value in row] for row in rows)


def safe_cell(value: object) -> object:
    """A cell on one line that no spreadsheet runs as a formula.

    >>> safe_cell("=1+1")
    "'=1+1"
    """
    if not isinstance(value, str):
        return value
    line = " ".join(value.split())
    return f"'{line}" if line.startswith(_FORMULA) else line
