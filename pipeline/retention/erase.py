"""Erasing recordings from everything that the program keeps.

The order makes a crash harmless. The journal is written first and removed last; whatever ends the process in
between, the next writer carries the erasure to its end. Every step can be taken twice. The store is published
last of what holds values, because the check in bytes needs the values that it still has.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import shutil
import uuid
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.errors import UsageError
from pipeline.retention.durable import remove_file, replace_file
from pipeline.retention.exports import delete_exports, missing_files, read_exports
from pipeline.retention.leftovers import check_bytes, searched_values
from pipeline.retention.places import Places, find_master
from pipeline.retention.receipts import add_receipt
from pipeline.retention.tombstones import Tombstones, token
from pipeline.retention.waiting import ids_in_parts, rewrite_parts, sums_in_parts, values_in_parts
from pipeline.sealing.keys import KeyFile
from pipeline.store import reading, with_layout_of_now
from pipeline.store.erasing import (
    count_rows,
    file_sums,
    make_current,
    rows_left,
    spill_of,
    texts_that_stay,
    values_of,
    with_same_files,
    write_without,
)
from pipeline.store.files import beside, locked, put_in_place, working_copy
from pipeline.store.legal_holds import active_holds
from pipeline.store.review_erasing import count_reviews, erase_reviews, notes_about, notes_that_stay

HOLDER = "an erasure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Why recordings are erased: `cause` is request, retention or restored (from a backup made before)."""

    cause: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """An erasure as the journal keeps it: what is erased, and how much of it there was."""

    id: str
    at: str
    by: str
    cause: str
    reason: str | None
    recordings: tuple[str, ...]
    sums: tuple[str, ...]
    rows: Mapping[str, int]
    in_parts: int
    reviews: int
    exports: int
    files_gone: int
    """Registered files that somebody has moved or deleted before."""
    keys: int
    checked: Mapping[str, int] | None = None
    store_sha256: str | None = None

    def as_receipt(self, master: bytes) -> dict[str, Any]:
        """The erasure without its ids: recordings are named by their tokens."""
        values = asdict(self)
        del values["sums"]
        return values | {"recordings": [token(one, master) for one in self.recordings]}


def erase(places: Places, recording_ids: Collection[str], request: Request) -> tuple[Erasure, int]:
    """Erase recordings for good. Returns the erasure and the number of its receipt.

    Others that were made of the same files are erased with them. Raises UsageError for one that is on legal
    hold, with nothing changed, and where a file cannot be written; the erasure is then completed by the next
    call of this function or of `settle`.
    """
    with_layout_of_now(places.db)
    with locked(places.db, HOLDER):
        finish_pending(places)
        find_master(places, make=True)
        erasure = foresee(places, recording_ids, request)
        write_journal(places, erasure)
        return carry_out(places, erasure)


def finish_pending(places: Places) -> Erasure | None:
    """Carry out the erasure that was begun and not completed, if any. To be called with the lock held."""
    try:
        text = places.journal.read_bytes()
    except FileNotFoundError:
        return None
    values = json.loads(text)
    lists = {name: tuple(values[name]) for name in ("recordings", "sums")}
    erasure, _ = carry_out(places, Erasure(**values | lists))
    return erasure


def foresee(places: Places, recording_ids: Collection[str], request: Request) -> Erasure:
    """The erasure of recordings, with the numbers of what there is of them; nothing is changed.

    Raises UsageError for one on legal hold, unless it was erased before and has come back from a backup, and
    for a reason that holds a value which is to be erased.
    """
    with reading(places.db) as connection:
        ids = with_same_files(connection, recording_ids)
        if request.cause != "restored":
            _check_holds(connection, ids)
        rows, sums = count_rows(connection, ids), file_sums(connection, ids)
        values = values_of(connection, ids)
    _check_reason(request, values)
    exports = [one for one in read_exports(places.exports) if one.has_any(ids)]
    keys = KeyFile(places.keys, find_master(places)) if places.keys.exists() else ()
    return Erasure(
        id=uuid.uuid4().hex,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        by=getpass.getuser(),
        cause=request.cause,
        reason=request.reason,
        recordings=ids,
        sums=tuple(sorted({*sums, *sums_in_parts(places.parts, ids)})),
        rows=rows,
        in_parts=len(ids_in_parts(places.parts) & set(ids)),
        reviews=count_reviews(places.reviews, ids),
        exports=len(exports),
        files_gone=missing_files(exports),
        keys=sum(one in keys for one in ids),
    )


def _check_holds(connection: Any, ids: Collection[str]) -> None:
    for hold in active_holds(connection):
        if hold.recording_id in ids:
            until = f" until {hold.until}" if hold.until else ""
            raise UsageError(
                "the recording is on legal hold",
                where=hold.recording_id,
                value=f"{hold.reason}{until}",
                remedy=f"nothing was erased; earwitness hold release {hold.recording_id[:12]} ends the hold",
            )


def _check_reason(request: Request, values: Collection[str]) -> None:
    reason = request.reason or ""
    if any(len(value) > 2 and value in reason for value in values):
        raise UsageError(
            "the reason holds a name, reference or quote that is to be erased",
            where="--reason",
            remedy="the receipt outlives the call: give a number of the matter instead",
        )


def write_journal(places: Places, erasure: Erasure) -> None:
    """Keep the erasure until it is complete."""
    replace_file(places.journal, json.dumps(asdict(erasure)).encode())


def carry_out(places: Places, erasure: Erasure) -> tuple[Erasure, int]:
    """Take all steps of an erasure; each may have been taken before. Returns it with its receipt's number."""
    master = find_master(places, make=True)
    values = searched_values(_values(places, erasure), erasure.recordings)
    put_tombstones(places, erasure, master)
    destroy_keys(places, erasure, master)
    rewrite_parts(places.parts, erasure.recordings)
    erase_reviews(places.reviews, erasure.recordings)
    delete_exports(places.exports, erasure.recordings)
    erasure = rewrite_store(places, erasure, values)
    number = add_receipt(places.receipts, erasure.as_receipt(master), master)
    remove_file(places.journal)
    return erasure, number


def _values(places: Places, erasure: Erasure) -> frozenset[str]:
    with reading(places.db) as connection:
        found = values_of(connection, erasure.recordings)
    found |= notes_about(places.reviews, erasure.recordings)
    return found | values_in_parts(places.parts, erasure.recordings)


def put_tombstones(places: Places, erasure: Erasure, master: bytes) -> None:
    """Have the files left alone by all later nights."""
    Tombstones(places.tombstones, master).add((*erasure.recordings, *erasure.sums))


def destroy_keys(places: Places, erasure: Erasure, master: bytes) -> None:
    """Destroy the keys of the sealed texts, where there are any."""
    if places.keys.exists():
        keys = KeyFile(places.keys, master)
        for recording_id in erasure.recordings:
            keys.destroy(recording_id)


def rewrite_store(places: Places, erasure: Erasure, values: Collection[str]) -> Erasure:
    """Put a store that never had the recordings in the place of the present one, when it is checked."""
    with working_copy(places.db) as work:
        shutil.rmtree(spill_of(work), ignore_errors=True)
        shutil.rmtree(spill_of(beside(work, ".new")), ignore_errors=True)
        if erasure.store_sha256 is not None and not rows_left(work, erasure.recordings):
            return erasure  # it was published before the process ended
        make_current(work)
        write_without(places.db, work, erasure.recordings)
        left = rows_left(work, erasure.recordings)
        if left:
            raise UsageError("rows of erased recordings are left", where=places.db, value=", ".join(left))
        erasure = replace(erasure, checked=check_everything(places, work, values), store_sha256=sum_of(work))
        write_journal(places, erasure)
        put_in_place(work, places.db)
    return erasure


def check_everything(places: Places, work: Path, values: Collection[str]) -> dict[str, int]:
    """Search the bytes of all files that stay for what is erased. Raises UsageError as `check_bytes`."""
    files = [work, beside(work, ".wal"), places.exports]
    files += [places.reviews, *(beside(places.reviews, end) for end in ("-wal", "-journal"))]
    files += sorted(path for path in places.parts.glob("*") if path.is_file())

    def staying(hits: Collection[str]) -> Collection[str]:
        stays = texts_that_stay(work, list(hits)) | notes_that_stay(places.reviews, list(hits))
        return stays | {hit for hit in hits if hit in str(places.db)}

    return asdict(check_bytes(files, values, staying))


def sum_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
