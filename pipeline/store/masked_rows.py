"""Calls that were stored in clear, and how they are stored masked.

Owned by `store`, which lends its connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa

from pipeline.masking.hide import masked_quote
from pipeline.records import CallAnalysis
from pipeline.store.parts import HISTORY
from pipeline.store.reading import Connection
from pipeline.store.rows import ID

CHANGED = ("call", "word", "turn", "mask", "sealed_text", "finding")
"""The tables whose rows masking changes."""

_UNMASKED = """
SELECT recording_id
FROM recording
LEFT JOIN (SELECT recording_id, min(rowid) AS first_word FROM word GROUP BY recording_id) USING (recording_id)
ANTI JOIN sealed_text USING (recording_id)
WHERE status = 'analysed'
ORDER BY first_word, recording_id
"""
_QUOTES = f"""
SELECT DISTINCT start_s, quote FROM (
    SELECT old_start_s AS start_s, old_quote AS quote FROM {HISTORY} WHERE recording_id = $id
    UNION ALL SELECT new_start_s, new_quote FROM {HISTORY} WHERE recording_id = $id
)
WHERE quote IS NOT NULL
"""  # noqa: S608 - our own table names


def read_unmasked(connection: Connection) -> tuple[str, ...]:
    """The recordings without a row in sealed_text, in the order in which they are stored."""
    return tuple(row[0] for row in connection.execute(_UNMASKED).fetchall())


def put_masked_rows(
    connection: Connection, rows: Mapping[str, pa.Table], clear: Iterable[CallAnalysis]
) -> None:
    """Replace the rows of calls, which were stored as `clear`, by masked ones; in a transaction.

    The calls in clear have their masks already, for their former verdicts.
    """
    calls = list(clear)
    ids = [call.recording.recording_id for call in calls]
    for table in CHANGED:
        delete = f"DELETE FROM {table} WHERE {ID} IN (SELECT unnest(?::VARCHAR[]))"  # noqa: S608 - our own names
        connection.execute(delete, [ids])
        if rows[table].num_rows:
            connection.from_arrow(rows[table]).insert_into(table)
    for call in calls:
        _mask_history(connection, call)


def _mask_history(connection: Connection, call: CallAnalysis) -> None:
    """Mask the quotes of a call's former verdicts."""
    id_ = call.recording.recording_id
    for start_s, quote in connection.execute(_QUOTES, {"id": id_}).fetchall():
        masked = masked_quote(quote, start_s, call)
        for which in ("old", "new") if masked != quote else ():
            update = f"UPDATE {HISTORY} SET {which}_quote = ? WHERE recording_id = ? AND {which}_quote = ?"  # noqa: S608
            connection.execute(update, [masked, id_, quote])
