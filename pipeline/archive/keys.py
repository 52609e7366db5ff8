"""The keys that recordings are sealed with, given out with the work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.archive.items import WorkItem
from pipeline.sealing.keys import KeyFile
from pipeline.store import Writer
from pipeline.store.sealed import keys_of


class Keys:
    """Gives recordings their keys, each on disk before anything is sealed with it.

    Workers, which may be on other machines, so need neither the master key nor the file.
    """

    def __init__(self, writer: Writer, db: Path) -> None:
        self._writer, self._db = writer, db
        self._file: KeyFile | None = None

    def open_for(self, items: Sequence[WorkItem]) -> None:
        """Open the file if any of `items` is to be masked; made for the first ones of a store.

        Raises UsageError, before any work is done, where the keys of what is sealed are not there.
        """
        if self._file is None and any(map(_is_masked, items)):
            self._file = keys_of(self._db, make=not self._writer.has_sealed())

    def given_to(self, items: Sequence[WorkItem]) -> tuple[WorkItem, ...]:
        """The items, those that are to be masked with their keys."""
        self.open_for(items)
        if self._file is None:
            return tuple(items)
        keys = self._file.make_all(item.recording_id for item in items if _is_masked(item))
        return tuple(replace(item, key=keys.get(item.recording_id)) for item in items)


def _is_masked(item: WorkItem) -> bool:
    return item.settings.masking.profile != "off"
