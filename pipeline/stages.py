"""Measures how long each stage of an analysis takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime


class Stages:
    """Wall seconds by stage: each `with stages("turns"):` block adds its time to that stage.

    Keyword arguments are stages that were timed elsewhere, with their seconds.
    """

    def __init__(self, **seconds: float) -> None:
        self.started_at = datetime.now(UTC)
        self._earlier_s = sum(seconds.values())
        self._seconds = dict(seconds)
        self._start = time.perf_counter()

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time what runs inside the block; nothing is added where it raises."""
        start = time.perf_counter()
        yield
        self._seconds[name] = self.seconds(name) + time.perf_counter() - start

    def seconds(self, *names: str) -> float:
        """Seconds of these stages together; a stage that did not run took 0."""
        return sum((self._seconds.get(name, 0.0) for name in names), 0.0)

    def wall_s(self) -> float:
        """Seconds since the start, and those of the stages that were timed elsewhere."""
        return self._earlier_s + time.perf_counter() - self._start
