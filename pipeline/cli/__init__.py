"""The program `earwitness`. Heavy imports wait until a command needs them."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.evidence import evidence, spotcheck
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
from pipeline.cli.rules import recheck, rules_app
from pipeline.cli.start_flow import find_night
from pipeline.errors import EarwitnessError, UsageError
from pipeline.telemetry import prefer_private_prefect, silence

if TYPE_CHECKING:
    from pipeline.archive.night import Engine, NightSummary
    from pipeline.archive.plan import RunRequest

DEMO_DB = Path("demo.duckdb")
DEMO_QUERY = "select call_ref, disclosure_status, hold_permission, agent_talk_ratio from call_summary"
MAX_TABLE = 40
"""A night of more calls prints its report alone."""

app = typer.Typer(
    help="Call-centre audio analytics: recorded calls in, facts that stand up in an audit out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(rules_app, name="rules")
app.command()(evidence)
app.command()(spotcheck)
app.command()(recheck)

Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log to standard error what Prefect does.")]


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
    """Analyse the sample calls, as a night would."""
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
    paths: Annotated[list[Path], typer.Argument(help="Audio files and folders.", show_default=False)],
    db: Db = DEFAULT_DB,
    metadata: Metadata = None,
    settings: SettingsFile = None,
    overrides: Overrides = None,
    json: Json = False,
    force: Force = False,
    verbose: Verbose = False,
) -> None:
    """Analyse recordings and print a line per call."""
    from pipeline.archive import night  # noqa: PLC0415

    _log_to_stderr(verbose)
    with _interruptible():
        order = _order(paths, db, metadata, settings, overrides, force=force)
        night.check(order)
        summary = _run(order, night.find_engine(order.settings))
    _print_calls(db, summary.all_ids, json=json)
    _finish(summary, bad=bool(_quarantined(db, summary.all_ids)))


@app.command()
def nightly(  # noqa: PLR0913, PLR0917 - one argument an option
    archive: Annotated[Path, typer.Argument(help="The folder with the recordings.", show_default=False)],
    db: Db = DEFAULT_DB,
    metadata: Metadata = None,
    settings: SettingsFile = None,
    overrides: Overrides = None,
    json: Json = False,
    force: Force = False,
    verbose: Verbose = False,
) -> None:
    """Analyse what is new in an archive, as a Prefect flow, and print the night's report."""
    _log_to_stderr(verbose)
    if archive.is_file():
        raise UsageError("not a folder", where=archive, remedy="use `earwitness analyse` for single files")
    with _interruptible():
        summary = _run_flow(
            _order([archive], db, metadata, settings, overrides, force=force), settings, overrides
        )
    if not json:
        from pipeline.report.tables import night_markdown  # noqa: PLC0415

        typer.echo(night_markdown(summary))
    if json or len(summary.new_ids) <= MAX_TABLE:
        _print_calls(db, summary.new_ids, json=json)
    _finish(summary, bad=bool(summary.totals.quarantined))


@app.command()
def sql(
    statement: Annotated[str, typer.Argument(metavar="SQL", help="A query.", show_default=False)],
    db: Db = DEFAULT_DB,
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="CSV on standard output.")] = False,
) -> None:
    """Ask the store; nothing can be written."""
    from pipeline.report import tables  # noqa: PLC0415
    from pipeline.store import query  # noqa: PLC0415

    if json and csv:
        raise UsageError("two formats at once", value="--json --csv", allowed="one of them")
    table = query(db, statement)
    if json:
        typer.echo(tables.as_json(tables.as_dicts(table)))
    elif csv:
        typer.echo(tables.as_csv(table), nl=False)
    else:
        tables.answer(table, sys.stdout)


@app.command()
def doctor(
    db: Db = DEFAULT_DB, settings: SettingsFile = None, overrides: Overrides = None, json: Json = False
) -> None:
    """Check weights, decoder, hardware, store and telemetry."""
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
    from pipeline.archive.plan import RunRequest  # noqa: PLC0415 - slow to import; wrong settings are told before

    return RunRequest(paths=tuple(paths), db=db, metadata=metadata, settings=loaded, force=force)


def _run(order: RunRequest, engine: Engine) -> NightSummary:
    """Carry out an order in this process, without Prefect."""
    from pipeline.archive import night  # noqa: PLC0415
    from pipeline.report import tables  # noqa: PLC0415

    with tables.progress(sys.stderr) as progress:
        return night.run(order, engine, progress)


def _run_flow(
    order: RunRequest, settings_file: Path | None = None, overrides: Sequence[str] | None = None
) -> NightSummary:
    """Carry out an order as a Prefect flow."""
    from pipeline.archive import night  # noqa: PLC0415

    # Wrong usage is told now rather than after Prefect's start.
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
        say("interrupted; the batches that were finished are kept")
        raise typer.Exit(INTERRUPTED) from None


def _print_calls(db: Path, ids: Sequence[str], *, json: bool = False) -> None:
    """The calls with these recording_ids, then those in quarantine."""
    from pipeline.report import tables  # noqa: PLC0415
    from pipeline.store import query  # noqa: PLC0415

    calls = tables.as_dicts(query(db, tables.calls_sql(ids)))
    bad = _quarantined(db, ids)
    if json:
        rows = [row | {"status": "analysed"} for row in calls]
        print_json(rows + [row | {"status": "quarantined"} for row in bad])
        return
    if calls:
        tables.call_table(calls, sys.stdout)
    for row in bad:
        typer.echo(f"quarantined: {row['error']}")


def _quarantined(db: Path, ids: Sequence[str]) -> list[dict[str, Any]]:
    from pipeline.report import tables  # noqa: PLC0415
    from pipeline.store import query  # noqa: PLC0415

    return tables.as_dicts(query(db, tables.quarantine_sql(ids)))


def _finish(summary: NightSummary, *, bad: bool) -> None:
    """Tell on standard error how it went, and end with exit code 1 if a recording is `bad`."""
    from pipeline.report.tables import summary_line  # noqa: PLC0415

    for problem in summary.problems + summary.duplicates:
        say(f"note: {problem}")
    for unreadable in summary.unreadable:
        say(f"skipped: {unreadable.reason}")
    say(summary_line(summary))
    if bad or summary.unreadable:
        raise typer.Exit(SOME_BAD)


def _log_to_stderr(verbose: bool) -> None:
    """Warnings and faults go to standard error; Prefect's log only on demand."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    handler.addFilter(lambda record: verbose or not record.name.startswith("prefect"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    if verbose:
        logging.getLogger("pipeline").setLevel(logging.INFO)
