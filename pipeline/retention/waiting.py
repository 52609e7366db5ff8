"""Recordings in parts: finished calls that wait to be loaded into the store."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from pipeline.store.part_files import (
    Part,
    PartError,
    read_part,
    remove_unfinished,
    rewrite_part,
    unreadable_parts,
    waiting_parts,
)

_TEXTS = (
    *(("recording", "uri"), ("recording", "error"), ("recording_file", "uri"), ("finding", "quote")),
    *(("call", "call_ref"), ("call", "customer_ref"), ("call", "agent_name")),
)


def ids_in_parts(folder: Path) -> frozenset[str]:
    """The recordings in the parts that can be read."""
    return frozenset(id_ for _, part in _parts(folder) for id_ in part.recording_ids)


def named_in_parts(folder: Path, *, customer_ref: str) -> frozenset[str]:
    """The recordings of a customer in the parts."""
    return frozenset(
        row["recording_id"]
        for _, part in _parts(folder)
        for row in part.rows["call"].select(["recording_id", "customer_ref"]).to_pylist()
        if row["customer_ref"] == customer_ref
    )


def files_in_parts(folder: Path) -> Iterator[tuple[str, str]]:
    """The recording_id and the SHA-256 of every file of the recordings in parts, a pair each."""
    for _, part in _parts(folder):
        for row in _rows(part, "recording_file"):
            yield row["recording_id"], row["sha256"]


def sums_in_parts(folder: Path, recording_ids: Collection[str]) -> frozenset[str]:
    """The sums of the files of recordings in parts."""
    return frozenset(sha256 for id_, sha256 in files_in_parts(folder) if id_ in recording_ids)


def values_in_parts(folder: Path, recording_ids: Collection[str]) -> frozenset[str]:
    """Names, references and quotes of recordings in parts."""
    return frozenset(
        row[column]
        for _, part in _parts(folder)
        for table, column in _TEXTS
        for row in _rows(part, table, recording_ids)
        if row[column]
    )


def rewrite_parts(folder: Path, recording_ids: Collection[str]) -> None:
    """Take recordings out of all parts; unreadable ones are removed, as nobody knows what they hold.

    The calls of a removed part are analysed again by the next night, unless they were erased.
    """
    remove_unfinished(folder)
    for path in unreadable_parts(folder):
        path.unlink()
    for path in waiting_parts(folder):
        try:
            holds_some = not set(read_part(path).recording_ids).isdisjoint(recording_ids)
        except PartError:
            path.unlink()
            continue
        if holds_some:
            rewrite_part(path, recording_ids)


def _parts(folder: Path) -> Iterator[tuple[Path, Part]]:
    for path in waiting_parts(folder):
        try:
            yield path, read_part(path)
        except PartError:
            continue


def _rows(part: Part, table: str, recording_ids: Collection[str] | None = None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = part.rows[table].to_pylist()
    return [row for row in rows if recording_ids is None or row["recording_id"] in recording_ids]
