"""The merge: judgements of people from reviews.sqlite into table `review` of the store.

It is the only one that writes that table, so that reviewing never waits for a night, nor a night for a
reviewer.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from pipeline.store.review_log import Judged, ReviewLog
from pipeline.store.review_rows import Key
from pipeline.store.writer import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What a merge did: judgements that came into the store, and that were taken back there.

    `elsewhere` are judgements of recordings that the store does not have; they stay in the file.
    """

    added: int
    withdrawn: int
    elsewhere: int

    @property
    def changed(self) -> bool:
        """Whether the store has to be published."""
        return bool(self.added or self.withdrawn)


def merge_reviews(writer: Writer, log: ReviewLog) -> Merged:
    """Bring the judgements of `log` into the store, and the intervals up to date; nothing is published.

    Raises UsageError when the file cannot be read.
    """
    recordings = writer.known().keys()
    reviews = [judged.review for judged in log.standing()]
    ours = [review for review in reviews if review.recording_id in recordings]
    added, withdrawn = writer.merge_reviews(ours, log.withdrawn())
    return Merged(added=added, withdrawn=withdrawn, elsewhere=len(reviews) - len(ours))


def unmerged(log: ReviewLog, stored: Collection[Key]) -> tuple[Judged, ...]:
    """The judgements of `log` that are not in the store, whose keys are `stored`."""
    return tuple(judged for judged in log.standing() if judged.review.key not in stored)
