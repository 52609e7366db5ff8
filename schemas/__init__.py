"""The database as SQL: the only place a table, a view or a column is defined.

Files carry a number so that they sort in the order they are applied; `tables()` and `views()` return
them in that order. Tables are made only where they are missing, views and comments are replaced at every
opening, and the tables named in `data()` are filled again from their CSV file. A table that exists is changed
by a file in `migrations`, whose number is the layout's `VERSION` from then on.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

VERSION = 3
"""The number of the layout: that of the last migration."""

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A table or view by `name`, with the SQL that makes it and comments on every column."""

    name: str
    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """SQL that brings the tables from layout `version` - 1 to layout `version`."""

    version: int
    name: str
    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """A table whose rows come with the program: `path` is a CSV file with a header."""

    table: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A question of the cookbook with the SQL that answers it."""

    number: int
    question: str
    sql: str


def tables() -> tuple[Statement, ...]:
    """The tables, each with its CHECKs and comments."""
    return _statements("tables")


def views() -> tuple[Statement, ...]:
    """The views, each after those it reads."""
    return _statements("views")


def derived() -> tuple[Statement, ...]:
    """Queries for the tables of their names that the writer fills from other tables, without comments.

    Each reads the temporary table `changed` (recording_id), the recordings whose rows are wanted.
    """
    return _statements("derived")


def migrations() -> tuple[Migration, ...]:
    """The migrations in the order they are applied, without gaps up to `VERSION`."""
    found = []
    for path in sorted((_HERE / "migrations").glob("*.sql")):
        number, _, name = path.stem.partition("_")
        found.append(Migration(version=int(number), name=name, sql=path.read_text(encoding="utf-8")))
    return tuple(found)


def reviews() -> str:
    """The SQL that makes the tables of reviews.sqlite, in SQLite's dialect."""
    return (_HERE / "reviews.sql").read_text(encoding="utf-8")


def cookbook() -> tuple[Recipe, ...]:
    """The cookbook; the first line of each file is its question, as a comment."""
    found = []
    for path in sorted((_HERE / "cookbook").glob("*.sql")):
        first, _, sql = path.read_text(encoding="utf-8").partition("\n")
        question = first.removeprefix("--").strip()
        found.append(Recipe(number=int(path.stem.partition("_")[0]), question=question, sql=sql))
    return tuple(found)


def data() -> tuple[Data, ...]:
    """The tables that hold reference data."""
    return tuple(Data(table=path.stem, path=path) for path in sorted((_HERE / "data").glob("*.csv")))


@cache
def fingerprint() -> str:
    """Fingerprint of all SQL and reference data, 12 hex digits; a store keeps the one it was made with."""
    texts = [one.sql for one in (*tables(), *views(), *derived())]
    texts += [one.path.read_text(encoding="utf-8") for one in data()]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]


def _statements(folder: str) -> tuple[Statement, ...]:
    paths = sorted((_HERE / folder).glob("*.sql"))
    return tuple(Statement(name=_name_of(path), sql=path.read_text(encoding="utf-8")) for path in paths)


def _name_of(path: Path) -> str:
    """A file's name without its number."""
    number, _, name = path.stem.partition("_")
    return name if number.isdigit() else path.stem
