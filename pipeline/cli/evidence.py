"""The command for auditors that writes evidence packs. Slow imports are made by the command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import DEFAULT_DB, Clear, Db, Reason, checked_reason, say

Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to create.", show_default=False)]


def evidence(
    call: Annotated[
        str,
        typer.Argument(
            help="A recording_id or its first digits, a call_ref, or a file name.", show_default=False
        ),
    ],
    rule: Annotated[str, typer.Argument(help="The rule's id.", show_default=False)],
    out: Out,
    db: Db = DEFAULT_DB,
    clear: Clear = False,
    reason: Reason = None,
) -> None:
    """Write an evidence pack for one finding.

    The pack is a folder with a page, an audio clip, the words, the rule, the models and the settings.
    Personal data are masked in it, in words and sound.
    """
    from pipeline.audit.evidence import PAGE, write_pack  # noqa: PLC0415
    from pipeline.audit.lookup import find_recording  # noqa: PLC0415
    from pipeline.audit.reveal import opening  # noqa: PLC0415
    from pipeline.retention.exports import note_export  # noqa: PLC0415
    from pipeline.store import reading  # noqa: PLC0415

    opened = opening(db, checked_reason(reason)) if clear else None
    with reading(db) as connection:
        notes = write_pack(connection, call, rule, out, opened)
        note_export(db, "evidence", out, [find_recording(connection, call)])
    for note in notes:
        say(f"note: {note}")
    typer.echo(out / PAGE)
