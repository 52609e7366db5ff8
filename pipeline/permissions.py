"""Who may read what the program writes."""

from __future__ import annotations

import os

STORE_MODE = 0o640
"""Of a new store, which is masked: its owner writes, its group reads. A mode that somebody gave it stays."""
_OTHERS = 0o077


def private_files() -> None:
    """Let only the owner read what this process and its children write, from the first byte."""
    os.umask(_OTHERS)
