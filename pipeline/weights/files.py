"""Finds, verifies and downloads the files of models. Nothing here loads a model or runs a package."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from pipeline.errors import UsageError

_COMMIT = re.compile(r"[0-9a-f]{40}")


class Download(Protocol):
    """Fetches the files of a repository at a commit and returns their folder.

    It is the part of `huggingface_hub.snapshot_download` that is used; `allow_patterns` limits the files,
    `token` is for repositories with conditions.
    """

    def __call__(
        self, repo_id: str, *, revision: str, allow_patterns: Sequence[str] = ..., token: str = ...
    ) -> str:
        """Fetch the files that are not in the cache yet."""
        ...


def package_folder(name: str) -> Path | None:
    """The folder of an installed package, found without running its code; None when it is not installed."""
    spec = importlib.util.find_spec(name)
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


def sha256_of(path: Path) -> str:
    """Sha256 (hex) of a file. Raises OSError when it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(path: Path, expected: str, *, what: str, remedy: str) -> None:
    """Raise UsageError unless the file at `path` has the sha256 `expected`; `what` names it in the error."""
    try:
        found = sha256_of(path)
    except OSError as error:
        raise UsageError(f"{what} cannot be read", where=path, value=error.strerror, remedy=remedy) from None
    if found != expected:
        raise UsageError(
            f"{what} is not the known one",
            where=path,
            value=found,
            allowed=f"sha256 {expected}",
            remedy=remedy,
        )


def require_commit(revision: str, *, where: str) -> None:
    """Raise UsageError unless `revision` is a commit; a branch or tag could change under the results."""
    if not _COMMIT.fullmatch(revision):
        allowed = "40 hex digits; branches and tags may move"
        raise UsageError("not a commit", where=where, value=revision, allowed=allowed)


def fetch(
    repo_id: str, revision: str, *, download: Download | None, what: str, remedy: str, **options: Any
) -> Path:
    """The folder with a hub repository at a commit; `download` defaults to the hub's own client.

    `options` are passed on to `download`. Raises UsageError when the hub refuses or cannot be reached; a
    `token` among the options never appears in the error.
    """
    try:
        return Path((download or hub_download)(repo_id, revision=revision, **options))
    except Exception as error:  # noqa: BLE001 - the client lets errors of its HTTP library through
        reason = " ".join(str(error).split()) or type(error).__name__
        if token := options.get("token"):
            reason = reason.replace(token, "***")
        raise UsageError(
            f"the hub does not give {what}", where=f"{repo_id} at {revision}", value=reason, remedy=remedy
        ) from None


def hub_download(repo_id: str, *, revision: str, **options: Any) -> str:
    """`huggingface_hub.snapshot_download` without telemetry."""
    silence_hub()
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - loading it takes seconds

    return str(snapshot_download(repo_id, revision=revision, **options))


def silence_hub() -> None:
    """Turn the telemetry of the hub's client off; it reads this when it is first imported."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
