"""Time of a recheck of a large archive.

    python benchmarks/recheck.py CALLS.duckdb [--calls 5000] [--processes 2] [--one-rule]

The archive consists of copies of the analysed calls in the store CALLS.duckdb (made by `earwitness demo`):
two thousand copies in which every tenth word is replaced by another, repeated as often as needed. It is
rechecked twice:

- `one_rule`: as after a change of a rule whose phrases detect no events
- `all`: as after a change of the lexicon, which can change every event and every verdict

CPU seconds are the sum over all processes; other programs may run on the machine at the same time.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from _line import write_result
from archive import make_archive

from pipeline.archive.recheck import RecheckRequest, recheck
from pipeline.progress import UNWATCHED
from pipeline.rules import RuleSet, load_rules
from pipeline.settings import Settings
from pipeline.store import query

GIB = 1 << 30
VARIANTS = 2_000


def main() -> None:
    """Make the archive, judge it again, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--calls", type=int, default=5_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--one-rule", action="store_true", help="leave `all` out")
    order = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        varied, db = Path(folder) / "varied.duckdb", Path(folder) / "archive.duckdb"
        make_archive(order.store, varied, min(order.calls, VARIANTS), vary=True)
        _judge(varied, load_rules(), order.processes)
        make_archive(varied, db, order.calls, vary=False)
        figures: dict[str, Any] = {
            "calls": order.calls,
            "words_per_call": round(_count(db, "word") / order.calls, 1),
            "turns_per_call": round(_count(db, "turn") / order.calls, 1),
            "store_gib": round(db.stat().st_size / GIB, 2),
            "rules": len(load_rules().rules),
            "processes": order.processes,
        }
        figures["one_rule"] = _measured(db, _with_new_version("greeting"), order.processes)
        if not order.one_rule:
            figures["all"] = _measured(db, _with_new_version(), order.processes)
    print(figures)
    print(write_result("recheck", figures, Settings()))


def _count(db: Path, table: str) -> int:
    return int(query(db, f"SELECT count(*) FROM {table}").rows[0][0])  # noqa: S608 - our own table names


def _with_new_version(*rule_ids: str) -> RuleSet:
    """The rules as if those of the ids, or all, had been edited."""
    rules = load_rules()
    edited = tuple(
        replace(rule, version=f"edited {rule.version}") if not rule_ids or rule.id in rule_ids else rule
        for rule in rules.rules
    )
    return replace(rules, rules=edited, version=f"edited {rules.version} {rule_ids}")


def _judge(db: Path, rules: RuleSet, processes: int) -> float:
    start = time.perf_counter()
    done = recheck(RecheckRequest(db=db, rules=rules, settings=Settings(), processes=processes), UNWATCHED)
    if done.failed:
        raise SystemExit(f"{len(done.failed)} calls failed: {done.failed[0]}")
    return time.perf_counter() - start


def _measured(db: Path, rules: RuleSet, processes: int) -> dict[str, Any]:
    calls, before = _count(db, "analysis"), _cpu_s()
    wall_s = _judge(db, rules, processes)
    cpu_s = _cpu_s() - before
    largest = max(
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return {
        "wall_s": round(wall_s, 1),
        "calls_per_s": round(calls / wall_s, 1),
        "cpu_ms_per_call": round(1000 * cpu_s / calls, 2),
        "largest_process_gib": round(largest * 1024 / GIB, 2),
    }


def _cpu_s() -> float:
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in spent)


if __name__ == "__main__":
    main()
