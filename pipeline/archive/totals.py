"""What became of the files of a night, and what it took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from pipeline import __version__
from pipeline.archive.plan import Quarantined, Versions
from pipeline.records import CallAnalysis, Night, Outcome, Recording
from pipeline.rounding import rounded
from pipeline.stages import Stages
from pipeline.store.part_files import Part

DISCLOSURE = "recording_disclosure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Counts over analysed calls; `audio_s` is their length, `analysis_s` the time they took.

    `passed`, `failed` and `undetermined` are findings; `swapped` are those of the `stereo` calls whose
    channels may be swapped.
    """

    analysed: int = 0
    audio_s: float = 0.0
    analysis_s: float = 0.0
    holds: int = 0
    disclosure_fails: int = 0
    passed: int = 0
    failed: int = 0
    undetermined: int = 0
    stereo: int = 0
    swapped: int = 0
    quarantined: tuple[Quarantined, ...] = ()

    @classmethod
    def of(cls, analyses: Sequence[CallAnalysis]) -> Totals:
        """The counts of some calls."""
        good = [a for a in analyses if a.recording.status == "analysed"]
        bad = [a.recording for a in analyses if a.recording.status == "quarantined"]
        findings = [f for a in good for f in a.findings]
        verdicts = Counter(f.verdict for f in findings)
        return cls(
            analysed=len(good),
            audio_s=sum(a.recording.duration_s or 0.0 for a in good),
            analysis_s=sum(a.run.wall_s for a in good if a.run is not None),
            holds=sum(len(a.holds) for a in good),
            disclosure_fails=sum(f.rule_id == DISCLOSURE and f.verdict == "fail" for f in findings),
            passed=verdicts["pass"],
            failed=verdicts["fail"],
            undetermined=verdicts["not_determinable"],
            stereo=sum(a.recording.layout == "stereo" for a in good),
            swapped=sum(
                a.recording.layout == "stereo" and any(q.swap_suspected for q in a.quality) for a in good
            ),
            quarantined=tuple(Quarantined(uri=r.uri, reason=r.error or "") for r in bad),
        )

    def __add__(self, other: Totals) -> Totals:
        both = {one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)}
        return Totals(**both)


def totals_of(part: Part) -> Totals:
    """The counts of the calls of a part."""
    recordings = [Recording(**row) for row in part.rows["recording"].to_pylist()]
    good = [one for one in recordings if one.status == "analysed"]
    findings = part.rows["finding"].select(["rule_id", "verdict"]).to_pylist()
    verdicts = Counter(finding["verdict"] for finding in findings)
    stereo = {one.recording_id for one in good if one.layout == "stereo"}
    quality = part.rows["audio_quality"].select(["recording_id", "swap_suspected"]).to_pylist()
    return Totals(
        analysed=len(good),
        audio_s=sum(one.duration_s or 0.0 for one in good),
        analysis_s=sum(part.rows["analysis"]["wall_s"].to_pylist()),
        holds=part.rows["hold"].num_rows,
        disclosure_fails=findings.count({"rule_id": DISCLOSURE, "verdict": "fail"}),
        passed=verdicts["pass"],
        failed=verdicts["fail"],
        undetermined=verdicts["not_determinable"],
        stereo=len(stereo),
        swapped=len(stereo & {row["recording_id"] for row in quality if row["swap_suspected"]}),
        quarantined=tuple(
            Quarantined(uri=one.uri, reason=one.error or "")
            for one in recordings
            if one.status == "quarantined"
        ),
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
    dropped: int = 0
    """Recordings in quarantine that a person has given up."""
    erased: int = 0
    """Files of calls that were erased, which were left alone."""
    expired: int = 0
    """Calls that were erased at the end of the night, because their time was over."""
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
        files = len(self.unreadable) + len(self.waiting)
        return len(self.all_ids) + self.merged + self.dropped + self.erased + files

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
            skipped=self.dropped,
            erased=self.erased,
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
            passed=self.totals.passed,
            failed=self.totals.failed,
            undetermined=self.totals.undetermined,
            stereo=self.totals.stereo,
            swapped=self.totals.swapped,
        )
        return rounded(night)
