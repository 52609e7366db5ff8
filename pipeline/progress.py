"""The interface through which a long operation reports its progress."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives the number of things to do, and then how many are done."""

    def started(self, total: int) -> None:
        """`total` things are to be done."""

    def advanced(self, done: int) -> None:
        """`done` more of them are done."""


class _Unwatched:
    """A progress that reports to nobody."""

    def started(self, total: int) -> None:
        """Ignore the number of things."""

    def advanced(self, done: int) -> None:
        """Ignore what is done."""


UNWATCHED: Progress = _Unwatched()
"""For operations whose progress nobody watches."""
