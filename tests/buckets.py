"""A server that speaks S3, on this machine."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

from pipeline.archive import object_access

KEY_ID, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMIverysecret"


@contextmanager
def served() -> Iterator[str]:
    """The address of a server without buckets."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def use(patch: pytest.MonkeyPatch, address: str, home: Path) -> None:
    """Use the store at `address` with keys from the environment, and an empty home at `home`."""
    import os  # noqa: PLC0415

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        patch.delenv(name)
    patch.setenv("HOME", str(home))
    patch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    patch.setenv("AWS_ENDPOINT_URL", address)
    patch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    object_access.bucket_store.cache_clear()


def create(address: str, bucket: str) -> S3Store:
    """A new bucket."""
    import urllib.request  # noqa: PLC0415

    with urllib.request.urlopen(urllib.request.Request(f"{address}/{bucket}", method="PUT")) as answer:  # noqa: S310
        assert answer.status == 200
    return S3Store(
        bucket,
        endpoint=address,
        access_key_id=KEY_ID,
        secret_access_key=SECRET,
        client_options={"allow_http": True},
    )
