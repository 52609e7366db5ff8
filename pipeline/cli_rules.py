"""The commands about rules. Heavy imports wait until a command needs them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli_options import SOME_BAD, Json, print_json, say

rules_app = typer.Typer(help="Show the rules and try them on sentences.", no_args_is_help=True)


@rules_app.command("list")
def list_rules(json: Json = False) -> None:
    """List the rules."""
    from pipeline.rules import load_rules  # noqa: PLC0415

    rules = load_rules().rules
    if json:
        print_json([{"id": r.id, "version": r.version, "title": r.title, "weight": r.weight} for r in rules])
        return
    for rule in rules:
        typer.echo(f"{rule.id:{max(len(r.id) for r in rules)}}  {rule.version}  {rule.title}")


@rules_app.command("show")
def show_rule(rule_id: Annotated[str, typer.Argument(metavar="ID", show_default=False)]) -> None:
    """Show a rule as it is written, with its phrases and examples."""
    from pipeline.rules import load_rules  # noqa: PLC0415

    typer.echo(load_rules().rule(rule_id).file.read_text(encoding="utf-8"), nl=False)


@rules_app.command("test")
def try_cases(
    cases: Annotated[Path, typer.Argument(metavar="CASES.jsonl", show_default=False)], json: Json = False
) -> None:
    """Try rules on labelled sentences; exit code 1 if a case differs.

    Each line is {"rule": id, "role": "agent", "text": sentence, "expect": true}.
    """
    from pipeline.cases import read_sentences, try_rules  # noqa: PLC0415
    from pipeline.rules import load_rules  # noqa: PLC0415

    trial = try_rules(load_rules(), read_sentences(cases))
    if json:
        print_json({rule: asdict(confusion) for rule, confusion in trial.by_rule.items()})
    else:
        width = max(map(len, trial.by_rule))
        typer.echo(f"{'rule':{width}}  {'tp':>5} {'fp':>5} {'fn':>5} {'tn':>5}")
        for rule, c in trial.by_rule.items():
            typer.echo(f"{rule:{width}}  {c.tp:5} {c.fp:5} {c.fn:5} {c.tn:5}")
    for case in trial.wrong:
        wanted = "not found" if case.expect else "found, not expected"
        say(f"{case.rule}: {wanted}: {case.role}: {case.text}")
    if trial.wrong:
        raise typer.Exit(SOME_BAD)
