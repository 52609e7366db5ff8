"""Accuracy of the pipeline against the exact truth of composed calls.

    python benchmarks/accuracy.py DB.duckdb [TRUTH_FOLDER]

DB contains the analysed calls (`earwitness analyse FOLDER --db DB.duckdb`). The truth of a call has
the file's name. Figures: word error rate per role (pooled), talk-ratio error in points, F1 of holds
(two holds match if they share half their union) and edge error, words inside holds, correct verdicts.
Calls with unknown roles count only in verdicts and holds, and are listed.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from statistics import mean, median
from typing import Any

import jiwer
from _line import SAMPLES, calls_in, write_result
from whisper_normalizer.english import EnglishTextNormalizer

from pipeline.settings import Settings
from pipeline.spans import Span, intersection, total_s, union
from pipeline.store import query

NORMAL = EnglishTextNormalizer()


def main(db: Path, folder: Path) -> None:
    """Print and store the figures."""
    counts: Counter[str] = Counter()
    talk, edges, wrong, unknown = [], [], [], []
    for audio, truth in calls_in(folder):
        rows = query(db, f"select recording_id from recording where uri like '%/{audio.name}'").rows  # noqa: S608
        if not rows:
            continue
        call = Stored(db, str(rows[0][0]))
        count_words(call, truth, counts) if call.roles_known else unknown.append(audio.name)
        if call.roles_known:
            talk.append(abs(talk_ratio(call.turns) - talk_ratio(truth["turns"])) * 100)
        edges += count_holds(call, truth, counts)
        for rule, verdict in truth["findings"].items():
            if rule in call.findings:
                counts["verdicts"] += 1
                counts["verdicts_right"] += call.findings[rule] == verdict
                if call.findings[rule] != verdict:
                    wrong.append(f"{audio.name}: {rule} is {verdict}, got {call.findings[rule]}")
    figures = {
        "word_error_rate_agent": round(counts["agent_errors"] / max(1, counts["agent_words"]), 4),
        "word_error_rate_customer": round(counts["customer_errors"] / max(1, counts["customer_words"]), 4),
        "talk_ratio_error_points_mean": round(mean(talk), 2) if talk else None,
        "talk_ratio_error_points_max": round(max(talk), 2) if talk else None,
        "hold_f1": round(2 * counts["holds_right"] / max(1, counts["holds"] + counts["holds_found"]), 3),
        "hold_edge_error_s_median": round(median(edges), 2) if edges else None,
        "words_in_holds": counts["words_in_holds"],
        "verdicts_right": f"{counts['verdicts_right']} of {counts['verdicts']}",
        "wrong": wrong,
        "roles_unknown": unknown,
    }
    for name, value in figures.items():
        print(f"{name:32s} {value}")
    print(write_result("accuracy", figures, Settings()))


class Stored:
    """A call as the store has it."""

    def __init__(self, db: Path, recording_id: str) -> None:
        def rows(sql: str) -> list[dict[str, Any]]:
            table = query(db, sql.format(f"'{recording_id}'"))
            return [dict(zip(table.columns, row, strict=True)) for row in table.rows]

        self.turns = rows(
            'select role, start_s as start, end_s as "end", text from turn where recording_id = {} order by 2'
        )
        self.holds = rows('select start_s as start, end_s as "end" from hold where recording_id = {}')
        found = rows("select rule_id, verdict from finding where recording_id = {}")
        self.findings = {row["rule_id"]: row["verdict"] for row in found}
        self.roles_known = not any(turn["role"] == "unknown" for turn in self.turns)


def spans_of(rows: list[dict[str, Any]], *roles: str) -> tuple[Span, ...]:
    """The speech of `roles`; of all rows if no role is named."""
    return union(Span(r["start"], r["end"]) for r in rows if not roles or r["role"] in roles)


def count_words(call: Stored, truth: dict[str, Any], counts: Counter[str]) -> None:
    """Add the word errors of both roles."""
    for role in ("agent", "customer"):
        said, heard = (
            NORMAL(" ".join(t["text"] for t in turns if t["role"] == role))
            for turns in (truth["turns"], call.turns)
        )
        if said:
            result = jiwer.process_words(said, heard or "-")
            counts[f"{role}_errors"] += result.substitutions + result.deletions + result.insertions
            counts[f"{role}_words"] += result.substitutions + result.deletions + result.hits


def talk_ratio(turns: list[dict[str, Any]]) -> float:
    """Agent's share of the two parties' time in turns."""
    agent, customer = (total_s(spans_of(turns, role)) for role in ("agent", "customer"))
    return agent / (agent + customer) if agent + customer else 0.0


def count_holds(call: Stored, truth: dict[str, Any], counts: Counter[str]) -> list[float]:
    """Add holds found and right and words inside true holds; gives the edges' errors in seconds."""
    found, true = spans_of(call.holds), spans_of(truth["holds"])
    edges: list[float] = []
    for hold in true:
        for other in found:
            if (hold & other).duration_s > 0.5 * (hold | other).duration_s:
                counts["holds_right"] += 1
                edges += [abs(hold.start_s - other.start_s), abs(hold.end_s - other.end_s)]
    counts["holds"] += len(true)
    counts["holds_found"] += len(found)
    announced = spans_of(truth["turns"], "ivr")
    for turn in call.turns:
        span = Span(turn["start"], turn["end"])
        inside = any(h.start_s + 1 < span.start_s and span.end_s < h.end_s - 1 for h in true)
        if inside and turn["role"] != "ivr" and not intersection((span,), announced):
            counts["words_in_holds"] += len(turn["text"].split())
    return edges


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else SAMPLES)
