"""A store whose calls hold telling values, and an erasure that is killed; other processes import this module."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from builders import NOON, a_call, a_recording, a_run, an_analysis, an_id, found, say
from night_jobs import dies

from pipeline.records import CallAnalysis, KnownFile, RecordingFile, Review
from pipeline.retention import erase as erasing
from pipeline.retention.exports import note_export
from pipeline.retention.places import Places, places_of
from pipeline.sealing.keys import KeyFile
from pipeline.sealing.master import master_key
from pipeline.settings import load
from pipeline.store import writing
from pipeline.store.part_files import write_part
from pipeline.store.review_log import Drawing, Item, Judged, ReviewLog

NAMES = {"one": "Wilhelmina Quackenbush", "two": "Ebenezer Throckmorton", "three": "Philippa Ogilvy"}
CUSTOMERS = {"one": "cust-771204", "two": "cust-771204", "three": "cust-883155"}


def values_of(name: str) -> tuple[str, ...]:
    """What must be in no file once the call is erased."""
    return (
        an_id(name),
        f"{NAMES[name].replace(' ', '_')}.wav",
        f"ref-{name}-5550142",
        f"my name is {NAMES[name]}",
        f"the account of {NAMES[name]} is 44192703",
        f"{NAMES[name]} sounded sure",
    )


def call_of(name: str, **changes: Any) -> CallAnalysis:
    """A call whose file, metadata, words and finding hold the caller's name."""
    uri = f"/archive/{NAMES[name].replace(' ', '_')}.wav"
    quote = f"my name is {NAMES[name]}"
    account = f"the account of {NAMES[name]} is 44192703"
    turns = (
        say("agent", 0, 3, "thank you for calling"),
        say("customer", 3, 6, quote),
        say("customer", 6, 9, account),
    )
    call = a_call(
        call_ref=f"ref-{name}-5550142",
        customer_ref=CUSTOMERS[name],
        agent_name="Annabel Leighton",
        extra={"caller": NAMES[name]},
    )
    return an_analysis(
        name,
        turns=turns,
        recording=a_recording(name, uri=uri),
        call=call,
        run=a_run(),
        findings=(found("greeting", "pass", quote=quote, start_s=3.0, end_s=6.0),),
        files=(RecordingFile(uri=uri, sha256=an_id(name), part="whole", leg_index=None),),
        **changes,
    )


def the_store(folder: Path) -> Places:
    """Calls one, two and three with keys and reviews, four calls of others, and one more in a part."""
    db = folder / "calls.duckdb"
    places = places_of(db, load(environ={}))
    others = [an_analysis(f"other {n}", turns=(say("agent", 0, 1, "hello"),)) for n in range(4)]
    with writing(db) as writer:
        writer.add(*(call_of(name) for name in NAMES), *others)
        writer.add(replace(call_of("one"), findings=(found("greeting", "fail", quote="no greeting at all"),)))
        known = [
            KnownFile(uri=call_of(name).recording.uri, bytes=9, modified="1", sha256=an_id(name))
            for name in NAMES
        ]
        writer.put_known_files(known)
        writer.publish()
    master = master_key(places.master)
    keys = KeyFile(places.keys, master)
    for name in NAMES:
        keys.make(an_id(name))
    write_part(places.parts, "later", [call_of("one"), an_analysis("waiting")])
    _review(places)
    return places


def put_packs(places: Places) -> None:
    """A pack for each call, noted in the register."""
    for name in NAMES:
        pack = places.db.parent / "packs" / name
        pack.mkdir(parents=True)
        (pack / "evidence.json").write_text(" ".join(values_of(name)))
        note_export(places.db, "evidence", pack, [an_id(name)])


def _review(places: Places) -> None:
    log = ReviewLog(places.reviews)
    drawing = Drawing(
        rule_id="greeting", request={}, population={"pass": 3}, drawn={"pass": 3}, blind=False, made_at=NOON,
        made_by="a person",
    )  # fmt: skip
    items = [
        Item(position=place, recording_id=an_id(name), rule_version="1", verdict="pass", second=False)
        for place, name in enumerate(NAMES, start=1)
    ]
    draw_id = log.add_draw(drawing, items)
    reviews = [
        Review(
            recording_id=an_id(name), rule_id="greeting", rule_version="1", reviewer="rita", reviewed_at=NOON,
            judgement="confirmed", note=f"{NAMES[name]} sounded sure", verdict="pass", draw_id=draw_id,
        )
        for name in NAMES
    ]  # fmt: skip
    for review in reviews:
        log.add(Judged(review=review))
        log.note_access("rita", "clip", review.recording_id)
    with writing(places.db) as writer:
        writer.merge_reviews(reviews)
        writer.publish()


STEPS = (
    *("write_journal", "put_tombstones", "destroy_keys", "rewrite_parts", "erase_reviews"),
    *("delete_exports", "write_without", "check_everything", "put_in_place", "add_receipt", "remove_file"),
)
"""The steps of an erasure, by the names that `pipeline.retention.erase` has them under."""


def erase_and_die(folder: str, step: str, when: str, nth: str = "1") -> None:
    """Erase the calls of a customer, and be killed at a step."""
    places = places_of(Path(folder) / "calls.duckdb", load(environ={}))
    setattr(erasing, step, dies(getattr(erasing, step), when, int(nth)))
    ids = [an_id("one"), an_id("two")]
    erasing.erase(places, ids, erasing.Request(cause="request", reason="matter 17"))
