"""The flow that draws last week's samples, so that reviewers find them on Monday."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from prefect import flow
from prefect.artifacts import create_table_artifact

from flows.steps import step
from pipeline import __version__, settings
from pipeline.audit.sampling import AIMS, Aim, SampleRequest
from pipeline.audit.spotcheck import draw_and_keep
from pipeline.errors import UsageError
from pipeline.store import reading
from pipeline.store.review_log import ReviewLog, beside_store

MADE_BY = f"earwitness {__version__}, weekly"


@flow(name="weekly-spotcheck", persist_result=False)
def weekly_spotcheck(  # noqa: PLR0913, PLR0917 - one argument a parameter of the deployment
    db: Path,
    rules: tuple[str, ...],
    sample: int = 40,
    aim: Aim = "verdicts",
    day: date | None = None,
    settings_file: Path | None = None,
    overrides: tuple[str, ...] = (),
) -> str:
    """Draw a sample of each rule from the calls of the week before, for the review application.

    A second run of the same week draws nothing. Returns in one line what was drawn. Raises UsageError for an
    unknown aim and a missing store.

    Args:
        db: The store.
        rules: The rules' ids.
        sample: Number of findings of each rule.
        aim: verdicts, rate or fails, as `earwitness spotcheck draw --aim`.
        day: A day of the week after, in UTC; by default today.
        settings_file: TOML file with settings.
        overrides: Settings as `section.name=value`.
    """
    if aim not in AIMS:
        raise UsageError("unknown aim", where="aim", value=aim, allowed=", ".join(AIMS))
    given = settings.load(settings_file, overrides)
    log = ReviewLog(given.store.reviews or beside_store(db))
    requests = [
        weekly_request(rule, sample, aim, day or datetime.now(UTC).date()) for rule in dict.fromkeys(rules)
    ]
    rows = step(draw_week, "draw")(db, log, requests)
    drawn = sum(int(row["drawn"]) for row in rows)
    line = f"{drawn} findings of {len(rows)} rules drawn from the week of {requests[0].since}" if rows else ""
    create_table_artifact(key="weekly-spotcheck", table=rows, description=line)
    return line


def weekly_request(rule: str, sample: int, aim: Aim, day: date) -> SampleRequest:
    """The sample of the week, Monday to Sunday in UTC, before the one that `day` is in."""
    monday = day - timedelta(days=day.weekday() + 7)
    year, week, _ = monday.isocalendar()
    return SampleRequest(
        rule_id=rule,
        sample=sample,
        seed=100 * year + week,
        since=monday,
        until=monday + timedelta(days=6),
        aim=aim,
    )


def draw_week(db: Path, log: ReviewLog, requests: Sequence[SampleRequest]) -> list[dict[str, str | int]]:
    """Draw what was not drawn yet; a row for each request with the number drawn and a note."""
    before = {(one.rule_id, one.request.get("seed")) for one in log.draws() if one.made_by == MADE_BY}
    rows: list[dict[str, str | int]] = []
    with reading(db) as connection:
        for request in requests:
            row: dict[str, str | int] = {"rule": request.rule_id, "drawn": 0, "note": ""}
            if (request.rule_id, request.seed) in before:
                row["note"] = "drawn before"
            else:
                try:
                    _, sample = draw_and_keep(connection, request, log, blind=True, made_by=MADE_BY)
                    row["drawn"] = len(sample.items)
                except UsageError as error:
                    row["note"] = str(error)
            rows.append(row)
    return rows
