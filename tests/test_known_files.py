"""What was read once is not read again while it is unchanged."""

import os
import shutil
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import FakeEngine, Watcher, write_call
from test_files import encode, talk, write

from pipeline import settings
from pipeline.archive import memory, night
from pipeline.archive.plan import RunRequest
from pipeline.audio.containers import AUDIO_SUFFIXES
from pipeline.records import KnownFile
from pipeline.store import query, writing

_opened: list[str] | None = None


def _note(event, args):
    if event == "open" and _opened is not None and isinstance(args[0], (str, bytes)):
        _opened.append(os.fsdecode(args[0]))


sys.addaudithook(_note)


@contextmanager
def opened_audio(monkeypatch):
    """The audio files that Python or FFmpeg open meanwhile."""
    global _opened  # noqa: PLW0603 - an audit hook cannot be taken away
    _opened, found = [], []
    import av  # noqa: PLC0415

    open_av = av.open

    def noted(file, *args, **kw):
        found.append(str(file))
        return open_av(file, *args, **kw)

    monkeypatch.setattr(av, "open", noted)
    try:
        yield found
    finally:
        found += [path for path in _opened if Path(path).suffix.lower() in AUDIO_SUFFIXES]
        _opened = None
        monkeypatch.setattr(av, "open", open_av)


@pytest.fixture
def archive(tmp_path):
    return tmp_path / "archive"


@pytest.fixture
def order(archive, tmp_path):
    return RunRequest(paths=(archive,), db=tmp_path / "calls.duckdb", settings=settings.load(environ={}))


def go(order):
    return night.run(order, FakeEngine()(), Watcher())


def age(folder, seconds=60.0):
    """As if all files in `folder` had been written some time ago."""
    then = time.time() - seconds
    for path in folder.rglob("*"):
        os.utime(path, (then, then))


def known(order):
    return {uri.rpartition("/")[2] for (uri,) in query(order.db, "SELECT uri FROM known_file").rows}


def whole_archive(archive):
    """Calls of all kinds: alone, twins, two sides with a mix, sides that are none, copies and likenesses."""
    write_call(archive / "a.wav", seed=1)
    write_call(archive / "sub" / "b.wav", seed=2)
    shutil.copy(archive / "a.wav", archive / "again.wav")
    write(archive / "c-agent.wav", talk(1))
    write(archive / "c-customer.wav", talk(2))
    write(archive / "c-mix.wav", talk(1) + talk(2))
    write(archive / "d-agent.wav", talk(3))
    write(archive / "d-customer.wav", talk(4, seconds=2.5, bursts=((0.2, 1.0),)))
    write(archive / "e.wav", talk(5))
    encode(archive / "e.wav", archive / "e.flac", "flac")
    write(archive / "1" / "f.wav", talk(6))
    encode(write(archive / "other.wav", talk(7)), archive / "2" / "f.flac", "flac")
    (archive / "broken.wav").write_bytes(b"RIFF no sound")
    shutil.copy(archive / "broken.wav", archive / "broken.mp3")
    age(archive)


def test_an_unchanged_archive_is_not_opened(order, archive, monkeypatch):
    whole_archive(archive)
    with opened_audio(monkeypatch) as opened:
        first = go(order)
    assert len({Path(path).name for path in opened}) > 10  # so that the count can fail
    for expected in range(2):
        with opened_audio(monkeypatch) as opened:
            again = go(order)
        assert opened == [], f"night {expected + 2}"
        assert (again.found, again.merged) == (first.found, first.merged)
        assert again.unchanged == len(first.all_ids)
        assert again.duplicates == ()


def test_force_reads_every_file(order, archive, monkeypatch):
    whole_archive(archive)
    go(order)
    with opened_audio(monkeypatch) as opened:
        go(replace(order, force=True))
    assert {path.name for path in archive.rglob("*.*")} == {Path(path).name for path in opened}


@pytest.mark.parametrize("seconds", [30, -30])
def test_another_time_or_size_means_that_the_file_is_read(order, archive, monkeypatch, seconds):
    path = write_call(archive / "a.wav", seed=1)
    write_call(archive / "b.wav", seed=2)
    age(archive)
    go(order)
    os.utime(path, (0, path.stat().st_mtime + seconds))
    with opened_audio(monkeypatch) as opened:
        assert go(order).unchanged == 2
    assert {Path(path).name for path in opened} == {"a.wav"}
    then = path.stat().st_mtime_ns
    write_call(path, seed=1, seconds=4)
    os.utime(path, ns=(then, then))
    assert go(order).totals.analysed == 1


@pytest.mark.parametrize(
    ("age_s", "remembered"), [(memory.SETTLED_S + 5, {"a.wav"}), (0, set()), (-3600, set())], ids=str
)
def test_a_file_that_changed_a_moment_ago_is_not_remembered(order, archive, age_s, remembered):
    write_call(archive / "a.wav")
    age(archive, age_s)
    go(order)
    assert known(order) == remembered


def test_a_file_of_the_same_size_and_time_is_noticed_if_it_was_young(order, archive):
    path = write_call(archive / "a.wav", seed=1)
    then = path.stat().st_mtime_ns
    go(order)
    write_call(path, seed=2)
    os.utime(path, ns=(then, then))
    assert go(order).totals.analysed == 1


def test_rows_of_files_that_are_gone_go_where_their_folder_was_searched(order, archive, tmp_path):
    for seed, name in enumerate(("a.wav", "b.wav", "sub/c.wav", "locked/d.wav")):
        write_call(archive / name, seed=seed)
    elsewhere = write_call(tmp_path / "archive2" / "e.wav", seed=9)
    age(tmp_path)
    go(replace(order, paths=(archive, elsewhere)))
    assert known(order) == {"a.wav", "b.wav", "c.wav", "d.wav", "e.wav"}
    (archive / "b.wav").unlink()
    elsewhere.unlink()
    go(replace(order, paths=(archive / "sub", archive / "a.wav")))
    assert known(order) == {"a.wav", "b.wav", "c.wav", "d.wav", "e.wav"}
    shutil.rmtree(archive / "sub")
    (archive / "locked").rename(tmp_path / "locked")
    (archive / "locked").symlink_to(tmp_path / "not mounted")
    go(order)
    assert known(order) == {"a.wav", "d.wav", "e.wav"}


def test_a_headerless_file_is_examined_as_the_settings_of_now_say(order, archive, monkeypatch):
    raw = settings.load(overrides=["audio.raw.raw=s16le 8000 1"], environ={})
    source = write(archive / "x.wav", talk(1))
    (archive / "x.raw").write_bytes(source.read_bytes()[44:])
    age(archive)
    order = replace(order, settings=raw)
    go(order)
    columns = "SELECT regexp_extract(uri, '[^.]*$'), channels FROM known_file ORDER BY ALL"
    assert query(order.db, columns).rows == (("raw", None), ("wav", 1))


def test_what_is_remembered_comes_back_and_is_replaced_by_uri(tmp_path):
    full = KnownFile(
        uri="a",
        bytes=1,
        modified="7",
        sha256="a" * 64,
        channels=2,
        duration_s=1.5,
        lossless=True,
        unlike=("b" * 64,),
    )
    bare = KnownFile(uri="b", bytes=0, modified="x", sha256="b" * 64)
    with writing(tmp_path / "s.duckdb") as writer:
        assert writer.put_known_files([full, bare])
        assert writer.known_files() == {"a": full, "b": bare}
        newer = replace(full, bytes=2)
        assert writer.put_known_files([newer], ["b", "never there"])
        assert writer.known_files() == {"a": newer}
        assert not writer.put_known_files([])
