"""The DuckDB file: writing, publishing and reading of stored calls.

One process writes, any number of processes read. The writer works on a copy beside the published file and
publishes by renaming a finished copy over it. A reader therefore sees one complete publication and never
waits, and a crash does not change the published file. The layout is defined in `schemas`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.errors import RecordingError, UsageError
from pipeline.records import (
    Call,
    CallAnalysis,
    HoldTrack,
    KnownFile,
    Pairs,
    Recording,
    RecordingFile,
    Review,
    ScoredRule,
)
from pipeline.store.files import beside, brief, locked, put_in_place, unwritable, working_copy
from pipeline.store.hold_tracks import learn_tracks, read_tracks
from pipeline.store.known_files import KNOWN_FILES, put_known_files, read_known_files
from pipeline.store.layout import CURRENT, Layout, apply_schema, check_migratable, check_not_newer, layout_of
from pipeline.store.migrations import Migrated, Report, migrate_copy
from pipeline.store.parts import HISTORY, PARTS
from pipeline.store.reading import Connection, Table, Values, ask, connect, opened, query, reading
from pipeline.store.recheck_rows import RecheckedRows, store_rechecked, verdict_changes
from pipeline.store.rows import rows_of, table_of, value_names
from pipeline.store.stored_settings import StoredSettings, assess_fingerprint, audio_fingerprint

__all__ = [
    "Connection",
    "Migrated",
    "StoredState",
    "Table",
    "Values",
    "Writer",
    "ask",
    "check_writable",
    "migrate",
    "query",
    "reading",
    "with_layout_of_now",
    "writing",
]

_DERIVED = tuple(part.table for part in PARTS)
"""Tables whose rows of a recording are replaced when it is analysed again."""
_KEPT = ("rule", "review", HISTORY, KNOWN_FILES)
"""Tables whose rows stay when a recording is analysed again."""

_SETTINGS = "SELECT settings_hash, any_value(settings) FROM analysis GROUP BY settings_hash"
_VERSIONS = ("asr_model", "rules_version", "attribution_version", "algorithm", "audio_algorithm")
"""The last columns of `_KNOWN`."""
_KNOWN = """
SELECT
    recording_id, uri, status, analysed_at, settings_hash, holds, pauses,
    asr_model, rules_version, attribution_version, algorithm, audio_algorithm
FROM recording
LEFT JOIN analysis USING (recording_id)
LEFT JOIN call USING (recording_id)
"""
_FILES = "SELECT recording_id, uri, sha256, part, leg_index FROM recording_file ORDER BY recording_id, rowid"
_FORMER = """
SELECT recording_id FROM recording
WHERE uri = $uri AND recording_id <> $recording_id AND NOT list_contains($present, recording_id)
    AND (duration_s IS NULL OR duration_s <= $duration_s)
"""
_LATEST_REVIEWS = """
SELECT recording_id, rule_id, rule_version, reviewer, judgement, note, verdict
FROM review
QUALIFY row_number() OVER (
    PARTITION BY recording_id, rule_id, rule_version, reviewer ORDER BY reviewed_at DESC
) = 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredState:
    """The state of a stored recording; versions are None for a quarantined one.

    `holds` and `pauses` are those that its metadata gave.
    """

    uri: str
    status: str
    settings_hash: str | None
    asr_model: str | None
    rules_version: str | None
    attribution_version: str | None = None
    algorithm: int | None = None
    audio_algorithm: int | None = None
    audio_hash: str | None = None
    """Fingerprint of the audio settings it was analysed with."""
    assess_hash: str | None = None
    """Fingerprint of the assess settings it was analysed or rechecked with."""
    agent_channel: str | None = None
    """The setting `audio.agent_channel` that it was analysed with."""
    analysed_at: datetime | None = None
    holds: Pairs | None = None
    pauses: Pairs | None = None
    files: tuple[RecordingFile, ...] = ()


class Writer:
    """The working copy of a store, from `writing()`. Readers see added rows after `publish()`."""

    def __init__(self, db: Path, work: Path) -> None:
        """Bring tables and views of the copy `work` up to date."""
        self._db = db
        self._work = work
        self._connection = connect(work)
        apply_schema(self._connection)
        self._columns = {
            table: self._connection.table(table).limit(0).to_arrow_table().schema
            for table in (*_DERIVED, *_KEPT)
        }

    def known(self) -> dict[str, StoredState]:
        """The state of every stored recording, by recording_id."""
        settings = self._connection.execute(_SETTINGS).fetchall()
        hashes = {hash_: _settings_state(json.loads(values)) for hash_, values in settings}
        files = self._files()
        return {
            id_: StoredState(
                uri=uri,
                status=status,
                settings_hash=hash_,
                analysed_at=analysed_at,
                holds=_pairs(holds),
                pauses=_pairs(pauses),
                **dict(zip(_VERSIONS, versions, strict=True)),
                files=files.get(id_, ()),
                **hashes.get(hash_, {}),
            )
            for id_, uri, status, analysed_at, hash_, holds, pauses, *versions in (
                self._connection.execute(_KNOWN).fetchall()
            )
        }

    def _files(self) -> dict[str, tuple[RecordingFile, ...]]:
        """The files of each recording."""
        found: dict[str, tuple[RecordingFile, ...]] = {}
        for id_, *values in self._connection.execute(_FILES).fetchall():
            uri, sha256, part, leg_index = values
            file = RecordingFile(uri=uri, sha256=sha256, part=part, leg_index=leg_index)
            found[id_] = (*found.get(id_, ()), file)
        return found

    def known_files(self) -> dict[str, KnownFile]:
        """What is remembered of the files of archives, by uri."""
        return read_known_files(self._connection)

    def put_known_files(self, files: Sequence[KnownFile], gone: Collection[str] = ()) -> bool:
        """Remember `files` instead of what is known of their uris, and forget the uris `gone`.

        All in one transaction. Returns whether anything changed. Raises as `add`.
        """
        with self._transaction(KNOWN_FILES):
            rows = self._arrow(KNOWN_FILES, None, files)
            return put_known_files(self._connection, rows, gone)

    def add(self, analysis: CallAnalysis) -> None:
        """Store one recording in one transaction; rows of its former analysis are replaced.

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
        """Update `uri` and business facts of a stored recording. Returns whether anything changed.

        Raises KeyError for a recording that is not stored, and otherwise as `add`.
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

    def update_files(self, recording_id: str, files: Sequence[RecordingFile]) -> bool:
        """Give a stored recording its present files; says whether anything changed. Raises as `add`."""
        with self._transaction(recording_id):
            given = self._arrow("recording_file", recording_id, files)
            sql = "FROM recording_file WHERE recording_id = ?"
            stored = self._connection.sql(sql, params=[recording_id]).to_arrow_table()
            changed = not given.equals(stored)
            if changed:
                self._delete("recording_file", recording_id)
                self._connection.from_arrow(given).insert_into("recording_file")
        return changed

    def replace_former(self, recording: Recording, present: Collection[str]) -> tuple[str, ...]:
        """Remove recordings that `recording` has taken the place of; returns their ids.

        They were at its path, are not longer than it, and are not among those `present` in the archive (by
        recording_id). Reviews stay. Raises as `add`.
        """
        values = {
            "uri": recording.uri,
            "recording_id": recording.recording_id,
            "present": list(present),
            "duration_s": recording.duration_s or 0.0,
        }
        with self._transaction(recording.uri):
            former = tuple(row[0] for row in self._connection.execute(_FORMER, values).fetchall())
            for recording_id in former:
                for table in _DERIVED:
                    self._delete(table, recording_id)
        return former

    def hold_tracks(self) -> tuple[HoldTrack, ...]:
        """The known hold music."""
        return read_tracks(self._connection)

    def learn_tracks(self, known_after: int) -> None:
        """Learn, as hold tracks, the music that at least `known_after` of the stored recordings share."""
        with self._transaction("hold_track"):
            learn_tracks(self._connection, known_after)

    def put_rules(self, rules: Sequence[ScoredRule]) -> bool:
        """Make `rules` the active ones, replacing rows of the same id and version; others become inactive.

        Returns whether anything changed. Call it before findings are stored: scores use the weights in these
        rows.
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
        """Store reviews, all or none. Returns the number of new ones.

        A review that equals its reviewer's latest one of that finding is not stored again. Raises
        RecordingError when one breaks a CHECK, such as an unknown judgement.
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
        """Store the changes of a recheck in one transaction. Returns whether anything changed.

        `settings` are those of the recheck, by the fingerprint of the stored ones. Raises as `add`.
        """
        with self._transaction("recheck"):
            return store_rechecked(self._connection, rechecked, rules_version, settings)

    def publish(self) -> None:
        """Make all added rows visible to readers at once. The writer can be used further.

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
        """Close the working copy; rows that were not published are lost."""
        self._connection.close()

    def _stored_uri(self, recording_id: str) -> str | None:
        sql = "SELECT uri FROM recording WHERE recording_id = ?"
        # fetchone() would keep a result open, which DuckDB takes for work in progress.
        rows = self._connection.execute(sql, [recording_id]).fetchall()
        return rows[0][0] if rows else None

    def _keep_changes(self, analysis: CallAnalysis) -> None:
        """Store the verdicts that the new analysis changes in verdict_history."""
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
        """A transaction. Errors in values raise RecordingError for the recording, others UsageError."""
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

    A store of an earlier release is migrated and published first, with a line on standard error. Apart
    from that, nothing changes without `publish()`. Raises UsageError if another process writes, if the folder
    cannot be written, or if the file is not a store that this release can write.
    """
    db = db.resolve()
    layout = _check_ours(db)
    with locked(db), working_copy(db) as work:
        if layout is not None and layout.is_older:
            _announce(db, layout)
            migrate_copy(db, work, layout, lambda _: None)
        try:
            writer = Writer(db, work)
        except duckdb.Error as error:
            raise unwritable(db, error) from error
        with closing(writer):
            yield writer


def migrate(db: Path, report: Report) -> Migrated | None:
    """Bring the store `db` to the layout of this release; None if it has it already.

    `report` is called with a line before each step. Raises UsageError, with the store as it was, when it is
    missing, not a store, from a later release or one that is too old, or when it cannot be written.
    """
    db = db.resolve()
    layout = _check_ours(db)
    if layout is None:
        raise UsageError("there is no store", where=db, remedy="analyse some recordings into it first")
    if not layout.is_older:
        return None
    with locked(db):
        layout = _check_ours(db)  # another process may have migrated it in the meantime
        if layout is None or not layout.is_older:
            return None
        report(f"copying {db} ({layout})")
        with working_copy(db) as work:
            return migrate_copy(db, work, layout, report)


def with_layout_of_now(db: Path) -> None:
    """Migrate the store `db` with a line on standard error if it is from an earlier release.

    For commands that read before they write. Raises UsageError as `migrate`.
    """
    layout = _check_ours(db.resolve())
    if layout is not None and layout.is_older:
        _announce(db, layout)
        migrate(db, lambda _: None)


def _announce(db: Path, layout: Layout) -> None:
    sys.stderr.write(f"earwitness: migrating the store {db} from {layout} to {CURRENT}\n")


def check_writable(db: Path) -> None:
    """Raise the UsageError that `writing(db)` would raise, without a copy of the store."""
    db = db.resolve()
    _check_ours(db)
    with locked(db):
        try:
            tempfile.TemporaryFile(dir=db.parent).close()
        except OSError as error:
            raise unwritable(db, error) from error


def _check_ours(db: Path) -> Layout | None:
    """The layout of the store `db`, None if it is missing.

    Raises UsageError unless this release can write or migrate it and no other program writes to it.
    """
    try:
        folder, missing, unfinished = db.is_dir(), not db.exists(), beside(db, ".wal").exists()
    except OSError as error:
        raise unwritable(db, error) from error
    if folder:
        raise UsageError("the store is a folder", where=db, allowed="a file")
    if missing:
        return None
    if unfinished:
        remedy = "end it, then open and close the file once with DuckDB"
        raise UsageError("another program has not finished writing to the store", where=db, remedy=remedy)
    with opened(db) as connection:
        layout = layout_of(connection)
    if layout is None:
        raise UsageError("a database of another program", where=db, remedy="give another file")
    check_not_newer(db, layout)
    check_migratable(db, layout)
    return layout


def _pairs(stored: Sequence[Sequence[float]] | None) -> Pairs | None:
    return None if stored is None else tuple((start_s, end_s) for start_s, end_s in stored)


def _settings_state(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of StoredState that follow from stored settings."""
    return {
        "audio_hash": audio_fingerprint(values),
        "assess_hash": assess_fingerprint(values),
        "agent_channel": values.get("audio", {}).get("agent_channel"),
    }


def _records(analysis: CallAnalysis) -> Iterator[tuple[str, Sequence[object]]]:
    """Each table with its records."""
    for part in PARTS:
        value = getattr(analysis, part.field)
        yield part.table, value if part.many else () if value is None else (value,)
