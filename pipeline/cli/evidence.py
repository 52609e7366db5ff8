"""The commands for auditors: evidence packs and spot checks. Slow imports are made by each command."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import DEFAULT_DB, WRONG_USAGE, Db, Json, print_json, say
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.records import Verdict

SAMPLE, SEED = 25, 1

Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to create.", show_default=False)]


def evidence(
    call: Annotated[
        str,
        typer.Argument(
            help="A recording_id or its first digits, a call_ref, or a file name.", show_default=False
        ),
    ],
    rule: Annotated[str, typer.Argument(help="The rule's id.", show_default=False)],
    out: Out,
    db: Db = DEFAULT_DB,
) -> None:
    """Write an evidence pack for one finding.

    The pack is a folder with a page, an audio clip, the words, the rule, the models and the settings.
    """
    from pipeline.audit.evidence import PAGE, write_pack  # noqa: PLC0415
    from pipeline.store import reading  # noqa: PLC0415

    with reading(db) as connection:
        notes = write_pack(connection, call, rule, out)
    for note in notes:
        say(f"note: {note}")
    typer.echo(out / PAGE)


def spotcheck(  # noqa: PLR0913, PLR0917 - one argument an option
    rule: Annotated[str | None, typer.Option(help="The rule's id.", show_default=False)] = None,
    sample: Annotated[int, typer.Option(min=1, help="Number of findings to draw.")] = SAMPLE,
    seed: Annotated[int, typer.Option(help="The same seed draws the same sample.")] = SEED,
    since: Annotated[
        datetime | None,
        typer.Option("--from", metavar="DATE", formats=["%Y-%m-%d"], help="First day of the calls (UTC)."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--to", metavar="DATE", formats=["%Y-%m-%d"], help="Last day of the calls (UTC)."),
    ] = None,
    queue: Annotated[str | None, typer.Option(help="Only calls of this queue.")] = None,
    verdict: Annotated[
        list[str] | None, typer.Option(help="Only findings with this verdict; can be given several times.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="The folder to create.")] = None,
    judged: Annotated[
        Path | None,
        typer.Option(
            "--import",
            metavar="CSV",
            help="Store the judgements of a filled-in sheet.",
        ),
    ] = None,
    db: Db = DEFAULT_DB,
    json: Json = False,
) -> None:
    """Draw findings for review, or import judgements.

    Drawing needs --rule and --out. The sheet that it writes is filled in by reviewers and read with --import.
    """
    if judged is not None:
        drawing: dict[str, object] = {
            "--rule": rule,
            "--out": out,
            "--from": since,
            "--to": until,
            "--queue": queue,
        }
        drawing |= {"--verdict": verdict, "--sample": sample != SAMPLE, "--seed": seed != SEED}
        if given := [option for option, value in drawing.items() if value]:
            raise UsageError(
                "options that do not go together",
                value=f"--import with {', '.join(given)}",
                allowed="--import CSV alone",
            )
        _import(db, judged, json=json)
        return
    if rule is None or out is None:
        raise UsageError("missing option", allowed="--rule ID --out DIR, or --import CSV")
    from pipeline.audit.spotcheck import SHEET, SampleRequest, write_sample  # noqa: PLC0415
    from pipeline.report.progress import progress_of_things  # noqa: PLC0415
    from pipeline.store import reading  # noqa: PLC0415

    request = SampleRequest(
        rule_id=rule,
        sample=sample,
        seed=seed,
        since=since.date() if since else None,
        until=until.date() if until else None,
        queue=queue,
        verdicts=_verdicts(verdict or ()),
    )
    with reading(db) as connection, progress_of_things(sys.stderr, "writing", "findings") as watched:
        drawn = write_sample(connection, request, out, watched)
    if json:
        print_json({"sheet": str(out / SHEET), "drawn": drawn.drawn, "population": drawn.population})
        return
    for name, count in drawn.drawn.items():
        say(f"{name}: {count} of {drawn.population[name]}")
    if len(drawn.recording_ids) < sample:
        say(f"note: there are only {len(drawn.recording_ids)} such findings")
    typer.echo(out / SHEET)


def _verdicts(given: Sequence[str]) -> tuple[Verdict, ...]:
    """The verdicts given with --verdict; all verdicts without it."""
    from pipeline.audit.spotcheck import VERDICTS  # noqa: PLC0415

    for name in given:
        if name not in VERDICTS:
            raise UsageError("unknown verdict", where="--verdict", value=name, allowed=", ".join(VERDICTS))
    return tuple(verdict for verdict in VERDICTS if not given or verdict in given)


def _import(db: Path, path: Path, *, json: bool) -> None:
    """Store a sheet's judgements; if a row is wrong, report every wrong row and store nothing."""
    from pipeline.audit.review_sheet import import_sheet  # noqa: PLC0415

    judged, added = import_sheet(db, path)
    for problem in judged.problems:
        say(f"earwitness: {problem}")
    if judged.problems:
        raise typer.Exit(WRONG_USAGE)
    counts = {"judged": len(judged.reviews), "new": added, "not_judged_yet": judged.open_rows}
    if json:
        print_json(counts)
    else:
        typer.echo(f"{len(judged.reviews)} judged, {added} of them new; {judged.open_rows} not judged yet")
