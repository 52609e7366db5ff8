"""Where everything is that holds something of the calls of a store, or of their erasure."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.sealing.master import VARIABLE, master_key
from pipeline.settings import Settings
from pipeline.store.files import beside
from pipeline.store.part_files import parts_folder
from pipeline.store.review_log import beside_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """A store `db` with the folder of its parts and the file of its reviews; the rest lies beside it."""

    db: Path
    parts: Path
    reviews: Path

    @property
    def keys(self) -> Path:
        """The wrapped keys of sealed texts."""
        return beside(self.db, ".keys")

    @property
    def master(self) -> Path:
        """The master key, where the environment gives none."""
        return beside(self.db, ".master")

    @property
    def journal(self) -> Path:
        """The erasure that is being carried out."""
        return beside(self.db, ".erasing")

    @property
    def tombstones(self) -> Path:
        """Tokens of the files of erased recordings."""
        return beside(self.db, ".tombstones")

    @property
    def receipts(self) -> Path:
        """Receipts of erasures."""
        return beside(self.db, ".receipts.jsonl")

    @property
    def exports(self) -> Path:
        """The register of files that were written from the store."""
        return exports_register(self.db)


def places_of(db: Path, settings: Settings) -> Places:
    """The places of the store `db` with these settings."""
    db = db.resolve()
    return Places(
        db=db,
        parts=parts_folder(db, settings.store.parts),
        reviews=settings.store.reviews or beside_store(db),
    )


def exports_register(db: Path) -> Path:
    """The register of files that were written from the store `db`."""
    return beside(db.resolve(), ".exports.jsonl")


def find_master(places: Places, *, make: bool = False) -> bytes:
    """The master key; with `make`, one is made where nothing depends on a former one.

    Raises UsageError where there is none, and as `master_key`.
    """
    fresh = not (places.tombstones.exists() or places.keys.exists())
    if not ((make and fresh) or os.environ.get(VARIABLE) or places.master.exists()):
        raise UsageError(
            "there is no master key",
            where=places.master,
            allowed=f"that file, or the key in {VARIABLE}",
            remedy="restore it from its backup: without it nobody knows which calls were erased",
        )
    return master_key(places.master)
