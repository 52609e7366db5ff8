"""The file reviews.sqlite: drawings, and judgements as people give them.

It lies beside the store. SQLite lets several reviewers write while others read, and while a night writes the
store; what is returned from here as stored is on disk. The merge (`pipeline.store.merge`) copies judgements
into the store.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

import schemas
from pipeline.errors import UsageError
from pipeline.records import Judgement, Review, ReviewKind, Verdict
from pipeline.store.review_rows import Key

NAME = "reviews.sqlite"
LAYOUT = 1
"""Kept as `user_version` of the file."""
BUSY_S = 10.0
"""How long a writer waits for another one, in seconds."""

Accessed = Literal["clip", "recording", "call"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A finding that was drawn; `position` is its place in the random order, from 1."""

    position: int
    recording_id: str
    rule_version: str
    verdict: Verdict
    second: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A sample that was drawn of a rule's findings; `draw_id` is 0 until it is stored."""

    draw_id: int = 0
    rule_id: str
    request: Mapping[str, Any]
    population: Mapping[str, int]
    drawn: Mapping[str, int]
    blind: bool
    made_at: datetime
    made_by: str

    @property
    def size(self) -> int:
        """Number of findings that were drawn."""
        return sum(self.drawn.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A judgement with its place: `position` in its drawing, `seconds` from card to answer, `plays` of it."""

    review: Review
    judgement_id: int = 0
    position: int | None = None
    seconds: float | None = None
    plays: int | None = None
    undone_at: datetime | None = None


def beside_store(db: Path) -> Path:
    """Where the file of a store is unless told otherwise."""
    return db.resolve().with_name(NAME)


class ReviewLog:
    """The file at `path`, which is made when it is first written. Can be used by several threads."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened yet."""
        self.path = path

    def add_draw(self, drawing: Drawing, items: Sequence[Item]) -> int:
        """Store a drawing with its items; returns its number."""
        values = (
            drawing.rule_id,
            *(json.dumps(value) for value in (drawing.request, drawing.population, drawing.drawn)),
            drawing.blind,
            _text(drawing.made_at),
            drawing.made_by,
        )
        with self._writing() as connection:
            columns = "rule_id, request, population, drawn, blind, made_at, made_by"
            sql = f"INSERT INTO draw ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own names
            draw_id = connection.execute(sql, values).lastrowid or 0
            rows = [(draw_id, i.position, i.recording_id, i.rule_version, i.verdict, i.second) for i in items]
            connection.executemany("INSERT INTO item VALUES (?, ?, ?, ?, ?, ?)", rows)
        return draw_id

    def draws(self) -> tuple[Drawing, ...]:
        """All drawings, the last one first."""
        return tuple(_drawing(row) for row in self._rows("SELECT * FROM draw ORDER BY draw_id DESC"))

    def draw(self, draw_id: int) -> Drawing:
        """The drawing of this number. Raises UsageError for one that there is not."""
        rows = self._rows("SELECT * FROM draw WHERE draw_id = ?", (draw_id,))
        if not rows:
            raise UsageError("no such drawing", where=self.path, value=draw_id)
        return _drawing(rows[0])

    def items(self, draw_id: int) -> tuple[Item, ...]:
        """The findings of a drawing in their random order."""
        rows = self._rows("SELECT * FROM item WHERE draw_id = ? ORDER BY position", (draw_id,))
        return tuple(
            Item(
                position=row["position"],
                recording_id=row["recording_id"],
                rule_version=row["rule_version"],
                verdict=row["verdict"],
                second=bool(row["second"]),
            )
            for row in rows
        )

    def add(self, judged: Judged) -> int:
        """Store a judgement; returns its number. A first one of an item that has one becomes a second."""
        with self._writing() as connection:
            return _insert(connection, judged)

    def add_new(self, reviews: Sequence[Review], known: Mapping[tuple[str, ...], tuple[Any, ...]]) -> int:
        """Store judgements of a sheet, each with the last drawing of its finding, all or none.

        Returns how many are new. What its reviewer said last of a finding already, here or in the store
        (`known`, opinions by subject), is not stored again.
        """
        with self._writing() as connection:
            latest = dict(known) | {
                judged.review.subject: judged.review.opinion for judged in _standing(connection)
            }
            new = [review for review in reviews if latest.get(review.subject) != review.opinion]
            for review in new:
                _insert(connection, _placed(connection, review))
        return len(new)

    def undo(self, judgement_id: int, reviewer: str) -> bool:
        """Take back a judgement of `reviewer`; it is kept as undone. Says whether it stood."""
        sql = (
            "UPDATE judgement SET undone_at = ? WHERE judgement_id = ? AND reviewer = ? AND undone_at IS NULL"
        )
        with self._writing() as connection:
            return connection.execute(sql, (_text(datetime.now(UTC)), judgement_id, reviewer)).rowcount == 1

    def standing(self, draw_id: int | None = None) -> tuple[Judged, ...]:
        """The judgements that were not taken back, in the order they were given; of one drawing, or all."""
        if not self.path.exists():
            return ()
        with self._open() as connection:
            return _standing(connection, draw_id)

    def of_finding(self, recording_id: str, rule_id: str) -> tuple[Judged, ...]:
        """The standing judgements of a finding in the order they were given."""
        sql = "recording_id = ? AND rule_id = ? AND undone_at IS NULL ORDER BY judgement_id"
        rows = self._rows(f"SELECT * FROM judgement WHERE {sql}", (recording_id, rule_id))  # noqa: S608
        return tuple(map(_judged, rows))

    def withdrawn(self) -> tuple[Key, ...]:
        """The keys of the judgements that were taken back."""
        rows = self._rows("SELECT * FROM judgement WHERE undone_at IS NOT NULL")
        return tuple(_judged(row).review.key for row in rows)

    def seconds_each(self) -> float | None:
        """The median time from card to answer, in seconds; None before anything was judged."""
        rows = self._rows(
            "SELECT seconds FROM judgement WHERE seconds IS NOT NULL AND undone_at IS NULL ORDER BY seconds"
        )
        return rows[len(rows) // 2]["seconds"] if rows else None

    def note_access(self, reviewer: str, what: Accessed, recording_id: str) -> None:
        """Keep that somebody heard a recording, or read its call."""
        with self._writing() as connection:
            values = (_text(datetime.now(UTC)), reviewer, what, recording_id)
            connection.execute("INSERT INTO access VALUES (?, ?, ?, ?)", values)

    def accesses(self) -> tuple[tuple[str, str, str], ...]:
        """Reviewer, what and recording_id of every access, in their order."""
        rows = self._rows("SELECT reviewer, what, recording_id FROM access ORDER BY rowid")
        return tuple(tuple(row) for row in rows)

    def _rows(self, sql: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        if not self.path.exists():
            return []
        with self._open() as connection:
            return connection.execute(sql, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction, on disk when it ends."""
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection; UsageError where the file cannot be opened or is from a later release."""
        try:
            with closing(sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)) as connection:
                connection.row_factory = sqlite3.Row
                self._prepare(connection)
                yield connection
        except sqlite3.Error as error:
            remedy = (
                "see that you may write there; give another file with --reviews if the store is on a share"
            )
            raise UsageError(
                "cannot use the file of reviews", where=self.path, value=str(error), remedy=remedy
            ) from error

    def _prepare(self, connection: sqlite3.Connection) -> None:
        ((layout,),) = connection.execute("PRAGMA user_version").fetchall()
        if layout > LAYOUT:
            raise UsageError(
                "the file of reviews was written by a later release",
                where=self.path,
                value=layout,
                allowed=f"up to {LAYOUT}",
                remedy="use the release that wrote it, or a later one",
            )
        connection.execute("PRAGMA synchronous = FULL")
        if layout < LAYOUT:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(
                f"BEGIN IMMEDIATE;\n{schemas.reviews()}\nPRAGMA user_version = {LAYOUT};\nCOMMIT;"
            )


def _placed(connection: sqlite3.Connection, review: Review) -> Judged:
    """A judgement with its place in the last drawing of its finding, if there is one."""
    sql = """
    SELECT draw_id, position FROM item INNER JOIN draw USING (draw_id)
    WHERE rule_id = ? AND rule_version = ? AND verdict = ? AND recording_id = ?
    ORDER BY draw_id DESC LIMIT 1
    """
    key = (review.rule_id, review.rule_version, review.verdict, review.recording_id)
    place = connection.execute(sql, key).fetchone()
    if place is None:
        return Judged(review=review)
    return Judged(review=replace(review, draw_id=place["draw_id"]), position=place["position"])


def _insert(connection: sqlite3.Connection, judged: Judged) -> int:
    review = judged.review
    kind = review.kind
    if kind == "first" and review.draw_id is not None and judged.position is not None:
        others = "draw_id = ? AND position = ? AND reviewer <> ? AND undone_at IS NULL"
        sql = f"SELECT 1 FROM judgement WHERE {others}"  # noqa: S608 - our own names
        if connection.execute(sql, (review.draw_id, judged.position, review.reviewer)).fetchone():
            kind = "second"
    values = {
        "recording_id": review.recording_id,
        "rule_id": review.rule_id,
        "rule_version": review.rule_version,
        "verdict": review.verdict,
        "reviewer": review.reviewer,
        "reviewed_at": _text(review.reviewed_at),
        "answer": review.answer,
        "judgement": review.judgement,
        "note": review.note,
        "kind": kind,
        "blind": review.blind,
        "draw_id": review.draw_id,
        "position": judged.position,
        "seconds": judged.seconds,
        "plays": judged.plays,
    }
    names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    sql = f"INSERT INTO judgement ({names}) VALUES ({marks})"  # noqa: S608 - our own column names
    return connection.execute(sql, values).lastrowid or 0


def _standing(connection: sqlite3.Connection, draw_id: int | None = None) -> tuple[Judged, ...]:
    sql = """
    SELECT * FROM judgement WHERE undone_at IS NULL AND (:draw IS NULL OR draw_id = :draw)
    ORDER BY judgement_id
    """
    return tuple(map(_judged, connection.execute(sql, {"draw": draw_id}).fetchall()))


def _drawing(row: sqlite3.Row) -> Drawing:
    return Drawing(
        draw_id=row["draw_id"],
        rule_id=row["rule_id"],
        request=json.loads(row["request"]),
        population=json.loads(row["population"]),
        drawn=json.loads(row["drawn"]),
        blind=bool(row["blind"]),
        made_at=datetime.fromisoformat(row["made_at"]),
        made_by=row["made_by"],
    )


def _judged(row: sqlite3.Row) -> Judged:
    review = Review(
        recording_id=row["recording_id"],
        rule_id=row["rule_id"],
        rule_version=row["rule_version"],
        reviewer=row["reviewer"],
        reviewed_at=datetime.fromisoformat(row["reviewed_at"]),
        judgement=cast("Judgement", row["judgement"]),
        note=row["note"],
        verdict=cast("Verdict | None", row["verdict"]),
        answer=row["answer"],
        draw_id=row["draw_id"],
        blind=bool(row["blind"]),
        kind=cast("ReviewKind", row["kind"]),
    )
    return Judged(
        review=review,
        judgement_id=row["judgement_id"],
        position=row["position"],
        seconds=row["seconds"],
        plays=row["plays"],
        undone_at=datetime.fromisoformat(row["undone_at"]) if row["undone_at"] else None,
    )


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="microseconds")
