"""Tombstones: tokens by which the files of erased recordings are known again, and nothing else.

A token is the HMAC of a file's SHA-256 with the master key: without the key nobody can ask of a file whether
its call was erased.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Container, Iterable
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.retention.durable import add_lines, whole_lines
from pipeline.retention.places import Places, find_master

_HEAD = "earwitness tombstones 1"


def token(sha256: str, master: bytes) -> str:
    """The token of a recording_id or the SHA-256 of a file, 64 hex digits."""
    return hmac.new(master, b"earwitness erased 1:" + sha256.encode(), hashlib.sha256).hexdigest()


class Tombstones:
    """The tombstones of a store."""

    def __init__(self, path: Path, master: bytes) -> None:
        """Read the file where there is one. Raises UsageError for another master key or a damaged file."""
        self._path, self._master = path, master
        lines = [line.decode("ascii", "replace") for line in whole_lines(path)]
        self._head = f"{_HEAD} {token('key', master)[:16]}"
        if lines and lines[0] != self._head:
            remedy = "give the master key with which the calls were erased, or restore the file"
            raise UsageError("not tombstones of this master key", where=path, remedy=remedy)
        self._tokens = set(lines[1:])

    def __contains__(self, sha256: object) -> bool:
        return bool(self._tokens) and token(str(sha256), self._master) in self._tokens

    def add(self, sums: Iterable[str]) -> None:
        """Remember recording_ids and sums of files as erased, on disk at return."""
        made = dict.fromkeys(token(one, self._master) for one in sums)
        new = [one for one in made if one not in self._tokens]
        head = [] if whole_lines(self._path) else [self._head]
        add_lines(self._path, [line.encode() for line in (*head, *new)] if new else [])
        self._tokens.update(new)


def tombstones_of(places: Places) -> Container[str]:
    """What was erased from a store; asks for the master key only where something was."""
    if not whole_lines(places.tombstones):
        return frozenset()
    return Tombstones(places.tombstones, find_master(places))
