"""The changes that a recheck makes to the store, and how they are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from pipeline import ALGORITHM
from pipeline.records import CallAnalysis, CallKind, ChangeCause, VerdictChange
from pipeline.store.parts import ASSESSED, HISTORY
from pipeline.store.reading import Connection
from pipeline.store.rows import Row, rows_of, table_of, value_names
from pipeline.store.stored import StoredCall
from pipeline.store.stored_settings import StoredSettings

Change = tuple[str, str | None, str | None]
"""A rule, its verdict until now (None for a new rule) and since now (None for a rule that is gone)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecheckedRows:
    """Rechecked calls: the rows that replace those of the recordings in `stale`, by table.

    `failed` are calls that could not be rechecked, with the reason; they stay as they were. `kinds` are the
    kinds of calls that are others than those stored, by recording_id, `gates` the versions of the model
    that scored sentences now.
    """

    recording_ids: tuple[str, ...]
    failed: tuple[tuple[str, str], ...]
    stale: Mapping[str, tuple[str, ...]]
    rows: Mapping[str, pa.Table]
    changes: Counter[Change]
    kinds: Mapping[str, CallKind] = field(default_factory=dict)
    gates: Mapping[str, str] = field(default_factory=dict)


def compare(
    pairs: Sequence[tuple[StoredCall, CallAnalysis]],
    failed: Sequence[tuple[str, str]],
    schemas: Mapping[str, pa.Schema],
    changed_at: datetime,
    active: Sequence[str],
) -> RecheckedRows:
    """What is new in calls, given each as it is stored and as it is judged now.

    `active` are the rules that a call has findings of; one that was not judged now keeps the stored finding.
    """
    changes: Counter[Change] = Counter()
    stale: dict[str, list[str]] = {}
    rows: dict[str, pa.Table] = {}
    for part in ASSESSED:
        table = part.table
        ids: list[str] = []
        new_rows: list[tuple[Any, ...]] = []
        names = value_names(schemas[table])
        for stored, now in pairs:
            if getattr(now, part.field) is getattr(stored.analysis, part.field):
                continue
            new = rows_of(getattr(now, part.field), names)
            if table == "finding":
                new = _with_kept(new, stored.rows[table], names, active)
                changes.update(_changes(stored.rows[table], new, names))
            if new != stored.rows[table]:
                id_ = now.recording.recording_id
                stale.setdefault(table, []).append(id_)
                ids += [id_] * len(new)
                new_rows += new
        rows[table] = table_of(schemas[table], new_rows, ids)
    history = [
        change
        for stored, now in pairs
        for change in verdict_changes(now, _old_findings(stored, schemas), changed_at, "recheck")
    ]
    rows[HISTORY] = table_of(schemas[HISTORY], rows_of(history, schemas[HISTORY].names))
    return RecheckedRows(
        recording_ids=tuple(now.recording.recording_id for _, now in pairs),
        failed=tuple(failed),
        stale={table: tuple(ids) for table, ids in stale.items()},
        rows=rows,
        changes=changes,
        kinds={
            now.recording.recording_id: now.recording.call_kind
            for stored, now in pairs
            if now.recording.call_kind and now.recording.call_kind != stored.analysis.recording.call_kind
        },
    )


def joined(parts: Sequence[RecheckedRows]) -> RecheckedRows:
    """Several batches as one; at least one."""
    changes: Counter[Change] = Counter()
    for part in parts:
        changes.update(part.changes)
    return RecheckedRows(
        recording_ids=tuple(id_ for part in parts for id_ in part.recording_ids),
        failed=tuple(failed for part in parts for failed in part.failed),
        stale={
            table: tuple(id_ for part in parts for id_ in part.stale.get(table, ()))
            for table in (assessed.table for assessed in ASSESSED)
        },
        rows={table: pa.concat_tables([part.rows[table] for part in parts]) for table in parts[0].rows},
        changes=changes,
        kinds={id_: kind for part in parts for id_, kind in part.kinds.items()},
        gates={id_: gate for part in parts for id_, gate in part.gates.items()},
    )


def verdict_changes(
    now: CallAnalysis, old: Iterable[Mapping[str, Any]], changed_at: datetime, cause: ChangeCause
) -> Iterator[VerdictChange]:
    """The verdicts of a call that are others than in `old`, its stored findings by column."""
    new = {finding.rule_id: finding for finding in now.findings}
    for before in old:
        finding = new.get(before["rule_id"])
        if finding is not None and finding.verdict != before["verdict"]:
            yield VerdictChange(
                recording_id=now.recording.recording_id,
                rule_id=finding.rule_id,
                changed_at=changed_at,
                cause=cause,
                old_rule_version=before["rule_version"],
                new_rule_version=finding.rule_version,
                old_verdict=before["verdict"],
                new_verdict=finding.verdict,
                old_start_s=before["start_s"],
                new_start_s=finding.start_s,
                old_quote=before["quote"],
                new_quote=finding.quote,
            )


def store_rechecked(
    connection: Connection,
    rechecked: RecheckedRows,
    rules_version: str,
    settings: Mapping[str, StoredSettings],
) -> bool:
    """Write what is new, and with what the calls are judged now; says whether anything changed.

    `settings` are by the fingerprint of those that are stored. To be called in a transaction.
    """
    for table, stale in rechecked.stale.items():
        if stale:
            delete = f"DELETE FROM {table} WHERE recording_id IN (SELECT unnest(?::VARCHAR[]))"  # noqa: S608 - our own table names
            connection.execute(delete, [list(stale)])
    changed = any(rechecked.stale.values())
    for table, rows in rechecked.rows.items():
        if rows.num_rows:
            connection.from_arrow(rows).insert_into(table)
    changed |= _put_kinds(connection, rechecked.kinds)
    changed |= _put_gates(connection, rechecked.gates)
    ids = list(rechecked.recording_ids)
    update = """
        UPDATE analysis SET rules_version = $version
        WHERE rules_version <> $version AND recording_id IN (SELECT unnest($ids::VARCHAR[]))
    """
    changed |= _count(connection, update, {"version": rules_version, "ids": ids}) > 0
    update = """
        UPDATE analysis SET algorithm = $algorithm
        WHERE algorithm <> $algorithm AND recording_id IN (SELECT unnest($ids::VARCHAR[]))
    """
    changed |= _count(connection, update, {"algorithm": ALGORITHM, "ids": ids}) > 0
    update = """
        UPDATE analysis SET settings_hash = $new, settings = $values
        WHERE settings_hash = $old AND recording_id IN (SELECT unnest($ids::VARCHAR[]))
    """
    for old, now in settings.items():
        if now.fingerprint != old:
            values = {"new": now.fingerprint, "values": now.text, "old": old, "ids": ids}
            changed |= _count(connection, update, values) > 0
    return changed


def _put_kinds(connection: Connection, kinds: Mapping[str, CallKind]) -> bool:
    """Store the kinds of calls; says whether there are any."""
    for kind in sorted(set(kinds.values())):
        ids = [id_ for id_, of in kinds.items() if of == kind]
        for table in ("recording", "analysis"):
            update = f"UPDATE {table} SET call_kind = ? WHERE recording_id IN (SELECT unnest(?::VARCHAR[]))"  # noqa: S608 - our own table names
            connection.execute(update, [kind, ids])
    return bool(kinds)


def _put_gates(connection: Connection, gates: Mapping[str, str]) -> bool:
    """Store the versions of the models that scored sentences; says whether there are any."""
    for gate in sorted(set(gates.values())):
        update = "UPDATE analysis SET gate = ? WHERE recording_id IN (SELECT unnest(?::VARCHAR[]))"
        connection.execute(update, [gate, [id_ for id_, of in gates.items() if of == gate]])
    return bool(gates)


def _count(connection: Connection, sql: str, values: Mapping[str, object]) -> int:
    return int(connection.execute(sql, values).fetchall()[0][0])


def _with_kept(
    new: tuple[Row, ...], old: tuple[Row, ...], names: Sequence[str], active: Sequence[str]
) -> tuple[Row, ...]:
    """The findings of the active rules: the new one, else the old one."""
    at = names.index("rule_id")
    found = {row[at]: row for row in (*old, *new)}
    return tuple(found[rule_id] for rule_id in active)


def _old_findings(stored: StoredCall, schemas: Mapping[str, pa.Schema]) -> list[dict[str, Any]]:
    names = value_names(schemas["finding"])
    return [dict(zip(names, row, strict=True)) for row in stored.rows["finding"]]


def _changes(old: tuple[Row, ...], new: tuple[Row, ...], names: Sequence[str]) -> list[Change]:
    """The rules whose verdict is another, or that have one only now or no more."""
    rule, verdict = names.index("rule_id"), names.index("verdict")
    before = {row[rule]: row[verdict] for row in old}
    after = {row[rule]: row[verdict] for row in new}
    return [
        (rule_id, before.get(rule_id), after.get(rule_id))
        for rule_id in sorted(before.keys() | after.keys())
        if before.get(rule_id) != after.get(rule_id)
    ]
