"""The keys of a store's sealed text: where they lie, and the master key that wraps them."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import UsageError
from pipeline.sealing.keys import KeyFile
from pipeline.sealing.master import master_key
from pipeline.store.files import beside


def keys_of(db: Path, *, make: bool = False) -> KeyFile:
    """The keys of the store `db`, in a file beside it; the master key is of the environment or beside it too.

    With `make`, for who seals into a store without sealed text, both are made where they are not there yet.
    Raises UsageError for a file that is missing, damaged or readable for others.
    """
    place = db.resolve()
    keys = beside(place, ".keys")
    if not make and not keys.exists():
        remedy = "restore it from its backup"
        raise UsageError("the file of keys is missing", where=keys, remedy=remedy)
    return KeyFile(keys, master_key(beside(place, ".master"), make=make and not keys.exists()))
