"""The access trail: a line for each time that clear data were shown, chained so that no line can go unseen.

A line is a JSON object with the sha256 of the line before it. The head, a file of its own that can be copied
elsewhere, holds the last sum: a trail that was cut at its end no longer fits it.
"""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pipeline.errors import UsageError

_FIRST = "0" * 64


class Trail:
    """The trail in `path`, made with mode 0640 for its first line. Any number of processes may write."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._head = path.with_name(path.name + ".head")

    def note(self, command: str, recordings: Sequence[str], what: str, reason: str) -> None:
        """Write that `command` is about to show `what` of some recordings; on disk at return.

        Raises UsageError where that cannot be done: then nothing may be shown.
        """
        entry = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "uid": os.getuid(),
            "login": _login(),
            "command": command,
            "what": what,
            "recordings": list(recordings),
            "reason": " ".join(reason.split()),
        }
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
            with os.fdopen(handle, "rb+") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                line = json.dumps({**entry, "former": _last(file.read())}, ensure_ascii=False).encode()
                os.write(file.fileno(), line + b"\n")
                os.fsync(file.fileno())
                self._put_head(_sum(line))
        except OSError as error:
            what = "cannot write the access trail, so nothing is shown"
            raise UsageError(what, where=self._path, value=error.strerror) from error

    def lines(self) -> list[dict[str, object]]:
        """What was shown, oldest first; empty where nothing was."""
        try:
            return [json.loads(line) for line in self._path.read_bytes().splitlines()]
        except FileNotFoundError:
            return []
        except ValueError:
            raise UsageError("a damaged access trail", where=self._path, remedy="see --verify") from None

    def verify(self) -> int:
        """The number of lines of a whole trail. Raises UsageError for the first line that does not fit."""
        former, number = _FIRST, 0
        content = self._path.read_bytes() if self._path.exists() else b""
        for number, line in enumerate(content.splitlines(), 1):
            try:
                fits = json.loads(line)["former"] == former
            except (ValueError, KeyError, TypeError):
                fits = False
            if not fits:
                raise UsageError(
                    "the access trail was changed",
                    where=self._path,
                    value=f"line {number}",
                    allowed="lines as they were written, in their order",
                    remedy="compare it with a backup",
                )
            former = _sum(line)
        head = self._head.read_text("ascii").strip() if self._head.exists() else _FIRST
        if head != former:
            raise UsageError(
                "the access trail does not end as its head says",
                where=self._path,
                value=f"{number} lines",
                remedy="lines are missing at its end, or the head is of another time: see a backup",
            )
        return number

    def _put_head(self, value: str) -> None:
        new = self._head.with_name(self._head.name + ".new")
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
        with os.fdopen(handle, "w") as file:
            file.write(value + "\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._head)


def _last(content: bytes) -> str:
    lines = content.splitlines()
    return _sum(lines[-1]) if lines else _FIRST


def _sum(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a uid without a name
        return ""
