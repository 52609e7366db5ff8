"""Starting a flow. `flows` stands above the program, which finds a flow by its entry point."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.archive.night import NightSummary
    from pipeline.archive.plan import RunRequest

GROUP = "earwitness.flows"


class StartNight(Protocol):
    """Runs a night as a Prefect flow; see `flows.nightly.start`."""

    def __call__(
        self, order: RunRequest, *, settings_file: Path | None, overrides: Sequence[str]
    ) -> NightSummary:
        """Carry out `order`; the flow loads its settings from `settings_file` and `overrides` itself."""
        ...


def find_night() -> StartNight:
    """The function registered as `nightly`; imports Prefect, which takes seconds.

    Raises UsageError where the installed package registers none.
    """
    found = tuple(entry_points(group=GROUP, name="nightly"))
    if not found:
        raise UsageError(
            "the installed package has no nightly flow",
            where=f"entry points of group {GROUP}",
            remedy="install Earwitness again; in a checkout: pip install --no-deps -e .",
        )
    return cast("StartNight", found[0].load())
