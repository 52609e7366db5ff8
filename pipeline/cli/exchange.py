"""The commands that exchange calls with other programs. Slow imports are made by each command."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import DEFAULT_DB, Db, Json, Overrides, SettingsFile, print_json, say
from pipeline.errors import UsageError
from pipeline.notices import MOST


def export(
    call: Annotated[
        str | None,
        typer.Argument(
            help="A recording_id or its first digits, a call_ref, or a file name.", show_default=False
        ),
    ] = None,
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="json, vcon, rttm, webvtt, srt, ctm or amazon; parquet together with --all.",
        ),
    ] = "json",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="PATH",
            help="The file to write; the folder to create, of parquet.",
            show_default="standard output",
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="The whole store, as parquet.")] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Do not leave out personal data.")] = False,
    db: Db = DEFAULT_DB,
) -> None:
    """Write a call, or the whole store, in a format that other programs read.

    In the formats of one call, what gives personal data is replaced by its kind, unless --clear is given.
    """
    from pipeline.audit.lookup import find_recording  # noqa: PLC0415
    from pipeline.export.formats import FORMATS, TABLES, export_call, write_whole  # noqa: PLC0415
    from pipeline.retention.exports import note_export  # noqa: PLC0415
    from pipeline.store import reading  # noqa: PLC0415

    if every != (format_ == TABLES) or every == (call is not None):
        allowed = f"CALL with one of {', '.join(FORMATS)}; --all with {TABLES}"
        value = " ".join(filter(None, [call, "--all" if every else "", f"--format {format_}"]))
        raise UsageError("a format and calls that do not go together", value=value, allowed=allowed)
    if call is None:
        typer.echo(_export_all(db, out))
        return
    with reading(db) as connection:
        text, notes = export_call(connection, call, format_, clear=clear)
        recording_id = find_recording(connection, call)
    for note in notes:
        say(f"note: {note}")
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_whole(out, text)
        note_export(db, format_, out, [recording_id])
        typer.echo(out)


def _export_all(db: Path, out: Path | None) -> Path:
    """Write the whole store; returns the manifest."""
    from pipeline.export.parquet import export_store  # noqa: PLC0415
    from pipeline.retention.exports import note_export  # noqa: PLC0415
    from pipeline.store import reading  # noqa: PLC0415

    folder = out or db.with_name(f"{db.stem}-parquet")
    with reading(db) as connection:
        manifest = export_store(connection, folder)
    note_export(db, "parquet", folder, None)
    return manifest


def import_events(
    paths: Annotated[
        list[Path], typer.Argument(help="Files, or folders of files, to import.", show_default=False)
    ],
    db: Db = DEFAULT_DB,
    settings: SettingsFile = None,
    overrides: Overrides = None,
    json: Json = False,
) -> None:
    """Import events that the telephone system gave: holds above all.

    Reads vCons, Genesys conversations, Amazon Connect contact records, and tables in CSV or JSON lines.
    Compare them with what was heard in view hold_agreement.
    """
    from pipeline import settings as settings_  # noqa: PLC0415
    from pipeline.telephony.imports import import_files  # noqa: PLC0415

    done = import_files(db, paths, settings_.load(settings, overrides or ()).metadata)
    for name in done.unknown[:MOST]:
        say(f"note: no stored call is named {name}")
    if len(done.unknown) > MOST:
        say(f"note: and {len(done.unknown) - MOST} more")
    if done.without_offset:
        say(f"note: clocks taken as equal in {done.without_offset} calls: nothing heard to compare with")
    if json:
        print_json(asdict(done))
    else:
        typer.echo(f"{done.new} new events of {done.calls} calls from {done.files} files")
