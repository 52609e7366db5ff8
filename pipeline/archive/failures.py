"""What a failure depends on, and so when a recording in quarantine is worth another try."""

from __future__ import annotations

from pipeline import __version__
from pipeline.records import FailureKind
from pipeline.settings import Settings
from pipeline.store import StoredState


def tried_with(kind: FailureKind, settings: Settings) -> str | None:
    """The release and the limits that a failure of this kind depends on; None where only other bytes help."""
    workers = settings.workers
    match kind:
        case "file":
            return None
        case "too_long":
            return f"audio.max_hours {settings.audio.max_hours:g}"
        case "hung":
            return f"{__version__}, workers.base_s {workers.base_s:g}, per_audio_s {workers.per_audio_s:g}"
        case "out_of_memory":
            return f"{__version__}, workers.memory_mb {workers.memory_mb:g}"
        case "crashed" | "program":
            return __version__


def is_worth_a_try(stored: StoredState, settings: Settings) -> bool:
    """Whether a recording in quarantine may come out of it now: a person or a change of ours says so."""
    if stored.choice is not None:
        return stored.choice == "retry"
    kind = stored.failure_kind
    return kind is not None and stored.tried_with != tried_with(kind, settings)
