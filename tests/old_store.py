"""The store that release 0.1.0 wrote; `data/store_0_1_0/README.md` says what is in it."""

from __future__ import annotations

import lzma
from functools import cache
from pathlib import Path

import duckdb

DATA = Path(__file__).parent / "data/store_0_1_0"
SAMPLES = Path(__file__).parent.parent / "pipeline/samples"
CALLS = (
    "dev03_ivr_disclosure_refused_hold.flac",
    "dev04_late_disclosure.flac",
    "dev06_two_holds_announcement.flac",
    "dev07_traps_mono.flac",
)
RECORDINGS = len(CALLS) + 1


@cache
def _bytes() -> bytes:
    return lzma.decompress((DATA / "calls.duckdb.xz").read_bytes())


def old_store(db: Path) -> Path:
    """Write the store to `db`."""
    db.write_bytes(_bytes())
    return db


def its_archive(folder: Path) -> Path:
    """Make the archive that the store was filled from."""
    folder.mkdir()
    for name in CALLS:
        (folder / name).symlink_to(SAMPLES / name)
    (folder / "broken.wav").write_text("RIFF not a recording at all")
    lines = (SAMPLES / "manifest.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    manifest = "".join(line for line in lines if line.startswith(("file,", *CALLS)))
    (folder / "manifest.csv").write_text(manifest, encoding="utf-8")
    return folder


def everything_in(db: Path) -> dict[str, list[dict[str, object]]]:
    """All rows of all tables by name, whatever the layout; a row is its values by column."""
    with duckdb.connect(str(db), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        names = [row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        out = {}
        for name in names:
            relation = connection.sql(f"SELECT * FROM {name} ORDER BY rowid")
            out[name] = [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
        return out
