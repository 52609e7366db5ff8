"""`earwitness sql`: one query, or a prompt. Slow imports are made where they are used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import schemas
from pipeline.cli.options import DEFAULT_DB, WRONG_USAGE, Db, Json, say
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.store import Table
    from pipeline.store.asking import Asking

MOST_ROWS = 500
"""Rows of an answer on the screen."""

HELP = """\
statement;         a query in DuckDB's SQL, over as many lines as you like
.about             the tables and views
.about NAME        the columns of a table or view, with their units
.examples [WORD]   questions of the cookbook, those with WORD
.examples NUMBER   the query of one of them
.csv FILE          the last answer with all its rows as CSV
.parquet FILE      the last answer with all its rows as Parquet
.help              this
.quit              leave; so does Ctrl-D
Tab completes. Ctrl-C stops a query. Nothing can be written into the store."""


def sql(
    statement: Annotated[
        str | None, typer.Argument(metavar="SQL", help="A query in DuckDB's SQL.", show_default=False)
    ] = None,
    db: Db = DEFAULT_DB,
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Query the store, which is opened read-only.

    Without a query: a prompt, or the statements on standard input.
    """
    if json and csv:
        raise UsageError("two formats requested", value="--json --csv", allowed="one of them")
    show = _printer(json=json, csv=csv)
    if statement is not None:
        from pipeline.store import query  # noqa: PLC0415

        show(query(db, statement))
        return
    from pipeline.store.asking import asking  # noqa: PLC0415

    with asking(db) as store:
        if sys.stdin.isatty():
            _converse(Talk(store, show))
        else:
            _carry_out(Talk(store, show, most=None), sys.stdin)


def _printer(*, json: bool, csv: bool) -> Callable[[Table], None]:
    from pipeline.report import tables, text  # noqa: PLC0415

    if json:
        return lambda table: typer.echo(text.as_json(text.as_dicts(table)))
    if csv:
        return lambda table: typer.echo(text.as_csv(table), nl=False)
    return lambda table: tables.answer(table, sys.stdout)


class Talk:
    """What is asked and answered; `most` rows of an answer are shown, all if it is None."""

    def __init__(self, store: Asking, show: Callable[[Table], None], *, most: int | None = MOST_ROWS) -> None:
        self.store = store
        self._show = show
        self._most = most
        self._last: str | None = None

    def greeting(self) -> str:
        """What a user has before them."""
        relations = self.store.relations
        calls = self.store.show("SELECT count(*) FROM call", 1).table.rows[0][0]
        return (
            f"{len(relations)} tables and views, {calls:,} calls. .help for commands, Ctrl-D to leave. "
            "Nothing can be written."
        )

    def say(self, text: str) -> None:
        """Carry out a command or statements. Raises UsageError for what cannot be."""
        name, _, rest = text.strip().partition(" ")
        if not name.startswith("."):
            self._answer(text)
        elif name == ".help":
            typer.echo(HELP)
        elif name == ".about":
            self._about(rest.strip())
        elif name == ".examples":
            self._examples(rest.strip())
        elif name in {".csv", ".parquet"}:
            self._write(name, rest.strip())
        else:
            raise UsageError("unknown command", value=name, allowed=".help lists the commands")

    def _answer(self, text: str) -> None:
        from pipeline.store.asking import statements_of  # noqa: PLC0415

        for statement in statements_of(text):
            shown = self.store.show(statement, sys.maxsize if self._most is None else self._most)
            self._last = statement
            self._show(shown.table)
            if shown.rows > len(shown.table.rows):
                say(f"the first {len(shown.table.rows)} of {shown.rows:,} rows; .csv FILE writes all")

    def _about(self, name: str) -> None:
        relations = self.store.relations
        if not name:
            width = max(map(len, relations))
            for one in relations.values():
                typer.echo(f"{one.name:{width}}  {one.kind:5}  {one.comment}")
            return
        about = relations.get(name.rstrip(";").lower())
        if about is None:
            raise UsageError("no such table or view", value=name, allowed=".about lists them")
        typer.echo(f"{about.name}, {about.kind}: {about.comment}")
        width, kind = (max(len(getattr(c, part)) for c in about.columns) for part in ("name", "type"))
        for column in about.columns:
            typer.echo(f"  {column.name:{width}}  {column.type:{kind}}  {column.comment}")

    @staticmethod
    def _examples(word: str) -> None:
        recipes = schemas.cookbook()
        if word.isdigit():
            found = [recipe for recipe in recipes if recipe.number == int(word)]
            if not found:
                raise UsageError("no such example", value=word, allowed=f"1 to {len(recipes)}")
            typer.echo(f"-- {found[0].question}\n{found[0].sql}")
            return
        for recipe in recipes:
            if word.lower() in f"{recipe.question} {recipe.sql}".lower():
                typer.echo(f"{recipe.number:2}  {recipe.question}")

    def _write(self, name: str, file: str) -> None:
        from pipeline.report.answers import write_csv, write_parquet  # noqa: PLC0415

        if not file:
            raise UsageError("no file to write", remedy=f"write {name} FILE")
        if self._last is None:
            raise UsageError("there is no answer to write", remedy="ask something first")
        path = Path(file).expanduser()
        if name == ".csv":
            count = self.store.to_file(self._last, lambda names, rows: write_csv(path, names, rows))
        else:
            count = self.store.to_arrow(self._last, lambda reader: write_parquet(path, reader))
        say(f"{count:,} rows in {path}")


def _converse(talk: Talk) -> None:
    """Ask for input until the user leaves."""
    for text in _inputs(talk):
        try:
            talk.say(text)
        except UsageError as error:
            say(str(error))
        except KeyboardInterrupt:
            say("stopped")


def _inputs(talk: Talk) -> Iterator[str]:
    from pipeline.cli.prompt import make_prompt  # noqa: PLC0415

    say(talk.greeting())
    prompt = make_prompt(talk.store)
    while True:
        try:
            text = prompt.prompt()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if text.strip() in {".quit", ".exit"}:
            return
        if text.strip():
            yield text


def _carry_out(talk: Talk, lines: Iterable[str]) -> None:
    """Carry out commands and statements up to the first that is wrong, which ends the program with code 2."""
    for text in pieces(lines):
        if text.strip() in {".quit", ".exit"}:
            return
        try:
            talk.say(text)
        except UsageError as error:
            say(f"earwitness: {error}")
            raise typer.Exit(WRONG_USAGE) from None


def pieces(lines: Iterable[str]) -> Iterator[str]:
    """Commands, which end with their line, and statements, which end with a semicolon or with the input."""
    from pipeline.store.asking import is_complete  # noqa: PLC0415

    piece = ""
    for line in lines:
        if not piece.strip() and line.startswith("."):
            yield line
            continue
        piece += line
        if is_complete(piece):
            yield piece
            piece = ""
    if piece.strip():
        yield piece
