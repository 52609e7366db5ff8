"""The language shared by all rules, from `lexicon.toml`, and how a TOML file's faults are told."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from pipeline.errors import UsageError
from pipeline.rules.book import PhraseBook

LEXICON_FILE = Path(__file__).parent / "lexicon.toml"
NAMES_FILE = Path(__file__).parent / "names.toml"

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Spec(BaseModel):
    """A table people write in TOML; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class LexiconSpec(Spec):
    """The tables of a lexicon file, as written."""

    contractions: dict[str, Text] = {}
    endings: dict[str, str] = {}
    rewrite: dict[str, str] = {}
    sets: dict[str, tuple[Text, ...]] = {}
    personal_data: dict[str, tuple[Text, ...]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """How words are normalised, the named word sets, and the phrases that give personal data.

    `digest` is the content hash that goes into every rule's version. `book` has the phrases that were
    compiled so far; `rewrite_lengths` tells by first word how long the entries of `rewrite` are, the longest
    first.
    """

    file: Path
    digest: str
    contractions: Mapping[str, tuple[str, ...]]
    endings: Mapping[str, tuple[str, ...]]
    rewrite: Mapping[tuple[str, ...], tuple[str, ...]]
    rewrite_lengths: Mapping[str, tuple[int, ...]]
    sets: Mapping[str, tuple[str, ...]]
    personal_data: Mapping[str, tuple[str, ...]]
    book: PhraseBook = field(default_factory=PhraseBook, compare=False, repr=False)


def load_lexicon(extra: Path | None = None) -> Lexicon:
    """The program's own lexicon and names, their entries replaced or joined by those of the file `extra`.

    Raises UsageError for a missing or broken file or an unknown table.
    """
    spec, digest = _read(LEXICON_FILE)
    for path in (NAMES_FILE, extra) if extra else (NAMES_FILE,):
        more, other = _read(path)
        digest = hashlib.sha256(f"{digest}{other}".encode()).hexdigest()
        spec = _joined(spec, more)
    rewrite = {tuple(key.split()): tuple(value.split()) for key, value in spec.rewrite.items()}
    return Lexicon(
        file=extra or LEXICON_FILE,
        digest=digest,
        contractions={key: tuple(value.split()) for key, value in spec.contractions.items()},
        endings={key: tuple(value.split()) for key, value in spec.endings.items()},
        rewrite=rewrite,
        rewrite_lengths=_lengths(rewrite),
        sets=spec.sets,
        personal_data=spec.personal_data,
    )


def read_toml(path: Path) -> tuple[dict[str, Any], str]:
    """A TOML file's values and the sha256 of its text. Raises UsageError if missing or broken."""
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text), hashlib.sha256(text.encode()).hexdigest()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("cannot read a rule file", where=path, value=str(error)) from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError("not TOML", where=path, value=str(error), remedy="mend the file") from None


def readable(error: ValidationError, path: Path) -> UsageError:
    """The first fault of a TOML file as one line: file, key, value, what is allowed and the remedy."""
    first = error.errors()[0]
    where = f"{path}: {'.'.join(str(part) for part in first['loc']) or 'the whole file'}"
    if first["type"] == "extra_forbidden":
        return UsageError("unknown key", where=where, remedy="remove it or mend its spelling")
    if first["type"] == "missing":
        return UsageError("missing key", where=where, remedy="add it")
    allowed = first["msg"].removeprefix("Value error, ")
    return UsageError("bad value", where=where, value=first["input"], allowed=allowed, remedy="mend it")


def _read(path: Path) -> tuple[LexiconSpec, str]:
    values, digest = read_toml(path)
    try:
        return LexiconSpec.model_validate(values), digest
    except ValidationError as error:
        raise readable(error, path) from None


def _lengths(entries: Iterable[tuple[str, ...]]) -> dict[str, tuple[int, ...]]:
    out: dict[str, set[int]] = {}
    for entry in entries:
        out.setdefault(entry[0], set()).add(len(entry))
    return {word: tuple(sorted(lengths, reverse=True)) for word, lengths in out.items()}


def _joined(base: LexiconSpec, more: LexiconSpec) -> LexiconSpec:
    return LexiconSpec(
        contractions=base.contractions | more.contractions,
        endings=base.endings | more.endings,
        rewrite=base.rewrite | more.rewrite,
        sets=base.sets | more.sets,
        personal_data=base.personal_data | more.personal_data,
    )
