"""The register of what was written from a store: evidence packs, samples, exports and reports.

What holds something of a call can so be deleted with the call. What was printed or given away cannot.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.retention.durable import add_lines, replace_file, whole_lines
from pipeline.retention.places import exports_register


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Files that were written from a store at an instant, and whose calls are in them; None for all calls.

    `folder` is the one that was made for them, if any.
    """

    at: str
    kind: str
    files: tuple[str, ...]
    folder: str | None
    recordings: tuple[str, ...] | None

    def has_any(self, recording_ids: Collection[str]) -> bool:
        """Whether something of one of these recordings may be in it."""
        return self.recordings is None or not set(self.recordings).isdisjoint(recording_ids)


def note_export(db: Path, kind: str, path: Path, recording_ids: Collection[str] | None) -> None:
    """Enter the file or folder at `path` in the register; `recording_ids` None: calls of the whole store.

    Raises UsageError where the register cannot be written.
    """
    path = path.resolve()
    inside = [one for one in path.rglob("*") if one.is_file()] if path.is_dir() else [path]
    entry = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "kind": kind,
        "files": sorted(str(one) for one in inside),
        "folder": str(path) if path.is_dir() else None,
        "recordings": None if recording_ids is None else sorted(recording_ids),
    }
    add_lines(exports_register(db), [json.dumps(entry).encode()])


def read_exports(register: Path) -> tuple[Export, ...]:
    """What is in the register. Raises UsageError for a line that is none of it."""
    found = []
    for number, line in enumerate(whole_lines(register), start=1):
        try:
            entry = json.loads(line)
            ids = entry["recordings"]
            files, recordings = tuple(entry["files"]), None if ids is None else tuple(ids)
            found.append(Export(**entry | {"files": files, "recordings": recordings}))
        except (ValueError, KeyError, TypeError):
            remedy = "correct the line: what it names cannot be deleted otherwise"
            raise UsageError(
                "a damaged register of exports", where=register, value=f"line {number}", remedy=remedy
            ) from None
    return tuple(found)


def delete_exports(register: Path, recording_ids: Collection[str]) -> None:
    """Delete the files with something of the recordings, and take them out of the register.

    Files that are gone already are passed over; folders go when nothing else is in them. Raises UsageError
    for a file that cannot be deleted, which stays in the register.
    """
    every = read_exports(register)
    gone = [one for one in every if one.has_any(recording_ids)]
    if not gone:
        return
    for export in gone:
        _delete(export)
    kept = [one for one in every if one not in gone]
    replace_file(register, b"".join(_line(one) for one in kept))


def missing_files(exports: Sequence[Export]) -> int:
    """Number of files that are not where they were written: somebody moved or deleted them."""
    return sum(not Path(file).exists() for one in exports for file in one.files)


def _delete(export: Export) -> None:
    for name in export.files:
        try:
            Path(name).unlink(missing_ok=True)
        except OSError as error:
            remedy = "delete it, then run the command again"
            raise UsageError(
                "cannot delete an export", where=name, value=error.strerror, remedy=remedy
            ) from error
    if export.folder is None:
        return
    folder = Path(export.folder)
    inner = [one for one in folder.rglob("*") if one.is_dir() and not one.is_symlink()]
    for one in (*sorted(inner, reverse=True), folder):
        if one.is_dir() and not any(one.iterdir()):
            one.rmdir()


def _line(export: Export) -> bytes:
    entry = {
        "at": export.at,
        "kind": export.kind,
        "files": export.files,
        "folder": export.folder,
        "recordings": export.recordings,
    }
    return json.dumps(entry).encode() + b"\n"
