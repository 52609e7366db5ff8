"""Alerts: a night that failed, and shares that leave the band of the nights before."""

from __future__ import annotations

import json
import logging
import math
import statistics
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.settings import AlertSettings
from pipeline.store import reading
from pipeline.store.nights import NightShares, latest_shares

log = logging.getLogger(__name__)

NIGHTS = 28
"""Number of former nights that make the band."""
MIN_NIGHTS = 7
MIN_COUNT = 30
"""A share of fewer findings or calls says nothing."""
_MAD_TO_SD = 1.4826  # of a normal distribution
_WIDTH = 3.0  # standard deviations
_LEAST_SD = 0.005
_COMMAND_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What somebody should look at: `kind` is night_failed or drift, `text` one line."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Where a share is expected."""

    low: float
    high: float

    def __contains__(self, share: float) -> bool:
        return self.low <= share <= self.high


def drift(nights: Sequence[NightShares]) -> tuple[Alert, ...]:
    """Alerts on the shares of the latest night, the first one, against the nights before it."""
    if not nights:
        return ()
    latest, before = nights[0], nights[1 : NIGHTS + 1]
    shares: dict[str, Callable[[NightShares], tuple[int, int]]] = {
        "pass among the verdicts pass and fail": lambda night: (night.passed, night.judged),
        "not determinable among all verdicts": lambda night: (night.undetermined, night.applicable),
        "channels that may be swapped among stereo calls": lambda night: (night.swapped, night.stereo),
    }
    alerts = []
    for name, count in shares.items():
        part, whole = count(latest)
        former = [a / b for a, b in map(count, before) if b >= MIN_COUNT]
        band = band_of(former, whole)
        if band is not None and part / whole not in band:
            expected = f"{band.low:.1%} to {band.high:.1%} from the last {len(former)} nights"
            alerts.append(Alert(kind="drift", text=f"{name}: {part / whole:.1%} of {whole}; {expected}"))
    return tuple(alerts)


def band_of(former: Sequence[float], whole: int) -> Band | None:
    """The band for a share of `whole`, given those of former nights; None where it would say nothing.

    It is three standard deviations around the median. They are those between nights, measured by the
    median absolute deviation, which one bad night does not widen, and those of counting.
    """
    if len(former) < MIN_NIGHTS or whole < MIN_COUNT:
        return None
    middle = statistics.median(former)
    between = _MAD_TO_SD * statistics.median(abs(share - middle) for share in former)
    counting = math.sqrt(middle * (1 - middle) / whole)
    width = _WIDTH * max(_LEAST_SD, math.hypot(between, counting))
    return Band(low=max(0.0, middle - width), high=min(1.0, middle + width))


def after_night(db: Path) -> tuple[Alert, ...]:
    """Alerts on the latest night of a store."""
    with reading(db) as connection:
        return drift(latest_shares(connection, NIGHTS + 1))


def failed(db: Path, error: BaseException) -> Alert:
    """The alert on a night that ended with an error."""
    return Alert(kind="night_failed", text=f"the night into {db} failed: {type(error).__name__}: {error}")


def send(alerts: Sequence[Alert], settings: AlertSettings) -> tuple[str, ...]:
    """Give alerts to the command of the settings, as JSON lines on its input; returns what went wrong."""
    if not (alerts and settings.command):
        return ()
    lines = "".join(f"{json.dumps(asdict(alert), ensure_ascii=False)}\n" for alert in alerts)
    try:
        subprocess.run(  # noqa: S603 - the command is the owner's own
            settings.command, input=lines, text=True, check=True, timeout=_COMMAND_S, capture_output=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("alerts.command failed: %s", error)
        return (f"alerts.command failed: {error}",)
    return ()
