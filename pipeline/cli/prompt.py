"""The prompt of `earwitness sql`: completion, the comment of what stands at the cursor, history."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer
from pygments.lexers.sql import SqlLexer

from pipeline.store.asking import Asking, Column, is_complete

KEYWORDS = (
    "SELECT FROM WHERE GROUP BY ORDER HAVING LIMIT JOIN LEFT USING ON AS AND OR NOT IN IS NULL LIKE ILIKE "
    "BETWEEN CASE WHEN THEN ELSE END DISTINCT ALL UNION WITH FILTER OVER PARTITION QUALIFY EXISTS DESC ASC "
    "DESCRIBE SUMMARIZE"
).split()
COMMANDS = (".about", ".csv", ".examples", ".help", ".parquet", ".quit")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ALIAS = re.compile(
    r"\b(?:from|join)\s+([a-z_][a-z0-9_]*)(?:\s+(?:as\s+)?([a-z_][a-z0-9_]*))?", re.IGNORECASE
)
_AFTER_FROM = re.compile(r"\b(?:from|join|\.about)\s+[A-Za-z0-9_]*$", re.IGNORECASE)
_AFTER_DOT = re.compile(r"\b([A-Za-z_][A-Za-z0-9_]*)\.[A-Za-z0-9_]*$")
_SHOWN = 60
"""Characters of a comment in the list of completions."""


class StoreCompleter(Completer):
    """Completes tables after FROM and JOIN; elsewhere columns of the tables that the text names first."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def get_completions(
        self,
        document: Document,
        complete_event: CompleteEvent,  # noqa: ARG002 - the base class has it
    ) -> Iterator[Completion]:
        """What can stand at the cursor, the likeliest first."""
        before = document.text_before_cursor
        if re.fullmatch(r"\.[a-z]*", before):
            yield from _fitting(before, ((name, "") for name in COMMANDS))
            return
        word = document.get_word_before_cursor(pattern=_WORD)
        yield from _fitting(word, self._candidates(document.text, before))

    def _candidates(self, text: str, before: str) -> Iterator[tuple[str, str]]:
        if dot := _AFTER_DOT.search(before):
            yield from _described(self._columns(text, dot.group(1)))
            return
        relations = ((name, relation.comment) for name, relation in self._asking.relations.items())
        if _AFTER_FROM.search(before):
            yield from relations
            return
        yield from _described(self._columns(text, None))
        yield from relations
        yield from ((keyword, "") for keyword in KEYWORDS)
        yield from self._asking.functions.items()

    def _columns(self, text: str, of: str | None) -> Iterator[Column]:
        """The columns of the tables in `text`, or of the one that has the name or alias `of`."""
        relations = self._asking.relations
        for name, alias in _ALIAS.findall(text):
            if name.lower() in relations and (of is None or of.lower() in {name.lower(), alias.lower()}):
                yield from relations[name.lower()].columns


def _described(columns: Iterable[Column]) -> Iterator[tuple[str, str]]:
    return ((column.name, f"{column.type}: {column.comment}") for column in columns)


def _fitting(word: str, candidates: Iterable[tuple[str, str]]) -> Iterator[Completion]:
    seen = set()
    for name, about in candidates:
        if name.lower().startswith(word.lower()) and name not in seen:
            seen.add(name)
            meta = about if len(about) <= _SHOWN else f"{about[: _SHOWN - 1]}…"
            yield Completion(name, start_position=-len(word), display_meta=meta)


def comment_at(asking: Asking, document: Document) -> str:
    """What the table, column or function at the cursor means; empty where there is none.

    Of several columns of that name, it is the one of a table that the text names.
    """
    at = document.cursor_position
    words = [one.group() for one in _WORD.finditer(document.text) if one.start() <= at <= one.end()]
    name = words[0].lower() if words else ""
    named = [relation.lower() for relation, _ in _ALIAS.findall(document.text)]
    for relation in filter(None, map(asking.relations.get, named)):
        for column in relation.columns:
            if column.name == name:
                return f"{relation.name}.{name} {column.type}: {column.comment}"
    if name in asking.relations:
        return f"{name}: {asking.relations[name].comment}"
    return f"{name}(): {asking.functions[name]}" if asking.functions.get(name) else ""


def is_finished(text: str) -> bool:
    """Whether Enter ends the input: a command, nothing, or a statement with its semicolon."""
    return not text.strip() or text.lstrip().startswith(".") or is_complete(text)


def make_prompt(asking: Asking) -> PromptSession[str]:
    """The prompt, whose history lasts from one use to the next."""
    keys = KeyBindings()
    session: PromptSession[str] = PromptSession(
        "sql> ",
        multiline=True,
        prompt_continuation="...> ",
        lexer=PygmentsLexer(SqlLexer),
        completer=StoreCompleter(asking),
        complete_while_typing=False,
        auto_suggest=AutoSuggestFromHistory(),
        history=_history(),
        key_bindings=keys,
        bottom_toolbar=lambda: comment_at(asking, session.default_buffer.document) or ".help for commands",
    )
    finished = Condition(lambda: is_finished(session.default_buffer.text))

    @keys.add("enter", filter=finished)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    return session


def _history() -> History:
    """In `~/.local/state/earwitness`, for the owner alone; in memory where that cannot be written."""
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    path = Path(state).expanduser() / "earwitness" / "sql_history"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)
