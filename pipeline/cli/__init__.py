"""The program `earwitness`. Modules that are slow to import are imported by the command that needs them."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from pipeline.cli.erase import erase
from pipeline.cli.evidence import evidence
from pipeline.cli.exchange import export, import_events
from pipeline.cli.migrate import migrate
from pipeline.cli.nightly import analyse, demo, nightly
from pipeline.cli.options import DEFAULT_DB, WRONG_USAGE, Db, Json, Overrides, SettingsFile, print_json, say
from pipeline.cli.period import report
from pipeline.cli.privacy import mask_app, reveal, trail
from pipeline.cli.quarantine import quarantine_app
from pipeline.cli.retention import hold_app, receipts, retention
from pipeline.cli.review import review
from pipeline.cli.rules import recheck, rules_app
from pipeline.cli.spotcheck import spotcheck_app
from pipeline.cli.sql import sql
from pipeline.errors import EarwitnessError
from pipeline.permissions import private_files
from pipeline.telemetry import silence

app = typer.Typer(
    help="Analyse recorded calls: who spoke when, what was said, holds, interruptions and rules.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(demo)
app.command()(analyse)
app.command()(nightly)
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(rules_app, name="rules")
app.add_typer(spotcheck_app, name="spotcheck")
app.command()(evidence)
app.command()(reveal)
app.add_typer(mask_app, name="mask")
app.command()(trail)
app.command()(erase)
app.add_typer(hold_app, name="hold")
app.command()(retention)
app.command()(receipts)
app.command()(recheck)
app.command()(migrate)
app.command()(export)
app.command("import")(import_events)
app.command()(report)
app.command()(sql)
app.command()(review)


def main() -> None:
    """Run the program; the exit code is 0, 1 (some recordings quarantined) or 2 (wrong usage)."""
    silence()
    private_files()
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
