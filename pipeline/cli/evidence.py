"""The command for auditors that writes evidence packs. Slow imports are made by the command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import DEFAULT_DB, Db, say

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
) -> None:
    """Write an evidence pack for one finding.

    The pack is a folder with a page, an audio clip, the words, the rule, the models and the settings.
    """
    from pipeline.audit.evidence import PAGE, write_pack  # noqa: PLC0415
    from pipeline.store import reading  # noqa: PLC0415

    with reading(db) as connection:
        notes = write_pack(connection, call, rule, out)
    for note in notes:
        say(f"note: {note}")
    typer.echo(out / PAGE)
