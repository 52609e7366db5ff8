"""Writing a store's file anew: only so do the bytes of what was deleted leave it.

DELETE, UPDATE and CHECKPOINT keep old blocks in the file, and column statistics keep old values.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.store.reading import connect


def write_anew(work: Path) -> None:
    """Write the file anew, in the storage version of new stores, in the order of its rows.

    Nobody else may have it open. Raises OSError and DuckDB's errors, with the file as it was.
    """
    new = work.with_name(f"{work.name}.new")
    connection = connect(new)
    try:
        name = connection.execute("SELECT current_database()").fetchall()[0][0]
        place = str(work).replace("'", "''")
        connection.execute(f"ATTACH '{place}' AS former (READ_ONLY)")
        connection.execute(f'COPY FROM DATABASE former TO "{name}"')
        connection.execute("DETACH former")
        connection.execute("CHECKPOINT")
    except BaseException:
        connection.close()
        new.unlink(missing_ok=True)
        raise
    connection.close()
    new.replace(work)
