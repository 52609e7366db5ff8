"""What the flows share: steps as Prefect tasks, their progress and alerts as Prefect shows them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar
from uuid import UUID

from prefect import get_client, task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event
from prefect.settings import PREFECT_API_URL

from pipeline.archive.alerts import Alert
from pipeline.archive.items import WorkItem
from pipeline.archive.night import Progress
from pipeline.archive.plan import Plan
from pipeline.errors import UsageError
from pipeline.records import Recording

P = ParamSpec("P")
T = TypeVar("T")

WAIT_S = 60
"""Before another try."""
SHOWN_EVERY_S = 15.0


def step(function: Callable[P, T], name: str, *, retries: int = 0) -> Callable[P, T]:
    """`function` as a task that runs in this process.

    Prefect sees neither arguments nor results: models and an open store can be neither pickled nor hashed,
    and it would keep every word of every call until the end of the night.
    """

    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        results: list[T] = []

        @task(
            name=name,
            retries=retries,
            retry_delay_seconds=WAIT_S,
            cache_policy=NO_CACHE,
            persist_result=False,
        )
        def work() -> None:
            results.append(function(*args, **kwargs))

        work()
        return results[0]

    return run


class ShownProgress:
    """Progress that is also a progress artifact, which changes every quarter of a minute at most."""

    def __init__(self, inner: Progress) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self._artifact: UUID | None = None
        self._bytes = self._done = 0
        self._shown_at = 0.0

    def planned(self, plan: Plan) -> None:
        """The work is known."""
        self._inner.planned(plan)
        self._bytes = sum(item.bytes for item in plan.todo)
        if self._bytes:
            made = create_progress_artifact(progress=0.0, key="calls", description="Calls analysed, by size")
            self._artifact = made if isinstance(made, UUID) else None

    def done(self, item: WorkItem, recording: Recording) -> None:
        """A recording was analysed or quarantined."""
        self._inner.done(item, recording)
        with self._lock:
            self._done += item.bytes
            due = self._done >= self._bytes or time.monotonic() - self._shown_at > SHOWN_EVERY_S
            if self._artifact is None or not due:
                return
            self._shown_at = time.monotonic()
            share = 100 * min(1.0, self._done / max(1, self._bytes))
        update_progress_artifact(artifact_id=self._artifact, progress=share)


def tell_prefect(alerts: Sequence[Alert], db: Path) -> None:
    """Alerts as events, for automations: `earwitness.drift` and `earwitness.night_failed`."""
    for alert in alerts:
        emit_event(
            event=f"earwitness.{alert.kind}",
            resource={"prefect.resource.id": f"earwitness.store.{db.name}"},
            payload={"text": alert.text},
        )


def reach_prefect() -> None:
    """Start the temporary server, or find the configured one; UsageError if there is none."""
    fault: Exception | None
    try:
        with get_client(sync_client=True) as client:
            fault = client.api_healthcheck()
    except (RuntimeError, ValueError) as error:
        fault = error
    if fault is not None:
        raise UsageError(
            "cannot reach Prefect",
            where=PREFECT_API_URL.value() or "its temporary server",
            value=str(fault),
            remedy="start it, or unset PREFECT_API_URL, PREFECT_HOME and PREFECT_PROFILE for a temporary one",
        )
