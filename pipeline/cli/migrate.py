"""The command that brings a store of an earlier release to the layout of this one."""

from __future__ import annotations

import typer

from pipeline.cli.options import DEFAULT_DB, Db, Json, print_json, say


def migrate(db: Db = DEFAULT_DB, json: Json = False) -> None:
    """Bring a store of an earlier release to the layout of this one.

    The store is copied, the copy is changed and put in its place when it is complete, so that an
    interruption leaves the store as it was. Commands that write do this by themselves.
    """
    from pipeline.store import migrate as carry_out  # noqa: PLC0415 - slow to import
    from pipeline.store.layout import CURRENT  # noqa: PLC0415

    done = carry_out(db, say)
    if json:
        before = done.before if done else CURRENT
        print_json({"migrated": done is not None, "from": before.version, "to": CURRENT.version})
    elif done is None:
        typer.echo(f"nothing to be done: {db} has {CURRENT}")
    else:
        typer.echo(f"{db}: {done.recordings} recordings migrated from {done.before} to {done.after}")
