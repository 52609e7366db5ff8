"""The commands that show clear data, and who has seen them. Slow imports are made by the command."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from pipeline.cli.options import DEFAULT_DB, Db, Json, Reason, checked_reason, print_json


def reveal(
    call: Annotated[
        str,
        typer.Argument(
            help="A recording_id or its first digits, a call_ref, or a file name.", show_default=False
        ),
    ],
    db: Db = DEFAULT_DB,
    reason: Reason = None,
    json: Json = False,
) -> None:
    """Show what was said in a call with its masked words in clear; needs --reason.

    Security codes, PINs and one-time codes are not kept and stay masked.
    """
    from pipeline.audit.reveal import opening  # noqa: PLC0415
    from pipeline.audit.reveal import reveal as turns_of  # noqa: PLC0415
    from pipeline.store import reading  # noqa: PLC0415

    opened = opening(db, checked_reason(reason))
    with reading(db) as connection:
        turns = list(turns_of(connection, call, opened))
    if json:
        print_json([asdict(turn) for turn in turns])
    for turn in () if json else turns:
        typer.echo(f"{turn.start_s:7.1f}  {turn.role:<8}  {turn.text}")


def trail(
    db: Db = DEFAULT_DB,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check that no line was changed, moved or left out.")
    ] = False,
    json: Json = False,
) -> None:
    """Show who has seen clear data of which calls, when and why."""
    from pipeline.audit.reveal import trail_of  # noqa: PLC0415

    kept = trail_of(db)
    if verify:
        number = kept.verify()
        if json:
            print_json({"lines": number, "whole": True})
        else:
            typer.echo(f"the access trail is whole: {number} lines")
        return
    lines = kept.lines()
    if json:
        print_json(lines)
        return
    for line in lines:
        ids = ", ".join(str(id_)[:12] for id_ in line["recordings"])  # type: ignore[attr-defined]
        typer.echo(f"{line['at']}  {line['login']}  {line['what']}  {ids}  {line['reason']}")
    if not lines:
        typer.echo("nobody has seen clear data")
