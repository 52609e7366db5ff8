"""The nightly flow: the steps of `pipeline.archive.night` as Prefect tasks, and its report as artifacts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from prefect import flow
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.runtime import flow_run

from flows.steps import ShownProgress, reach_prefect, step, tell_prefect
from pipeline import settings
from pipeline.archive import alerts, loader, night, plan
from pipeline.archive.places import find_place
from pipeline.permissions import private_files
from pipeline.report.night import night_markdown, night_rows
from pipeline.report.progress import progress_of_calls

STEPS = night.Steps(
    # The share with the archive may not be mounted yet; nothing later gets better by doing it again.
    discover=step(plan.discover, "discover", retries=2),
    plan=step(plan.make_plan, "plan"),
    analyse=step(night.transcribe_and_measure, "transcribe and measure batch"),
    load=step(loader.load, "load"),
    publish=step(loader.publish, "publish"),
)


@flow(name="nightly", persist_result=False)
def nightly(  # noqa: PLR0913, PLR0917 - one argument a parameter of the deployment
    archive: Path,
    db: Path,
    metadata: Path | None = None,
    settings_file: Path | None = None,
    overrides: tuple[str, ...] = (),
    force: bool = False,
    refresh_hours: float | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
) -> night.NightSummary:
    """Analyse what is new or changed in an archive. Raises UsageError for wrong parameters.

    Args:
        archive: Folder with the recordings.
        db: The store.
        metadata: Manifest with business facts; by default the one at the archive's root.
        settings_file: TOML file with settings.
        overrides: Settings as `section.name=value`.
        force: Analyse everything again.
        refresh_hours: Time, in hours, in which calls are analysed again that the recogniser or the audio
            settings of now would hear differently.
        workers: Number of processes; by default from the cores and the memory.
        scheduler: Address of a Dask scheduler whose workers are used instead.
    """
    chosen = {"workers.count": workers, "workers.scheduler": scheduler}
    overrides = (*overrides, *(f"{name}={value}" for name, value in chosen.items() if value is not None))
    private_files()
    order = plan.RunRequest(
        paths=(archive,),
        db=db,
        metadata=metadata,
        settings=settings.load(settings_file, overrides),
        force=force,
        refresh_hours=refresh_hours,
        name=f"night {flow_run.get_name()}",
    )
    try:
        summary = _run(order)
    except Exception as error:
        told = (alerts.failed(db, error),)
        tell_prefect(told, db)
        alerts.send(told, order.settings.alerts)
        raise
    description = f"Calls of {archive} into {db}"
    create_markdown_artifact(key="night", markdown=night_markdown(summary), description=description)
    create_table_artifact(key="night-counts", table=list(night_rows(summary)), description=description)
    drifts = alerts.after_night(db)
    tell_prefect(drifts, db)
    alerts.send(drifts, order.settings.alerts)
    return summary


def _run(order: plan.RunRequest) -> night.NightSummary:
    engine = night.find_engine(order.settings)
    place = find_place(order.settings, engine, night.parts_of(order))
    with progress_of_calls(sys.stderr) as progress:
        return night.run(order, engine, ShownProgress(progress), STEPS, place)


def start(
    order: plan.RunRequest, *, settings_file: Path | None = None, overrides: Sequence[str] = ()
) -> night.NightSummary:
    """Carry out `order` as the flow `nightly`; registered in pyproject.toml for the program to find.

    The flow loads its settings from `settings_file` and `overrides`, which are its parameters in Prefect.
    Raises UsageError where Prefect cannot be reached.
    """
    reach_prefect()
    return nightly(
        archive=order.paths[0],
        db=order.db,
        metadata=order.metadata,
        settings_file=settings_file,
        overrides=tuple(overrides),
        force=order.force,
        refresh_hours=order.refresh_hours,
    )
