"""Spot checks: a random sample of a rule's findings for people to judge, and their judgements read back.

The sample is stratified by verdict: every verdict that occurs gets the same share, so that rare fails are
judged often enough to say how many of them are right; `rule_quality` weighs them back. A call's place in
the lottery is a hash of seed, rule and recording, so the same seed draws the same sample whatever the order
of the rows, and calls that come later only push out what they beat.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from pipeline import __version__
from pipeline.audit.evidence import PAGE, FindingCase, find_case, new_folder, put_pack
from pipeline.errors import UsageError
from pipeline.progress import UNWATCHED, Progress
from pipeline.records import Verdict
from pipeline.report.text import as_json
from pipeline.store import Connection, ask

SHEET, FACTS = "judged.csv", "sample.json"
COLUMNS = tuple(
    "number verdict quote start_s end_s status call_ref started_at queue agent evidence judgement note "
    "reviewer finding".split()
)
"""Of the sheet; people fill in judgement, note and reviewer, and `finding` says which one is judged."""

VERDICTS: tuple[Verdict, ...] = ("fail", "pass", "not_determinable", "not_applicable")
"""In the order in which what is left over by equal shares is given away."""

_FORMULA = ("=", "+", "-", "@")
"""A cell that begins so is a formula to spreadsheets."""

_POPULATION = """
SELECT finding.recording_id, finding.verdict
FROM finding
INNER JOIN call ON call.recording_id = finding.recording_id
WHERE
    finding.rule_id = $rule_id
    AND ($queue IS NULL OR call.queue = $queue)
    AND ($since IS NULL OR call.started_at >= $since)
    AND ($before IS NULL OR call.started_at < $before)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRequest:
    """A sample to draw: `sample` findings of a rule; `since` and `until` are days in UTC, both included."""

    rule_id: str
    sample: int
    seed: int
    since: date | None = None
    until: date | None = None
    queue: str | None = None
    verdicts: tuple[Verdict, ...] = VERDICTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The sample in random order, and the number of findings of each verdict."""

    recording_ids: tuple[str, ...]
    drawn: Mapping[str, int]
    population: Mapping[str, int]


def draw(connection: Connection, request: SampleRequest) -> Sample:
    """A random sample. Raises UsageError for a rule without findings and where no finding fits."""
    fitting = [row for row in _population(connection, request) if row[1] in request.verdicts]
    if not fitting:
        raise UsageError(
            "no finding fits", value=request.rule_id, remedy="widen the dates, the queue or the verdicts"
        )
    strata: dict[str, list[str]] = {verdict: [] for verdict in VERDICTS}
    for recording_id, verdict in fitting:
        strata[verdict].append(recording_id)
    sizes = {verdict: len(ids) for verdict, ids in strata.items() if ids}
    drawn = shares(sizes, request.sample)
    picked = [
        recording_id
        for verdict, count in drawn.items()
        for recording_id in sorted(strata[verdict], key=lambda id_: _lot(request, id_))[:count]
    ]
    in_order = sorted(picked, key=lambda id_: _lot(request, id_))
    return Sample(recording_ids=tuple(in_order), drawn=drawn, population=sizes)


def shares(sizes: Mapping[str, int], sample: int) -> dict[str, int]:
    """How many to draw of each stratum: as equal as their sizes allow, `sample` in all if there are so many.

    >>> shares({"fail": 3, "pass": 100}, 25)
    {'fail': 3, 'pass': 22}
    """
    drawn = dict.fromkeys(sizes, 0)
    left = min(sample, sum(sizes.values()))
    while left:
        for stratum in (stratum for stratum, size in sizes.items() if drawn[stratum] < size):
            if left:
                drawn[stratum] += 1
                left -= 1
    return drawn


def write_sample(
    connection: Connection, request: SampleRequest, out: Path, progress: Progress = UNWATCHED
) -> Sample:
    """Draw a sample and write it to the new folder `out`: a pack for each finding, and a sheet to fill in.

    Raises UsageError as `draw` does, and for a folder that has something in it.
    """
    sample = draw(connection, request)
    progress.started(len(sample.recording_ids))
    digits = len(str(len(sample.recording_ids)))
    with new_folder(out) as folder:
        rows = []
        for number, recording_id in enumerate(sample.recording_ids, start=1):
            case = find_case(connection, recording_id, request.rule_id)
            name = f"{number:0{digits}}-{recording_id[:8]}"
            (folder / name).mkdir()
            put_pack(case, folder / name)
            rows.append(_row(case, number, f"{name}/{PAGE}"))
            progress.advanced(1)
        _write_sheet(folder / SHEET, rows)
        facts = {"made_at": datetime.now(UTC), "made_by": f"earwitness {__version__}", **asdict(request)}
        facts |= {"population": sample.population, "drawn": sample.drawn}
        (folder / FACTS).write_text(as_json(facts) + "\n", encoding="utf-8")
    return sample


def finding_key(case: FindingCase) -> str:
    """Names a finding with its version and verdict, in a way that no spreadsheet takes for a number."""
    finding = case.finding
    parts = (finding["rule_id"], finding["rule_version"], finding["verdict"], finding["recording_id"])
    return "/".join(parts)


def _population(connection: Connection, request: SampleRequest) -> Sequence[tuple[str, str]]:
    known = [row[0] for row in ask(connection, "SELECT DISTINCT rule_id FROM finding ORDER BY ALL").rows]
    if request.rule_id not in known:
        allowed = ", ".join(known) or "none, nothing was judged yet"
        raise UsageError("no findings of this rule", value=request.rule_id, allowed=allowed)
    values = {
        "rule_id": request.rule_id,
        "queue": request.queue,
        "since": _midnight(request.since),
        "before": _midnight(request.until + timedelta(days=1)) if request.until else None,
    }
    return [(str(row[0]), str(row[1])) for row in ask(connection, _POPULATION, values).rows]


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None


def _lot(request: SampleRequest, recording_id: str) -> str:
    text = f"{request.seed}/{request.rule_id}/{recording_id}"
    return hashlib.sha256(text.encode()).hexdigest()


def _row(case: FindingCase, number: int, evidence: str) -> tuple[object, ...]:
    """A line of the sheet."""
    finding, call = case.finding, case.call
    began = call["started_at"].isoformat() if call["started_at"] else None
    return (
        number,
        finding["verdict"],
        finding["quote"],
        *(None if at_s is None else round(at_s, 2) for at_s in (finding["start_s"], finding["end_s"])),
        case.why,
        call["call_ref"],
        began,
        call["queue"],
        call["agent_name"] or call["agent_id"],
        evidence,
        "",
        "",
        "",
        finding_key(case),
    )


def _write_sheet(path: Path, rows: Sequence[tuple[object, ...]]) -> None:
    """CSV with a byte order mark, without which Excel takes UTF-8 for something else."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([safe_cell(value) for value in row] for row in rows)


def safe_cell(value: object) -> object:
    """A cell on one line that no spreadsheet runs as a formula.

    >>> safe_cell("=1+1")
    "'=1+1"
    """
    if not isinstance(value, str):
        return value
    line = " ".join(value.split())
    return f"'{line}" if line.startswith(_FORMULA) else line
