"""The commands that show clear data, and who has seen them. Slow imports are made by the command."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from pipeline.cli.options import (
    DEFAULT_DB,
    Db,
    Json,
    Overrides,
    Reason,
    SettingsFile,
    checked_reason,
    print_json,
)
from pipeline.errors import UsageError

Call = Annotated[
    str,
    typer.Argument(
        help="A recording_id or its first digits, a call_ref, or a file name.", show_default=False
    ),
]


def reveal(
    call: Call,
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


mask_app = typer.Typer(help="Mask what was missed.", no_args_is_help=True)
Seconds = Annotated[float, typer.Argument(min=0, help="Seconds from the start.", show_default=False)]


@mask_app.command("add")
def add(
    call: Call,
    start: Seconds,
    end: Seconds,
    db: Db = DEFAULT_DB,
    settings_file: SettingsFile = None,
    overrides: Overrides = None,
) -> None:
    """Mask what is said in a call from one second to another, by whoever says it.

    The words are sealed with those that were masked before, and the store is written anew.
    """
    from pipeline.archive.mask_stored import add_mask  # noqa: PLC0415
    from pipeline.audit.lookup import find_recording  # noqa: PLC0415
    from pipeline.settings import load  # noqa: PLC0415
    from pipeline.spans import Span  # noqa: PLC0415
    from pipeline.store import reading, writing  # noqa: PLC0415

    if end <= start:
        what = "a stretch that ends before it begins"
        raise UsageError(what, value=f"{start:g} to {end:g}", allowed="two times in order, in seconds")
    with reading(db) as connection:
        recording_id = find_recording(connection, call)
    with writing(db) as writer:
        words = add_mask(writer, db, recording_id, Span(start, end), load(settings_file, overrides or ()))
    typer.echo(f"{words} words are masked")


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
