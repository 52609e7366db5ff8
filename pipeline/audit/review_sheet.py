"""Imports the reviewed sheet of a spot check: every row is validated, and all are stored or none."""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from pipeline.delimited import find_separator, read_rows
from pipeline.errors import UsageError
from pipeline.records import Judgement, Review, Verdict
from pipeline.store import query, with_layout_of_now
from pipeline.store.review_log import ReviewLog
from pipeline.store.review_rows import LATEST_REVIEWS

NEEDED = ("finding", "judgement", "reviewer")
JUDGEMENTS: Mapping[str, Judgement] = {judgement: judgement for judgement in get_args(Judgement)}
VERDICTS: Mapping[str, Verdict] = {verdict: verdict for verdict in get_args(Verdict)}

_KEY = re.compile(rf"([a-z][a-z0-9_]*)/(\w+)/({'|'.join(VERDICTS)})/([0-9a-f]{{64}})")
# Earlier versions count too: calls may have been rechecked since the sample was drawn.
_VERSIONS = "SELECT rule_id, rule_version FROM rule UNION SELECT rule_id, rule_version FROM finding"
_SEPARATORS = ",;\t"


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetImport:
    """The content of a sheet: judgements, the number of rows not judged yet, and a line for each fault."""

    reviews: tuple[Review, ...]
    open_rows: int
    problems: tuple[str, ...]


def import_sheet(db: Path, path: Path, log: ReviewLog) -> tuple[SheetImport, int]:
    """Keep the judgements of a sheet in `log` and say how many are new; nothing is kept if a row is wrong.

    What its reviewer said last of a finding already is not kept again. The next merge brings them into the
    store. Raises UsageError for a sheet that cannot be read as a whole or has no judgement in it.
    """
    if db.is_file():
        with_layout_of_now(db)
    judged = read_sheet(db, path, datetime.now(UTC))
    if judged.problems:
        return judged, 0
    if not judged.reviews:
        remedy = "write confirmed, wrong or unclear into the column judgement"
        raise UsageError("nothing is judged yet", where=path, remedy=remedy)
    known = {tuple(row[:4]): tuple(row[4:]) for row in query(db, LATEST_REVIEWS).rows}
    return judged, log.add_new(judged.reviews, known)


def read_sheet(db: Path, path: Path, reviewed_at: datetime) -> SheetImport:
    """The judgements of a sheet about findings in the store `db`; UsageError when it is no such sheet."""
    recordings = {str(row[0]) for row in query(db, "SELECT recording_id FROM recording").rows}
    versions = {(str(row[0]), str(row[1])) for row in query(db, _VERSIONS).rows}
    places: dict[tuple[str, str, str, str], str] = {}
    reviews: list[Review] = []
    problems: list[str] = []
    open_rows = 0
    for where, row in _rows(path):
        try:
            review = _review(row, where, reviewed_at)
            if review is None:
                open_rows += 1
                continue
            _check_known(review, where, recordings, versions)
            _check_new(review, where, places)
        except UsageError as problem:
            problems.append(str(problem))
        else:
            places[review.subject] = where
            reviews.append(review)
    return SheetImport(reviews=tuple(reviews), open_rows=open_rows, problems=tuple(problems))


def _check_known(
    review: Review, where: str, recordings: Collection[str], versions: Collection[tuple[str, str]]
) -> None:
    """Raise UsageError for a judgement of nothing in the store."""
    if review.recording_id in recordings and (review.rule_id, review.rule_version) in versions:
        return
    value = f"{review.rule_id} version {review.rule_version} in {review.recording_id[:12]}"
    raise UsageError("no such finding in the store", where=where, value=value, remedy="check --db")


def _check_new(review: Review, where: str, places: Mapping[tuple[str, str, str, str], str]) -> None:
    """Raise UsageError for a second judgement of a finding by one reviewer."""
    if first := places.get(review.subject):
        remedy = f"keep one; the first is at {first}"
        raise UsageError("judged twice by one reviewer", where=where, value=review.reviewer, remedy=remedy)


def _review(row: Mapping[str, str], where: str, reviewed_at: datetime) -> Review | None:
    """The review in a row; None when it is not judged yet. Raises UsageError for an invalid row."""
    judgement, note = row["judgement"].strip().lower(), row.get("note", "").strip()
    if not judgement and not note:
        return None
    if judgement not in JUDGEMENTS:
        raise UsageError(
            "no judgement",
            where=where,
            value=row["judgement"],
            allowed=", ".join(JUDGEMENTS) + ", or no note",
        )
    reviewer = row["reviewer"].strip()
    if not reviewer:
        raise UsageError("no reviewer", where=where, remedy="write who judged into the column reviewer")
    key = _KEY.fullmatch(row["finding"].strip())
    if key is None:
        remedy = "keep this column as it was written"
        raise UsageError("names no finding", where=where, value=row["finding"], remedy=remedy)
    rule_id, rule_version, verdict, recording_id = key.groups()
    return Review(
        recording_id=recording_id,
        rule_id=rule_id,
        rule_version=rule_version,
        reviewer=reviewer,
        reviewed_at=reviewed_at,
        judgement=JUDGEMENTS[judgement],
        note=note or None,
        verdict=VERDICTS[verdict],
    )


def _rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Each row with its place (file:line), by column names in lower case."""
    text = _text(path)
    rows = read_rows(text, _separator(text, path), path, what="not CSV")
    _, cells = next(rows)
    header = [name.strip().lower() for name in cells]
    for where, cells in rows:
        # Spreadsheets leave out empty cells at the end of a row.
        yield where, dict(zip(header, cells + [""] * (len(header) - len(cells)), strict=False))


def _text(path: Path) -> str:
    """The sheet's text, in UTF-8, in UTF-16 with its mark, or as Excel on Windows writes it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError("cannot read the sheet", where=path, value=error.strerror) from None
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _separator(text: str, path: Path) -> str:
    """The separator with which the header has the columns that are needed."""
    header = next(iter(text.splitlines()), "")
    separator = find_separator(
        header, _SEPARATORS, lambda names: {name.lower() for name in names} >= set(NEEDED)
    )
    if separator is not None:
        return separator
    raise UsageError(
        "not the sheet of a spot check", where=path, value=header[:80], allowed="columns " + ", ".join(NEEDED)
    )
