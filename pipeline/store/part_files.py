"""Parts: finished calls as files, from which one loader fills the store.

A part holds the rows of whole calls, of all tables, and never changes: it appears under its name at once and
on disk, and whoever comes second with the same name leaves the first. Any number of processes, on any
number of machines that share the folder, write parts; a crash of theirs or of the loader costs none.

The file is a ZIP archive, stored uncompressed, of one Arrow stream a table (compressed by Zstandard) and
`part.json`. Its check sums find damaged bytes, and any Arrow reads it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb
import psutil
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
        """The first of its recordings."""
        (row,) = self.rows["recording"].slice(0, 1).to_pylist()
        return Recording(**row)

    def each(self) -> Iterator[Part]:
        """The part's calls, each as a part of its own."""
        for id_ in self.recording_ids:
            rows = {
                table: of_table.filter(pc.equal(of_table.column(ID), id_))
                for table, of_table in self.rows.items()
            }
            yield Part(name=self.name, rows=rows)


def parts_folder(db: Path, given: Path | None = None) -> Path:
    """Where the parts of the store `db` are: beside it, or in a folder of their own in the one `given`."""
    if given is None:
        return beside(db, ".parts")
    # Several stores may share the folder that is given, and may have the same name.
    return given / f"{db.name}-{hashlib.sha256(os.fsencode(db)).hexdigest()[:8]}.parts"


def remove_unfinished(folder: Path) -> None:
    """Remove what processes of this machine that have ended left of parts that they were writing."""
    for path in folder.glob(f".*{_WRITING}"):
        _, host, pid = path.name.removesuffix(_WRITING).rsplit(".", 2)
        if host == _host() and not psutil.pid_exists(int(pid)):
            path.unlink(missing_ok=True)


def _host() -> str:
    return os.uname().nodename.replace(".", "-")


def part_place(folder: Path, name: str) -> Path:
    """Where the part of this name is, or would be."""
    return folder / f"{name}{SUFFIX}"


def write_part(folder: Path, name: str, analyses: Sequence[CallAnalysis]) -> Path:
    """Write finished calls as the part `name`, on disk at return; one that is there stays as it is.

    Raises UsageError where the folder cannot be written, ValueError for values that no column takes.
    """
    content = _content(rows_of_calls(analyses, columns_now()))
    place = part_place(folder, name)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = folder / f".{name}.{_host()}.{os.getpid()}{_WRITING}"
        _write_durably(new, content)
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
        remedy = "its calls are analysed again"
        raise PartError("damaged part", where=path, value=error, remedy=remedy) from error
    columns = columns_now()
    if rows.keys() != columns.keys() or any(rows[table].schema != columns[table] for table in rows):
        remedy = "its calls are analysed again"
        value = f"release {manifest.get('release')}"
        raise PartError("part of another layout", where=path, value=value, remedy=remedy)
    return Part(name=path.stem, rows=rows)


def waiting_parts(folder: Path) -> tuple[Path, ...]:
    """The parts in `folder`, by name."""
    return tuple(sorted(folder.glob(f"*{SUFFIX}")))


def rewrite_part(path: Path, without: Collection[str]) -> None:
    """Take recordings out of a part, which is removed if it has no others. Raises as `read_part`."""
    part = read_part(path)
    gone = pa.array(list(without), pa.string())
    rows = {
        table: of_table.filter(pc.invert(pc.is_in(of_table.column(ID), value_set=gone)))
        for table, of_table in part.rows.items()
    }
    if rows["recording"].num_rows == 0:
        path.unlink()
    else:
        new = path.with_name(f".{path.stem}.{_host()}.{os.getpid()}{_WRITING}")
        _write_durably(new, _content(rows))
        new.replace(path)
    sync_folder(path.parent)


def unreadable_parts(folder: Path) -> tuple[Path, ...]:
    """The parts that were set aside."""
    return tuple(sorted(folder.glob(f"*{SUFFIX}.unreadable")))


def _write_durably(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - made with its mode
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def set_aside(path: Path) -> Path:
    """Rename a part that cannot be loaded, so that its calls can be finished again; returns its new place."""
    return path.rename(path.with_suffix(f"{SUFFIX}.unreadable"))


def remove_parts(folder: Path, names: Sequence[str]) -> None:
    """Remove parts that are in the published store, and the folder if nothing is left in it."""
    for name in names:
        part_place(folder, name).unlink(missing_ok=True)
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
