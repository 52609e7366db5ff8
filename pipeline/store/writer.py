"""The writer: the working copy of a store, filled and published by one process.

Owned by `store`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from pipeline.errors import RecordingError, UsageError
from pipeline.records import (
    Call,
    CallAnalysis,
    Choice,
    HoldTrack,
    KnownFile,
    Night,
    Recording,
    RecordingFile,
    Review,
    ScoredRule,
    TelephonyEvent,
    in_quarantine,
)
from pipeline.store.files import brief, put_in_place
from pipeline.store.hold_tracks import learn_tracks, read_tracks
from pipeline.store.known_files import KNOWN_FILES, put_known_files, read_known_files
from pipeline.store.layout import apply_schema
from pipeline.store.loading import DERIVED, delete_calls, load_rows
from pipeline.store.masked_rows import put_masked_rows, read_unmasked
from pipeline.store.nights import Pace, read_pace
from pipeline.store.one_call import read_call
from pipeline.store.part_files import Part
from pipeline.store.reading import connect
from pipeline.store.recheck_rows import RecheckedRows, store_rechecked
from pipeline.store.review_rows import (
    INTERVAL,
    LATEST_REVIEWS,
    REVIEW,
    Key,
    delete_reviews,
    intervals_of,
    stored_keys,
)
from pipeline.store.rewriting import write_anew
from pipeline.store.rows import rows_of, rows_of_calls, table_of, value_names
from pipeline.store.state import StoredState, read_known
from pipeline.store.stored_settings import StoredSettings
from pipeline.store.summary import refresh_summary

NIGHT = "night"
TELEPHONY = "telephony_event"
_COLUMNS_OF = (*DERIVED, "rule", REVIEW, INTERVAL, NIGHT, KNOWN_FILES, TELEPHONY)
"""Tables that are filled from records."""

_FORMER = """
SELECT recording_id FROM recording
WHERE uri = $uri AND recording_id <> $recording_id AND NOT list_contains($present, recording_id)
    AND (duration_s IS NULL OR duration_s <= $duration_s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A recording of a part that the store did not take, and why in one line."""

    recording: Recording
    reason: str


class Writer:
    """The working copy of a store, from `writing()`. Readers see added rows after `publish()`."""

    def __init__(self, db: Path, work: Path, died: str | None = None) -> None:
        """Bring tables and views of the copy `work` up to date; `died` names a writer that was killed."""
        self._db = db
        self.died = died
        self._work = work
        self._connection = connect(work)
        summary_is_current = apply_schema(self._connection)
        self._changed: set[str] | None = set() if summary_is_current else None
        """Recordings whose row in `summary` is not current; None for every one."""
        self._columns = {
            table: self._connection.table(table).limit(0).to_arrow_table().schema for table in _COLUMNS_OF
        }

    def known(self) -> dict[str, StoredState]:
        """The state of every stored recording, by recording_id."""
        return read_known(self._connection)

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

    def put_night(self, night: Night) -> None:
        """Store how a run went. Raises as `add`."""
        with self._transaction(NIGHT):
            self._connection.from_arrow(self._arrow(NIGHT, None, (night,))).insert_into(NIGHT)

    def pace(self) -> Pace:
        """How much sound files hold, and how fast it was analysed."""
        return read_pace(self._connection)

    def count(self) -> int:
        """Number of recordings."""
        return int(self._connection.execute("SELECT count(*) FROM recording").fetchall()[0][0])

    def has_sealed(self) -> bool:
        """Whether text of any call is sealed."""
        sql = "SELECT 1 FROM sealed_text WHERE blob IS NOT NULL LIMIT 1"
        return bool(self._connection.execute(sql).fetchall())

    def unmasked(self) -> tuple[str, ...]:
        """The recordings whose words nobody has searched for what is to be masked, as they are stored."""
        return read_unmasked(self._connection)

    def read(self, recording_id: str) -> CallAnalysis:
        """All that is stored of a call. Raises UsageError for one that is not, or is in quarantine."""
        return read_call(self._connection, recording_id)

    def put_masked(self, calls: Sequence[tuple[CallAnalysis, CallAnalysis]]) -> None:
        """Store calls masked, each given in clear and as it is to be stored, in one transaction.

        Clear words stay in the file's free blocks until `write_anew`. Raises as `add`.
        """
        with self._transaction(f"{len(calls)} calls"):
            rows = rows_of_calls([masked for _, masked in calls], self._columns)
            put_masked_rows(self._connection, self._in_own_order(rows), [clear for clear, _ in calls])
        self._note(clear.recording.recording_id for clear, _ in calls)

    def write_anew(self) -> None:
        """Write the file anew, without what was deleted. Raises UsageError when the disk refuses."""
        try:
            refresh_summary(self._connection, self._changed)
            self._changed = set()
            self._connection.execute("CHECKPOINT")
            self._connection.close()
            try:
                write_anew(self._work)
            finally:
                self._connection = connect(self._work)
        except (OSError, duckdb.Error) as error:
            raise UsageError("cannot write the store anew", where=self._db, value=brief(error)) from error

    def add(self, *analyses: CallAnalysis) -> None:
        """Store recordings in one transaction; rows of their former analyses are replaced.

        Reviews stay, and verdicts that change are kept in verdict_history. Raises RecordingError, with the
        store as it was, when a value breaks a CHECK or has no place in its column; UsageError when the file
        cannot be written.
        """
        where = analyses[0].recording.uri if len(analyses) == 1 else f"{len(analyses)} recordings"
        with self._transaction(where):
            load_rows(self._connection, rows_of_calls(analyses, self._columns))
        self._note(analysis.recording.recording_id for analysis in analyses)

    def fold(self, parts: Sequence[Part]) -> tuple[Refused, ...]:
        """Store the recordings of parts, and with them the parts' names, all in one transaction.

        Parts whose names are there already are left out. What breaks a CHECK is stored as a recording in
        quarantine and returned; it costs no other. Raises UsageError when the file cannot be written.
        """
        known = {row[0] for row in self._connection.execute("SELECT name FROM part").fetchall()}
        new = [part for part in parts if part.name not in known]
        refused: tuple[Refused, ...] = ()
        try:
            self._fold(new)
        except RecordingError:
            for part in new:
                refused += self._fold_apart(part)
        return refused

    def _fold(self, parts: Sequence[Part]) -> None:
        if not parts:
            return
        tables = {table: pa.concat_tables([part.rows[table] for part in parts]) for table in DERIVED}
        with self._transaction(f"{len(parts)} parts"):
            load_rows(self._connection, self._in_own_order(tables))
            self._name_parts(parts)
        self._note(id_ for part in parts for id_ in part.recording_ids)

    def _fold_apart(self, part: Part) -> tuple[Refused, ...]:
        """A part's recordings one by one where it cannot be stored as a whole."""
        try:
            self._fold([part])
        except RecordingError:
            pass
        else:
            return ()
        refused: list[Refused] = []
        with self._transaction(part.name):
            self._name_parts([part])
        for one in part.each():
            try:
                with self._transaction(one.recording.uri):
                    load_rows(self._connection, self._in_own_order(one.rows))
            except RecordingError as error:
                refused.append(Refused(recording=one.recording, reason=str(error)))
                self.add(in_quarantine(one.recording, str(error)))
            self._note(one.recording_ids)
        return tuple(refused)

    def _in_own_order(self, rows: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        """Rows with the columns in the order of this store's tables, which a migration may have changed."""
        return {table: of_table.select(self._columns[table].names) for table, of_table in rows.items()}

    def _name_parts(self, parts: Sequence[Part]) -> None:
        values = [[part.name, len(part.recording_ids)] for part in parts]
        self._connection.executemany("INSERT INTO part VALUES (?, now(), ?)", values)

    def loaded_parts(self) -> tuple[str, ...]:
        """The names of the parts that were loaded and whose files may still be there."""
        return tuple(row[0] for row in self._connection.execute("SELECT name FROM part").fetchall())

    def forget_parts(self, names: Sequence[str]) -> None:
        """Forget the names of parts whose files are gone."""
        with self._transaction("part"):
            delete = "DELETE FROM part WHERE name IN (SELECT unnest(?::VARCHAR[]))"
            self._connection.execute(delete, [list(names)])

    def choose(self, recording_ids: Sequence[str], choice: Choice | None) -> None:
        """Store what a person has decided about recordings in quarantine; None takes a decision back."""
        with self._transaction("quarantine_choice"):
            delete = "DELETE FROM quarantine_choice WHERE recording_id IN (SELECT unnest(?::VARCHAR[]))"
            self._connection.execute(delete, [list(recording_ids)])
            if choice is not None:
                insert = "INSERT INTO quarantine_choice SELECT unnest(?::VARCHAR[]), ?, now()"
                self._connection.execute(insert, [list(recording_ids), choice])

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
        self._note([recording_id])
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
            delete_calls(self._connection, former)
        self._note(former)
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
                self._changed = None  # scores weigh all calls by the rules of now
        return changed

    def add_reviews(self, reviews: Sequence[Review]) -> int:
        """Store reviews, all or none. Returns the number of new ones.

        A review that equals its reviewer's latest one of that finding is not stored again. Raises
        RecordingError when one breaks a CHECK, such as an unknown judgement.
        """
        with self._transaction("review"):
            rows = self._connection.execute(LATEST_REVIEWS).fetchall()
            latest = {row[:4]: row[4:] for row in rows}
            new = tuple(review for review in reviews if latest.get(review.subject) != review.opinion)
            self._connection.from_arrow(self._arrow("review", None, new)).insert_into("review")
        return len(new)

    def put_telephony_events(self, recording_ids: Collection[str], events: Sequence[TelephonyEvent]) -> None:
        """Make `events` all that the telephone system told of these recordings. Raises as `add`."""
        with self._transaction(TELEPHONY):
            delete = f"DELETE FROM {TELEPHONY} WHERE recording_id IN (SELECT unnest(?::VARCHAR[]))"  # noqa: S608 - our own table names
            self._connection.execute(delete, [list(recording_ids)])
            self._connection.from_arrow(self._arrow(TELEPHONY, None, events)).insert_into(TELEPHONY)

    def merge_reviews(self, reviews: Sequence[Review], withdrawn: Collection[Key] = ()) -> tuple[int, int]:
        """Store the reviews that are not there yet and delete those `withdrawn`, all or none.

        Then the intervals are computed again. Returns the numbers of both. Raises as `add_reviews`.
        """
        with self._transaction(REVIEW):
            stored = stored_keys(self._connection)
            new = tuple(review for review in reviews if review.key not in stored)
            gone = stored.intersection(withdrawn)
            delete_reviews(self._connection, gone)
            self._connection.from_arrow(self._arrow(REVIEW, None, new)).insert_into(REVIEW)
            intervals = self._arrow(INTERVAL, None, intervals_of(self._connection))
            self._connection.execute(f"DELETE FROM {INTERVAL}")  # noqa: S608 - our own table names
            self._connection.from_arrow(intervals).insert_into(INTERVAL)
        return len(new), len(gone)

    def add_rechecked(
        self, rechecked: RecheckedRows, rules_version: str, settings: Mapping[str, StoredSettings]
    ) -> bool:
        """Store the changes of a recheck in one transaction. Returns whether anything changed.

        `settings` are those of the recheck, by the fingerprint of the stored ones. Raises as `add`.
        """
        self._note(rechecked.recording_ids)
        with self._transaction("recheck"):
            return store_rechecked(self._connection, rechecked, rules_version, settings)

    def publish(self) -> None:
        """Make all added rows visible to readers at once. The writer can be used further.

        Readers that have the former file open keep it. Raises UsageError when the disk refuses, with the
        published file as it was.
        """
        try:
            refresh_summary(self._connection, self._changed)
            self._changed = set()
            self._connection.execute("CHECKPOINT")
            self._connection.close()
            try:
                put_in_place(self._work, self._db)
            finally:  # also after an interruption, so that what is finished can be published once more
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

    def _note(self, recording_ids: Iterable[str]) -> None:
        """Remember recordings whose summary is to be computed again."""
        if self._changed is not None:
            self._changed.update(recording_ids)

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
