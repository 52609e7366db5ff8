"""Who may use the application: hosts, one-use links, sessions, the origin of changes, and headers.

It serves recorded customers on a person's own machine. Other pages in the same browser must reach nothing:
by another name for this address (DNS rebinding), by a form that they send here, or by a frame around it.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, quote, unquote, urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    # With no-referrer, browsers send no usable Origin with forms.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
LOOPBACK: frozenset[str] = frozenset({"127.0.0.1", "localhost", "::1"})
SAFE_METHODS: frozenset[str] = frozenset({"GET", "HEAD"})
REVIEWER_S = 400 * 86_400
"""How long a browser remembers a reviewer's name, in seconds."""
LONGEST_NAME = 80


@dataclass(slots=True)
class Session:
    """A browser that came by a link; `put_off` are items (drawing, position) to be judged later."""

    form_token: str
    reviewer: str = ""
    put_off: set[tuple[int, int]] = field(default_factory=set)


class Door:
    """One-use links and the sessions that came in by them."""

    def __init__(self, *, port: int, hosts: Collection[str], secure: bool = False) -> None:
        """`hosts` are the names that the application goes by; `secure` is for cookies over TLS only."""
        self.hosts = frozenset(hosts)
        self.port = port
        self.secure = secure
        # Cookies do not know ports: two stores may be open at once.
        self.cookie, self.name_cookie = f"earwitness-{port}", f"earwitness-reviewer-{port}"
        self._lock = threading.Lock()
        self._links: set[str] = set()
        self._sessions: dict[str, Session] = {}

    def new_link(self) -> str:
        """A token that lets one browser in, once."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._links.add(token)
        return token

    def enter(self, token: str) -> str | None:
        """Use up a link; returns the new session's cookie, None for a token that is no link (any more)."""
        with self._lock:
            known = [link for link in self._links if hmac.compare_digest(link.encode(), token.encode())]
            if not known:
                return None
            self._links.discard(known[0])
            cookie = secrets.token_urlsafe(32)
            self._sessions[cookie] = Session(form_token=secrets.token_urlsafe(24))
            return cookie

    def session(self, connection: HTTPConnection) -> Session | None:
        """The session of a request, by its cookie."""
        cookie = self._cookies(connection).get(self.cookie, "")
        with self._lock:
            session = self._sessions.get(cookie)
        if session is not None and not session.reviewer:
            session.reviewer = clean_name(unquote(self._cookies(connection).get(self.name_cookie, "")))
        return session

    def host_is_known(self, connection: HTTPConnection) -> bool:
        """Whether the request was sent to one of our names, with our port or none."""
        host = connection.headers.get("host", "").lower()
        name, _, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
        if not name:
            name, port = host, ""
        return name.strip("[]") in self.hosts and port in {"", str(self.port)}

    def same_origin(self, connection: HTTPConnection) -> bool:
        """Whether a change was sent by a page of ours."""
        site = connection.headers.get("sec-fetch-site")
        if site is not None:
            return site == "same-origin"
        origin, host = connection.headers.get("origin", ""), connection.headers.get("host", "")
        return origin.partition("://")[2] == host != ""

    def set_cookies(self, response: Response, cookie: str) -> None:
        """Give a browser its session."""
        response.set_cookie(self.cookie, cookie, httponly=True, samesite="strict", secure=self.secure)

    def set_name(self, response: Response, name: str) -> None:
        """Let a browser remember its reviewer's name."""
        response.set_cookie(
            self.name_cookie,
            quote(name),
            max_age=REVIEWER_S,
            httponly=True,
            samesite="strict",
            secure=self.secure,
        )

    @staticmethod
    def _cookies(connection: HTTPConnection) -> dict[str, str]:
        try:
            parsed = SimpleCookie(connection.headers.get("cookie", ""))
        except CookieError:
            return {}
        return {name: morsel.value for name, morsel in parsed.items()}


class Guard:
    """Middleware: nothing but static files is answered to whoever did not come in by the door."""

    def __init__(self, app: ASGIApp, door: Door, user_header: str | None = None) -> None:
        """`user_header` names the reviewer; to be used only behind a proxy that sets it."""
        self._app, self._door, self._user_header = app, door, user_header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with an error, or let the request through with `state.session`; put on the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        connection = HTTPConnection(scope)
        response = self._refusal(connection)
        await (response or self._app)(scope, receive, with_headers)

    def _refusal(self, connection: HTTPConnection) -> Response | None:
        """Why a request goes no further; None for one that may."""
        door, scope = self._door, connection.scope
        if not door.host_is_known(connection):
            return PlainTextResponse("This address is not known here; see --allow-host.\n", 421)
        if scope["method"] not in SAFE_METHODS and not door.same_origin(connection):
            return PlainTextResponse("This was not sent by a page of this program.\n", 403)
        if scope["method"] in SAFE_METHODS and (token := connection.query_params.get("token")):
            return self._entrance(connection, token)
        if scope["path"].startswith("/static/"):
            return None
        session = door.session(connection)
        if session is None:
            text = "Open the link that `earwitness review` printed in its terminal; each link works once.\n"
            return PlainTextResponse(text, 401)
        if self._user_header and (user := connection.headers.get(self._user_header)):
            session.reviewer = clean_name(user)
        scope.setdefault("state", {})["session"] = session
        return None

    def _entrance(self, connection: HTTPConnection, token: str) -> Response:
        cookie = self._door.enter(token)
        if cookie is None:
            text = "This link was used already; ask for a new one, or start `earwitness review` again.\n"
            return PlainTextResponse(text, 401)
        rest = {name: values for name, values in parse_qs(connection.url.query).items() if name != "token"}
        query = f"?{urlencode(rest, doseq=True)}" if rest else ""
        # A path that begins with two slashes would lead to another host.
        response = RedirectResponse("/" + connection.scope["path"].lstrip("/") + query, 303)
        self._door.set_cookies(response, cookie)
        return response


def clean_name(name: str) -> str:
    """A reviewer's name on one line, without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())[:LONGEST_NAME]
