"""The command that brings a store of an earlier release to the layout of this one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipeline.cli.options import DEFAULT_DB, Db, Json, Overrides, SettingsFile, print_json, say

if TYPE_CHECKING:
    from pipeline.settings import Settings


def migrate(
    db: Db = DEFAULT_DB,
    settings_file: SettingsFile = None,
    overrides: Overrides = None,
    json: Json = False,
) -> None:
    """Bring a store of an earlier release to the layout of this one, and mask calls stored in clear.

    The store is copied, the copy is changed and put in its place when it is complete, so that an
    interruption leaves the store as it was. Calls are masked in portions, and those of an interrupted run are
    not done again. Commands that write bring a store to the layout by themselves.
    """
    from pipeline.settings import load  # noqa: PLC0415 - slow to import
    from pipeline.store import migrate as carry_out  # noqa: PLC0415
    from pipeline.store.layout import CURRENT  # noqa: PLC0415

    settings = load(settings_file, overrides or ())
    done = carry_out(db, say)
    masked = _mask(db, settings)
    if json:
        before = done.before if done else CURRENT
        counts = {"migrated": done is not None, "from": before.version, "to": CURRENT.version}
        print_json(counts | {"masked": masked})
        return
    if done is not None:
        typer.echo(f"{db}: {done.recordings} recordings migrated from {done.before} to {done.after}")
    if masked:
        typer.echo(f"{db}: {masked} calls masked, and the file written anew")
    if done is None and not masked:
        typer.echo(f"nothing to be done: {db} has {CURRENT}")


def _mask(db: Path, settings: Settings) -> int:
    """Mask the calls that are stored in clear; returns their number."""
    from pipeline.archive.mask_stored import mask_stored  # noqa: PLC0415 - slow to import
    from pipeline.report.progress import progress_of_things  # noqa: PLC0415
    from pipeline.store import writing  # noqa: PLC0415
    from pipeline.weights.names import NameModel, required_name_weights  # noqa: PLC0415

    if settings.masking.profile == "off":
        return 0
    with writing(db) as writer:
        if not writer.unmasked():
            return 0
        names = NameModel(required_name_weights())
        with progress_of_things(sys.stderr, "masking", "calls") as watched:
            return mask_stored(writer, db, settings, names, watched).masked
