"""Finds the recordings in files and folders, and says what was passed over."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.audio.containers import AUDIO_SUFFIXES, OTHER_SUFFIXES, is_known, shown, unread_remedy
from pipeline.errors import UsageError
from pipeline.settings import AudioSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Recordings in sorted order; `skipped` says in one line each what was passed over, and why.

    `unread` are folders, also missing ones, that may hold more.
    """

    files: tuple[Path, ...]
    skipped: tuple[str, ...] = ()
    unread: tuple[Path, ...] = ()


def find_audio(paths: Sequence[Path], settings: AudioSettings | None = None) -> tuple[Path, ...]:
    """The recordings among `paths`, as `search` finds them; raises UsageError as it does."""
    return search(paths, settings or AudioSettings()).files


def search(paths: Sequence[Path], settings: AudioSettings) -> Found:
    """The recordings among `paths`: files as given, folders searched to the bottom in sorted order.

    Inside folders only known suffixes count, and hidden files and folders are passed over. Symbolic links
    are followed; a folder that is reached twice, as in a loop, is searched once. A file that is reached twice
    is given once. Raises UsageError for a path that does not exist and a folder without audio.
    """
    found: dict[Path, None] = {}
    skipped: list[str] = []
    unread: list[Path] = []
    for path in paths:
        if path.is_dir():
            walk = _Walk(settings)
            inside = sorted(walk.below(path))
            skipped += walk.skipped
            unread += walk.unread
            if not inside:
                suffixes = " ".join(sorted(AUDIO_SUFFIXES))
                value = "; ".join(walk.skipped[:2]) or None
                raise UsageError("no audio in the folder", where=shown(path), value=value, allowed=suffixes)
            found.update(dict.fromkeys(inside))
        elif path.exists():
            found[path] = None
        else:
            raise UsageError("no such file or folder", where=shown(path), remedy="check the path")
    return Found(files=tuple(found), skipped=tuple(skipped), unread=tuple(unread))


class _Walk:
    """One search of a folder; remembers which folders it has been in."""

    def __init__(self, settings: AudioSettings) -> None:
        self.skipped: list[str] = []
        self.unread: list[Path] = []
        self._settings = settings
        self._seen: set[tuple[int, int]] = set()

    def below(self, folder: Path) -> Iterator[Path]:
        """The recordings in `folder` and below."""
        for parent, folders, files in os.walk(folder, followlinks=True, onerror=self._unreadable):
            if not self._is_new(Path(parent)):
                folders.clear()
                continue
            # Plain folders before links, so that a link to one never takes its place.
            folders[:] = sorted(
                (name for name in folders if not name.startswith(".")),
                key=lambda name: (Path(parent, name).is_symlink(), name),
            )
            for name in files:
                if not name.startswith("."):
                    yield from self._recording(Path(parent, name))
                    self._report_dangling(Path(parent, name))

    def _recording(self, path: Path) -> Iterator[Path]:
        if is_known(path, self._settings):
            yield path
        elif path.suffix.lower() in OTHER_SUFFIXES:
            suffix = path.suffix.lower()
            what = f"a recording in a format that is not read ({suffix})"
            self.skipped.append(str(UsageError(what, where=shown(path), remedy=unread_remedy(path))))

    def _report_dangling(self, path: Path) -> None:
        """Report a link to nowhere, which may be a folder on a disk that is not mounted."""
        if path.is_symlink() and not path.exists() and not is_known(path, self._settings):
            self.unread.append(path)
            what, remedy = "a link that leads nowhere", "see that the disk it leads to is mounted"
            self.skipped.append(str(UsageError(what, where=shown(path), remedy=remedy)))

    def _is_new(self, folder: Path) -> bool:
        try:
            status = folder.stat()
        except OSError as error:
            self._unreadable(error)
            return False
        key = (status.st_dev, status.st_ino)
        if key in self._seen:
            self.unread.append(folder)
            what = "a link to a folder that is searched already, not followed"
            self.skipped.append(str(UsageError(what, where=shown(folder))))
            return False
        self._seen.add(key)
        return True

    def _unreadable(self, error: OSError) -> None:
        folder = Path(os.fsdecode(error.filename or ""))
        self.unread.append(folder)
        where = shown(folder)
        remedy = "give the account that runs earwitness the right to read it"
        what = "a folder that cannot be read"
        self.skipped.append(str(UsageError(what, where=where, value=error.strerror, remedy=remedy)))
