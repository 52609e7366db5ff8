"""The report of a night: one line for the terminal, and Markdown for the scheduler."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.notices import grouped
from pipeline.report.text import UNKNOWN, clock

if TYPE_CHECKING:  # slow to import
    from pipeline.archive.forecast import Forecast
    from pipeline.archive.night import NightSummary

QUARANTINE = "earwitness sql 'FROM quarantine'"
"""Where all recordings that could not be analysed can be seen."""


def summary_line(summary: NightSummary) -> str:
    """The figures of a night in one line."""
    totals = summary.totals
    renewed = f" ({summary.renewed} of them outdated before)" if summary.renewed else ""
    parts = [f"{summary.found} found", f"{totals.analysed} analysed{renewed}"]
    parts += [f"{len(totals.quarantined)} quarantined"] if totals.quarantined else []
    parts += [f"{len(summary.unreadable)} unreadable"] if summary.unreadable else []
    parts += [f"{summary.rechecked} rechecked"] if summary.rechecked else []
    parts += [f"{summary.unchanged} unchanged"] if summary.unchanged else []
    parts += [f"{summary.outdated} of these outdated"] if summary.outdated else []
    parts += [f"{summary.merged} stored under another name"] if summary.merged else []
    parts += [f"{summary.dropped} dropped"] if summary.dropped else []
    parts += [f"{summary.erased} left alone: their calls were erased"] if summary.erased else []
    parts += [f"{summary.expired} erased after their time"] if summary.expired else []
    parts += [f"{summary.replaced} replaced by longer ones"] if summary.replaced else []
    parts += [f"{len(summary.waiting)} still being written"] if summary.waiting else []
    if summary.real_time_factor is not None:
        speed = f"real-time factor {summary.real_time_factor:.2f}"
        parts.append(f"{totals.audio_s / 60:.1f} min of audio in {clock(summary.wall_s)} ({speed})")
    return " · ".join(parts)


def plan_lines(foreseen: Forecast) -> Iterator[str]:
    """What a night would do, for the terminal."""
    for what, calls in foreseen.counts.items():
        if calls or what == "to_analyse":
            yield f"{calls:>9,}  {what.replace('_', ' ')}"
    if foreseen.audio_s is None:
        yield "the length of the sound is not known: no call is stored yet"
    else:
        yield f"{foreseen.audio_s / 3600:>9.1f}  hours of sound to analyse"
    if foreseen.hours is None:
        yield "the time is not known: no night is stored yet"
    else:
        yield f"{foreseen.hours:>9.1f}  hours with {foreseen.workers} workers, at the pace of the last nights"
    for problem in foreseen.problems:
        yield f"note: {problem}"


def night_rows(summary: NightSummary) -> tuple[dict[str, str | int], ...]:
    """A night's figures, a row each."""
    totals = summary.totals
    factor = UNKNOWN if summary.real_time_factor is None else f"{summary.real_time_factor:.2f}"
    figures: dict[str, str | int] = {
        "Files found": summary.found,
        "Analysed": totals.analysed,
        "Quarantined": len(totals.quarantined),
        "Unreadable": len(summary.unreadable),
        "Rechecked": summary.rechecked,
        "Unchanged": summary.unchanged,
        "Outdated calls analysed again": summary.renewed,
        "Outdated calls left": summary.outdated,
        "Files of a recording under another name": summary.merged,
        "Dropped by a person": summary.dropped,
        "Left alone, their calls were erased": summary.erased,
        "Erased after their time": summary.expired,
        "Replaced by longer recordings": summary.replaced,
        "Still being written": len(summary.waiting),
        "Audio analysed": f"{totals.audio_s / 3600:.2f} h",
        "Wall time": clock(summary.wall_s),
        "Real-time factor": factor,
        "Holds": totals.holds,
        "Calls that fail the recording disclosure": totals.disclosure_fails,
    }
    return tuple({"figure": name, "value": value} for name, value in figures.items())


def night_markdown(summary: NightSummary) -> str:
    """A night's report in Markdown."""
    lines = [f"# Night into {_md(summary.db)}", "", "| | |", "|---|---|"]
    lines += [f"| {row['figure']} | {row['value']} |" for row in night_rows(summary)]
    bad = {"Quarantined": summary.totals.quarantined, "Unreadable": summary.unreadable}
    for title, notes in (
        *((title, grouped((one.reason for one in some), QUARANTINE)) for title, some in bad.items()),
        ("Files that belong together", grouped(summary.duplicates)),
        ("Still being written, left for the next night", summary.waiting),
        ("Archive and metadata", summary.problems),
    ):
        if notes:
            lines += ["", f"## {title}", "", *(f"- {_md(note)}" for note in notes)]
    return "\n".join(lines) + "\n"


def _md(value: object) -> str:
    """`value` escaped for a cell of a Markdown table."""
    return str(value).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "\\`")
