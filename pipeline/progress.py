"""How those who wait are told how far a long second look has come."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told how many things there are to do, and of each few that are done."""

    def started(self, total: int) -> None:
        """The number of things is known."""

    def advanced(self, done: int) -> None:
        """So many more are done."""


class _Unwatched:
    """Told, and tells nobody."""

    def started(self, total: int) -> None:
        """Nothing."""

    def advanced(self, done: int) -> None:
        """Nothing."""


UNWATCHED: Progress = _Unwatched()
"""A progress that nobody is told of."""
