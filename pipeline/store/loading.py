"""Many calls into the tables at once: as Arrow, in one transaction.

Owned by `store`, which lends its connection.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

import pyarrow as pa

from pipeline.store.parts import HISTORY, PARTS
from pipeline.store.reading import Connection
from pipeline.store.rows import ID

DERIVED = tuple(part.table for part in PARTS)
"""Tables whose rows of a recording are replaced when it is analysed again."""

_AMONG = "recording_id IN (SELECT unnest(?::VARCHAR[]))"
_STORED = f"SELECT recording_id FROM recording WHERE {_AMONG}"  # noqa: S608 - our own names
_OLD = f"""
SELECT recording_id, rule_id, rule_version, verdict, start_s, quote
FROM finding WHERE {_AMONG} ORDER BY recording_id, rule_id
"""  # noqa: S608 - our own names


def load_rows(connection: Connection, rows: Mapping[str, pa.Table]) -> None:
    """Put the rows of whole calls in the tables; those of a former analysis of the same calls are replaced.

    `rows` are by table, each in its columns. Verdicts that change are kept in verdict_history. To be called
    in a transaction.
    """
    # Most recordings are new, and a DELETE would read the whole of the large tables.
    stored = [row[0] for row in connection.execute(_STORED, [list(ids_in(rows))]).fetchall()]
    if stored:
        _keep_changes(connection, rows["finding"], stored)
        delete_calls(connection, stored)
    for table in DERIVED:
        if rows[table].num_rows:
            connection.from_arrow(rows[table]).insert_into(table)


def _keep_changes(connection: Connection, findings: pa.Table, recording_ids: Sequence[str]) -> None:
    """Store the verdicts of stored recordings that the new `findings` change in verdict_history."""
    new = {(row[ID], row["rule_id"]): row for row in findings.to_pylist()}
    now = datetime.now(UTC)
    changes = [
        (
            *(id_, rule_id, now, "analysis", version, found["rule_version"], verdict, found["verdict"]),
            *(start_s, found["start_s"], quote, found["quote"]),
        )
        for id_, rule_id, version, verdict, start_s, quote in (
            connection.execute(_OLD, [recording_ids]).fetchall()
        )
        if (found := new.get((id_, rule_id))) is not None and found["verdict"] != verdict
    ]
    if changes:
        connection.executemany(f"INSERT INTO {HISTORY} VALUES ({', '.join('?' * len(changes[0]))})", changes)  # noqa: S608


def delete_calls(connection: Connection, recording_ids: Collection[str]) -> None:
    """Remove all that was derived from some recordings, by recording_id; reviews and history stay."""
    for table in DERIVED:
        connection.execute(f"DELETE FROM {table} WHERE {_AMONG}", [list(recording_ids)])  # noqa: S608 - our own names


def ids_in(rows: Mapping[str, pa.Table]) -> tuple[str, ...]:
    """The recordings that `rows` are of."""
    return tuple(rows["recording"].column(ID).to_pylist())
