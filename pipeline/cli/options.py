"""Options, exit codes and output that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.errors import UsageError

SOME_BAD, WRONG_USAGE, INTERRUPTED = 1, 2, 130
DEFAULT_DB = Path("calls.duckdb")

Db = Annotated[Path, typer.Option("--db", help="The DuckDB file.")]
Metadata = Annotated[
    Path | None,
    typer.Option(help="Manifest with the calls' metadata.  [default: manifest.csv in the archive]"),
]
SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="Settings in TOML.  [default: earwitness.toml if it exists]")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="SECTION.NAME=VALUE", help="Change one setting; can be given several times."
    ),
]
Reviews = Annotated[
    Path | None,
    typer.Option("--reviews", help="The file of judgements.  [default: reviews.sqlite beside the store]"),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Write Prefect's log to standard error.")]
Force = Annotated[
    bool, typer.Option("--force", "--again", help="Analyse also recordings that are stored or in quarantine.")
]


Clear = Annotated[
    bool, typer.Option("--clear", help="Show masked words and sound as they were; needs --reason.")
]
Reason = Annotated[
    str | None, typer.Option("--reason", help="Why clear data are needed; it goes to the access trail.")
]


def checked_reason(reason: str | None) -> str:
    """The reason for showing clear data. Raises UsageError where there is none."""
    if reason is None or not reason.strip():
        remedy = "give --reason, such as a case number"
        raise UsageError("clear data are shown for a reason only", allowed="a text", remedy=remedy)
    return reason


def print_json(value: Any) -> None:
    """Print `value` as JSON on standard output."""
    from pipeline.report.text import as_json  # noqa: PLC0415 - slow to import

    typer.echo(as_json(value))


def say(text: str) -> None:
    """Print a line on standard error."""
    typer.echo(text, err=True)
