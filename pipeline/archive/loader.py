"""From finished calls to the published store: parts, one loader, and publications when they are worth it.

A publication copies the whole store, so that one a batch would cost a large archive a terabyte a night. A
finished batch is therefore first a part, a file that outlives any crash, and several are loaded and
published together.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.archive.plan import Quarantined
from pipeline.archive.totals import Totals
from pipeline.records import CallAnalysis, Recording, in_quarantine
from pipeline.stages import Stages
from pipeline.store import Refused, Writer
from pipeline.store.part_files import (
    PartError,
    check_storable,
    read_part,
    remove_parts,
    waiting_parts,
    write_part,
)

log = logging.getLogger(__name__)

SHARE = 1 / 20
"""Publishing may take this share of a night's time."""
GROWTH = 1 / 300
"""A publication before its time has to bring at least this share of the recordings in the store."""


def load(writer: Writer, parts: Sequence[Path]) -> tuple[Refused, ...]:
    """Load parts into the working copy. Returns what the store refused, which is in quarantine now."""
    return writer.fold([read_part(path) for path in parts])


def publish(writer: Writer) -> None:
    """Let readers see what was stored so far."""
    writer.publish()


@dataclass(slots=True, kw_only=True)
class Loader:
    """Takes finished batches, and loads and publishes them together.

    `present` are the recordings that are in the archive, by recording_id: they are not taken for former
    versions of others. `publish_s` is the longest time between two publications in seconds; `clock` gives
    seconds.
    """

    writer: Writer
    folder: Path
    publish_s: float
    known_after: int
    stages: Stages
    load: Callable[[Writer, Sequence[Path]], tuple[Refused, ...]]
    publish: Callable[[Writer], None]
    clock: Callable[[], float] = time.monotonic
    present: frozenset[str] = frozenset()
    totals: Totals = field(default_factory=Totals)
    replaced: int = 0
    publications: int = 0
    _waiting: list[Path] = field(default_factory=list)
    _unpublished: list[tuple[Recording, Totals]] = field(default_factory=list)
    _published_at: float = 0.0
    _cost_s: float = 0.0

    def __post_init__(self) -> None:
        """Start the clock."""
        self._published_at = self.clock()

    def take_leftovers(self) -> tuple[str, ...]:
        """Load the parts that an earlier run left; returns a line on what was found.

        What is loaded already, because only the removal of its file was missed, is not loaded again.
        """
        paths, problems = [], []
        for path in waiting_parts(self.folder):
            try:
                read_part(path)
                paths.append(path)
            except PartError as error:
                problems.append(str(error))
        if paths:
            before = self.writer.count()
            self.load(self.writer, paths)
            gained = self.writer.count() - before
            self.publish_now()
            log.info("loaded %d parts of an earlier run", len(paths))
            if gained:
                problems.append(f"loaded {gained} recordings that an interrupted run had finished")
        return tuple(problems)

    def finished(self, analyses: Sequence[CallAnalysis]) -> tuple[CallAnalysis, ...]:
        """Put a finished batch on disk, and publish when it is time; returns what was kept of each call."""
        if not analyses:
            return ()
        name = _name_of(analysis.recording.recording_id for analysis in analyses)
        try:
            path = write_part(self.folder, name, analyses)
        except (ValueError, TypeError):  # a value that no column takes; which call has it?
            analyses = tuple(self._storable(analysis) for analysis in analyses)
            path = write_part(self.folder, name, analyses)
        self._waiting.append(path)
        self._unpublished += [(analysis.recording, Totals.of([analysis])) for analysis in analyses]
        if self._is_due():
            self.publish_now()
        return tuple(analyses)

    def load_rest(self) -> None:
        """Load all parts that are not loaded yet."""
        if not self._waiting:
            return
        with self.stages("load"):
            self._account_for(self.load(self.writer, self._waiting))
            self.writer.learn_tracks(self.known_after)
        self._waiting, self._unpublished = [], []

    def publish_now(self) -> None:
        """Load all parts that are there and publish."""
        start = self.clock()
        self.load_rest()
        with self.stages("publish"):
            self.publish(self.writer)
        names = self.writer.loaded_parts()
        remove_parts(self.folder, names)
        self.writer.forget_parts(names)
        self.publications += 1
        self._published_at = self.clock()
        self._cost_s = self._published_at - start

    def _account_for(self, refused: Sequence[Refused]) -> None:
        """Count what was loaded, and remove what it has taken the place of."""
        reasons = {one.recording.recording_id: one.reason for one in refused}
        for recording, counts in self._unpublished:
            if reason := reasons.get(recording.recording_id):
                self.totals += Totals(quarantined=(Quarantined(uri=recording.uri, reason=reason),))
                continue
            self.totals += counts
            if recording.status == "analysed":
                self.replaced += len(self.writer.replace_former(recording, self.present))

    @property
    def has_unpublished(self) -> bool:
        """Whether calls are finished that readers do not see yet."""
        return bool(self._waiting)

    def _is_due(self) -> bool:
        since = self.clock() - self._published_at
        if since >= self.publish_s:
            return True
        grown = len(self._unpublished) >= GROWTH * self.writer.count()
        return grown and SHARE * since >= self._cost_s

    @staticmethod
    def _storable(analysis: CallAnalysis) -> CallAnalysis:
        """The analysis, or what is left of it where a value has no place in the store."""
        try:
            check_storable(analysis)
        except (ValueError, TypeError) as error:
            log.exception("cannot store %s", analysis.recording.uri)
            reason = f"the store refuses a value: {analysis.recording.uri}; got {str(error)!r}"
            return in_quarantine(bare(analysis.recording), reason)
        return analysis


def bare(recording: Recording) -> Recording:
    """A recording without the facts that were found in it."""
    return Recording(recording_id=recording.recording_id, uri=recording.uri, bytes=recording.bytes)


def _name_of(recording_ids: Iterable[str]) -> str:
    """The name of the part with these recordings."""
    return hashlib.sha256("\n".join(sorted(recording_ids)).encode()).hexdigest()[:24]
