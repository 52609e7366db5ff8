"""The commands for rules. Modules that are slow to import are imported by the command that needs them."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import (
    DEFAULT_DB,
    INTERRUPTED,
    SOME_BAD,
    Db,
    Json,
    Overrides,
    SettingsFile,
    print_json,
    say,
)
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.rules import Rule, RuleSet

Packs = Annotated[
    Path | None,
    typer.Option(
        "--packs", metavar="DIR", help="Folder with your own packs.  [default: the setting rules.packs]"
    ),
]

rules_app = typer.Typer(help="Show rules and test them on sentences.", no_args_is_help=True)


@rules_app.command("list")
def list_rules(json: Json = False, packs: Packs = None) -> None:
    """List the active rules."""
    rules = _rules(packs).rules
    if json:
        names = ("id", "version", "title", "score", "weight", "fatal")
        print_json([{name: getattr(rule, name) for name in names} for rule in rules])
        return
    width = max(len(rule.id) for rule in rules)
    for rule in rules:
        typer.echo(f"{rule.id:{width}}  {rule.version}  {rule.title} ({_place(rule)})")


def _place(rule: Rule) -> str:
    """The rule's place in the scorecard."""
    return f"{rule.score}, weight {rule.weight:g}{', fatal' if rule.fatal else ''}"


@rules_app.command("show")
def show_rule(
    rule_id: Annotated[str, typer.Argument(metavar="ID", show_default=False)], packs: Packs = None
) -> None:
    """Show a rule as it is written.

    Shows phrases, check and examples, and what your own packs change.
    """
    from pipeline.store.scorecard import shown_text, texts_of  # noqa: PLC0415

    rule = _rules(packs).rule(rule_id)
    state = _place(rule) if rule.active else "switched off"
    typer.echo(f"# Version {rule.version}, {state}\n{shown_text(rule.id, *texts_of(rule))}", nl=False)


@rules_app.command("test")
def try_cases(
    cases: Annotated[Path, typer.Argument(metavar="CASES.jsonl", show_default=False)],
    json: Json = False,
    packs: Packs = None,
) -> None:
    """Test rules on labelled sentences.

    Exit code 1 if a sentence differs from what is expected.

    Each line is {"rule": id, "role": "agent", "text": sentence, "expect": true}.
    """
    from pipeline.rules.labelled import read_sentences, try_rules  # noqa: PLC0415

    trial = try_rules(_rules(packs), read_sentences(cases))
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


@rules_app.command("suggest")
def suggest(  # noqa: PLR0913, PLR0917 - one argument an option
    db: Db = DEFAULT_DB,
    rule: Annotated[str | None, typer.Option("--rule", metavar="ID", help="Only this rule.")] = None,
    min_calls: Annotated[int, typer.Option(min=1, help="Leave out what fewer calls have.")] = 1,
    accept: Annotated[
        list[str] | None, typer.Option("--accept", metavar="GROUP", help="It is the rule's phrase.")
    ] = None,
    reject: Annotated[
        list[str] | None, typer.Option("--reject", metavar="GROUP", help="It is not the rule's phrase.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be written.")] = False,
    packs: Packs = None,
    json: Json = False,
) -> None:
    """Suggest wordings that no phrase finds, for you to decide.

    Similar sentences are one group: one decision settles all its calls at the next recheck or night. It is
    written into wordings.toml of your packs' folder. To hear a sentence: earwitness evidence CALL RULE.
    """
    from pipeline.audit.suggest import chosen, decide, groups_in  # noqa: PLC0415
    from pipeline.report.suggest import print_groups  # noqa: PLC0415
    from pipeline.settings import load  # noqa: PLC0415
    from pipeline.store import reading  # noqa: PLC0415
    from pipeline.weights.sentences import find_embed  # noqa: PLC0415

    with reading(db) as connection:
        groups = groups_in(connection, find_embed(), rule_id=rule, min_calls=min_calls)
    if accept or reject:
        site = packs or load().rules.packs
        if site is None:
            remedy = "name one with --packs, and set rules.packs to it"
            raise UsageError("there is no folder for your own packs", remedy=remedy)
        for accepted, ids in ((True, accept or ()), (False, reject or ())):
            for group in [chosen(groups, group_id) for group_id in ids]:
                has_site = any(site.glob("*.toml"))
                rules = _rules(site if has_site else None)
                decided = decide(group, rules, site, accept=accepted, dry_run=dry_run)
                typer.echo(decided.as_toml(group.rule_id))
        say(
            "nothing written" if dry_run else f"written to {site}; run earwitness recheck to settle the calls"
        )
        return
    facts = [group.as_dict() for group in groups]
    if json:
        print_json(facts)
        return
    print_groups(facts, sys.stdout)
    calls = sum(group.calls for group in groups)
    say(f"{len(groups)} groups in {calls} findings; decide with --accept GROUP or --reject GROUP")


def recheck(
    db: Db = DEFAULT_DB,
    settings: SettingsFile = None,
    overrides: Overrides = None,
    packs: Packs = None,
    limit: Annotated[
        int, typer.Option(min=0, help="Largest number of calls with changed verdicts to list.")
    ] = 20,
    json: Json = False,
) -> None:
    """Recheck stored calls without their audio.

    The current rules and settings apply. Of the settings, those that need no audio count: holds, overlaps,
    silences, rules, the thresholds of quality and tone.raised. Changed verdicts are printed and kept:
    earwitness sql "FROM verdict_change". Exit code 1 if a call could not be judged.
    """
    from pipeline import settings as settings_  # noqa: PLC0415
    from pipeline.archive.recheck import RecheckRequest  # noqa: PLC0415
    from pipeline.archive.recheck import recheck as carry_out  # noqa: PLC0415
    from pipeline.report import recheck as report  # noqa: PLC0415
    from pipeline.report.progress import progress_of_things  # noqa: PLC0415
    from pipeline.rules import load_rules  # noqa: PLC0415
    from pipeline.weights.sentences import find_embed  # noqa: PLC0415

    given = settings_.load(settings, overrides or ())
    request = RecheckRequest(
        db=db,
        rules=load_rules(packs or given.rules.packs),
        settings=given,
        embed=find_embed() if given.rules.meaning else None,
    )
    try:
        with progress_of_things(sys.stderr, "judging", "calls") as watched:
            done = carry_out(request, watched)
    except KeyboardInterrupt:
        say("interrupted; the store is unchanged")
        raise typer.Exit(INTERRUPTED) from None
    if json:
        print_json(report.changes_json(db, done, limit))
    else:
        report.print_changes(db, done, limit)
    for uri, reason in done.failed:
        say(f"not judged: {uri}: {reason}")
    say(report.summary_line(done))
    if done.failed:
        raise typer.Exit(SOME_BAD)


def _rules(packs: Path | None) -> RuleSet:
    from pipeline import settings  # noqa: PLC0415
    from pipeline.rules import load_rules  # noqa: PLC0415

    return load_rules(packs or settings.load().rules.packs)
