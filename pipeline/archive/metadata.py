"""The business facts of each call: from a manifest, else from the file's name.

The rows of a manifest find their files by relative path, by name, or by stem. A time without a zone is taken
as UTC.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, pairwise
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from pipeline.archive.manifest import columns_of, read_manifest
from pipeline.audio.decode import AUDIO_SUFFIXES
from pipeline.errors import UsageError
from pipeline.records import Call, Direction, Pairs
from pipeline.settings import MetadataSettings

MANIFESTS = ("manifest.csv", "manifest.jsonl", "manifest.json")
"""Names looked for at the archive's root; the first that is there is read."""

_ALLOWED = {
    "started_at": "ISO 8601 such as 2026-03-02T09:14:00-08:00; without a zone it is UTC",
    "direction": "inbound, outbound",
    "jurisdictions": "codes such as CA, or several such as CA;WA",
    "agent_channel": "left, right, 0, 1",
    **dict.fromkeys(("holds", "pauses"), "a JSON array of [start_s, end_s] in order, as [[31.5, 74.0]]"),
}
_DATE = re.compile(r"\d{4}-?\d\d-?\d\d([T _-]\d.*)?", re.IGNORECASE)
_CODE = re.compile(r"[A-Z0-9][A-Z0-9-]*")


def _from_text(value: object) -> object:
    return json.loads(value) if isinstance(value, str) else value


def _in_order(pairs: Pairs) -> Pairs:
    if any(start_s >= end_s for start_s, end_s in pairs):
        raise ValueError("a start at or after its end")
    if any(before > after for before, after in pairwise(chain.from_iterable(pairs))):
        raise ValueError("pairs out of order")
    return pairs


Time = Annotated[float, Field(ge=0, allow_inf_nan=False)]

GivenTimes = Annotated[tuple[tuple[Time, Time], ...], BeforeValidator(_from_text), AfterValidator(_in_order)]
"""Times in a call, in seconds from its start: an array such as `[[31.5, 74.0], [90, 120]]`, or its JSON text.

The pairs are in order and do not overlap.
"""


class CallMetadata(BaseModel):
    """The business facts of one call. `agent_channel` is 0 for left and 1 for right."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    file: str | None = None
    call_ref: str | None = None
    started_at: datetime | None = None
    direction: Direction | None = None
    queue: str | None = None
    agent_id: str | None = None
    agent_name: str | None = None
    customer_ref: str | None = None
    jurisdictions: tuple[str, ...] = ()
    agent_channel: Literal[0, 1] | None = None
    holds: GivenTimes | None = None
    pauses: GivenTimes | None = None
    extra: dict[str, str] = Field(default_factory=dict)

    @field_validator("started_at", mode="before")
    @classmethod
    def _in_a_zone(cls, value: object) -> datetime:
        """Bare numbers and 03/04/2026 are refused: reading them would be guessing."""
        if not isinstance(value, datetime):
            text = re.sub(r"^(\d{8})(\d{6})$", r"\1T\2", str(value))
            if not _DATE.fullmatch(text):
                raise ValueError("no date")
            value = datetime.fromisoformat(text)
        return value if value.tzinfo is not None else value.replace(tzinfo=UTC)

    @field_validator("direction", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("jurisdictions", mode="before")
    @classmethod
    def _codes(cls, value: object) -> tuple[str, ...]:
        """Upper-case codes in the order given, each once; `US-CA` is `CA`."""
        text = " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        codes = tuple(code for code in re.split(r"[;,|\s]+", text.upper()) if code)
        if not all(map(_CODE.fullmatch, codes)):
            raise ValueError("no code")
        return tuple(dict.fromkeys(code.removeprefix("US-") for code in codes))

    @field_validator("agent_channel", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        return {"left": 0, "right": 1, "0": 0, "1": 1}.get(str(value).lower(), str(value))

    def to_call(self) -> Call:
        """The facts as the store keeps them."""
        return Call(**self.model_dump(exclude={"file", "agent_channel"}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a manifest: its place, the file it names and its facts."""

    where: str
    file: PurePosixPath
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The facts of an archive's calls; `problems` says in one line each what could not be read."""

    root: Path | None = None
    rows: Mapping[str, tuple[Row, ...]]
    """Rows by the stem of the file they name."""
    pattern: re.Pattern[str] | None = None
    problems: tuple[str, ...] = ()

    def for_file(self, path: Path) -> CallMetadata:
        """The facts of the recording at `path`; what nobody gave is unknown.

        The manifest wins over the file's name, fact by fact. Where several rows fit equally well none
        is used: a fact of another call is worse than none.
        """
        facts, _ = self._from_name(path)
        fits = self._fits(path)
        if len(fits) == 1:
            given = fits[0].facts
            facts = {**facts, **given, "extra": {**facts.get("extra", {}), **given.get("extra", {})}}
        return CallMetadata.model_validate(facts)

    def unmatched(self, paths: Iterable[Path]) -> tuple[str, ...]:
        """A line for every row and file of `paths` that do not pair up one to one.

        Also for file names that the pattern does not fit or whose parts are no valid facts.
        """
        lines: list[str] = []
        files: dict[str, list[str]] = {}
        misfits: list[str] = []
        for path in paths:
            fits = self._fits(path)
            for row in fits:
                files.setdefault(row.where, []).append(path.name)
            if len(fits) > 1:
                rows = ", ".join(row.where for row in fits)
                lines.append(_line("several rows fit one file, none is used", path, rows))
            lines += self._from_name(path)[1]
            if self.pattern is not None and not self.pattern.search(path.stem):
                misfits.append(path.name)
        for row in (row for rows in self.rows.values() for row in rows):
            mine = files.get(row.where, [])
            if not mine:
                lines.append(_line("no audio file for this row", row.where, str(row.file)))
            elif len(mine) > 1:
                lines.append(
                    _line("one row for several files, all get its facts", row.where, ", ".join(mine))
                )
        if misfits:
            what = f"metadata.filename_pattern does not fit {len(misfits)} file names, the first"
            lines.append(_line(what, misfits[0]))
        return tuple(lines)

    def _fits(self, path: Path) -> tuple[Row, ...]:
        """The rows that fit best: full names before stems, then the longest common end of the path."""
        ranks: dict[tuple[bool, int], list[Row]] = {}
        parts = self._parts(path)
        for row in self.rows.get(_stem(path.name), ()):
            theirs = [part for part in row.file.parts if part != "/"]
            common = min(len(parts), len(theirs))
            if parts[-common:-1] == theirs[-common:-1]:
                ranks.setdefault((row.file.name == path.name, common), []).append(row)
        return tuple(ranks[max(ranks)]) if ranks else ()

    def _parts(self, path: Path) -> list[str]:
        path = path.absolute()
        if self.root is not None and path.is_relative_to(self.root.absolute()):
            return list(path.relative_to(self.root.absolute()).parts)
        return list(path.parts[1:])

    def _from_name(self, path: Path) -> tuple[dict[str, Any], list[str]]:
        match = self.pattern.search(path.stem) if self.pattern is not None else None
        return _facts(match.groupdict(), str(path)) if match is not None else ({}, [])


def read_metadata(root: Path | None, file: Path | None, settings: MetadataSettings) -> Metadata:
    """The facts in `file`, or else in the manifest at the archive's `root`, or else in file names.

    A row that cannot be used, or a fact in it, is left out and reported in `problems`. Raises UsageError
    when the manifest as a whole cannot be read or names no files, and for a bad file-name pattern.
    """
    pattern = _pattern(settings.filename_pattern)
    problems: list[str] = []
    if file is None and root is not None:
        there = [root / name for name in MANIFESTS if (root / name).is_file()]
        file = there[0] if there else None
        problems += [_line("a second manifest, not read", other, remedy=f"{file} is") for other in there[1:]]
    rows: dict[PurePosixPath, Row] = {}
    for where, values in read_manifest(file) if file is not None else ():
        if isinstance(values, str):
            problems.append(_line("this row is left out", where, values))
            continue
        facts, faults = _facts(values, where)
        problems += faults
        name = PurePosixPath(facts.get("file", "").replace("\\", "/"))
        if not name.name:
            problems.append(_line("this row is left out", where, "no file named"))
        elif name in rows:
            problems.append(_line("a second row for a file, the first is kept", where, str(name)))
        else:
            rows[name] = Row(where=where, file=name, facts=facts)
    return Metadata(root=root, rows=_by_stem(rows.values()), pattern=pattern, problems=tuple(problems))


def _by_stem(rows: Iterable[Row]) -> dict[str, tuple[Row, ...]]:
    groups: dict[str, tuple[Row, ...]] = {}
    for row in rows:
        stem = _stem(row.file.name)
        groups[stem] = (*groups.get(stem, ()), row)
    return groups


def _stem(name: str) -> str:
    """The name without an audio suffix; other dots, as in `call.0042`, belong to it."""
    path = PurePosixPath(name)
    return path.stem if path.suffix.lower() in AUDIO_SUFFIXES else name


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


def _facts(values: Mapping[str, Any], where: str) -> tuple[dict[str, Any], list[str]]:
    """The valid facts in a row by their own names, and a line for each that is not valid."""
    columns = columns_of(values)
    given = {name: value for name, value in values.items() if not _is_blank(value)}
    facts: dict[str, Any] = {
        fact: given[column].strip() if isinstance(given[column], str) else given[column]
        for column, fact in columns.items()
        if column in given
    }
    extra = {name.strip(): _text(value) for name, value in given.items() if name not in columns}
    if extra:
        facts["extra"] = extra
    try:
        model = CallMetadata.model_validate(facts)
    except ValidationError as error:
        bad = dict.fromkeys(str(fault["loc"][0]) for fault in error.errors())
        column_of = {fact: column for column, fact in columns.items()}
        lines = [
            _line(
                "a bad fact, left out (the rest of the row is kept)",
                f"{where}, column {column_of[fact]}",
                facts[fact],
                allowed=_ALLOWED.get(fact, "text"),
            )
            for fact in bad
        ]
        model = CallMetadata.model_validate({fact: facts[fact] for fact in facts if fact not in bad})
        return model.model_dump(exclude_unset=True), lines
    return model.model_dump(exclude_unset=True), []


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else json.dumps(value)
