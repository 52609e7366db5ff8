"""A bucket as an archive."""

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from buckets import create, served, use
from fakes import FakeEngine, Watcher, write_call

from pipeline import settings
from pipeline.archive import night, object_access, object_cache
from pipeline.archive.forecast import foresee
from pipeline.archive.plan import RunRequest
from pipeline.store import query


@pytest.fixture(scope="module")
def address():
    with served() as address:
        yield address


@pytest.fixture
def bucket(address, tmp_path, monkeypatch, request):
    """A bucket of its own for each test, in the environment."""
    use(monkeypatch, address, tmp_path)
    name = f"calls-{abs(hash(request.node.nodeid)):x}"
    return create(address, name)


@pytest.fixture
def calls(bucket, tmp_path):
    """Two calls below a prefix, and one beside it."""
    for number, key in enumerate(("day/a.wav", "day/sub/b c é%20#.wav", "day2/c.wav")):
        bucket.put(key, write_call(tmp_path / f"{number}.wav", seed=number))
    return Path(f"s3://{bucket.config['bucket']}/day")


@pytest.fixture
def order(calls, tmp_path):
    return RunRequest(paths=(calls,), db=tmp_path / "calls.duckdb", settings=settings.load(environ={}))


def go(order):
    return night.run(order, FakeEngine()(), Watcher())


@contextmanager
def fetched(monkeypatch):
    """The keys that are fetched meanwhile."""
    keys = []
    fetch = object_cache.download

    def noted(wanted, file):
        keys.append(wanted.path.key)
        return fetch(wanted, file)

    with monkeypatch.context() as patch:
        patch.setattr(object_cache, "download", noted)
        yield keys


def uris(order, table="recording"):
    return [uri for (uri,) in query(order.db, f"SELECT uri FROM {table} ORDER BY uri").rows]


def test_a_night_over_a_bucket(order, monkeypatch):
    with fetched(monkeypatch) as keys:
        summary = go(order)
    bucket = order.paths[0].parts[1]
    expected = [f"s3://{bucket}/day/a.wav", f"s3://{bucket}/day/sub/b c é%20#.wav"]
    assert (summary.totals.analysed, summary.problems) == (2, ())
    assert uris(order) == uris(order, "known_file") == uris(order, "recording_file") == expected
    assert sorted(keys) == ["day/a.wav", "day/sub/b c é%20#.wav"]


def test_a_second_night_fetches_nothing_and_does_nothing(order, monkeypatch):
    go(order)
    with fetched(monkeypatch) as keys:
        plan = foresee(order, FakeEngine()())
        again = go(order)
    assert keys == []
    assert (plan.counts["to_analyse"], plan.counts["unchanged"]) == (0, 2)
    assert (again.found, again.unchanged, again.totals.analysed) == (2, 2, 0)
