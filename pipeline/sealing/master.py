"""The master key, which wraps the keys of recordings: from the environment or from a file."""

from __future__ import annotations

import base64
import binascii
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import UsageError

VARIABLE = "EARWITNESS_MASTER_KEY"
KEY_BYTES = 32
"""AES-256."""
_ALLOWED = f"{KEY_BYTES} bytes in base64"


def master_key(file: Path, environ: Mapping[str, str] | None = None, *, make: bool = True) -> bytes:
    """The key of the environment, else of `file`, which is made with mode 0600 where there is none.

    Without `make` a missing key is an error: another one would open nothing that is sealed. Raises UsageError
    for a key of another length, and for a file that others than its owner may read.
    """
    given = (os.environ if environ is None else environ).get(VARIABLE)
    if given:
        return _decoded(given, VARIABLE)
    try:
        handle = os.open(file, os.O_RDONLY)
    except FileNotFoundError:
        if make:
            return _made(file)
        remedy = f"put it back, or give it in {VARIABLE}"
        raise UsageError("the master key is missing", where=file, remedy=remedy) from None
    except OSError as error:
        raise UsageError("cannot read the master key", where=file, value=error.strerror) from None
    with os.fdopen(handle, "rb") as opened:
        mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
        if mode & 0o077:
            raise UsageError(
                "others may read the master key", where=file, value=oct(mode), remedy=f"chmod 600 {file}"
            )
        return _decoded(opened.read().decode("ascii", "replace"), str(file))


def _made(file: Path) -> bytes:
    key = os.urandom(KEY_BYTES)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UsageError("cannot make the master key", where=file, value=error.strerror) from None
    with os.fdopen(handle, "wb") as opened:
        opened.write(base64.b64encode(key) + b"\n")
        opened.flush()
        os.fsync(opened.fileno())
    return key


def _decoded(text: str, where: str) -> bytes:
    """The key; its text is in no message."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise UsageError("the master key is not base64", where=where, allowed=_ALLOWED) from None
    if len(key) != KEY_BYTES:
        raise UsageError("a master key of another length", where=where, value=len(key), allowed=_ALLOWED)
    return key
