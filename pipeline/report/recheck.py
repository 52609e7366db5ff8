"""The report of a recheck: the verdicts that changed, and one line at the end."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from pipeline.report.tables import answer
from pipeline.report.text import as_dicts, clock
from pipeline.store import Table, query

if TYPE_CHECKING:  # slow to import
    from pipeline.archive.recheck import Rechecked

NEW, GONE = "(new rule)", "(rule gone)"

_VERDICTS = """
SELECT rule_id, coalesce(call_ref, parse_filename(uri, TRUE)) AS call, agent_id, old_verdict, new_verdict,
    coalesce(new_start_s, old_start_s) AS start_s, coalesce(new_quote, old_quote) AS quote
FROM verdict_change
WHERE changed_at = $changed_at
ORDER BY rule_id, old_verdict, new_verdict, call
LIMIT $limit
"""


def changes_json(db: Path, done: Rechecked, limit: int) -> dict[str, Any]:
    """The outcome for machines, with at most `limit` of the verdicts that changed."""
    return {
        "calls": done.calls,
        "failed": [{"uri": uri, "error": error} for uri, error in done.failed],
        "changed_at": done.changed_at if done.changed else None,
        "wall_s": done.wall_s,
        "changes": as_dicts(_counts(done)),
        "verdicts": as_dicts(_verdicts(db, done, limit)),
    }


def print_changes(db: Path, done: Rechecked, limit: int, out: TextIO | None = None) -> None:
    """Print how many verdicts changed, by rule, and at most `limit` of them."""
    out = out or sys.stdout
    counts = _counts(done)
    if not counts.rows:
        out.write("no verdict changed\n")
        return
    answer(counts, out)
    verdicts = _verdicts(db, done, limit)
    if verdicts.rows:
        out.write("\n")
        answer(verdicts, out)
    left = _changed(done) - len(verdicts.rows)
    if left > 0:
        out.write(f"\n{left} more: FROM verdict_change WHERE changed_at = '{done.changed_at.isoformat()}'\n")


def summary_line(done: Rechecked) -> str:
    """A recheck in one line."""
    parts = [f"{done.calls} calls judged in {clock(done.wall_s)}"]
    parts += [f"{_changed(done)} verdicts changed"]
    came = sum(calls for (_, old, _new), calls in done.changes.items() if not old)
    went = sum(calls for (_, _old, new), calls in done.changes.items() if not new)
    parts += [f"{came} of new rules"] if came else []
    parts += [f"{went} of rules that are gone"] if went else []
    parts += [f"{len(done.failed)} failed"] if done.failed else []
    return " · ".join(parts)


def _changed(done: Rechecked) -> int:
    """Verdicts of rules that were there before and still are."""
    return sum(calls for (_, old, new), calls in done.changes.items() if old and new)


def _counts(done: Rechecked) -> Table:
    ordered = sorted(done.changes.items(), key=lambda item: (item[0][0], -item[1], str(item[0])))
    rows = tuple((rule, old or NEW, new or GONE, calls) for (rule, old, new), calls in ordered)
    return Table(
        columns=("rule_id", "until_now", "now", "calls"),
        types=("VARCHAR", "VARCHAR", "VARCHAR", "BIGINT"),
        rows=rows,
    )


def _verdicts(db: Path, done: Rechecked, limit: int) -> Table:
    values: Mapping[str, object] = {"changed_at": done.changed_at, "limit": limit}
    return query(db, _VERDICTS, values)
