"""The business facts of each call: from a manifest, a file beside the recording, or the recording's name.

The rows of a manifest find their files by relative path, by name, or by stem; capitals and the Unicode form
of accents make no difference. The manifest wins over the file beside the recording, and that over the name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.archive.columns import columns_of
from pipeline.archive.facts import CallMetadata, Reading, facts_of, reading_of
from pipeline.archive.folders import Files, read_text_file
from pipeline.archive.manifest import Manifest, NotAManifestError, read_manifest, read_sidecar
from pipeline.archive.names import leg_name
from pipeline.archive.object_access import ObjectStoreError
from pipeline.audio.containers import AUDIO_SUFFIXES
from pipeline.errors import UsageError
from pipeline.notices import grouped
from pipeline.settings import MetadataSettings

__all__ = ["MANIFESTS", "CallMetadata", "Metadata", "Row", "read_metadata"]

MANIFESTS = ("manifest.csv", "manifest.jsonl", "manifest.json")
"""Names looked for at the archive's root; the first that is there is read."""

_SHOWN_COLUMNS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a manifest: its place, the file it names and its facts."""

    where: str
    file: PurePosixPath
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The facts of an archive's calls.

    `problems` says in one line each what could not be read, `notes` what was read with an assumption.
    """

    root: Path | None = None
    rows: Mapping[str, tuple[Row, ...]]
    """Rows by the stem of the file they name, in one spelling."""
    settings: MetadataSettings
    pattern: re.Pattern[str] | None = None
    files: Files = Files()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def for_file(self, path: Path) -> CallMetadata:
        """The facts of the recording at `path`; what nobody gave is unknown.

        The manifest wins over the file beside the recording and that over the name, fact by fact. Where
        several rows fit equally well none is used: a fact of another call is worse than none.
        """
        facts, _ = self._from_name(path)
        fits = self._fits(path)
        for given in (self._from_sidecar(path)[0], fits[0].facts if len(fits) == 1 else {}):
            facts = {**facts, **given, "extra": {**facts.get("extra", {}), **given.get("extra", {})}}
        return CallMetadata.model_validate(facts)

    def unmatched(self, paths: Iterable[Path]) -> tuple[str, ...]:
        """A line for every row and file of `paths` that do not pair up one to one.

        Also for file names that the pattern does not fit or whose parts are no valid facts. More than three
        lines of a kind become one with their number.
        """
        lines: list[str] = []
        files: dict[str, list[str]] = {}
        misfits: list[str] = []
        without: list[Path] = []
        for path in paths:
            fits = self._fits(path)
            for row in fits:
                files.setdefault(row.where, []).append(path.name)
            if len(fits) > 1:
                rows = ", ".join(row.where for row in fits)
                lines.append(_line("several rows fit one file, none is used", path, rows))
            from_name, faults = self._from_name(path)
            beside, more = self._from_sidecar(path)
            lines += faults + more
            if self.rows and not fits and not beside and not from_name:
                without.append(path)
            if self.pattern is not None and not self.pattern.search(path.stem):
                misfits.append(path.name)
        lines += self._rows_without_one_file(files)
        lines += [_line("no row for this audio file", path) for path in without]
        if misfits:
            what = f"metadata.filename_pattern does not fit {len(misfits)} file names, the first"
            lines.append(_line(what, misfits[0]))
        return grouped(lines)

    def _rows_without_one_file(self, files: Mapping[str, list[str]]) -> list[str]:
        lines = []
        for row in (row for rows in self.rows.values() for row in rows):
            mine = files.get(row.where, [])
            if not mine:
                lines.append(_line("no audio file for this row", row.where, str(row.file)))
            elif len({_call_name(name) for name in mine}) > 1:
                what = "one row for several files, all get its facts"
                lines.append(_line(what, row.where, ", ".join(mine)))
        return lines

    def _fits(self, path: Path) -> tuple[Row, ...]:
        """The rows that fit best: full names before stems, then the longest common end of the path.

        Of rows that differ only in capitals or accents, the one that is spelled like the file. A leg of a
        call without a row of its own has the row of the call.
        """
        fits = self._fits_name(path)
        if not fits and (leg := leg_name(path, {})):
            fits = self._fits_name(path.with_name(leg.base + path.suffix))
        return fits

    def _fits_name(self, path: Path) -> tuple[Row, ...]:
        rows = self.rows.get(_stem(path.name), ())
        if not rows:
            return ()
        ranks: dict[tuple[bool, int, bool], list[Row]] = {}
        parts = self._parts(path)
        folded = [_folded(part) for part in parts]
        for row in rows:
            theirs = [part for part in row.file.parts if part != "/"]
            common = min(len(parts), len(theirs))
            if folded[-common:-1] == [_folded(part) for part in theirs[-common:-1]]:
                full = _folded(row.file.name) == folded[-1]
                alike = theirs[-common:] == parts[-common:]
                ranks.setdefault((full, common, alike), []).append(row)
        return tuple(ranks[max(ranks)]) if ranks else ()

    def _parts(self, path: Path) -> list[str]:
        parts = path.absolute().parts
        root = self.root.absolute().parts if self.root is not None else ()
        inside = root and parts[: len(root)] == root
        return list(parts[len(root) if inside else 1 :])

    def _from_name(self, path: Path) -> tuple[dict[str, Any], list[str]]:
        match = self.pattern.search(path.stem) if self.pattern is not None else None
        if match is None:
            return {}, []
        values = match.groupdict()
        return facts_of(values, str(path), reading_of([values], self.settings))

    def _from_sidecar(self, path: Path) -> tuple[dict[str, Any], list[str]]:
        """The facts in `NAME.json` or `NAME.wav.json` beside a recording, without the file they name."""
        beside = (path.with_name(f"{path.name}.json"), path.with_suffix(".json"))
        file = next((one for one in beside if one.name not in MANIFESTS and self.files.has(one)), None)
        if file is None:
            return {}, []
        try:
            values = read_sidecar(file, partial(read_text_file, self.files))
        except ObjectStoreError:
            raise
        except UsageError as error:
            return {}, [str(error)]
        facts, faults = facts_of(values, str(file), reading_of([values], self.settings))
        facts.pop("file", None)
        return facts, faults


def read_metadata(
    root: Path | None, file: Path | None, settings: MetadataSettings, files: Files = Files()
) -> Metadata:
    """The facts in `file`, or else in the manifest at the archive's `root`, or else in file names.

    A manifest, a row or a fact that cannot be used is left out and reported in `problems`. Raises UsageError
    when `file` is given and is missing or names no recordings, and for a bad file-name pattern.
    """
    pattern = _pattern(settings.filename_pattern)
    problems: list[str] = []
    named = file is not None
    if file is not None and not files.has(file):
        raise UsageError("cannot read the metadata file", where=file, value="no such file")
    if file is None and root is not None:
        there = [root / name for name in MANIFESTS if files.has(root / name)]
        file = there[0] if there else None
        problems += [_line("a second manifest, not read", other, remedy=f"{file} is") for other in there[1:]]
    manifest = Manifest()
    if file is not None:
        try:
            manifest = read_manifest(file, settings.columns, partial(read_text_file, files))
        except ObjectStoreError:
            raise
        except UsageError as error:
            if named and isinstance(error, NotAManifestError):
                raise
            problems.append(f"{error} (the calls are analysed without it)")
    valid = [values for _, values in manifest.entries if isinstance(values, dict)]
    rows, faults = _rows_of(manifest, reading_of(valid, settings))
    return Metadata(
        root=root,
        rows=_by_stem(rows),
        settings=settings,
        pattern=pattern,
        files=files,
        problems=grouped(problems + faults),
        notes=manifest.notes + _unknown_columns(file, valid, settings),
    )


def _rows_of(manifest: Manifest, reading: Reading) -> tuple[list[Row], list[str]]:
    """The rows of a manifest by file, and a line for each fault."""
    problems: list[str] = []
    rows: dict[PurePosixPath, Row] = {}
    for where, values in manifest.entries:
        if isinstance(values, str):
            problems.append(_line("this row is left out", where, values))
            continue
        facts, faults = facts_of(values, where, reading)
        problems += faults
        name = PurePosixPath(facts.get("file", "").replace("\\", "/"))
        if not name.name:
            problems.append(_line("this row is left out", where, "no file named"))
        elif name in rows:
            problems.append(_line("a second row for a file, the first is kept", where, str(name)))
        else:
            rows[name] = Row(where=where, file=name, facts=facts)
    return list(rows.values()), problems


def _unknown_columns(
    file: Path | None, rows: Iterable[Mapping[str, Any]], settings: MetadataSettings
) -> tuple[str, ...]:
    """A line with the columns that hold no fact, and one with the mapped columns that are not there."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = columns_of(names, settings.columns)
    unknown = [name.strip() for name in names if name not in columns]
    lines = []
    if unknown:
        shown = ", ".join(unknown[:_SHOWN_COLUMNS])
        more = f" and {len(unknown) - _SHOWN_COLUMNS} more" if len(unknown) > _SHOWN_COLUMNS else ""
        what = "columns that name no fact of a call are kept in call.extra"
        remedy = "name the columns of facts with metadata.columns"
        lines.append(_line(what, file, shown + more, remedy=remedy))
    for fact, column in settings.columns.items():
        if names and columns_of(names, {fact: column}).get(column) != fact:
            found = next((name for name, other in columns.items() if other == fact), None)
            if found is None:
                lines.append(_line(f"no column for metadata.columns.{fact}", file, column))
    return tuple(lines)


def _by_stem(rows: Iterable[Row]) -> dict[str, tuple[Row, ...]]:
    groups: dict[str, tuple[Row, ...]] = {}
    for row in rows:
        stem = _stem(row.file.name)
        groups[stem] = (*groups.get(stem, ()), row)
    return groups


def _call_name(name: str) -> str:
    """The name of the call that a file is a leg of, or the file's own."""
    leg = leg_name(Path(name), {})
    return leg.base if leg is not None else name


def _stem(name: str) -> str:
    """The name, in one spelling, without an audio suffix; other dots, as in `call.0042`, belong to it."""
    path = PurePosixPath(_folded(name))
    return path.stem if path.suffix in AUDIO_SUFFIXES else path.name


def _folded(name: str) -> str:
    """A name in composed Unicode form without capitals; macOS stores accents decomposed."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _pattern(text: str | None) -> re.Pattern[str] | None:
    if text is None:
        return None
    where = "metadata.filename_pattern"
    allowed = "a regular expression with named groups such as (?P<agent_id>a-[0-9]+)"
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise UsageError(f"bad pattern ({error})", where=where, value=text, allowed=allowed) from None
    if not pattern.groupindex:
        raise UsageError("the pattern names no facts", where=where, value=text, allowed=allowed)
    return pattern


def _line(what: str, where: object, value: object = None, **more: str) -> str:
    return str(UsageError(what, where=where, value=value, **more))
