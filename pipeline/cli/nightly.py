"""The commands that analyse recordings: `demo`, `analyse` and `nightly`."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pipeline.cli.options import (
    DEFAULT_DB,
    INTERRUPTED,
    SOME_BAD,
    Db,
    Force,
    Json,
    Metadata,
    Overrides,
    SettingsFile,
    Verbose,
    print_json,
    say,
)
from pipeline.cli.start_flow import find_night
from pipeline.errors import UsageError
from pipeline.notices import MOST, grouped
from pipeline.telemetry import prefer_private_prefect

if TYPE_CHECKING:
    from pipeline.archive.night import Engine, NightSummary
    from pipeline.archive.plan import RunRequest

Runner = Literal["local", "dask"]

DEMO_DB = Path("demo.duckdb")
DEMO_QUERY = "select call_ref, disclosure_status, hold_permission, agent_talk_ratio from call_summary"
MAX_TABLE = 40
"""A night with more calls than this prints its report without the table of calls."""

OUTDATED = (
    "{calls} stored calls were analysed with another recogniser, audio settings, methods or role cues; they "
    "stay as they are, unless you add --force, or run earwitness nightly --refresh-outdated --hours H"
)


def demo(db: Db = DEMO_DB, force: Force = False, verbose: Verbose = False) -> None:
    """Analyse the sample calls and print a line per call."""
    from importlib.resources import as_file, files  # noqa: PLC0415

    from pipeline.archive import night  # noqa: PLC0415

    _log_to_stderr(verbose)
    with as_file(files("pipeline.samples")) as samples, _interruptible():
        order = _order([samples], db, force=force)
        # Prefect takes long to start; that nothing is new is quickly said without it.
        engine = night.find_engine(order.settings)
        if night.pending(order, engine).todo:
            summary = _run_flow(order)
        else:
            summary = _run(order, engine)
            say("nothing new: the sample calls are stored already")
    _print_calls(db, summary.all_ids)
    program = "earwitness" if which("earwitness") else sys.argv[0]
    typer.echo(f'\nThe calls are in {db}. Ask it for example:\n  {program} sql --db {db} "{DEMO_QUERY}"')
    _finish(summary, bad=bool(_quarantined(db, summary.all_ids)))


def analyse(  # noqa: PLR0913, PLR0917 - one argument an option
    paths: Annotated[
        list[Path], typer.Argument(help="Audio files and folders to analyse.", show_default=False)
    ],
    db: Db = DEFAULT_DB,
    metadata: Metadata = None,
    settings: SettingsFile = None,
    overrides: Overrides = None,
    json: Json = False,
    force: Force = False,
    verbose: Verbose = False,
) -> None:
    """Analyse recordings and print a line per call.

    Recordings that are stored already and unchanged are skipped. Exit code 1 if a recording is in quarantine.
    """
    from pipeline.archive import night  # noqa: PLC0415

    _log_to_stderr(verbose)
    with _interruptible():
        order = _order(paths, db, metadata, settings, overrides, force=force)
        night.check(order)
        summary = _run(order, night.find_engine(order.settings))
    _print_calls(db, summary.all_ids, json=json, outdated=summary.outdated)
    _finish(summary, bad=bool(_quarantined(db, summary.all_ids)))


def nightly(  # noqa: PLR0913, PLR0917 - one argument an option
    archive: Annotated[
        Path, typer.Argument(help="The folder that contains the recordings.", show_default=False)
    ],
    db: Db = DEFAULT_DB,
    metadata: Metadata = None,
    settings: SettingsFile = None,
    overrides: Overrides = None,
    json: Json = False,
    force: Force = False,
    refresh_outdated: Annotated[
        bool,
        typer.Option(
            "--refresh-outdated",
            help="Also analyse outdated calls again: other recogniser, audio settings, methods or role cues.",
        ),
    ] = False,
    hours: Annotated[
        float | None,
        typer.Option(help="Start no batch of outdated calls later than this many hours."),
    ] = None,
    runner: Annotated[Runner, typer.Option(help="What analyses the calls.")] = "local",
    workers: Annotated[
        int | None,
        typer.Option(help="Processes of the local runner.  [default: from cores and memory]", min=0),
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of the Dask scheduler, such as tcp://host:8786.")
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print what would be done and how long it would take; do nothing.")
    ] = False,
    verbose: Verbose = False,
) -> None:
    """Analyse what is new in an archive, as a Prefect flow.

    Prints a report, and a line per new call if there are few. Exit code 1 if a recording is in quarantine.
    """
    _log_to_stderr(verbose)
    if refresh_outdated != (hours is not None):
        raise UsageError("missing option", allowed="--refresh-outdated together with --hours H, or neither")
    overrides = [*(overrides or ()), *_chosen_runner(runner, workers, scheduler)]
    if archive.is_file():
        raise UsageError("not a folder", where=archive, remedy="use `earwitness analyse` for single files")
    with _interruptible():
        order = _order([archive], db, metadata, settings, overrides, force=force)
        order = replace(order, refresh_hours=hours)
        if plan:
            _print_plan(order, json=json)
            return
        summary = _run_flow(order, settings, overrides)
    if not json:
        from pipeline.report.night import night_markdown  # noqa: PLC0415

        typer.echo(night_markdown(summary))
    if json or len(summary.new_ids) <= MAX_TABLE:
        _print_calls(db, summary.new_ids, json=json, outdated=summary.outdated)
    _finish(summary, bad=bool(summary.totals.quarantined))


def _print_plan(order: RunRequest, *, json: bool) -> None:
    """Print what a night would do."""
    from pipeline.archive import night  # noqa: PLC0415
    from pipeline.archive.forecast import foresee  # noqa: PLC0415
    from pipeline.report.night import plan_lines  # noqa: PLC0415

    foreseen = foresee(order, night.find_engine(order.settings))
    if json:
        print_json({**foreseen.counts, "audio_s": foreseen.audio_s, "hours": foreseen.hours})
        return
    for line in plan_lines(foreseen):
        typer.echo(line)


def _chosen_runner(runner: Runner, workers: int | None, scheduler: str | None) -> list[str]:
    """The settings that the options of the runner mean."""
    if runner == "dask":
        if workers is not None:
            raise UsageError("two runners requested", value="--runner dask --workers", allowed="one of them")
        # Without an address here, the settings give one.
        return [f"workers.scheduler={scheduler}"] if scheduler else []
    if scheduler is not None:
        raise UsageError("two runners requested", value="--scheduler", remedy="add --runner dask")
    return [] if workers is None else [f"workers.count={workers}"]


def _order(
    paths: Sequence[Path],
    db: Path,
    metadata: Path | None = None,
    settings_file: Path | None = None,
    overrides: Sequence[str] | None = None,
    *,
    force: bool,
) -> RunRequest:
    from pipeline import settings  # noqa: PLC0415

    loaded = settings.load(settings_file, overrides or ())
    from pipeline.archive.plan import RunRequest  # noqa: PLC0415 - slow to import; wrong settings are reported first

    return RunRequest(paths=tuple(paths), db=db, metadata=metadata, settings=loaded, force=force)


def _run(order: RunRequest, engine: Engine) -> NightSummary:
    """Carry out a run in this process, without Prefect."""
    from pipeline.archive import night  # noqa: PLC0415
    from pipeline.report.progress import progress_of_calls  # noqa: PLC0415

    with progress_of_calls(sys.stderr) as progress:
        return night.run(order, engine, progress)


def _run_flow(
    order: RunRequest, settings_file: Path | None = None, overrides: Sequence[str] | None = None
) -> NightSummary:
    """Carry out a run as a Prefect flow."""
    from pipeline.archive import night  # noqa: PLC0415

    # Wrong usage is reported now rather than after Prefect's start.
    night.check(order)
    night.find_engine(order.settings)
    private = prefer_private_prefect()
    say("starting a temporary Prefect, up to half a minute …" if private else "connecting to your Prefect …")
    start = find_night()
    try:
        return start(order, settings_file=settings_file, overrides=tuple(overrides or ()))
    except BaseException as error:
        # Prefect keeps the error, whose frames would keep the store open past the interpreter's end.
        traceback.clear_frames(error.__traceback__)
        raise


@contextmanager
def _interruptible() -> Iterator[None]:
    from pipeline.archive.signals import termination_interrupts  # noqa: PLC0415

    try:
        with termination_interrupts():
            yield
    except KeyboardInterrupt:
        say("interrupted; finished batches are kept")
        raise typer.Exit(INTERRUPTED) from None


def _print_calls(db: Path, ids: Sequence[str], *, json: bool = False, outdated: int = 0) -> None:
    """Print these calls, then those in quarantine; in JSON also how many are outdated."""
    from pipeline.report import tables, text  # noqa: PLC0415
    from pipeline.store import query  # noqa: PLC0415

    calls = text.as_dicts(query(db, tables.calls_sql(ids)))
    bad = _quarantined(db, ids)
    if json:
        rows = [row | {"status": "analysed"} for row in calls]
        rows += [row | {"status": "quarantined"} for row in bad]
        print_json(rows + ([{"status": "outdated", "calls": outdated}] if outdated else []))
        return
    if calls:
        tables.call_table(calls, sys.stdout)
    for reason in grouped((str(row["error"]) for row in bad), f"earwitness sql --db {db} 'FROM quarantine'"):
        typer.echo(f"quarantined: {reason}")


def _quarantined(db: Path, ids: Sequence[str]) -> list[dict[str, Any]]:
    from pipeline.report import tables, text  # noqa: PLC0415
    from pipeline.store import query  # noqa: PLC0415

    return text.as_dicts(query(db, tables.quarantine_sql(ids)))


def _finish(summary: NightSummary, *, bad: bool) -> None:
    """Write a summary to standard error; end with exit code 1 if a recording is `bad`."""
    from pipeline.report.night import summary_line  # noqa: PLC0415

    for problem in summary.problems + grouped(summary.duplicates):
        say(f"note: {problem}")
    for uri in summary.waiting[:MOST]:
        say(f"waiting: {uri} is still being written, left for the next run")
    for reason in grouped(unreadable.reason for unreadable in summary.unreadable):
        say(f"skipped: {reason}")
    if summary.outdated:
        say(f"note: {OUTDATED.format(calls=summary.outdated)}")
    say(summary_line(summary))
    if bad or summary.unreadable:
        raise typer.Exit(SOME_BAD)


def _log_to_stderr(verbose: bool) -> None:
    """Log warnings and errors to standard error, and Prefect's log only if `verbose`."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    handler.addFilter(lambda record: verbose or not record.name.startswith("prefect"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    if verbose:
        logging.getLogger("pipeline").setLevel(logging.INFO)
