"""What a night would do, and how long it would take, judged by the nights before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.archive.engine import Engine
from pipeline.archive.erased import erased_files
from pipeline.archive.items import WorkItem
from pipeline.archive.places import default_workers
from pipeline.archive.plan import Plan, RunRequest, discover, make_plan
from pipeline.store import writing
from pipeline.store.nights import Pace


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The plan of a night, with the length of the sound to analyse and the hours that it will take.

    Both are None where no call is stored that they could be judged by, and the hours where no night is.
    """

    plan: Plan
    problems: tuple[str, ...]
    workers: int
    audio_s: float | None
    hours: float | None

    @property
    def counts(self) -> Mapping[str, int]:
        """Numbers of recordings and files by what would be done with them."""
        plan = self.plan
        return {
            "to_analyse": len(plan.todo),
            "to_recheck": len(plan.recheck),
            "unchanged": len(plan.unchanged),
            "outdated": len(plan.outdated),
            "merged": plan.merged,
            "dropped": len(plan.dropped),
            "erased": len(plan.erased),
            "waiting": len(plan.waiting),
            "unreadable": len(plan.unreadable),
        }


def foresee(order: RunRequest, engine: Engine) -> Forecast:
    """What the night `order` would do now; nothing is stored. Raises UsageError as the night would."""
    with writing(order.db, "a plan") as writer:
        archive = discover(order)
        erased = erased_files(order)
        work = make_plan(archive, writer.known(), engine.versions, order.force, writer.known_files(), erased)
        pace = writer.pace()
    count = order.settings.workers.count
    workers = default_workers() if count is None else max(1, count)
    audio_s = sound_in(work.todo, pace)
    factor = pace.factor
    hours = (
        None if audio_s is None or (audio_s and factor is None) else audio_s * (factor or 0) / workers / 3600
    )
    return Forecast(plan=work, problems=archive.problems, workers=workers, audio_s=audio_s, hours=hours)


def sound_in(items: Sequence[WorkItem], pace: Pace) -> float | None:
    """Seconds of sound in the files of `items`, by the stored ones of the same suffix; None without any.

    A suffix that is not stored yet counts as the average of the others.
    """
    if not items:
        return 0.0
    known = pace.audio_s_per_byte
    if not known:
        return None
    usual = sum(known.values()) / len(known)
    return sum(i.bytes * known.get(i.path.suffix.lower().removeprefix("."), usual) for i in items)
