"""The commands that keep calls for as long as they have to be kept. Slow imports are made by each."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from pipeline.cli.erase import DryRun, find_ids, find_places
from pipeline.cli.options import DEFAULT_DB, Db, Json, Overrides, SettingsFile, print_json, say
from pipeline.errors import UsageError

hold_app = typer.Typer(help="Keep calls from being erased: legal holds.", no_args_is_help=True)
Calls = Annotated[
    list[str],
    typer.Argument(
        metavar="CALL...",
        help="Recordings: a recording_id or its first digits, a call_ref, or a file name.",
        show_default=False,
    ),
]


@hold_app.command("add")
def add(
    calls: Calls,
    reason: Annotated[str, typer.Option(help="The matter.", show_default=False)],
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="Last day of the hold, in UTC.", show_default="until released"
        ),
    ] = None,
    db: Db = DEFAULT_DB,
) -> None:
    """Put calls on legal hold: neither `erase` nor a time that is over erases them."""
    from pipeline.store.legal_holds import place_holds  # noqa: PLC0415 - slow to import

    last: date | None = until.date() if until else None
    if not reason.strip():
        raise UsageError("no reason given", where="--reason", allowed="the matter, in words")
    if last is not None and last < datetime.now(UTC).date():
        raise UsageError("the hold would be over", where="--until", value=str(last), allowed="today or later")
    ids = find_ids(find_places(db, None, None), calls, None)
    place_holds(db, ids, reason.strip(), getpass.getuser(), last)
    say(f"{len(ids)} {'call' if len(ids) == 1 else 'calls'} on hold")


@hold_app.command("list")
def list_(db: Db = DEFAULT_DB, json: Json = False) -> None:
    """Print the holds that last, the oldest first."""
    from pipeline.store import reading  # noqa: PLC0415
    from pipeline.store.legal_holds import active_holds  # noqa: PLC0415

    with reading(db) as connection:
        holds = active_holds(connection)
    if json:
        print_json([asdict(hold) for hold in holds])
        return
    for hold in holds:
        until = f"  until {hold.until}" if hold.until else ""
        since = hold.placed_at.strftime("%Y-%m-%d")
        typer.echo(f"{hold.recording_id[:12]}  since {since}  by {hold.placed_by}{until}  {hold.reason}")
    if not holds:
        say("nothing is on hold")


@hold_app.command()
def release(calls: Calls, db: Db = DEFAULT_DB) -> None:
    """End all holds on calls."""
    from pipeline.store import reading  # noqa: PLC0415
    from pipeline.store.legal_holds import active_holds, release_holds  # noqa: PLC0415

    ids = find_ids(find_places(db, None, None), calls, None)
    with reading(db) as connection:
        held = {hold.recording_id for hold in active_holds(connection)}
    for id_ in ids:
        if id_ not in held:
            remedy = "see them with: earwitness hold list"
            raise UsageError("the recording is not on hold", value=id_, remedy=remedy)
    release_holds(db, ids, getpass.getuser())
    say(f"{len(ids)} {'hold' if len(ids) == 1 else 'holds'} released")


def retention(
    dry_run: DryRun = False,
    db: Db = DEFAULT_DB,
    settings: SettingsFile = None,
    overrides: Overrides = None,
    json: Json = False,
) -> None:
    """Erase the calls whose time by the settings of section `retention` is over, as every night does.

    Calls on legal hold stay.
    """
    from pipeline import settings as settings_  # noqa: PLC0415
    from pipeline.retention.due import apply_retention, find_due  # noqa: PLC0415
    from pipeline.retention.settle import settle  # noqa: PLC0415
    from pipeline.store import with_layout_of_now  # noqa: PLC0415

    given = settings_.load(settings, overrides or ())
    places = find_places(db, settings, overrides)
    with_layout_of_now(places.db)
    if not dry_run:
        settle(places)
    due = find_due(places, given.retention)
    erased = 0 if dry_run else apply_retention(places, given.retention)
    if json:
        by_queue = {queue or "": calls for queue, calls in due.by_queue.items()}
        figures = {"due": len(due.recording_ids), "held": due.held, "erased": erased, "by_queue": by_queue}
        print_json(figures)
        return
    for queue, calls in sorted(due.by_queue.items(), key=lambda one: one[0] or ""):
        typer.echo(f"{calls:>9,}  {queue or 'without a queue'}")
    if due.held:
        say(f"note: {due.held} calls stay, because they are on legal hold")
    say(f"{len(due.recording_ids)} calls would be erased" if dry_run else f"{erased} calls erased")


def receipts(db: Db = DEFAULT_DB, json: Json = False) -> None:
    """Check the receipts of erasures and print them. Exit code 2 if one was changed or left out."""
    from pipeline.retention.places import find_master  # noqa: PLC0415
    from pipeline.retention.receipts import read_receipts  # noqa: PLC0415

    places = find_places(db, None, None)
    found = read_receipts(places.receipts, find_master(places)) if places.receipts.exists() else ()
    if json:
        print_json(found)
        return
    for one in found:
        calls = len(one["recordings"])
        typer.echo(f"{one['number']}  {one['at']}  {one['by']}  {one['cause']}  {calls} recordings")
    say(f"{len(found)} receipts, none changed" if found else "nothing was erased")
