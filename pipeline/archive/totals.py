"""What became of the files of a night, and what it took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline import __version__
from pipeline.archive.plan import Quarantined, Versions
from pipeline.records import CallAnalysis, Night, Outcome
from pipeline.rounding import rounded
from pipeline.stages import Stages

DISCLOSURE = "recording_disclosure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Counts over analysed calls; `audio_s` is their length, `analysis_s` the time they took."""

    analysed: int = 0
    audio_s: float = 0.0
    analysis_s: float = 0.0
    holds: int = 0
    disclosure_fails: int = 0
    quarantined: tuple[Quarantined, ...] = ()

    @classmethod
    def of(cls, analyses: Sequence[CallAnalysis]) -> Totals:
        """The counts of some calls."""
        good = [a for a in analyses if a.recording.status == "analysed"]
        bad = [a.recording for a in analyses if a.recording.status == "quarantined"]
        findings = [f for a in good for f in a.findings]
        return cls(
            analysed=len(good),
            audio_s=sum(a.recording.duration_s or 0.0 for a in good),
            analysis_s=sum(a.run.wall_s for a in good if a.run is not None),
            holds=sum(len(a.holds) for a in good),
            disclosure_fails=sum(f.rule_id == DISCLOSURE and f.verdict == "fail" for f in findings),
            quarantined=tuple(Quarantined(uri=r.uri, reason=r.error or "") for r in bad),
        )

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            analysed=self.analysed + other.analysed,
            audio_s=self.audio_s + other.audio_s,
            analysis_s=self.analysis_s + other.analysis_s,
            holds=self.holds + other.holds,
            disclosure_fails=self.disclosure_fails + other.disclosure_fails,
            quarantined=self.quarantined + other.quarantined,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NightSummary:
    """How a night went; `wall_s` is the time from finding the files to the last publication.

    Of the calls in `totals`, `renewed` were outdated before. `outdated` calls are left, among those that
    were `rechecked` or `unchanged`.
    """

    db: Path
    totals: Totals
    unreadable: tuple[Quarantined, ...]
    rechecked: int
    unchanged: int
    renewed: int = 0
    outdated: int = 0
    duplicates: tuple[str, ...]
    problems: tuple[str, ...]
    merged: int = 0
    """Files that belong to a recording under another name."""
    waiting: tuple[str, ...] = ()
    """Files that are still being written, by uri."""
    replaced: int = 0
    """Recordings whose file was replaced by a longer one."""
    wall_s: float
    new_ids: tuple[str, ...]
    """Recordings dealt with now, by recording_id."""
    all_ids: tuple[str, ...]
    """The same with those that were stored already."""

    @property
    def found(self) -> int:
        """Number of audio files."""
        return len(self.all_ids) + self.merged + len(self.unreadable) + len(self.waiting)

    @property
    def real_time_factor(self) -> float | None:
        """Time spent on the calls / their length; None without any."""
        return self.totals.analysis_s / self.totals.audio_s if self.totals.audio_s else None

    def as_night(
        self,
        versions: Versions,
        settings_hash: str,
        stages: Stages,
        *,
        outcome: Outcome = "completed",
        left: int = 0,
        publications: int = 0,
    ) -> Night:
        """The summary as it is stored; `left` recordings were planned and not come to."""
        bad = (*self.totals.quarantined, *self.unreadable)
        night = Night(
            started_at=stages.started_at,
            ended_at=datetime.now(UTC),
            outcome=outcome,
            program_version=__version__,
            asr_model=versions.asr_model,
            rules_version=versions.rules,
            settings_hash=settings_hash,
            found=self.found + left,
            analysed=self.totals.analysed,
            unchanged=self.rechecked + self.unchanged,
            quarantined=len(bad),
            waiting=len(self.waiting) + left,
            in_parts=0,
            merged=self.merged,
            skipped=0,
            erased=0,
            rechecked=self.rechecked,
            renewed=self.renewed,
            replaced=self.replaced,
            failures=dict(Counter(one.reason.partition(":")[0] for one in bad)),
            audio_s=self.totals.audio_s,
            analysis_s=self.totals.analysis_s,
            discover_s=stages.seconds("discover"),
            plan_s=stages.seconds("plan"),
            recheck_s=stages.seconds("recheck"),
            load_s=stages.seconds("load"),
            publish_s=stages.seconds("publish"),
            wall_s=stages.wall_s(),
            publications=publications,
            real_time_factor=self.real_time_factor,
        )
        return rounded(night)
