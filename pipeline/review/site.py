"""What all pages share: the store, the file of judgements, clips and templates."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from pipeline.audit.evidence import FindingCase, find_case
from pipeline.errors import UsageError
from pipeline.report.text import UNKNOWN, clock
from pipeline.review.overview import Figures, Publication, figures
from pipeline.review.security import Door, Session
from pipeline.review.sounds import Clips
from pipeline.review.work import Work
from pipeline.store import Connection, reading
from pipeline.store.review_log import ReviewLog

MOST_OF_A_FORM = 64 * 1024
"""Bytes of a form."""

Form = Mapping[str, str]


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipeline.review"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "clock": clock,
        "words": words,
        "share": share,
        "day": lambda value: value.strftime("%-d %b %Y") if value else UNKNOWN,
        "minute": minute,
        "thousands": lambda value: f"{value:,}",
    }
    return environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The application's parts."""

    db: Path
    log: ReviewLog
    door: Door
    clips: Clips = field(default_factory=Clips)
    environment: Environment = field(default_factory=_environment)
    published: Publication = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is read yet."""
        object.__setattr__(self, "published", Publication(self.db))

    def reading(self) -> AbstractContextManager[Connection]:
        """The store as it was published last."""
        return reading(self.db)

    def figures(self) -> Figures:
        """The figures of the store as it was published last."""

        def read() -> Figures:
            with self.reading() as connection:
                return figures(connection)

        return self.published.once("figures", read)

    def work(self, draw_id: int) -> Work:
        """A drawing at work; 404 for one that there is not."""
        try:
            drawing = self.log.draw(draw_id)
        except UsageError as error:
            raise HTTPException(404, str(error)) from error
        return Work(drawing=drawing, items=self.log.items(draw_id), judged=self.log.standing(draw_id))

    def case(self, connection: Connection, recording_id: str, rule_id: str) -> FindingCase | None:
        """A finding with its evidence; None where it left the store."""
        try:
            return find_case(connection, recording_id, rule_id)
        except (UsageError, ValueError):
            return None

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """A page, or a part of one."""
        session = session_of(request)
        text = self.environment.get_template(template).render(
            session=session,
            path=request.url.path,
            status=status,
            store=self.db.name,
            waiting=None if request.headers.get("hx-request") else self.differing(),
            **values,
        )
        return HTMLResponse(text, status)

    def differing(self) -> int:
        """Number of findings on which reviewers differ, over all drawings."""
        return sum(len(self.work(drawing.draw_id).differing()) for drawing in self.log.draws())


def session_of(request: Request) -> Session:
    """The session that the guard found."""
    session: Session = request.state.session
    return session


def go_to(path: str) -> Response:
    """Answer a form by another page."""
    return RedirectResponse(path, 303)


def with_form(
    answer: Callable[[Request, Form], Response], *, named: bool = True
) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint for a form, which is answered in a thread; 403 without the session's token in it.

    Where the reviewer has to be `named` and is not, it leads to the overview, which asks for the name.
    """

    async def endpoint(request: Request) -> Response:
        form = await _read_form(request)
        session = session_of(request)
        if form.get("form_token") != session.form_token:
            raise HTTPException(403, "The page is from before the program was started again: reload it.")
        if named and not session.reviewer:
            return go_to("/?name=missing")
        return await run_in_threadpool(answer, request, form)

    return endpoint


async def _read_form(request: Request) -> Form:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_OF_A_FORM:
            raise HTTPException(413, f"A form has at most {MOST_OF_A_FORM // 1024} kB.")
    try:
        fields = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=50)
    except ValueError as error:
        raise HTTPException(400, "The form cannot be read.") from error
    return {name: values[-1] for name, values in fields.items()}


def words(value: object) -> str:
    """A name of ours as words."""
    return str(value).replace("_", " ") if value is not None else UNKNOWN


def share(value: float | None) -> str:
    """A share with two digits.

    >>> share(0.9126), share(1.0)
    ('.91', '1.00')
    """
    if value is None:
        return UNKNOWN
    return f"{value:.2f}".removeprefix("0")


def minute(value: datetime | None) -> str:
    """An instant to the minute, in UTC."""
    return value.strftime("%-d %b %Y %H:%M UTC") if value else UNKNOWN
