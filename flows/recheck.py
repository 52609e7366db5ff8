"""The flow that judges all stored calls again, without their audio."""

from __future__ import annotations

import sys
from pathlib import Path

from prefect import flow
from prefect.artifacts import create_table_artifact

from flows.steps import step
from pipeline import settings
from pipeline.archive.recheck import Rechecked, RecheckRequest
from pipeline.archive.recheck import recheck as carry_out
from pipeline.permissions import private_files
from pipeline.report.progress import progress_of_things
from pipeline.report.recheck import summary_line
from pipeline.rules import load_rules
from pipeline.weights.sentences import find_embed


@flow(name="recheck", persist_result=False)
def recheck(
    db: Path,
    settings_file: Path | None = None,
    overrides: tuple[str, ...] = (),
    packs: Path | None = None,
) -> str:
    """Judge stored calls again by the rules and settings of now. Returns the result in one line.

    Args:
        db: The store.
        settings_file: TOML file with settings.
        overrides: Settings as `section.name=value`.
        packs: Folder with rule packs; by default the one of the settings.
    """
    private_files()
    given = settings.load(settings_file, overrides)
    request = RecheckRequest(
        db=db,
        rules=load_rules(packs or given.rules.packs),
        settings=given,
        embed=find_embed() if given.rules.meaning else None,
    )
    done = step(_judge, "recheck")(request)
    line = summary_line(done)
    create_table_artifact(
        key="recheck",
        table=[{"call": uri, "not judged": reason} for uri, reason in done.failed],
        description=line,
    )
    return line


def _judge(request: RecheckRequest) -> Rechecked:
    with progress_of_things(sys.stderr, "judging", "calls") as progress:
        return carry_out(request, progress)
