"""Masking of calls that are stored in clear: by an earlier release, or while masking was off."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from pipeline.errors import UsageError
from pipeline.masking.find import find_masks
from pipeline.masking.hide import hidden, is_sealed, opened, requoted, without_secrets
from pipeline.masking.model import LabelWords
from pipeline.progress import Progress
from pipeline.records import CallAnalysis, Mask, Word
from pipeline.rounding import all_rounded
from pipeline.settings import Settings
from pipeline.spans import Span
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


def add_mask(writer: Writer, db: Path, recording_id: str, span: Span, settings: Settings) -> int:
    """Mask what is said in `span` of a stored call, by all speakers; publishes the store, written anew.

    Returns the number of words that are masked now. Raises UsageError where nothing is said there, or
    the call's key is not there.
    """
    keys = keys_of(db, make=not writer.has_sealed())
    stored = writer.read(recording_id)
    call = opened(stored, keys.find(recording_id)) if is_sealed(stored) else stored
    inside = [word for word in call.words if word.span & span or word.span.middle_s in span]
    if not inside:
        raise UsageError(
            "nothing is said there",
            where=stored.recording.uri,
            value=f"{span.start_s:.1f} to {span.end_s:.1f} s",
            allowed="seconds of the recording with words",
        )
    more = replace(call, masks=all_rounded(_with_span(call, inside)))
    key = keys.make_all([recording_id])[recording_id]
    writer.put_masked([(more, masked(more, key, (*call.call.extra, *settings.metadata.keep)))])
    writer.write_anew()
    writer.publish()
    return len(inside)


def _with_span(call: CallAnalysis, words: Sequence[Word]) -> tuple[Mask, ...]:
    """The call's masks with those of `words`, a mask a run of one turn, in order of time."""
    runs: list[list[Word]] = []
    for word in words:
        last = runs[-1][-1] if runs else None
        if last and (last.turn_index, last.word_index + 1) == (word.turn_index, word.word_index):
            runs[-1].append(word)
        else:
            runs.append([word])
    added = tuple(
        Mask(
            mask_index=0,
            kind="secret",
            start_s=run[0].start_s,
            end_s=max(word.end_s for word in run),
            turn_index=run[0].turn_index,
            channel=run[0].channel,
            role=run[0].role,
            first_word=run[0].word_index,
            last_word=run[-1].word_index,
            person=None,
            found_by="person",
            confidence=fmean(word.probability for word in run),
        )
        for run in runs
    )
    in_order = sorted((*call.masks, *added), key=lambda mask: (mask.start_s, mask.first_word))
    return tuple(replace(mask, mask_index=at) for at, mask in enumerate(in_order))
