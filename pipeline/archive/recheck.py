"""Judging the stored archive again: other rules or thresholds, no audio and no models.

Batches of calls are read from the published store by processes of their own, judged by the same code as in
a fresh analysis, and written by this process into the working copy, which is published once.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, cached_property, partial
from pathlib import Path

import pyarrow as pa

from pipeline import ALGORITHM
from pipeline.assess import Said, find_events, find_findings, read
from pipeline.errors import UsageError
from pipeline.masking.hide import hidden_findings, is_sealed, opened
from pipeline.progress import Progress
from pipeline.records import CallAnalysis, Finding
from pipeline.rules import RuleSet
from pipeline.rules.load import language_version_of
from pipeline.rules.meanings import PATTERNS_ALONE
from pipeline.rules.sentence_model import Embed
from pipeline.sealing.keys import KeyFile
from pipeline.settings import Settings
from pipeline.store import Connection, Writer, writing
from pipeline.store.recheck_rows import Change, RecheckedRows, compare, joined
from pipeline.store.scorecard import scored_rules
from pipeline.store.sealed import keys_of
from pipeline.store.stored import (
    Batch,
    StoredCall,
    ToneCurves,
    batches,
    count_analysed,
    read_batch,
    read_tone_curves,
    reading_in_bulk,
    stored_settings,
    verdict_schemas,
)
from pipeline.store.stored_settings import StoredSettings, assessed_with

log = logging.getLogger(__name__)

BATCH_CALLS = 400
"""Calls that are read and judged together."""
WRITE_CALLS = 10_000
"""Calls whose changes are written together; they are held in memory."""
FEW_CALLS = 400
"""Up to so many calls, further processes take longer to start than they save."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecheckRequest:
    """Judge the calls of the store `db`, or those of `only` (recording_ids), by `rules`.

    Of `settings`, those of the stage `assess` count, which need no audio (`pipeline.setting_stages`).
    `processes` defaults to the number of cores. With an `embed`, calls whose sentences were not scored by the
    present model are scored first; without one they keep the scores that they have.
    """

    db: Path
    rules: RuleSet
    settings: Settings
    only: Collection[str] | None = None
    processes: int | None = None
    embed: Embed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rechecked:
    """How a recheck went: `changes` counts calls by rule and by verdict before and after.

    `failed` are calls that stay as they were because judging them failed, with the reason.
    """

    calls: int
    failed: tuple[tuple[str, str], ...]
    changes: Mapping[Change, int]
    changed: bool
    changed_at: datetime
    wall_s: float


def recheck(request: RecheckRequest, progress: Progress) -> Rechecked:
    """Judge stored calls again and publish the result, if anything changed, at once.

    Quarantined recordings stay as they are. Raises UsageError, with the store as it was, when it is
    missing, somebody else writes, or a process is ended from outside.
    """
    if not request.db.is_file():
        raise UsageError(
            "there is no store", where=request.db, remedy="analyse some recordings into it first"
        )
    with writing(request.db) as writer:
        done = recheck_calls(writer, request, progress)
        if done.changed:
            writer.publish()
    return done


def recheck_calls(writer: Writer, request: RecheckRequest, progress: Progress) -> Rechecked:
    """As `recheck`, without publishing.

    Reads what is published and writes to `writer`, so what `writer` was given before must be published.
    """
    start = time.perf_counter()
    changed = writer.put_rules(scored_rules(request.rules))
    calls, changes, failed = 0, Counter[Change](), list[tuple[str, str]]()
    with reading_in_bulk(request.db) as connection:
        task = _task(request, connection)
        total = count_analysed(connection) if request.only is None else len(request.only)
        progress.started(total)
        processes = 1 if total <= FEW_CALLS else request.processes or os.cpu_count() or 1
        with _rechecking(task, processes) as judge:
            parts = judge(batches(connection, BATCH_CALLS, request.only))
            for part in _portions(parts, progress):
                changed |= writer.add_rechecked(part, request.rules.version, task.settings)
                changes.update(part.changes)
                failed += part.failed
                calls += len(part.recording_ids)
    return Rechecked(
        calls=calls,
        failed=tuple(failed),
        changes=changes,
        changed=changed,
        changed_at=task.changed_at,
        wall_s=time.perf_counter() - start,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """The input of a process; `settings` are by the fingerprint of the stored ones."""

    db: Path
    rules: RuleSet
    settings: Mapping[str, StoredSettings]
    schemas: Mapping[str, pa.Schema]
    changed_at: datetime
    embed: Embed | None


class _Rechecker:
    """Reads and judges batches."""

    def __init__(self, task: _Task, connection: Connection) -> None:
        self._task = task
        self._connection = connection

    def __call__(self, batch: Batch) -> RecheckedRows:
        pairs: list[tuple[StoredCall, CallAnalysis]] = []
        failed: list[tuple[str, str]] = []
        gates: dict[str, str] = {}
        curves = cache(partial(read_tone_curves, self._connection, batch))
        for read_back in read_batch(self._connection, batch):
            stored = self._opened(read_back)
            try:
                settings = self._task.settings[stored.settings_hash]
                scored = with_gate(stored, self._task.rules, settings.settings, self._task.embed)
                now = rechecked(scored, self._task.rules, settings, curves)
                pairs.append((stored, self._hidden(stored, now)))
                if scored.gate is not None and scored.gate != stored.gate:
                    gates[stored.analysis.recording.recording_id] = scored.gate
            except Exception as error:  # a fault of ours with one call must not cost the others
                log.exception("cannot judge %s", stored.analysis.recording.uri)
                failed.append((stored.analysis.recording.uri, f"{type(error).__name__}: {error}"))
        active = [rule.id for rule in self._task.rules.rules]
        found = compare(pairs, failed, self._task.schemas, self._task.changed_at, active)
        return replace(found, gates=gates)

    @cached_property
    def _keys(self) -> KeyFile:
        return keys_of(self._task.db)

    def _opened(self, stored: StoredCall) -> StoredCall:
        """The call in clear, as it was first judged; masked where its key was destroyed."""
        id_ = stored.analysis.recording.recording_id
        if not is_sealed(stored.analysis) or id_ not in self._keys:
            return stored
        return replace(stored, analysis=opened(stored.analysis, self._keys.find(id_)))

    def _hidden(self, stored: StoredCall, now: CallAnalysis) -> CallAnalysis:
        """The judgement as it is stored; what cannot be judged without the clear words stays as it was."""
        call = stored.analysis
        if not is_sealed(call) or call.recording.recording_id in self._keys:
            return replace(now, findings=hidden_findings(now)) if now.masks else now
        by_value = {rule.id for rule in self._task.rules.rules if rule.check.reads_values}
        judged = stored.rule_versions.keys() & by_value
        kept = tuple(finding for finding in now.findings if finding.rule_id not in judged)
        return replace(
            now, findings=tuple(_unknown(each) if each.rule_id in by_value else each for each in kept)
        )


def _unknown(finding: Finding) -> Finding:
    """The finding of a rule on words that are gone."""
    detail = {"reason_code": "sealed_text_gone", "reason": "the words it depends on were erased"}
    return Finding(
        rule_id=finding.rule_id,
        rule_version=finding.rule_version,
        verdict="not_determinable",
        detail=detail,
    )


def rechecked(
    stored: StoredCall, rules: RuleSet, settings: StoredSettings, curves: Callable[[], ToneCurves]
) -> CallAnalysis:
    """A stored call with the events, measures and findings that a fresh analysis would find.

    Where neither the algorithm, the settings nor the phrases that find events have changed, its events and
    measures stay, and so do the findings of unchanged rules, which are left out. Otherwise
    everything is found again, for which `curves` are read.
    """
    call = stored.analysis
    transcript = rules.transcript(call.turns, call.words)
    wanted = settings.settings.rules.meaning
    meanings = rules.meanings(call.sentence_scores, stored.gate) if wanted else PATTERNS_ALONE
    said = Said(transcript=transcript, meanings=meanings)
    measured = (stored.algorithm, stored.settings_hash) == (ALGORITHM, settings.fingerprint)
    if measured and _same_phrases(stored, rules):
        return find_findings(call, _others(stored, rules), settings.settings, said)
    known = _overlaps_known(call)
    call = replace(call, tone_curve=curves().get(call.recording.recording_id, ()))
    call = find_events(call, rules, settings.settings, known, measured=measured, said=said)
    return find_findings(call, rules, settings.settings, said)


def with_gate(stored: StoredCall, rules: RuleSet, settings: Settings, embed: Embed | None) -> StoredCall:
    """The call with scores by the present model, or without where none are wanted; all is then found again.

    Without an `embed` it keeps the scores that it has.
    """
    model = rules.sentence_model
    if settings.rules.meaning and (embed is None or model is None or stored.gate == model.version):
        return stored
    analysis, said = read(stored.analysis, rules, settings, embed)
    if said.gate == stored.gate:
        return stored
    return replace(stored, analysis=analysis, gate=said.gate, rules_version="")


def _same_phrases(stored: StoredCall, rules: RuleSet) -> bool:
    """Whether the events were found with the present phrases and words."""
    return language_version_of(stored.rules_version) == rules.language_version


def _others(stored: StoredCall, rules: RuleSet) -> RuleSet:
    """The rules with another version than the stored finding's, and those that read the call's facts."""
    versions = stored.rule_versions
    chosen = (r for r in rules.rules if versions.get(r.id) != r.version or "facts" in r.check.reads)
    return replace(rules, rules=tuple(chosen))


def _overlaps_known(call: CallAnalysis) -> bool:
    """Whether simultaneous speech was attributed: it always is where speakers have channels of their own."""
    measured = any(m.name == "interruptions" and m.denominator > 0 for m in call.metrics)
    return call.recording.layout == "stereo" or bool(call.overlaps) or measured


def _task(request: RecheckRequest, connection: Connection) -> _Task:
    return _Task(
        db=request.db,
        rules=request.rules,
        settings={
            fingerprint: assessed_with(values, request.settings)
            for fingerprint, values in stored_settings(connection).items()
        },
        schemas=verdict_schemas(connection),
        changed_at=datetime.now(UTC),
        embed=request.embed,
    )


def _portions(parts: Iterator[RecheckedRows], progress: Progress) -> Iterator[RecheckedRows]:
    """The parts joined to portions that are worth writing."""
    portion: list[RecheckedRows] = []
    waiting = 0
    for part in parts:
        progress.advanced(len(part.recording_ids) + len(part.failed))
        portion.append(part)
        waiting += len(part.recording_ids)
        if waiting >= WRITE_CALLS:
            yield joined(portion)
            portion, waiting = [], 0
    if portion:
        yield joined(portion)


@contextmanager
def _rechecking(
    task: _Task, processes: int
) -> Iterator[Callable[[Iterator[Batch]], Iterator[RecheckedRows]]]:
    """A function that rechecks batches in order: in this process, or in `processes` others."""
    if processes == 1:
        with reading_in_bulk(task.db) as connection:
            yield partial(map, _Rechecker(task, connection))
        return
    # Forking would copy the threads' locks of DuckDB and Arrow, but not the threads.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(task,))
    try:
        yield partial(_in_order, pool, 2 * processes)
    except BrokenProcessPool as error:
        remedy = "see that there is memory enough and try again; the store is as it was"
        raise UsageError("a process that judges calls was ended", where=task.db, remedy=remedy) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _in_order(pool: ProcessPoolExecutor, ahead: int, work: Iterator[Batch]) -> Iterator[RecheckedRows]:
    """The results in the order of `work`, of which at most `ahead` are in hand, so that none pile up."""
    running: deque[Future[RecheckedRows]] = deque()
    for batch in work:
        running.append(pool.submit(_recheck_there, batch))
        if len(running) >= ahead:
            yield running.popleft().result()
    while running:
        yield running.popleft().result()


# What a process of the pool has, for as long as it lives.
_there: list[_Rechecker] = []
_open = ExitStack()


def _begin(task: _Task) -> None:
    # Records hold no cycles, and looking for some among those of a batch takes a tenth of the time.
    gc.freeze()
    gc.disable()
    _there.append(_Rechecker(task, _open.enter_context(reading_in_bulk(task.db))))


def _recheck_there(batch: Batch) -> RecheckedRows:
    result = _there[0](batch)
    gc.collect()
    return result
