"""The report of a period on the command line. Slow imports are made by the function."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import DEFAULT_DB, Db, Overrides, SettingsFile


def report(  # noqa: PLR0913, PLR0917 - one argument an option
    period: Annotated[
        str, typer.Option(help="2026-W47, 2026-11, 2026-Q4, 2026-11-20 or 2026.", show_default=False)
    ],
    queue: Annotated[str | None, typer.Option(help="Only calls of this queue.")] = None,
    team: Annotated[str | None, typer.Option(help="Only calls of this team.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FOLDER", help="The folder for both files.", show_default="the current one"
        ),
    ] = None,
    db: Db = DEFAULT_DB,
    settings: SettingsFile = None,
    overrides: Overrides = None,
) -> None:
    """Write a report of a period: one HTML page and one workbook (.xlsx).

    Days are those of the setting metadata.timezone.
    """
    from pipeline import settings as settings_  # noqa: PLC0415

    zone = settings_.load(settings, overrides or ()).metadata.timezone
    for path in write_period(db, period, zone=zone, queue=queue, team=team, out=out or Path()):
        typer.echo(path)


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
    from pipeline.store import reading  # noqa: PLC0415

    period = read_period(name, zone)
    with reading(db) as connection:
        return write_files(period_report(connection, period, queue=queue, team=team), out)
