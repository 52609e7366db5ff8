"""The store never shows a reader half a night, and writes to nothing that is no store."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from builders import (
    an_analysis,
    say,
    stored,
)
from readback import TALK, count, files_beside, read_published, unordered

from pipeline.errors import UsageError
from pipeline.store import check_writable, query, writing
from pipeline.store import files as store_files


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "calls.duckdb"


# --- publishing --------------------------------------------------------------------------------------


def test_nothing_is_seen_before_it_is_published(db: Path) -> None:
    with writing(db) as writer:
        writer.add(TALK)
        assert not db.exists()
        writer.publish()
        writer.add(an_analysis("two"))
        assert count(db, "recording") == 1
        writer.publish()
        assert count(db, "recording") == 2


def test_leaving_without_publishing_changes_nothing(db: Path) -> None:
    stored(db, TALK)
    before = db.read_bytes()
    with writing(db) as writer:
        writer.add(an_analysis("two"))
    assert db.read_bytes() == before
    with pytest.raises(ZeroDivisionError), writing(db) as writer:  # noqa: PT012 - what follows add is the point
        writer.add(an_analysis("two"))
        raise ZeroDivisionError
    assert db.read_bytes() == before


def test_only_the_store_and_its_lock_are_left(db: Path) -> None:
    with writing(db) as writer:
        writer.add(TALK)
        writer.publish()
        writer.add(an_analysis("two"))
    assert files_beside(db) == ["calls.duckdb", "calls.duckdb.lock"]


def test_the_published_file_needs_no_other(db: Path) -> None:
    with writing(db) as writer:
        writer.add(TALK)
        writer.publish()
        alone = db.parent / "elsewhere" / "alone.duckdb"
        alone.parent.mkdir()
        alone.write_bytes(db.read_bytes())
    assert read_published(alone) == unordered(TALK)


def test_publishing_keeps_the_permissions(db: Path) -> None:
    stored(db)
    db.chmod(0o640)
    stored(db, TALK)
    assert db.stat().st_mode & 0o777 == 0o640


def test_a_link_to_the_store_stays_a_link(db: Path) -> None:
    stored(db)
    link = db.parent / "link.duckdb"
    link.symlink_to(db)
    stored(link, TALK)
    assert link.is_symlink()
    assert count(db, "recording") == 1


def test_a_full_disk_leaves_the_published_file(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(db, TALK)
    before = db.read_bytes()
    copy = store_files._copy

    def no_room(source: Path, target: Path) -> None:
        copy(source, target)
        if target.suffix == ".new":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(store_files, "_copy", no_room)
    with pytest.raises(UsageError, match=r"cannot publish the store.*No space left"):
        stored(db, an_analysis("two"))
    assert db.read_bytes() == before
    assert files_beside(db) == ["calls.duckdb", "calls.duckdb.lock"]


READER = """
import sys
from pathlib import Path
from pipeline.store import reading
db = Path(sys.argv[1])
count = "SELECT count(*), (SELECT count(*) FROM word) FROM recording"
with reading(db) as connection:
    print(*connection.execute(count).fetchone(), flush=True)
    sys.stdin.readline()
    print(*connection.execute(count).fetchone(), flush=True)
with reading(db) as connection:
    print(*connection.execute(count).fetchone(), flush=True)
"""


def test_another_process_reads_while_the_writer_publishes(db: Path) -> None:
    stored(db, TALK)
    command = [sys.executable, "-c", READER, str(db)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "1 4\n"
        with writing(db) as writer:
            writer.add(an_analysis("two", turns=[say("agent", 0, 1, "hello there")]))
            writer.publish()
            writer.add(an_analysis("three"))
            writer.publish()
            answer, _ = reader.communicate("\n")
    assert answer == "1 4\n3 6\n"  # the open one keeps its state, a new one sees the last
    assert reader.returncode == 0


CRASH = """
import os, sys
from pathlib import Path
sys.path.insert(0, "tests")
from builders import an_analysis
from pipeline.store import writing
where = sys.argv[2]
with writing(Path(sys.argv[1])) as writer:
    writer.add(an_analysis("two"))
    writer.publish()
    writer.add(an_analysis("three"))
    if where == "publishing":
        Path.replace = lambda *_: os._exit(9)  # the new file is written, not yet renamed
        writer.publish()
    os._exit(9)
"""


@pytest.mark.parametrize("where", ["working", "publishing"])
def test_a_crash_leaves_the_last_publication(db: Path, where: str, request: pytest.FixtureRequest) -> None:
    stored(db, TALK)
    command = [sys.executable, "-c", CRASH, str(db), where]
    assert subprocess.run(command, check=False, cwd=request.config.rootpath).returncode == 9
    assert "calls.duckdb.work" in files_beside(db)
    assert ("calls.duckdb.new" in files_beside(db)) is (where == "publishing")
    assert count(db, "recording") == 2

    stored(db, an_analysis("four"))  # the lock is free, and what was left over is dropped
    uris = query(db, "SELECT uri FROM recording ORDER BY uri").rows
    assert uris == (("four.wav",), ("one.wav",), ("two.wav",))
    assert files_beside(db) == ["calls.duckdb", "calls.duckdb.lock"]


def test_a_crash_before_the_first_publication_leaves_no_store(db: Path) -> None:
    left_over = db.with_name("calls.duckdb.work")
    left_over.write_bytes(stored(db.parent / "other.duckdb", TALK).read_bytes())
    with writing(db) as writer:
        assert writer.known() == {}


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EACCES])
def test_a_file_system_without_locks_is_told_with_the_remedy(
    db: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def flock(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(store_files.fcntl, "flock", flock)
    with pytest.raises(UsageError, match="no file locks") as caught:
        check_writable(db)
    assert "put --db on a local disk" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not db.exists()


def test_a_second_writer_is_refused_until_the_first_has_ended(db: Path) -> None:
    with writing(db):
        with (
            pytest.raises(UsageError, match=r"another run is writing to the store: .*calls\.duckdb"),
            writing(db),
        ):
            pass
        with pytest.raises(UsageError, match="another run is writing"):
            check_writable(db)
    check_writable(db)
    stored(db, TALK)


# --- files that are no stores ------------------------------------------------------------------------


def folder(db: Path) -> None:
    db.mkdir()


def text(db: Path) -> None:
    db.write_text("file,call_ref\n" * 1000)


def nothing(db: Path) -> None:
    db.write_bytes(b"")


def cut_short(db: Path) -> None:
    stored(db, TALK)
    db.write_bytes(db.read_bytes()[:5000])


def empty_database(db: Path) -> None:
    duckdb.connect(str(db)).close()


def other_database(db: Path) -> None:
    with duckdb.connect(str(db)) as connection:
        connection.execute("CREATE TABLE meta (schema_version INTEGER); INSERT INTO meta VALUES (1)")


def other_version(db: Path) -> None:
    stored(db)
    with duckdb.connect(str(db)) as connection:
        connection.execute("UPDATE meta SET schema_version = 0")


def unfinished(db: Path) -> None:
    stored(db)
    db.with_name(db.name + ".wal").write_bytes(b"something")


def contents(path: Path) -> bytes:
    return b"folder" if path.is_dir() else path.read_bytes()


@pytest.mark.parametrize("action", [check_writable, stored])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (folder, "the store is a folder"),
        (text, "cannot open the store"),
        (nothing, "cannot open the store"),
        (cut_short, "cannot open the store"),
        (empty_database, "a database of another program"),
        (other_database, "a database of another program"),
        (other_version, "too old to migrate.*layout 0.*allowed: layout 2 or later; analyse into"),
        (unfinished, "another program has not finished"),
    ],
)
def test_a_file_that_is_no_store_is_refused_and_left_alone(
    db: Path, make: Callable[[Path], None], message: str, action: Callable[[Path], object]
) -> None:
    make(db)
    before, names = contents(db), set(files_beside(db))
    with pytest.raises(UsageError, match=message) as caught:
        action(db)
    assert str(db) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert contents(db) == before
    assert set(files_beside(db)) - names <= {"calls.duckdb.lock"}


@pytest.mark.parametrize("action", [check_writable, stored])
@pytest.mark.parametrize("path", ["missing/a.duckdb", "file/a.duckdb", "x" * 300, "/proc/a.duckdb"])
def test_a_place_that_cannot_be_written_is_refused(
    tmp_path: Path, path: str, action: Callable[[Path], object]
) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match=r"cannot write the store.*existing folder you may write to"):
        action(tmp_path / path)


def test_check_writable_makes_no_store(db: Path) -> None:
    check_writable(db)
    assert not db.exists()
