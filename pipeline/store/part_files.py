"""Parts: finished calls as files, from which one loader fills the store.

A part holds the rows of whole calls, of all tables, and never changes: it appears under its name at once and
on disk, and whoever comes second with the same name leaves the first. Any number of processes, on any
number of machines that share the folder, write parts; a crash of theirs or of the loader costs none.

The file is a ZIP archive, stored uncompressed, of one Arrow stream a table (compressed by Zstandard) and
`part.json`. Its check sums find damaged bytes, and any Arrow reads it.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

import schemas
from pipeline import __version__
from pipeline.errors import EarwitnessError, UsageError
from pipeline.records import CallAnalysis, Recording
from pipeline.store.files import beside, sync_folder
from pipeline.store.loading import DERIVED, ids_in
from pipeline.store.rows import ID, rows_of_calls

SUFFIX = ".part"
_MANIFEST = "part.json"
_WRITING = ".writing"
_OPTIONS = pa.ipc.IpcWriteOptions(compression="zstd")


class PartError(EarwitnessError):
    """A part cannot be loaded: it is damaged, or another release wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The rows of whole calls by table, and the name of the part that they are from."""

    name: str
    rows: Mapping[str, pa.Table]

    @property
    def recording_ids(self) -> tuple[str, ...]:
        """The calls."""
        return ids_in(self.rows)

    @property
    def recording(self) -> Recording:
        """The first of its recordings: what it is and where, without the facts found in it."""
        (row,) = self.rows["recording"].slice(0, 1).to_pylist()
        return Recording(recording_id=row["recording_id"], uri=row["uri"], bytes=row["bytes"])

    def each(self) -> Iterator[Part]:
        """The part's calls, each as a part of its own."""
        for id_ in self.recording_ids:
            rows = {
                table: of_table.filter(pc.equal(of_table.column(ID), id_))
                for table, of_table in self.rows.items()
            }
            yield Part(name=self.name, rows=rows)


def parts_folder(db: Path, given: Path | None = None) -> Path:
    """Where the parts of the store `db` are: the folder that the settings give, else one beside it."""
    return given or beside(db, ".parts")


def write_part(folder: Path, name: str, analyses: Sequence[CallAnalysis]) -> Path:
    """Write finished calls as the part `name`, on disk at return; one that is there stays as it is.

    Raises UsageError where the folder cannot be written, ValueError for values that no column takes.
    """
    content = _content(rows_of_calls(analyses, columns_now()))
    place = folder / f"{name}{SUFFIX}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = folder / f".{name}.{os.uname().nodename}.{os.getpid()}{_WRITING}"
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - made with its mode
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _appear(new, place)
        sync_folder(folder)
    except OSError as error:
        remedy = "make room, or give another folder in store.parts"
        value = error.strerror
        raise UsageError("cannot write finished calls", where=place, value=value, remedy=remedy) from error
    return place


def check_storable(analysis: CallAnalysis) -> None:
    """Raise ValueError or TypeError for a call with a value that no column takes."""
    rows_of_calls([analysis], columns_now())


def _appear(new: Path, place: Path) -> None:
    """Give a finished file its name, unless another has it already."""
    try:
        os.link(new, place)
    except FileExistsError:
        pass
    except OSError:  # no hard links here; a second part of the name has the same calls
        new.replace(place)
        return
    new.unlink()


def read_part(path: Path) -> Part:
    """The rows of a part. Raises PartError if it is damaged or of another layout, OSError if it is gone."""
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(archive.read(_MANIFEST))
            rows = {
                table: pa.ipc.open_stream(archive.read(table)).read_all()
                for table in archive.namelist()
                if table != _MANIFEST
            }
    except (zipfile.BadZipFile, pa.ArrowException, KeyError, ValueError) as error:
        remedy = "remove it; its calls are analysed again"
        raise PartError("damaged part", where=path, value=error, remedy=remedy) from error
    columns = columns_now()
    if rows.keys() != columns.keys() or any(rows[table].schema != columns[table] for table in rows):
        remedy = "load it with that release, or remove it; its calls are then analysed again"
        value = f"release {manifest.get('release')}"
        raise PartError("part of another layout", where=path, value=value, remedy=remedy)
    return Part(name=path.stem, rows=rows)


def waiting_parts(folder: Path) -> tuple[Path, ...]:
    """The parts in `folder`, by name."""
    return tuple(sorted(folder.glob(f"*{SUFFIX}")))


def remove_parts(folder: Path, names: Sequence[str]) -> None:
    """Remove parts that are in the published store, and the folder if nothing is left in it."""
    for name in names:
        (folder / f"{name}{SUFFIX}").unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _content(rows: Mapping[str, pa.Table]) -> bytes:
    manifest = {"layout": schemas.VERSION, "release": __version__, "calls": rows["recording"].num_rows}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(_MANIFEST, json.dumps(manifest))
        for table, of_table in rows.items():
            stream = io.BytesIO()
            with pa.ipc.new_stream(stream, of_table.schema, options=_OPTIONS) as writer:
                writer.write_table(of_table)
            archive.writestr(table, stream.getvalue())
    return content.getvalue()


@cache
def columns_now() -> Mapping[str, pa.Schema]:
    """The columns of the tables that calls fill, in the layout of this release."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for table in schemas.tables():
            connection.execute(table.sql)
        return {table: connection.table(table).limit(0).to_arrow_table().schema for table in DERIVED}
