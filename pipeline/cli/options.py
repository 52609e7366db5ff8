"""What the commands share: options, exit codes, output."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

SOME_BAD, WRONG_USAGE, INTERRUPTED = 1, 2, 130
DEFAULT_DB = Path("calls.duckdb")

Db = Annotated[Path, typer.Option("--db", help="The DuckDB file.")]
Metadata = Annotated[
    Path | None,
    typer.Option(help="Manifest with the calls' business facts; else the archive's manifest.csv."),
]
SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="Settings in TOML; else earwitness.toml if it is there.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.NAME=VALUE", help="One setting; may be repeated."),
]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]
Force = Annotated[
    bool, typer.Option("--force", "--again", help="Analyse again what is stored or quarantined already.")
]


def print_json(value: Any) -> None:
    """`value` as JSON on standard output."""
    from pipeline.report.text import as_json  # noqa: PLC0415 - slow to import

    typer.echo(as_json(value))


def say(text: str) -> None:
    """A line on standard error."""
    typer.echo(text, err=True)
