import os
import subprocess
import sys

import pytest
from program import attempts, earwitness, guarded

from pipeline.telemetry import OWN_PREFECT, QUIET, prefer_private_prefect, silence


@pytest.mark.parametrize(
    "code",
    [
        "import urllib.request as u; u.urlopen('http://example.org')",
        "import socket; socket.create_connection(('192.0.2.1', 80), 1)",
        "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
    ],
)
def test_the_guard_sees_attempts(code, tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", code], env=guarded(tmp_path), capture_output=True, check=False
    )
    assert run.returncode != 0
    assert attempts(tmp_path)


@pytest.mark.real
def test_the_flow_stays_on_this_machine(demo_run):
    assert demo_run.returncode == 0, demo_run.stderr
    assert demo_run.attempts == []


@pytest.mark.real
def test_an_analysis_stays_on_this_machine(tmp_path, samples):
    run = earwitness("analyse", samples / "dev07_traps_mono.flac", env=guarded(tmp_path), cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert attempts(tmp_path) == []


def test_silence_wins_over_what_was_set(monkeypatch):
    for name in QUIET:
        monkeypatch.setenv(name, "loud")
    silence()
    assert {name: os.environ[name] for name in QUIET} == QUIET


@pytest.fixture
def no_prefect(monkeypatch, tmp_path):
    """Nobody's Prefect, and an empty home."""
    for name in (
        *OWN_PREFECT,
        "PREFECT_SERVER_EPHEMERAL_ENABLED",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS",
    ):
        monkeypatch.setenv(name, "x")  # so that it is put back afterwards
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_a_private_prefect_lives_in_a_temporary_folder(no_prefect):
    assert prefer_private_prefect()
    assert os.environ["PREFECT_HOME"].startswith(str(no_prefect / "earwitness-prefect-"))


@pytest.mark.parametrize("name", OWN_PREFECT)
def test_ones_own_prefect_is_used(name, no_prefect, monkeypatch):
    monkeypatch.setenv(name, "http://127.0.0.1:4200/api")
    assert not prefer_private_prefect()
    assert list(no_prefect.iterdir()) == []


def test_ones_own_profiles_are_used(no_prefect):
    (no_prefect / ".prefect").mkdir()
    (no_prefect / ".prefect" / "profiles.toml").write_text("")
    assert not prefer_private_prefect()
