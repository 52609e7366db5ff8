"""The commands for spot checks on paper. Slow imports are made by each command."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import DEFAULT_DB, WRONG_USAGE, Db, Json, Reviews, print_json, say
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.audit.sampling import SampleRequest
    from pipeline.records import Verdict
    from pipeline.store.review_log import ReviewLog

SAMPLE, SEED = 25, 1

spotcheck_app = typer.Typer(help="Draw findings for review, and bring the judgements into the store.")

Rule = Annotated[str, typer.Option(help="The rule's id.", show_default=False)]
SampleSize = Annotated[int, typer.Option(min=1, help="Number of findings to draw.")]
Seed = Annotated[int, typer.Option(help="The same seed draws the same sample.")]
Since = Annotated[
    datetime | None,
    typer.Option("--from", metavar="DATE", formats=["%Y-%m-%d"], help="First day of the calls (UTC)."),
]
Until = Annotated[
    datetime | None,
    typer.Option("--to", metavar="DATE", formats=["%Y-%m-%d"], help="Last day of the calls (UTC)."),
]
Queue = Annotated[str | None, typer.Option(help="Only calls of this queue.")]
Verdicts = Annotated[
    list[str] | None, typer.Option(help="Only findings with this verdict; can be given several times.")
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to create.", show_default=False)]
Aim = Annotated[
    str,
    typer.Option(
        help="verdicts (the same number of each), rate (the narrowest true rate) or fails (every fail)."
    ),
]


@spotcheck_app.command("draw")
def draw_(  # noqa: PLR0913, PLR0917 - one argument an option
    rule: Rule,
    out: Out,
    sample: SampleSize = SAMPLE,
    seed: Seed = SEED,
    since: Since = None,
    until: Until = None,
    queue: Queue = None,
    verdict: Verdicts = None,
    aim: Aim = "verdicts",
    db: Db = DEFAULT_DB,
    reviews: Reviews = None,
    json: Json = False,
) -> None:
    """Draw findings at random and write a sheet to fill in, with an evidence pack for each.

    The sheet is read with `earwitness spotcheck import`.
    """
    from pipeline.audit.sampling import AIMS, SampleRequest  # noqa: PLC0415

    if aim not in AIMS:
        raise UsageError("unknown aim", where="--aim", value=aim, allowed=", ".join(AIMS))
    request = SampleRequest(
        rule_id=rule,
        sample=sample,
        seed=seed,
        since=_day(since),
        until=_day(until),
        queue=queue,
        verdicts=_verdicts(verdict or ()),
        aim=aim,
    )
    _write(request, out, db, reviews, json=json)


@spotcheck_app.command("import")
def import_(
    sheet: Annotated[Path, typer.Argument(metavar="CSV", help="A filled-in sheet.", show_default=False)],
    db: Db = DEFAULT_DB,
    reviews: Reviews = None,
    json: Json = False,
) -> None:
    """Keep the judgements of a filled-in sheet; the next merge brings them into the store.

    If a row is wrong, every wrong row is reported and nothing is kept.
    """
    _import(sheet, db, reviews, json=json)


@spotcheck_app.command()
def merge(db: Db = DEFAULT_DB, reviews: Reviews = None, json: Json = False) -> None:
    """Bring judgements into the store, as every night does."""
    from pipeline.store import with_layout_of_now, writing  # noqa: PLC0415
    from pipeline.store.merge import merge_reviews  # noqa: PLC0415

    if not db.is_file():
        raise UsageError("there is no store", where=db, remedy="analyse some recordings into it first")
    log = _log(db, reviews)
    with_layout_of_now(db)
    with writing(db) as writer:
        merged = merge_reviews(writer, log)
        writer.publish()
    if json:
        print_json({"new": merged.added, "taken_back": merged.withdrawn, "not_in_store": merged.elsewhere})
        return
    if merged.elsewhere:
        say(f"note: {merged.elsewhere} judgements are of recordings that this store does not have")
    typer.echo(f"{merged.added} judgements new, {merged.withdrawn} taken back")


@spotcheck_app.command()
def verify(
    protocol: Annotated[Path, typer.Argument(help="A protocol.json.", show_default=False)],
    db: Db = DEFAULT_DB,
) -> None:
    """Draw the sample of a protocol again and compare; exit code 1 if something differs."""
    from pipeline.audit.protocol import verify as differences_of  # noqa: PLC0415
    from pipeline.store import reading  # noqa: PLC0415

    with reading(db) as connection:
        differences = differences_of(connection, protocol)
    for difference in differences:
        typer.echo(difference)
    if differences:
        raise typer.Exit(1)
    typer.echo("the same sample")


@spotcheck_app.callback(invoke_without_command=True)
def spotcheck(  # noqa: PLR0913, PLR0917 - one argument an option
    context: typer.Context,
    rule: Annotated[str | None, typer.Option(hidden=True)] = None,
    sample: Annotated[int, typer.Option(min=1, hidden=True)] = SAMPLE,
    seed: Annotated[int, typer.Option(hidden=True)] = SEED,
    since: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], hidden=True)] = None,
    until: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], hidden=True)] = None,
    queue: Annotated[str | None, typer.Option(hidden=True)] = None,
    verdict: Annotated[list[str] | None, typer.Option(hidden=True)] = None,
    out: Annotated[Path | None, typer.Option("--out", hidden=True)] = None,
    judged: Annotated[Path | None, typer.Option("--import", hidden=True)] = None,
    db: Annotated[Path, typer.Option("--db", hidden=True)] = DEFAULT_DB,
    json: Annotated[bool, typer.Option("--json", hidden=True)] = False,
) -> None:
    """Draw findings for review, and bring the judgements into the store."""
    # The options are those of release 0.1.0, which had no commands below this one.
    if context.invoked_subcommand is not None:
        return
    if judged is not None:
        drawing: dict[str, object] = {
            "--rule": rule,
            "--out": out,
            "--from": since,
            "--to": until,
            "--queue": queue,
        }
        drawing |= {"--verdict": verdict, "--sample": sample != SAMPLE, "--seed": seed != SEED}
        _refuse_beside_import(option for option, value in drawing.items() if value)
        _import(judged, db, None, json=json)
        return
    if rule is None or out is None:
        raise UsageError(
            "missing command", where="earwitness spotcheck", allowed="draw, import, merge or verify"
        )
    draw_(rule, out, sample, seed, since, until, queue, verdict, db=db, json=json)


def _write(request: SampleRequest, out: Path, db: Path, reviews: Path | None, *, json: bool) -> None:
    """Write the sample's folder and say what was drawn."""
    from pipeline.audit.spotcheck import SHEET, write_sample  # noqa: PLC0415
    from pipeline.report.progress import progress_of_things  # noqa: PLC0415
    from pipeline.retention.exports import note_export  # noqa: PLC0415
    from pipeline.store import reading  # noqa: PLC0415

    with reading(db) as connection, progress_of_things(sys.stderr, "writing", "findings") as watched:
        drawn = write_sample(connection, request, out, _log(db, reviews), watched)
    note_export(db, "spotcheck", out, [item.recording_id for item in drawn.items])
    if json:
        print_json({"sheet": str(out / SHEET), "drawn": drawn.drawn, "population": drawn.population})
        return
    for name, count in drawn.drawn.items():
        say(f"{name}: {count} of {drawn.population[name]}")
    if len(drawn.items) < request.sample and request.aim != "fails":
        say(f"note: there are only {len(drawn.items)} such findings")
    typer.echo(out / SHEET)


def _import(sheet: Path, db: Path, reviews: Path | None, *, json: bool) -> None:
    from pipeline.audit.review_sheet import import_sheet  # noqa: PLC0415

    judged, added = import_sheet(db, sheet, _log(db, reviews))
    for problem in judged.problems:
        say(f"earwitness: {problem}")
    if judged.problems:
        raise typer.Exit(WRONG_USAGE)
    counts = {"judged": len(judged.reviews), "new": added, "not_judged_yet": judged.open_rows}
    if json:
        print_json(counts)
    else:
        typer.echo(f"{len(judged.reviews)} judged, {added} of them new; {judged.open_rows} not judged yet")
    if added:
        say("note: the next night brings them into the store, or: earwitness spotcheck merge")


def _log(db: Path, reviews: Path | None) -> ReviewLog:
    from pipeline.store.review_log import ReviewLog, beside_store  # noqa: PLC0415

    return ReviewLog(reviews or beside_store(db))


def _day(given: datetime | None) -> date | None:
    return given.date() if given else None


def _verdicts(given: Sequence[str]) -> tuple[Verdict, ...]:
    """The verdicts given with --verdict; all verdicts without it."""
    from pipeline.audit.sampling import VERDICTS  # noqa: PLC0415

    for name in given:
        if name not in VERDICTS:
            raise UsageError("unknown verdict", where="--verdict", value=name, allowed=", ".join(VERDICTS))
    return tuple(verdict for verdict in VERDICTS if not given or verdict in given)


def _refuse_beside_import(options: Iterable[str]) -> None:
    """Raise UsageError if `options`, which say what to draw, are given together with --import."""
    if given := ", ".join(options):
        raise UsageError(
            "options that do not go together", value=f"--import with {given}", allowed="--import CSV alone"
        )
