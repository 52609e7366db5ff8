"""What a night costs the store: size of a call, loading, publications, and the answers of the views.

    python benchmarks/night.py CALLS.duckdb [--archive 100000] [--night 5000] [--hours 8]

The archive consists of copies of the analysed calls in the store CALLS.duckdb (made by `earwitness demo`),
one in ten words replaced. The night adds further copies, in parts of 16 calls, through the loader. Its clock
is set: the parts come in evenly over the hours of the night. CPU seconds are those of this process.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import resource
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
from _line import write_result
from archive import make_archive

from pipeline.archive.batches import BatchDone, CallDone
from pipeline.archive.loader import Loader, load, publish
from pipeline.archive.totals import totals_of
from pipeline.settings import Settings
from pipeline.stages import Stages
from pipeline.store import ask, query, reading, writing
from pipeline.store.part_files import Part, columns_now, parts_folder, read_part

BATCH = 16
VARIANTS = 2_000
ONE_DAY = "SELECT * FROM call_summary WHERE started_at >= '2026-01-05' AND started_at < '2026-01-06'"


def main() -> None:
    """Make the archive, add the night, ask the views, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--archive", type=int, default=100_000)
    parser.add_argument("--night", type=int, default=5_000)
    parser.add_argument("--hours", type=float, default=8.0)
    order = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=order.store.resolve().parent) as folder:
        varied, db = Path(folder) / "varied.duckdb", Path(folder) / "archive.duckdb"
        make_archive(order.store, varied, min(order.archive, VARIANTS), vary=True)
        make_archive(varied, db, order.archive, vary=False)
        _spread(db)
        words = _number(db, "SELECT count(*) FROM word") / order.archive
        bytes_per_call = db.stat().st_size / order.archive
        figures: dict[str, Any] = {
            "archive_calls": order.archive,
            "words_per_call": round(words, 1),
            "audio_s_per_call": round(_number(db, "SELECT avg(duration_s) FROM recording"), 1),
            "bytes_per_call": round(bytes_per_call),
            "bytes_per_word": round(bytes_per_call / words, 1),
            "night": _night(varied, db, order.night, order.hours),
            "views": _views(db),
        }
    print(json.dumps(figures, indent=1))
    print(write_result("night", figures, Settings()))


def _spread(db: Path) -> None:
    """Give the copies dates, references and agents of their own: 5,000 calls a day."""
    with writing(db) as writer:
        connection = writer._connection  # noqa: SLF001 - a benchmark may reach in
        connection.execute(
            "UPDATE call SET call_ref = 'call-' || rowid, agent_id = 'agent-' || rowid % 200, "
            "started_at = TIMESTAMPTZ '2026-01-01 08:00+00' + INTERVAL 1 DAY * (rowid // 5000) "
            "+ INTERVAL 5 SECOND * (rowid % 5000)"
        )
        writer._changed = None  # noqa: SLF001
        writer.publish()


def _night(varied: Path, db: Path, calls: int, hours: float) -> dict[str, Any]:
    """Add `calls` copies through the loader."""
    clock = Clock()
    parts = parts_folder(db)
    before_cpu = _cpu_s()
    with writing(db) as writer:
        opened_cpu = _cpu_s()
        loader = Loader(
            writer=writer,
            folder=parts,
            publish_s=1800,
            known_after=Settings().sounds.known_after,
            stages=Stages(),
            load=load,
            publish=publish,
            clock=clock,
        )
        made_cpu = 0.0
        source = _templates(varied)
        sizes = []
        count = loader.publications
        for first in range(0, calls, BATCH):
            start = _cpu_s()
            done = _part(source, parts, first, min(calls, first + BATCH))
            made_cpu += _cpu_s() - start
            clock.idle(3600 * hours * BATCH / calls)
            loader.finished(done)
            if loader.publications > count:
                sizes.append(db.stat().st_size)
                count = loader.publications
        loader.publish_now()
        sizes.append(db.stat().st_size)
    cpu_s = _cpu_s() - opened_cpu - made_cpu
    return {
        "calls": calls,
        "hours": hours,
        "publications": len(sizes),
        "written_gb": round(sum(sizes) / 1e9, 1),
        "open_cpu_s": round(opened_cpu - before_cpu, 1),
        "load_s": round(loader.stages.seconds("load"), 1),
        "publish_s": round(loader.stages.seconds("publish"), 1),
        "cpu_ms_per_call": round(1000 * cpu_s / calls, 1),
        "part_cpu_ms_per_call": round(1000 * made_cpu / calls, 1),
    }


class Clock:
    """Real time, and the time in which the calls are analysed."""

    def __init__(self) -> None:
        self._idle_s = 0.0

    def idle(self, seconds: float) -> None:
        """Let time pass."""
        self._idle_s += seconds

    def __call__(self) -> float:
        """Seconds."""
        return time.monotonic() + self._idle_s


def _templates(db: Path) -> list[dict[str, pa.Table]]:
    """The rows of some calls."""
    ids = [row[0] for row in query(db, "SELECT recording_id FROM recording ORDER BY rowid LIMIT 70").rows]
    out = []
    with writing(db) as writer:
        for id_ in ids:
            rows = {
                table: writer._connection.sql(f"FROM {table} WHERE recording_id = '{id_}'").to_arrow_table()  # noqa: SLF001
                for table in columns_now()
            }
            out.append({table: one.cast(columns_now()[table]) for table, one in rows.items()})
    return out


def _part(source: list[dict[str, pa.Table]], folder: Path, first: int, end: int) -> BatchDone:
    """A part of copies, written as a worker writes it."""
    tables: dict[str, list[pa.Table]] = {table: [] for table in columns_now()}
    for number in range(first, end):
        new = hashlib.sha256(f"night {number}".encode()).hexdigest()
        for table, rows in source[number % len(source)].items():
            at = rows.schema.get_field_index("recording_id")
            column = pa.array([new] * rows.num_rows, pa.string())
            tables[table].append(rows.set_column(at, rows.schema.field(at), column))
    rows = {table: pa.concat_tables(each) for table, each in tables.items()}
    name = hashlib.sha256(f"part {first}".encode()).hexdigest()[:24]
    folder.mkdir(exist_ok=True)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("part.json", "{}")
        for table, of_table in rows.items():
            stream = io.BytesIO()
            options = pa.ipc.IpcWriteOptions(compression="zstd")
            with pa.ipc.new_stream(stream, of_table.schema, options=options) as writer:
                writer.write_table(of_table)
            archive.writestr(table, stream.getvalue())
    path = folder / f"{name}.part"
    path.write_bytes(content.getvalue())
    part: Part = read_part(path)
    calls = tuple(CallDone(recording=one.recording, totals=totals_of(one)) for one in part.each())
    return BatchDone(part=path, calls=calls)


def _views(db: Path) -> dict[str, float]:
    """Seconds of each view in full, of one call by its reference and of one day; second of two tries."""
    names = [
        row[0] for row in query(db, "SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1").rows
    ]
    questions = {name: f"SELECT count(COLUMNS(*)) FROM {name}" for name in names}  # noqa: S608
    questions["one call"] = "SELECT * FROM call_summary WHERE call_ref = 'call-77777'"
    questions["one day"] = ONE_DAY
    out = {}
    with reading(db) as connection:
        for name, sql in questions.items():
            ask(connection, sql)
            start = time.perf_counter()
            ask(connection, sql)
            out[name] = round(time.perf_counter() - start, 3)
    return out


def _number(db: Path, sql: str) -> float:
    return float(query(db, sql).rows[0][0])


def _cpu_s() -> float:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime


if __name__ == "__main__":
    main()
