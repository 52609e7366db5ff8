"""The application: its addresses, and what it answers when something is wrong."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pipeline.errors import EarwitnessError
from pipeline.review.judging import Judging
from pipeline.review.pages import Overview
from pipeline.review.security import Door, Guard
from pipeline.review.serving import Sounds, static
from pipeline.review.site import Site, with_form
from pipeline.store.review_log import ReviewLog


def create_app(db: Path, log: ReviewLog, door: Door, user_header: str | None = None) -> Starlette:
    """The application for the store `db`, whose answers go into `log`; who may use it is up to `door`.

    `user_header` names the reviewer where a proxy tells who it is.
    """
    site = Site(db=db, log=log, door=door)
    return Starlette(
        routes=[*_rules(Overview(site)), *_cards(Judging(site)), *_sounds(Sounds(site))],
        middleware=[Middleware(Guard, door=door, user_header=user_header)],
        exception_handlers={
            HTTPException: _Faults(site).told,
            EarwitnessError: _Faults(site).unusable,
        },
    )


def _rules(pages: Overview) -> list[Route]:
    return [
        Route("/", pages.home),
        Route("/plan", pages.plan),
        Route("/reviewer", with_form(pages.name, named=False), methods=["POST"]),
        Route("/invite", with_form(pages.invite), methods=["POST"]),
        Route("/draws", with_form(pages.draw), methods=["POST"]),
        Route("/draws/{draw_id:int}", pages.results),
        Route("/draws/{draw_id:int}/protocol.json", pages.protocol),
    ]


def _cards(pages: Judging) -> list[Route]:
    item = "/draws/{draw_id:int}/items/{position:int}"
    return [
        Route("/draws/{draw_id:int}/review", pages.review),
        Route("/draws/{draw_id:int}/undo", with_form(pages.undo), methods=["POST"]),
        Route(item, pages.card, methods=["GET"]),
        Route(item, with_form(pages.answer), methods=["POST"]),
        Route(f"{item}/later", with_form(pages.put_off), methods=["POST"]),
        Route(f"{item}/prepare", pages.prepare),
        Route("/differences", pages.differences),
        Route("/differences/{draw_id:int}/{position:int}", pages.difference, methods=["GET"]),
        Route("/differences/{draw_id:int}/{position:int}", with_form(pages.settle), methods=["POST"]),
        Route("/queue", pages.queue),
        Route("/findings/{recording_id}/{rule_id}", pages.finding, methods=["GET"]),
        Route("/findings/{recording_id}/{rule_id}", with_form(pages.judge_finding), methods=["POST"]),
    ]


def _sounds(sounds: Sounds) -> list[Route]:
    return [Route("/sound/{recording_id}.wav", sounds.clip), Route("/static/{name}", static)]


class _Faults:
    """Pages that say what is wrong."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def told(self, request: Request, fault: Exception) -> Response:
        """What an endpoint refused."""
        refused = fault if isinstance(fault, HTTPException) else HTTPException(500)
        return self._page(request, refused.status_code, refused.detail)

    def unusable(self, request: Request, fault: Exception) -> Response:
        """The store or the file of judgements cannot be used just now."""
        return self._page(request, 503, str(fault))

    def _page(self, request: Request, status: int, what: str) -> Response:
        # A file, or somebody who is not in: no page with a reviewer's name on it.
        if not hasattr(request.state, "session") or request.url.path.startswith(("/sound/", "/static/")):
            return PlainTextResponse(f"{what}\n", status)
        return self._site.page(request, "fault.html", status=status, what=what)
