"""The check in bytes: what was erased is in no byte of the files that stay."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.errors import UsageError

LEAST_BYTES = 6
"""Shorter values are not searched: in a large file they occur by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check looked at: values, files and their bytes.

    `shared` values stay because rows of other calls have them too, such as the name of an agent; `short` ones
    were not searched.
    """

    values: int
    shared: int
    short: int
    files: int
    bytes: int


def searched_values(values: Iterable[str], recording_ids: Collection[str]) -> frozenset[str]:
    """The values with the names of files in them, and the recordings' ids."""
    found = {value.strip() for value in values} | set(recording_ids)
    for value in tuple(found):
        path = PurePosixPath(value)
        if path.is_absolute():
            found |= {path.name, path.stem}
    return frozenset(filter(None, found))


def check_bytes(
    files: Sequence[Path], values: Collection[str], staying: Callable[[Sequence[str]], Collection[str]]
) -> Checked:
    """Search the bytes of `files` for `values`; those that `staying` says rows of other calls have may occur.

    Raises UsageError, which names the file and not the value, where another one is found.
    """
    wanted = sorted(value for value in values if len(value.encode()) >= LEAST_BYTES)
    there = [path for path in files if path.exists()]
    found = {path: _in_file(path, wanted) for path in there}
    hits = sorted(set().union(*found.values()))
    shared = set(staying(hits)) if hits else set()
    for path, inside in found.items():
        if inside - shared:
            raise UsageError(
                "what was to be erased is still in a file",
                where=path,
                value=f"{len(inside - shared)} values",
                remedy="please report this fault; run the command again to complete the erasure",
            )
    return Checked(
        values=len(wanted),
        shared=len(shared),
        short=len(values) - len(wanted),
        files=len(there),
        bytes=sum(path.stat().st_size for path in there),
    )


def _in_file(path: Path, values: Sequence[str]) -> set[str]:
    if path.stat().st_size == 0:
        return set()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return {value for value in values if content.find(value.encode()) >= 0}
