"""The report of a period on the command line. Slow imports are made by the function."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import (
    DEFAULT_DB,
    Clear,
    Db,
    Overrides,
    Reason,
    SettingsFile,
    checked_reason,
    say,
)
from pipeline.errors import UsageError


class Sound(StrEnum):
    """Where and how the sound of a call is written."""

    small = "small"
    exact = "exact"
    beside = "beside"
    none = "none"


def report(  # noqa: PLR0913, PLR0917 - one argument an option
    call: Annotated[
        str | None,
        typer.Argument(
            help="A call: a recording_id or its first digits, a call_ref, or a file name.", show_default=False
        ),
    ] = None,
    period: Annotated[
        str | None,
        typer.Option(
            help="Instead, a period: 2026-W47, 2026-11, 2026-Q4, 2026-11-20 or 2026.", show_default=False
        ),
    ] = None,
    queue: Annotated[str | None, typer.Option(help="Only calls of this queue.")] = None,
    team: Annotated[str | None, typer.Option(help="Only calls of this team.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="PATH",
            help="The page of a call, or the folder for the files of a period.",
            show_default="in the current folder",
        ),
    ] = None,
    sound: Annotated[
        Sound,
        typer.Option(
            help="Of a call: MP3 in its page (beside it above 15 minutes), exact as WAV, beside, or none."
        ),
    ] = Sound.small,
    show: Annotated[bool, typer.Option("--open", help="Open the page of the call in a browser.")] = False,
    clear: Clear = False,
    reason: Reason = None,
    db: Db = DEFAULT_DB,
    settings: SettingsFile = None,
    overrides: Overrides = None,
) -> None:
    """Write a report of a call, or of a period.

    The report of a call is one HTML page with its verdicts, timeline, transcript, sound and measures; what is
    masked stays so. That of a period is a page and a workbook (.xlsx), with days of the setting
    metadata.timezone.
    """
    if (call is None) == (period is None):
        remedy = "give a call, or --period"
        raise UsageError("a report is of one call or of one period", allowed="one of both", remedy=remedy)
    if call is not None:
        _write_call(db, call, out, sound, show=show, reason=checked_reason(reason) if clear else None)
        return
    assert period is not None
    from pipeline import settings as settings_  # noqa: PLC0415

    zone = settings_.load(settings, overrides or ()).metadata.timezone
    for path in write_period(db, period, zone=zone, queue=queue, team=team, out=out or Path()):
        typer.echo(path)


def _write_call(
    db: Path, call: str, out: Path | None, sound: Sound, *, show: bool, reason: str | None
) -> None:
    from pipeline.audit.call_page import write_report, written_files  # noqa: PLC0415
    from pipeline.audit.lookup import find_recording  # noqa: PLC0415
    from pipeline.audit.reveal import opening  # noqa: PLC0415
    from pipeline.retention.exports import note_export  # noqa: PLC0415
    from pipeline.store import reading  # noqa: PLC0415

    opened = None if reason is None else opening(db, reason)
    with reading(db) as connection:
        page, notes = write_report(connection, call, out, sound.value, opened)
        recording_id = find_recording(connection, call)
    for path in written_files(page):
        note_export(db, "report", path, [recording_id])
    for note in notes:
        say(f"note: {note}")
    typer.echo(page)
    if show:
        typer.launch(str(page))


def write_period(
    db: Path, name: str, *, zone: str, queue: str | None, team: str | None, out: Path
) -> Sequence[Path]:
    """Write page and workbook of the period `name` into the folder `out`; returns their paths.

    Files of the same period and filters are replaced. Raises UsageError for a text that is no period, an
    unknown queue or team, and a folder that cannot be written.
    """
    from pipeline.report.calendar import read_period  # noqa: PLC0415
    from pipeline.report.period import period_report  # noqa: PLC0415
    from pipeline.report.period_files import write_files  # noqa: PLC0415
    from pipeline.retention.exports import note_export  # noqa: PLC0415
    from pipeline.store import reading  # noqa: PLC0415

    period = read_period(name, zone)
    with reading(db) as connection:
        found = period_report(connection, period, queue=queue, team=team)
    paths = write_files(found, out)
    for path in paths:
        note_export(db, "period", path, [gap["recording_id"] for gap in found.gaps])
    return paths
