"""The files of a period's report: page and workbook."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.report.period import PeriodReport
from pipeline.report.period_page import period_page
from pipeline.report.period_sheets import period_workbook


def write_files(report: PeriodReport, folder: Path) -> tuple[Path, Path]:
    """Write `calls-2026-W47.html` and `.xlsx` into `folder`, replacing those that are there.

    Raises UsageError if they cannot be written.
    """
    stem = "-".join(["calls", report.period.name, *filter(None, (report.queue, report.team))])
    stem = re.sub(r"[^\w.-]+", "_", stem)
    page, workbook = folder / f"{stem}.html", folder / f"{stem}.xlsx"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, data in ((page, period_page(report).encode()), (workbook, period_workbook(report))):
            part = path.with_name(f".{path.name}.part")
            part.write_bytes(data)
            part.replace(path)
    except OSError as error:
        raise UsageError("cannot write the report", where=folder, value=error.strerror) from error
    return page, workbook
