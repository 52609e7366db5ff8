"""The DuckDB file: what is stored, how it is published, how it is read.

One process writes, any number read. The writer works on a copy beside the published file and publishes
by renaming a finished copy over it: a reader sees the whole of one publication and waits for nobody, and
a crash leaves the published file as it was. The layout is defined in `schemas`.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

import schemas
from pipeline.errors import RecordingError, UsageError
from pipeline.records import Call, CallAnalysis, HoldTrack, Pairs, Review, ScoredRule
from pipeline.store.files import beside, brief, locked, put_in_place, unwritable, working_copy
from pipeline.store.hold_tracks import learn_tracks, read_tracks
from pipeline.store.reading import Connection, Table, Values, ask, connect, query, reading
from pipeline.store.recheck_rows import HISTORY, RecheckedRows, store_rechecked, verdict_changes
from pipeline.store.rows import rows_of, table_of, value_names
from pipeline.store.stored_settings import StoredSettings, audio_fingerprint

__all__ = [
    "Connection",
    "Known",
    "Table",
    "Values",
    "Writer",
    "ask",
    "check_writable",
    "query",
    "reading",
    "writing",
]

PARTS = {
    "activity": "activities",
    "sound": "sounds",
    "fingerprint": "fingerprints",
    "word": "words",
    "turn": "turns",
    "hold": "holds",
    "transfer": "transfers",
    "overlap": "overlaps",
    "silence": "silences",
    "metric": "metrics",
    "audio_quality": "quality",
    "tone": "tone",
    "tone_curve": "tone_curve",
    "tone_rise": "tone_rises",
    "personal_data": "personal_data",
    "finding": "findings",
}
"""Tables with the field of Analysis that fills them."""

_DERIVED = ("recording", "call", "analysis", *PARTS)
_KEPT = ("rule", "review", HISTORY)
"""Tables that outlive every analysis."""

_LATEST_REVIEWS = """
SELECT recording_id, rule_id, rule_version, reviewer, judgement, note, verdict
FROM review
QUALIFY row_number() OVER (
    PARTITION BY recording_id, rule_id, rule_version, reviewer ORDER BY reviewed_at DESC
) = 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredState:
    """What is stored of a recording; versions are None for a quarantined one.

    `holds` and `pauses` are those that its metadata gave.
    """

    uri: str
    status: str
    settings_hash: str | None
    asr_model: str | None
    rules_version: str | None
    audio_hash: str | None = None
    """Fingerprint of the settings that decide what is heard."""
    holds: Pairs | None = None
    pauses: Pairs | None = None


class Writer:
    """The working copy; from `writing()`. What is added is seen by readers after `publish()`."""

    def __init__(self, db: Path, work: Path) -> None:
        """Bring tables and views of the copy `work` up to date."""
        self._db = db
        self._work = work
        self._connection = connect(work)
        _apply_schema(self._connection)
        self._columns = {
            table: self._connection.table(table).limit(0).to_arrow_table().schema
            for table in (*_DERIVED, *_KEPT)
        }

    def known(self) -> dict[str, StoredState]:
        """What is stored, by recording_id."""
        settings = self._connection.execute(
            "SELECT settings_hash, any_value(settings) FROM analysis GROUP BY settings_hash"
        ).fetchall()
        audio = {hash_: audio_fingerprint(json.loads(values)) for hash_, values in settings}
        rows = self._connection.execute(
            "SELECT recording_id, uri, status, settings_hash, asr_model, rules_version, holds, pauses "
            "FROM recording LEFT JOIN analysis USING (recording_id) LEFT JOIN call USING (recording_id)"
        ).fetchall()
        return {
            id_: StoredState(
                uri=uri,
                status=status,
                settings_hash=hash_,
                asr_model=asr,
                rules_version=rules,
                audio_hash=audio.get(hash_),
                holds=_pairs(holds),
                pauses=_pairs(pauses),
            )
            for id_, uri, status, hash_, asr, rules, holds, pauses in rows
        }

    def add(self, analysis: CallAnalysis) -> None:
        """Store one recording in one transaction; whatever was derived from it before is replaced.

        Reviews stay, and verdicts that change are kept in verdict_history. Raises RecordingError, with the
        store as it was, when a value breaks a CHECK or has no place in its column; UsageError when the file
        cannot be written.
        """
        recording_id = analysis.recording.recording_id
        with self._transaction(analysis.recording.uri):
            # Most recordings are new, and a DELETE would read the whole of the large tables.
            if self._stored_uri(recording_id) is not None:
                self._keep_changes(analysis)
                for table in _DERIVED:
                    self._delete(table, recording_id)
            for table, records in _records(analysis):
                if records:
                    self._connection.from_arrow(self._arrow(table, recording_id, records)).insert_into(table)

    def update_call(self, recording_id: str, uri: str, call: Call) -> bool:
        """Give a stored recording its present `uri` and business facts; says whether anything changed.

        Raises KeyError for a recording that is not stored, else as `add`.
        """
        with self._transaction(uri):
            stored_uri = self._stored_uri(recording_id)
            if stored_uri is None:
                raise KeyError(recording_id)
            given = self._arrow("call", recording_id, (call,))
            stored = self._connection.sql("FROM call WHERE recording_id = ?", params=[recording_id])
            same_call = given.equals(stored.to_arrow_table())
            if not same_call:
                self._delete("call", recording_id)
                self._connection.from_arrow(given).insert_into("call")
            if stored_uri != uri:
                update = "UPDATE recording SET uri = ? WHERE recording_id = ?"
                self._connection.execute(update, [uri, recording_id])
        return not same_call or stored_uri != uri

    def hold_tracks(self) -> tuple[HoldTrack, ...]:
        """The hold music that is known."""
        return read_tracks(self._connection)

    def learn_tracks(self, known_after: int) -> None:
        """Know the music that at least `known_after` of the stored recordings share from now on."""
        with self._transaction("hold_track"):
            learn_tracks(self._connection, known_after)

    def put_rules(self, rules: Sequence[ScoredRule]) -> bool:
        """Make `rules` the active ones, replacing rows of the same id and version; others become inactive.

        Says whether anything changed. To be called by whoever stores findings: scores weigh by these rows.
        """
        in_order = sorted(rules, key=lambda rule: rule.rule_id)
        with self._transaction("rule"):
            given = self._arrow("rule", None, in_order)
            active = self._connection.sql("FROM rule WHERE active ORDER BY rule_id").to_arrow_table()
            changed = not given.equals(active)
            if changed:
                self._connection.execute("UPDATE rule SET active = FALSE WHERE active")
                for rule in rules:
                    key = [rule.rule_id, rule.rule_version]
                    self._connection.execute("DELETE FROM rule WHERE rule_id = ? AND rule_version = ?", key)
                self._connection.from_arrow(given).insert_into("rule")
        return changed

    def add_reviews(self, reviews: Sequence[Review]) -> int:
        """Store judgements, all or none, and say how many are new.

        One that says what its reviewer said last of that finding is not stored again. Raises RecordingError
        when one breaks a CHECK, such as an unknown judgement.
        """
        with self._transaction("review"):
            rows = self._connection.execute(_LATEST_REVIEWS).fetchall()
            latest = {row[:4]: row[4:] for row in rows}
            new = tuple(review for review in reviews if latest.get(review.subject) != review.opinion)
            self._connection.from_arrow(self._arrow("review", None, new)).insert_into("review")
        return len(new)

    def add_rechecked(
        self, rechecked: RecheckedRows, rules_version: str, settings: Mapping[str, StoredSettings]
    ) -> bool:
        """Store what judging calls again has changed, in one transaction; says whether there is anything.

        `settings` are those the calls were judged with, by the fingerprint of the stored ones. Raises as
        `add`.
        """
        with self._transaction("recheck"):
            return store_rechecked(self._connection, rechecked, rules_version, settings)

    def publish(self) -> None:
        """Let readers see all that was added so far, at once; the writer goes on working.

        Readers that have the former file open keep it. Raises UsageError when the disk refuses, with the
        published file as it was.
        """
        try:
            self._connection.execute("CHECKPOINT")
            self._connection.close()
            put_in_place(self._work, self._db)
            self._connection = connect(self._work)
        except (OSError, duckdb.Error) as error:
            raise UsageError("cannot publish the store", where=self._db, value=brief(error)) from error

    def close(self) -> None:
        """End; what was not published is lost."""
        self._connection.close()

    def _stored_uri(self, recording_id: str) -> str | None:
        sql = "SELECT uri FROM recording WHERE recording_id = ?"
        # fetchone() would leave a result open, which DuckDB takes for work in progress.
        rows = self._connection.execute(sql, [recording_id]).fetchall()
        return rows[0][0] if rows else None

    def _keep_changes(self, analysis: CallAnalysis) -> None:
        """Note the verdicts that are about to be replaced by others."""
        sql = "SELECT rule_id, rule_version, verdict, start_s, quote FROM finding WHERE recording_id = ?"
        old = self._connection.sql(sql, params=[analysis.recording.recording_id]).to_arrow_table().to_pylist()
        changes = tuple(verdict_changes(analysis, old, datetime.now(UTC), "analysis"))
        if changes:
            self._connection.from_arrow(self._arrow(HISTORY, None, changes)).insert_into(HISTORY)

    def _delete(self, table: str, recording_id: str) -> None:
        self._connection.execute(f"DELETE FROM {table} WHERE recording_id = ?", [recording_id])  # noqa: S608 - our own table names

    def _arrow(self, table: str, recording_id: str | None, records: Sequence[object]) -> pa.Table:
        """The records as rows of `table`, in its columns' order and types.

        `recording_id` is for records that do not carry their own.
        """
        schema = self._columns[table]
        if recording_id is None:
            return table_of(schema, rows_of(records, schema.names))
        return table_of(schema, rows_of(records, value_names(schema)), [recording_id] * len(records))

    @contextmanager
    def _transaction(self, uri: str) -> Iterator[None]:
        """All or nothing; faults in the data are the recording's, all others the store's."""
        try:
            self._connection.begin()
            try:
                yield
            except BaseException:
                self._connection.rollback()
                raise
            self._connection.commit()
        except (duckdb.DataError, duckdb.IntegrityError, ValueError, TypeError) as error:
            raise RecordingError("the store refuses a value", where=uri, value=brief(error)) from error
        except duckdb.Error as error:
            raise UsageError("cannot write to the store", where=self._db, value=brief(error)) from error


@contextmanager
def writing(db: Path) -> Iterator[Writer]:
    """A writer on the store `db`, which is made at the first `publish()` if it is missing.

    Leaving without `publish()` changes nothing. Raises UsageError when another process writes, when the
    folder cannot be written or when the file is not a store of this version.
    """
    db = db.resolve()
    _check_ours(db)
    with locked(db), working_copy(db) as work:
        try:
            writer = Writer(db, work)
        except duckdb.Error as error:
            raise unwritable(db, error) from error
        with closing(writer):
            yield writer


def check_writable(db: Path) -> None:
    """Raise the UsageError that `writing(db)` would raise; makes no copy of the store."""
    db = db.resolve()
    _check_ours(db)
    with locked(db):
        try:
            tempfile.TemporaryFile(dir=db.parent).close()
        except OSError as error:
            raise unwritable(db, error) from error


def _check_ours(db: Path) -> None:
    """Raise UsageError unless `db` is missing or a store of this version that nobody else writes."""
    try:
        folder, missing, unfinished = db.is_dir(), not db.exists(), beside(db, ".wal").exists()
    except OSError as error:
        raise unwritable(db, error) from error
    if folder:
        raise UsageError("the store is a folder", where=db, allowed="a file")
    if missing:
        return
    if unfinished:
        remedy = "end it, then open and close the file once with DuckDB"
        raise UsageError("another program has not finished writing to the store", where=db, remedy=remedy)
    with reading(db) as connection:
        try:
            sql = "SELECT schema_version FROM meta WHERE program = 'earwitness'"
            row = connection.execute(sql).fetchone()
        except (duckdb.CatalogException, duckdb.BinderException):
            row = None
    if row is None:
        raise UsageError("a database of another program", where=db, remedy="give another file")
    if row[0] != schemas.VERSION:
        raise UsageError(
            "the store was written by another release",
            where=db,
            value=row[0],
            allowed=f"schema version {schemas.VERSION}",
            remedy="analyse into a new file, or use the release that wrote this one",
        )


def _pairs(stored: Sequence[Sequence[float]] | None) -> Pairs | None:
    return None if stored is None else tuple((start_s, end_s) for start_s, end_s in stored)


def _apply_schema(connection: duckdb.DuckDBPyConnection) -> None:
    """Make missing tables, replace views, fill the reference data anew, in one transaction."""
    connection.begin()
    for table in schemas.tables():
        connection.execute(table.sql)
    for data in schemas.data():
        connection.execute(f"DELETE FROM {data.table}")  # noqa: S608 - our own table names
        connection.read_csv(str(data.path), all_varchar=True).insert_into(data.table)
    for view in schemas.views():
        connection.execute(view.sql)
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('earwitness', ?)", [schemas.VERSION])
    connection.commit()


def _records(analysis: CallAnalysis) -> Iterator[tuple[str, Sequence[object]]]:
    """Each table with its records."""
    yield "recording", (analysis.recording,)
    yield "call", (analysis.call,)
    yield "analysis", () if analysis.run is None else (analysis.run,)
    for table, part in PARTS.items():
        yield table, getattr(analysis, part)
