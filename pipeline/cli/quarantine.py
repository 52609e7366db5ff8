"""`earwitness quarantine`: the recordings that could not be analysed, and what is to become of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import DEFAULT_DB, Db, Json, print_json, say
from pipeline.errors import UsageError

quarantine_app = typer.Typer(
    help="List the recordings that could not be analysed; have them tried again, or give them up.",
    no_args_is_help=True,
)

Calls = Annotated[
    list[str] | None,
    typer.Argument(
        help="Recordings: a recording_id or its first digits, a call_ref, or a file name.", show_default=False
    ),
]
All = Annotated[bool, typer.Option("--all", help="All that are listed.")]


@quarantine_app.command("list")
def list_(db: Db = DEFAULT_DB, json: Json = False) -> None:
    """Print the recordings in quarantine, the oldest first, with the reason."""
    from pipeline.report.text import as_dicts  # noqa: PLC0415 - slow to import
    from pipeline.store.quarantine import quarantined  # noqa: PLC0415

    rows = as_dicts(quarantined(db))
    if json:
        print_json(rows)
        return
    for row in rows:
        again = "  (tried again by the next run)" if row["retry"] else ""
        typer.echo(f"{row['recording_id'][:12]}  {row['failure_kind'] or 'file'}  {row['error']}{again}")
    if not rows:
        say("nothing is in quarantine")


@quarantine_app.command()
def retry(calls: Calls = None, every: All = False, db: Db = DEFAULT_DB) -> None:
    """Have the next run analyse recordings again; also those that were dropped."""
    _choose(db, calls, "retry", every=every)


@quarantine_app.command()
def drop(calls: Calls = None, every: All = False, db: Db = DEFAULT_DB) -> None:
    """Give recordings up: runs skip their files, until their content changes."""
    _choose(db, calls, "drop", every=every)


def _choose(db: Path, calls: list[str] | None, choice: str, *, every: bool) -> None:
    from pipeline.audit.lookup import find_recording  # noqa: PLC0415 - slow to import
    from pipeline.store import reading, writing  # noqa: PLC0415
    from pipeline.store.quarantine import ids_in_quarantine, quarantined  # noqa: PLC0415

    if every == bool(calls):
        raise UsageError("no recordings given", allowed="recordings, or --all for all that are listed")
    if every:
        chosen = [str(row[0]) for row in quarantined(db).rows]
    else:
        with reading(db) as connection:
            chosen = list(dict.fromkeys(find_recording(connection, call) for call in calls or ()))
            bad = ids_in_quarantine(connection)
        for id_, call in zip(chosen, calls or (), strict=False):
            if id_ not in bad:
                remedy = "see them with: earwitness quarantine list"
                raise UsageError("the recording is not in quarantine", value=call, remedy=remedy)
    if chosen:
        with writing(db) as writer:
            writer.choose(chosen, "retry" if choice == "retry" else "drop")
            writer.publish()
    done = "will be tried again by the next run" if choice == "retry" else "dropped"
    say(f"{len(chosen)} {'recording' if len(chosen) == 1 else 'recordings'} {done}")
