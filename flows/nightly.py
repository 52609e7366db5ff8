"""The nightly flow: the steps of `pipeline.archive.night` as Prefect tasks, and a report as an artifact."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

from prefect import flow, get_client, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.settings import PREFECT_API_URL

from pipeline import settings
from pipeline.archive import loader, night, plan
from pipeline.errors import UsageError
from pipeline.report.night import night_markdown
from pipeline.report.progress import progress_of_calls

P = ParamSpec("P")
T = TypeVar("T")

MOUNT_WAIT_S = 60


def step(function: Callable[P, T], name: str, *, retries: int = 0) -> Callable[P, T]:
    """`function` as a task that runs in this process.

    Prefect sees neither arguments nor results: models and an open store can be neither pickled nor hashed,
    and it would keep every word of every call until the end of the night.
    """

    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        results: list[T] = []

        @task(
            name=name,
            retries=retries,
            retry_delay_seconds=MOUNT_WAIT_S,
            cache_policy=NO_CACHE,
            persist_result=False,
        )
        def work() -> None:
            results.append(function(*args, **kwargs))

        work()
        return results[0]

    return run


STEPS = night.Steps(
    # The share with the archive may not be mounted yet; nothing later gets better by doing it again.
    discover=step(plan.discover, "discover", retries=2),
    plan=step(plan.make_plan, "plan"),
    analyse=step(night.analyse_batch, "analyse"),
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
) -> night.NightSummary:
    """Analyse what is new or changed in the folder `archive` into the store `db`.

    `metadata` is a manifest (default: the one at the archive's root), `overrides` are settings as
    `section.name=value`. `force` analyses everything again. `refresh_hours` is the time, in hours, in which
    calls are analysed again that the recogniser or the audio settings of now would hear differently. Raises
    UsageError for wrong parameters.
    """
    order = plan.RunRequest(
        paths=(archive,),
        db=db,
        metadata=metadata,
        settings=settings.load(settings_file, overrides),
        force=force,
        refresh_hours=refresh_hours,
    )
    engine = night.find_engine(order.settings)
    with progress_of_calls(sys.stderr) as progress:
        summary = night.run(order, engine, progress, STEPS)
    create_markdown_artifact(
        key="night", markdown=night_markdown(summary), description=f"Calls of {archive} into {db}"
    )
    return summary


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


def reach_prefect() -> None:
    """Start the temporary server, or find the configured one; UsageError if there is none."""
    fault: Exception | None
    try:
        with get_client(sync_client=True) as client:
            fault = client.api_healthcheck()
    except (RuntimeError, ValueError) as error:
        fault = error
    if fault is not None:
        raise UsageError(
            "cannot reach Prefect",
            where=PREFECT_API_URL.value() or "its temporary server",
            value=str(fault),
            remedy="start it, or unset PREFECT_API_URL, PREFECT_HOME and PREFECT_PROFILE for a temporary one",
        )
