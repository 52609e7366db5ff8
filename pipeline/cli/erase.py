"""The commands that erase calls, and that keep them from being erased. Slow imports are made by each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import DEFAULT_DB, Db, Json, Overrides, SettingsFile, print_json, say
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.retention.erase import Erasure
    from pipeline.retention.places import Places

Calls = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="CALL...",
        help="Recordings: a recording_id or its first digits, a call_ref, or a file name.",
        show_default=False,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be erased, and change nothing.")]


def erase(  # noqa: PLR0913, PLR0917 - one argument an option
    calls: Calls = None,
    customer: Annotated[
        str | None, typer.Option(metavar="REF", help="All calls with this customer_ref.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option(help="Number of the matter, for the receipt; no name or value of the call.")
    ] = None,
    dry_run: DryRun = False,
    db: Db = DEFAULT_DB,
    settings: SettingsFile = None,
    overrides: Overrides = None,
    json: Json = False,
) -> None:
    """Erase calls for good: from the store, parts, reviews and exports, and from what later nights take in.

    The recordings in the archive stay: delete them there. Writes a receipt to <db>.receipts.jsonl. A call on
    legal hold is refused.
    """
    from pipeline.retention.erase import Request, foresee  # noqa: PLC0415 - slow to import
    from pipeline.retention.erase import erase as carry_out  # noqa: PLC0415
    from pipeline.retention.settle import settle  # noqa: PLC0415

    if bool(calls) == (customer is not None):
        raise UsageError("no calls given", allowed="calls, or --customer REF")
    places = find_places(db, settings, overrides)
    if not dry_run:
        settle(places)
    ids = find_ids(places, calls or (), customer)
    request = Request(cause="request", reason=reason)
    if dry_run:
        _show(foresee(places, ids, request), json=json, number=None)
        say("nothing was changed")
        return
    erasure, number = carry_out(places, ids, request)
    _show(erasure, json=json, number=number)
    say("the recordings in the archive and in backups are as they were: delete them there")


def find_places(db: Path, settings: Path | None, overrides: list[str] | None) -> Places:
    """The places of a store by the settings."""
    from pipeline import settings as settings_  # noqa: PLC0415
    from pipeline.retention.places import places_of  # noqa: PLC0415

    return places_of(db, settings_.load(settings, overrides or ()))


def find_ids(places: Places, calls: list[str] | tuple[str, ...], customer: str | None) -> tuple[str, ...]:
    """The recordings that are meant. Raises UsageError where there is none."""
    from pipeline.audit.lookup import find_recording  # noqa: PLC0415
    from pipeline.retention.waiting import ids_in_parts, named_in_parts  # noqa: PLC0415
    from pipeline.store import reading, with_layout_of_now  # noqa: PLC0415
    from pipeline.store.erasing import of_customer  # noqa: PLC0415

    with_layout_of_now(places.db)
    with reading(places.db) as connection:
        if customer is not None:
            found = {*of_customer(connection, customer), *named_in_parts(places.parts, customer_ref=customer)}
            if not found:
                raise UsageError("no call of this customer", where="--customer", value=customer)
            return tuple(sorted(found))
        waiting = ids_in_parts(places.parts)
        return tuple(
            dict.fromkeys(call if call in waiting else find_recording(connection, call) for call in calls)
        )


def _show(erasure: Erasure, *, json: bool, number: int | None) -> None:
    figures = {
        "recordings": len(erasure.recordings),
        "rows": sum(erasure.rows.values()),
        "in_parts": erasure.in_parts,
        "reviews": erasure.reviews,
        "exports": erasure.exports,
        "files_gone": erasure.files_gone,
        "keys": erasure.keys,
        "receipt": number,
    }
    if json:
        print_json(figures | {"checked": erasure.checked})
        return
    words = f"{figures['recordings']} recordings: {figures['rows']:,} rows, {erasure.in_parts} in parts"
    words += f", {erasure.reviews} rows of reviews, {erasure.exports} exports, {erasure.keys} keys"
    if erasure.files_gone:
        say(f"note: {erasure.files_gone} exported files were moved or deleted before; see who has them")
    if erasure.checked:
        checked = erasure.checked
        say(f"checked: {checked['values']} values are in none of {checked['bytes']:,} bytes that stay")
        if checked["shared"]:
            say(f"note: {checked['shared']} of them belong to other calls too, and stay there")
    typer.echo(words if number is None else f"erased {words}; receipt {number}")
