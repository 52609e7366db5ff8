"""The program `earwitness`. Modules that are slow to import are imported by the command that needs them."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.evidence import evidence
from pipeline.cli.migrate import migrate
from pipeline.cli.options import (
    DEFAULT_DB,
    INTERRUPTED,
    SOME_BAD,
    WRONG_USAGE,
    Db,
    Force,
    Json,
    Metadata,
    Overrides,
    SettingsFile,
    print_json,
    say,
)
from pipeline.cli.review import review
from pipeline.cli.rules import recheck, rules_app
from pipeline.cli.spotcheck import spotcheck_app
from pipeline.cli.start_flow import find_night
from pipeline.errors import EarwitnessError, UsageError
from pipeline.notices import MOST, grouped
from pipeline.telemetry import prefer_private_prefect, silence

if TYPE_CHECKING:
    from pipeline.archive.night import Engine, NightSummary
    from pipeline.archive.plan import RunRequest

DEMO_DB = Path("demo.duckdb")
DEMO_QUERY = "select call_ref, disclosure_status, hold_permission, agent_talk_ratio from call_summary"
MAX_TABLE = 40
"""A night with more calls than this prints its report without the table of calls."""

OUTDATED = (
    "{calls} stored calls were analysed with another recogniser, audio settings, methods or role cues; they "
    "stay as they are, unless you add --force, or run earwitness nightly --refresh-outdated --hours H"
)

app = typer.Typer(
    help="Analyse recorded calls: who spoke when, what was said, holds, interruptions and rules.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(rules_app, name="rules")
app.add_typer(spotcheck_app, name="spotcheck")
app.command()(evidence)
app.command()(recheck)
app.command()(migrate)
app.command()(review)

Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Write Prefect's log to standard error.")]


def main() -> None:
    """Run the program; the exit code is 0, 1 (some recordings quarantined) or 2 (wrong usage)."""
    silence()
    try:
        app()
    except EarwitnessError as error:
        say(f"earwitness: {error}")
        sys.exit(WRONG_USAGE)
    except BrokenPipeError:
        # The reader has enough; the interpreter's own flush at exit must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _show_version(wanted: bool) -> None:
    if wanted:
        from pipeline import __version__  # noqa: PLC0415

        typer.echo(f"earwitness {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None: ...


@app.command()
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


@app.command()
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


@app.command()
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
    verbose: Verbose = False,
) -> None:
    """Analyse what is new in an archive, as a Prefect flow.

    Prints a report, and a line per new call if there are few. Exit code 1 if a recording is in quarantine.
    """
    _log_to_stderr(verbose)
    if refresh_outdated != (hours is not None):
        raise UsageError("missing option", allowed="--refresh-outdated together with --hours H, or neither")
    if archive.is_file():
        raise UsageError("not a folder", where=archive, remedy="use `earwitness analyse` for single files")
    with _interruptible():
        order = _order([archive], db, metadata, settings, overrides, force=force)
        summary = _run_flow(replace(order, refresh_hours=hours), settings, overrides)
    if not json:
        from pipeline.report.night import night_markdown  # noqa: PLC0415

        typer.echo(night_markdown(summary))
    if json or len(summary.new_ids) <= MAX_TABLE:
        _print_calls(db, summary.new_ids, json=json, outdated=summary.outdated)
    _finish(summary, bad=bool(summary.totals.quarantined))


@app.command()
def sql(
    statement: Annotated[
        str, typer.Argument(metavar="SQL", help="A query in DuckDB's SQL.", show_default=False)
    ],
    db: Db = DEFAULT_DB,
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Query the store, which is opened read-only."""
    from pipeline.report import tables, text  # noqa: PLC0415
    from pipeline.store import query  # noqa: PLC0415

    if json and csv:
        raise UsageError("two formats requested", value="--json --csv", allowed="one of them")
    table = query(db, statement)
    if json:
        typer.echo(text.as_json(text.as_dicts(table)))
    elif csv:
        typer.echo(text.as_csv(table), nl=False)
    else:
        tables.answer(table, sys.stdout)


@app.command()
def doctor(
    db: Db = DEFAULT_DB, settings: SettingsFile = None, overrides: Overrides = None, json: Json = False
) -> None:
    """Check weights, decoders, hardware and store.

    Exit code 2 if a check fails.
    """
    from pipeline import settings as settings_  # noqa: PLC0415
    from pipeline.doctor import examine  # noqa: PLC0415

    checks = []
    for check in examine(settings_.load(settings, overrides or ()), db):
        checks.append(check)
        if not json:
            typer.echo(f"{'ok ' if check.ok else 'BAD'}  {check.name:9}  {check.text}")
    if json:
        print_json([asdict(check) for check in checks])
    if not all(check.ok for check in checks):
        raise typer.Exit(WRONG_USAGE)


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
    try:
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
