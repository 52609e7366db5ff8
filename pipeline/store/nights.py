"""Questions about former nights and the pace of the work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.store.reading import Connection

_SHARES = """
SELECT passed, passed + failed, undetermined, passed + failed + undetermined, swapped, stereo
FROM night
WHERE outcome = 'completed' AND analysed > 0
ORDER BY started_at DESC
LIMIT $nights
"""
_LENGTHS = r"""
SELECT regexp_extract(lower(uri), '\.([a-z0-9]+)$', 1), sum(duration_s) / sum(bytes)
FROM recording
WHERE status = 'analysed' AND bytes > 0
GROUP BY ALL
"""
_FACTOR = """
SELECT sum(analysis_s) / sum(audio_s) FROM (
    FROM night WHERE audio_s > 0 ORDER BY started_at DESC LIMIT 7
)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NightShares:
    """Counts of a night, each with the number that it is a part of."""

    passed: int
    judged: int
    undetermined: int
    applicable: int
    swapped: int
    stereo: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds of sound in a byte by the file's suffix, and the last nights' seconds of work per second of it.

    None where no night is stored.
    """

    audio_s_per_byte: Mapping[str, float]
    factor: float | None


def latest_shares(connection: Connection, nights: int) -> tuple[NightShares, ...]:
    """Those of the latest nights that were completed and had work, the latest first."""
    return tuple(
        NightShares(
            passed=passed,
            judged=judged,
            undetermined=undetermined,
            applicable=applicable,
            swapped=swapped,
            stereo=stereo,
        )
        for passed, judged, undetermined, applicable, swapped, stereo in (
            connection.execute(_SHARES, {"nights": nights}).fetchall()
        )
    )


def read_pace(connection: Connection) -> Pace:
    """How much sound files hold, and how fast it was analysed."""
    factor = connection.execute(_FACTOR).fetchall()[0][0]
    return Pace(audio_s_per_byte=dict(connection.execute(_LENGTHS).fetchall()), factor=factor)
