"""The flow that erases calls whose time is over, for sites that do not run a night every day."""

from __future__ import annotations

from pathlib import Path

from prefect import flow
from prefect.artifacts import create_table_artifact

from flows.steps import step
from pipeline import settings
from pipeline.retention.due import Due, apply_retention, find_due
from pipeline.retention.places import places_of
from pipeline.retention.settle import settle


@flow(name="retention", persist_result=False)
def retention(
    db: Path,
    settings_file: Path | None = None,
    overrides: tuple[str, ...] = (),
    dry_run: bool = False,
) -> str:
    """Erase the calls whose time by the settings of section `retention` is over. Returns it in one line.

    Args:
        db: The store.
        settings_file: TOML file with settings.
        overrides: Settings as `section.name=value`.
        dry_run: Say what would be erased, and change nothing.
    """
    given = settings.load(settings_file, overrides)
    places = places_of(db, given)
    if not dry_run:
        step(settle, "settle")(places)
    due = step(find_due, "find due")(places, given.retention)
    erased = 0 if dry_run else step(apply_retention, "erase")(places, given.retention)
    line = _line(due, erased, dry_run=dry_run)
    table = [{"queue": queue or "without a queue", "calls": calls} for queue, calls in due.by_queue.items()]
    create_table_artifact(key="retention", table=table, description=line)
    return line


def _line(due: Due, erased: int, *, dry_run: bool) -> str:
    held = f", {due.held} stay on legal hold" if due.held else ""
    return (f"{len(due.recording_ids)} calls would be erased" if dry_run else f"{erased} calls erased") + held
