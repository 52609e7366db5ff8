"""Serving the application: where it listens, and the link that lets the first reviewer in."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from pipeline.errors import UsageError
from pipeline.review.app import create_app
from pipeline.review.security import LOOPBACK, Door
from pipeline.store import query
from pipeline.store.review_log import ReviewLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where to listen. Beyond this machine only with a certificate, or behind a proxy that has one."""

    host: str = "127.0.0.1"
    port: int = 8765
    allow_hosts: Sequence[str] = ()
    tls_cert: Path | None = None
    tls_key: Path | None = None
    behind_proxy: bool = False
    user_header: str | None = None

    @property
    def scheme(self) -> str:
        """Of the addresses that browsers use."""
        return "https" if self.tls_cert else "http"

    def check(self) -> None:
        """Raise UsageError where customers' voices would travel unprotected."""
        if (self.tls_cert is None) != (self.tls_key is None):
            raise UsageError("missing option", allowed="--tls-cert together with --tls-key, or neither")
        for path in (self.tls_cert, self.tls_key):
            if path is not None and not path.is_file():
                raise UsageError("no such file", where=path)
        if self.host not in LOOPBACK and not (self.tls_cert or self.behind_proxy):
            raise UsageError(
                "others could listen in on the way",
                where="--host",
                value=self.host,
                allowed="127.0.0.1, or another one with --tls-cert and --tls-key or --behind-proxy",
            )
        if self.user_header and not self.behind_proxy:
            remedy = "anybody could send this header; use it with --behind-proxy"
            raise UsageError(
                "no proxy to trust", where="--user-header", value=self.user_header, remedy=remedy
            )


def serve(db: Path, log: ReviewLog, listening: Listening, started: Callable[[str], None]) -> None:
    """Serve the store `db` until the process is ended; `started` gets the link for the first browser.

    Raises UsageError for a store that cannot be read, a port in use and an address that is not ours.
    """
    listening.check()
    query(db, "SELECT 1")  # a store of another release is told here, not on every page
    log.draws()
    with _bound(listening) as bound:
        port = int(bound.getsockname()[1])
        hosts = {*LOOPBACK, listening.host.lower(), *(name.lower() for name in listening.allow_hosts)}
        secure = bool(listening.tls_cert or listening.behind_proxy)
        door = Door(port=port, hosts=hosts, secure=secure)
        app = create_app(db, log, door, listening.user_header)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=listening.behind_proxy,
            ssl_certfile=listening.tls_cert,
            ssl_keyfile=listening.tls_key,
        )
        name = f"[{listening.host}]" if ":" in listening.host else listening.host
        started(f"{listening.scheme}://{name}:{port}/?token={door.new_link()}")
        uvicorn.Server(config).run(sockets=[bound])


def _bound(listening: Listening) -> socket.socket:
    """A socket at the address."""
    where = f"{listening.host}:{listening.port}"
    family = socket.AF_INET6 if ":" in listening.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((listening.host, listening.port))
        # Listening here already tells a port in use before the link is shown.
        bound.listen()
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            remedy = "give another one with --port, or 0 for any that is free"
            raise UsageError("the port is in use", where=where, remedy=remedy) from None
        raise UsageError("cannot listen", where=where, value=error.strerror) from None
    except OverflowError:
        bound.close()
        raise UsageError("no port", where=where, allowed="0 to 65535") from None
    return bound
