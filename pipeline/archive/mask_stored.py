"""Masking of calls that are stored in clear: by an earlier release, or while masking was off."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.masking.find import find_masks
from pipeline.masking.hide import hidden, requoted, without_secrets
from pipeline.masking.model import LabelWords
from pipeline.progress import Progress
from pipeline.records import CallAnalysis
from pipeline.rounding import all_rounded
from pipeline.settings import Settings
from pipeline.store import Writer
from pipeline.store.sealed import keys_of

PORTION = 200
"""Calls that are read, masked and written together."""
PUBLISHED = 5_000
"""Calls after which those that are masked are published, so that a kill costs no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedCalls:
    """How many calls were masked, and how many are still in clear."""

    masked: int
    left: int


def mask_stored(
    writer: Writer,
    db: Path,
    settings: Settings,
    label_words: LabelWords,
    progress: Progress,
    *,
    most: int | None = None,
) -> MaskedCalls:
    """Mask calls that are stored in clear, at most `most`, and publish the store, written anew.

    What was published before the process is killed is not done again. Where masking is off nothing is done.
    Raises UsageError where a key is missing or the disk refuses.
    """
    clear = writer.unmasked() if settings.masking.profile != "off" else ()
    todo = clear[:most]
    if not todo:
        return MaskedCalls(masked=0, left=len(clear))
    keys = keys_of(db, make=not writer.has_sealed())
    progress.started(len(todo))
    for first in range(0, len(todo), PORTION):
        ids = todo[first : first + PORTION]
        given = keys.make_all(ids)
        calls = [with_found_masks(writer.read(id_), settings, label_words) for id_ in ids]
        keep = settings.metadata.keep
        pairs = [(call, masked(call, given[call.recording.recording_id], keep)) for call in calls]
        writer.put_masked(pairs)
        progress.advanced(len(ids))
        if (first + PORTION) % PUBLISHED == 0 and first + PORTION < len(todo):
            writer.publish()
    writer.write_anew()
    writer.publish()
    return MaskedCalls(masked=len(todo), left=len(clear) - len(todo))


def with_found_masks(call: CallAnalysis, settings: Settings, label_words: LabelWords) -> CallAnalysis:
    """A call in clear with its masks."""
    masks = find_masks(
        call.words,
        label_words,
        profile=settings.masking.profile,
        kinds=settings.masking.kinds,
        agent_names=(call.call.agent_name,) if call.call.agent_name else (),
    )
    return replace(call, masks=all_rounded(masks))


def masked(call: CallAnalysis, key: bytes, keep: Collection[str]) -> CallAnalysis:
    """A call in clear with its masks, as it is to be stored: codes that are never kept are not sealed."""
    words, turns = without_secrets(call.words, call.turns, call.masks)
    findings = requoted(call.findings, call, words)
    return hidden(replace(call, words=words, turns=turns, findings=findings), key, keep)
