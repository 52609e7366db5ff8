"""What every writer of a store does first: complete an erasure, and erase what a backup has brought back."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.retention.erase import HOLDER, Request, carry_out, finish_pending, foresee, write_journal
from pipeline.retention.places import Places
from pipeline.retention.tombstones import tombstones_of
from pipeline.retention.waiting import files_in_parts, ids_in_parts
from pipeline.store import reading, with_layout_of_now
from pipeline.store.erasing import ids_and_sums
from pipeline.store.files import locked


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Recordings of an erasure that was completed now, and those that were erased again."""

    completed: int = 0
    again: int = 0


def settle(places: Places) -> Settled:
    """Complete an erasure that was interrupted, and erase again what was erased and is there all the same.

    A backup that was made before an erasure brings the calls back; the tombstones know them. Raises
    UsageError as `erase`, and where there are tombstones and no master key.
    """
    if not places.db.is_file() or not (places.journal.exists() or places.tombstones.exists()):
        return Settled()
    with_layout_of_now(places.db)
    with locked(places.db, HOLDER):
        done = finish_pending(places)
        back = brought_back(places)
        if back:
            erasure = foresee(places, back, Request(cause="restored"))
            write_journal(places, erasure)
            carry_out(places, erasure)
    return Settled(completed=len(done.recordings) if done else 0, again=len(back))


def brought_back(places: Places) -> tuple[str, ...]:
    """The recordings in the store and in parts that were erased before."""
    erased = tombstones_of(places)
    with reading(places.db) as connection:
        pairs = [*ids_and_sums(connection), *files_in_parts(places.parts)]
    pairs += [(id_, None) for id_ in ids_in_parts(places.parts)]
    found = {id_ for id_, sha256 in pairs if id_ in erased or (sha256 is not None and sha256 in erased)}
    return tuple(sorted(found))
