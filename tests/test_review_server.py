"""The program's own server, as a process: its link, its answers after a kill, and what it refuses to do."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from review_site import a_review_store, position_on

from pipeline.errors import UsageError
from pipeline.review import serving as static
from pipeline.review.server import Listening
from pipeline.store.review_log import ReviewLog, beside_store

PROGRAM = [sys.executable, "-c", "from pipeline.cli import main; main()"]


@contextmanager
def served(db: Path) -> Iterator[tuple[httpx.Client, subprocess.Popen[str]]]:
    """The server as a process with a browser that came in by its link."""
    process = subprocess.Popen(
        [*PROGRAM, "review", "--db", str(db), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(__file__).parents[1],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    try:
        link = process.stdout.readline().strip()
        address = urlsplit(link)
        assert address.hostname == "127.0.0.1"
        with httpx.Client(base_url=f"http://{address.netloc}", follow_redirects=True, timeout=30) as client:
            assert client.get(f"/?{address.query}").status_code == 200
            yield client, process
    finally:
        process.kill()
        process.wait(timeout=30)
        process.stdout.close()


def sent(client: httpx.Client, path: str, **fields: str) -> httpx.Response:
    page = client.get("/").text
    (token, *_) = re.findall(r'name="form_token" value="([^"]+)"', page)
    headers = {"Origin": str(client.base_url).rstrip("/")}
    return client.post(path, data={"form_token": token, **fields}, headers=headers)


def test_nothing_is_lost_when_the_server_is_killed(tmp_path: Path) -> None:
    db = a_review_store(tmp_path, ["pass", "pass", "fail"])
    with served(db) as (client, process):
        sent(client, "/reviewer", reviewer="eve")
        shown = sent(client, "/draws", rule="greeting", aim="verdicts", sample="3", seed="7", blind="1")
        assert position_on(shown) == 1
        assert position_on(sent(client, "/draws/1/items/1", answer="0")) == 2
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
    assert len(ReviewLog(beside_store(db)).standing()) == 1
    with served(db) as (client, _):
        sent(client, "/reviewer", reviewer="eve")
        assert position_on(client.get("/draws/1/review")) == 2
        sound = re.findall(r'data-sound="([^"]+)"', client.get("/draws/1/review").text)[0]
        part = client.get(sound.replace("&amp;", "&"), headers={"Range": "bytes=0-43"})
        assert (part.status_code, part.content[:4]) == (206, b"RIFF")


def test_a_port_in_use_is_told_in_one_line(tmp_path: Path) -> None:
    db = a_review_store(tmp_path, ["pass"])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*PROGRAM, "review", "--db", str(db), "--port", str(port)],
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parents[1],
            timeout=60,
        )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith(f"earwitness: the port is in use: 127.0.0.1:{port}")
    missing = subprocess.run(
        [*PROGRAM, "review", "--db", str(tmp_path / "nowhere.duckdb"), "--port", "0"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
        timeout=60,
    )
    assert missing.returncode == 2
    assert "there is no store" in missing.stderr


@pytest.mark.parametrize(
    ("listening", "says"),
    [
        (Listening(host="0.0.0.0"), "others could listen in on the way"),
        (Listening(tls_cert=Path("x.pem")), "missing option"),
        (Listening(tls_cert=Path("x.pem"), tls_key=Path("y.pem")), "no such file: x.pem"),
        (Listening(user_header="X-Remote-User"), "no proxy to trust"),
    ],
)
def test_what_would_be_unsafe_is_refused(listening: Listening, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        listening.check()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_this_machine_alone_needs_no_certificate(host: str) -> None:
    Listening(host=host).check()
    Listening(host="10.0.0.1", behind_proxy=True, user_header="X-Remote-User").check()


def test_the_library_that_is_vendored_is_as_it_was_released() -> None:
    """htmx 4.0.1, dist/htmx.min.js of its package; a new release changes sum and version here."""
    path = Path(static.__file__).parent / "static" / "htmx.min.js"
    released = "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == released
    assert b"4.0.1" in path.read_bytes()
    licence = path.with_name("htmx.LICENSE.txt").read_text(encoding="utf-8")
    assert licence.startswith("Zero-Clause BSD")
