"""Whether the events and findings of stored calls are those that the program finds now.

Reads every analysed call of a store (of release 0.1.0 or later) with a reader of its own, assesses it with
the code and the packs as they are and the settings that it was stored with, and compares field by field
what is stored with what is found. Marks of near misses (`detail.review`) are left out; columns that the
store does not have, such as `finding.basis` in release 0.1.0, cannot be compared.

    python benchmarks/same_findings.py OLD.duckdb             # counts by rule and field, the first in full
    python benchmarks/same_findings.py OLD.duckdb --explain   # every difference in full
    python benchmarks/same_findings.py OLD.duckdb --rule hold_thanks --processes 2
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from functools import cache, partial
from pathlib import Path
from typing import Any

import duckdb

from pipeline.assess import find_events, find_findings
from pipeline.records import (
    Activity,
    AudioQuality,
    Call,
    CallAnalysis,
    Finding,
    Hold,
    Metric,
    Overlap,
    PersonalDatum,
    Recording,
    Silence,
    Sound,
    Tone,
    TonePoint,
    Transfer,
    Turn,
    Word,
)
from pipeline.rules import RuleSet, load_rules
from pipeline.settings import Settings

BATCH = 100
"""Calls read together."""
SHOWN = 5
"""Differences printed in full without --explain."""

_ID = "recording_id"
_TABLES: Mapping[str, tuple[str, type]] = {
    "activity": ("activities", Activity),
    "sound": ("sounds", Sound),
    "word": ("words", Word),
    "turn": ("turns", Turn),
    "hold": ("holds", Hold),
    "transfer": ("transfers", Transfer),
    "overlap": ("overlaps", Overlap),
    "silence": ("silences", Silence),
    "metric": ("metrics", Metric),
    "audio_quality": ("quality", AudioQuality),
    "tone": ("tone", Tone),
    "tone_curve": ("tone_curve", TonePoint),
    "personal_data": ("personal_data", PersonalDatum),
    "finding": ("findings", Finding),
}
"""Tables with the field of CallAnalysis that they fill, and its record."""
_FORMER = {"audio_quality": "fitness"}
"""Names of tables in release 0.1.0."""
_COMPARED: Mapping[str, tuple[str, ...]] = {
    "holds": ("hold_index",),
    "transfers": ("transfer_index",),
    "overlaps": ("overlap_index",),
    "silences": ("silence_index",),
    "personal_data": ("datum_index",),
    "metrics": ("name", "role"),
    "findings": ("rule_id",),
}
"""The parts that an assessment fills, with the fields that name a row within a call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A field of a row that is stored with another value than is found now; None for no such row."""

    uri: str
    part: str
    row: str
    field: str
    stored: object
    found: object


Compared = tuple[Counter[str], list[Difference]]
"""The number of rows by part, and their differences from the stored ones."""


def main() -> int:
    """Compare, print, and return 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("db", type=Path, metavar="OLD.duckdb")
    parser.add_argument("--explain", action="store_true", help="print every difference in full")
    parser.add_argument("--rule", help="compare the findings of this rule only")
    parser.add_argument("--packs", type=Path, metavar="DIR", help="a folder of a site's own packs")
    parser.add_argument("--processes", type=int, default=1)
    given = parser.parse_args()
    with duckdb.connect(str(given.db), read_only=True) as connection:
        sql = "SELECT recording_id FROM recording JOIN analysis USING (recording_id) ORDER BY ALL"
        ids = [row[0] for row in connection.execute(sql).fetchall()]
    batches = [ids[first : first + BATCH] for first in range(0, len(ids), BATCH)]
    counts, differences = Counter[str](), list[Difference]()
    for rows, found in _compare_all(partial(compare_batch, given.db, given.packs), batches, given.processes):
        counts.update(rows)
        differences += [d for d in found if given.rule in {None, d.row}]
    print(f"{len(ids)} calls: " + ", ".join(f"{count} {part}" for part, count in counts.items()))
    _print(differences, len(differences) if given.explain else SHOWN)
    return 1 if differences else 0


def _compare_all(
    compare: Callable[[Sequence[str]], Compared], batches: Sequence[Sequence[str]], processes: int
) -> Iterator[Compared]:
    if processes == 1:
        yield from map(compare, batches)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(compare, batches)


def compare_batch(db: Path, packs: Path | None, ids: Sequence[str]) -> Compared:
    """Read, assess and compare some calls."""
    counts, differences = Counter[str](), list[Difference]()
    with duckdb.connect(str(db), read_only=True, config={"threads": 1}) as connection:
        for call, settings, columns in read_calls(connection, ids):
            now = assess(call, _rules(packs), settings)
            for part, key in _COMPARED.items():
                stored, found = getattr(call, part), getattr(now, part)
                counts[part] += len(found)
                for row, field, old, new in _changes(stored, found, key, columns[part]):
                    uri = call.recording.uri
                    differences.append(
                        Difference(uri=uri, part=part, row=row, field=field, stored=old, found=new)
                    )
    return counts, differences


@cache
def _rules(packs: Path | None) -> RuleSet:
    return load_rules(packs)


def assess(call: CallAnalysis, rules: RuleSet, settings: Settings) -> CallAnalysis:
    """The call with the events, measures and findings of the present code."""
    measured = any(m.name == "interruptions" and m.denominator > 0 for m in call.metrics)
    known = call.recording.layout == "stereo" or bool(call.overlaps) or measured
    now = find_events(call, rules, settings, overlaps_known=known)
    return find_findings(now, rules, settings)


def read_calls(
    connection: duckdb.DuckDBPyConnection, ids: Sequence[str]
) -> Iterator[tuple[CallAnalysis, Settings, Mapping[str, frozenset[str]]]]:
    """Stored calls with their settings, and by part the columns that the store has."""
    tables = {row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    rows: dict[str, dict[str, list[dict[str, Any]]]] = {}
    columns: dict[str, frozenset[str]] = {}
    for table, (part, _) in _TABLES.items():
        name = table if table in tables else _FORMER[table]
        columns[part], rows[part] = _read(connection, name, ids)
    one_each = {name: _read(connection, name, ids)[1] for name in ("recording", "call", "analysis")}
    for id_ in ids:
        (recording,), (call,), (run,) = (one_each[name][id_] for name in ("recording", "call", "analysis"))
        parts = {
            part: tuple(_record(record, row) for row in rows[part].get(id_, ()))
            for part, record in _TABLES.values()
        }
        analysis = CallAnalysis(recording=_record(Recording, recording), call=_record(Call, call), **parts)
        yield analysis, stored_settings(json.loads(run["settings"])), columns


def stored_settings(values: Mapping[str, Any]) -> Settings:
    """The settings of a stored call; those that the program does not know have no effect."""
    given = Settings()
    sections = {}
    for name, stored in values.items():
        section = getattr(given, name, None)
        if isinstance(stored, dict) and section is not None:
            known = {key: value for key, value in stored.items() if key in type(section).model_fields}
            sections[name] = type(section).model_validate({**section.model_dump(), **known})
    return given.model_copy(update=sections)


def _read(
    connection: duckdb.DuckDBPyConnection, table: str, ids: Sequence[str]
) -> tuple[frozenset[str], dict[str, list[dict[str, Any]]]]:
    """The columns of a table, and its rows by recording in the order in which they were stored."""
    sql = f"FROM {table} WHERE {_ID} IN (SELECT unnest($ids::VARCHAR[])) ORDER BY rowid"
    result = connection.execute(sql, {"ids": list(ids)})
    names = [column[0] for column in result.description]
    out: dict[str, list[dict[str, Any]]] = {}
    for values in result.fetchall():
        row = dict(zip(names, values, strict=True))
        out.setdefault(row[_ID], []).append(row)
    return frozenset(names), out


def _record(record: Any, row: Mapping[str, Any]) -> Any:
    """A row as a record; columns that are no fields are left out."""
    known = {field.name for field in fields(record)}
    values = {name: _tuples(value) for name, value in row.items() if name in known}
    json_fields = {name: json.loads(values[name]) for name in ("detail", "extra") if name in values}
    return record(**values | json_fields)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _changes(
    stored: Iterable[Any], found: Iterable[Any], key: Sequence[str], columns: frozenset[str]
) -> Iterator[tuple[str, str, object, object]]:
    """Row, field, and its stored and its found value, of all that differ."""
    before, after = _by_key(stored, key), _by_key(found, key)
    for row in sorted(before.keys() | after.keys()):
        old, new = before.get(row), after.get(row)
        if old is None or new is None:
            yield row, "row", old, new
            continue
        for field in new.keys() & columns:
            if old[field] != new[field]:
                yield row, field, old[field], new[field]


def _by_key(records: Iterable[Any], key: Sequence[str]) -> dict[str, dict[str, Any]]:
    out: dict[str, dict[str, Any]] = {}
    for record in records:
        row = asdict(record)
        if "detail" in row:
            detail = {name: value for name, value in row["detail"].items() if name != "review"}
            row["detail"] = json.loads(json.dumps(detail))
        out[" ".join(str(row[name]) for name in key if row[name] is not None)] = row
    return out


def _print(differences: Sequence[Difference], most: int) -> None:
    if not differences:
        print("no difference")
        return
    rows = {"holds", "transfers", "overlaps", "silences", "personal_data"}
    kinds = Counter((d.part, "" if d.part in rows else d.row, d.field) for d in differences)
    for (part, row, field), count in sorted(kinds.items()):
        print(f"{count:6}  {part} {row} {field}")
    for d in differences[:most]:
        print(f"\n{d.uri}: {d.part} {d.row}: {d.field}\n  stored {d.stored}\n  found  {d.found}")
    if len(differences) > most:
        print(f"\n… and {len(differences) - most} more: --explain prints all")


if __name__ == "__main__":
    sys.exit(main())
