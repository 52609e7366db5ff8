"""The overview, drawing a sample, and what was found of one."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from pipeline.audit.protocol import PROTOCOL, protocol, read_request
from pipeline.audit.sampling import AIMS, MOST, SampleRequest, count_doubles, plan
from pipeline.audit.spotcheck import draw_and_keep
from pipeline.errors import UsageError
from pipeline.review.overview import waiting_by_rule
from pipeline.review.security import clean_name
from pipeline.review.site import Form, Site, go_to, session_of
from pipeline.review.work import minutes_for

SAMPLE = 50
SECOND_SHARE = 0.2
SEEDS = 1_000_000


class Overview:
    """Pages about rules and drawings."""

    def __init__(self, site: Site) -> None:
        """The pages of `site`."""
        self._site = site

    def home(self, request: Request) -> Response:
        """Every rule with its figures, the form to draw, and the drawings."""
        site = self._site
        store = site.figures()
        rules = store.rules
        works = [site.work(drawing.draw_id) for drawing in site.log.draws()]
        now = {rule["rule_id"]: rule["rule_version"] for rule in rules if not rule["is_stale"]}
        judged = site.log.standing()
        return site.page(
            request,
            "overview.html",
            rules=[rule for rule in rules if not rule["is_stale"]],
            stale=[rule for rule in rules if rule["is_stale"] and rule["reviewed"]],
            unmerged=waiting_by_rule(judged, store.merged),
            facts=store.facts,
            works=works,
            latest=_latest(works),
            versions=now,
            chosen={
                "rule": request.query_params.get("rule") or _first_with_findings(rules),
                "seed": secrets.randbelow(SEEDS),
            },
            sample=SAMPLE,
            name_missing="name" in request.query_params,
        )

    def plan(self, request: Request) -> Response:
        """What a drawing would be, as a part of the page."""
        site = self._site
        try:
            wanted = request_of(request.query_params)
            with site.reading() as connection:
                planned = plan(connection, wanted)
        except UsageError as error:
            return site.page(request, "_plan.html", plan=None, fault=str(error))
        return site.page(
            request,
            "_plan.html",
            plan=planned,
            fault=None,
            doubles=count_doubles(wanted, planned.size),
            minutes=minutes_for(planned.size, site.log.seconds_each()),
        )

    def draw(self, request: Request, form: Form) -> Response:
        """Draw a sample and begin to judge it."""
        site = self._site
        try:
            wanted = request_of(form)
            with site.reading() as connection:
                drawing, _ = draw_and_keep(
                    connection,
                    wanted,
                    site.log,
                    blind="blind" in form,
                    made_by=session_of(request).reviewer,
                )
        except UsageError as error:
            raise HTTPException(400, str(error)) from error
        return go_to(f"/draws/{drawing.draw_id}/review")

    def results(self, request: Request) -> Response:
        """What was found of a drawing so far."""
        site = self._site
        work = site.work(request.path_params["draw_id"])
        store = site.figures()
        rules = store.rules
        title = next(
            (r["title"] for r in rules if r["rule_id"] == work.drawing.rule_id), work.drawing.rule_id
        )
        versions = {rule["rule_version"] for rule in rules if not rule["is_stale"]}
        return site.page(
            request,
            "results.html",
            work=work,
            title=title,
            strata=work.strata(),
            rate=work.rate(),
            doubles=work.doubles(),
            unmerged=sum(one.review.key not in store.merged for one in work.judged),
            is_stale=any(item.rule_version not in versions for item in work.items),
            wanted=read_request(work.drawing.request),
        )

    def protocol(self, request: Request) -> Response:
        """The protocol of a drawing, to be kept and verified."""
        work = self._site.work(request.path_params["draw_id"])
        rate = work.rate()
        estimates = {
            "verdicts": {
                verdict: {
                    "population": stratum.population,
                    "right": stratum.right,
                    "wrong": stratum.wrong,
                    "unclear": stratum.unclear,
                    "share": stratum.share,
                    "low": interval.low if (interval := stratum.interval) else None,
                    "high": interval.high if interval else None,
                    "method": interval.method if interval else None,
                }
                for verdict, stratum in work.strata().items()
            },
            "true_rate": dict(zip(("rate", "low", "high"), rate, strict=True)) if rate else None,
            "interim": work.done < len(work.items),
        }
        text = protocol(work.drawing, work.items, work.judged, estimates)
        name = f"{PROTOCOL.removesuffix('.json')}-{work.drawing.draw_id}.json"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(text, media_type="application/json", headers=headers)

    def name(self, request: Request, form: Form) -> Response:
        """Set the reviewer's name."""
        session = session_of(request)
        session.reviewer = clean_name(form.get("reviewer", ""))
        session.put_off.clear()
        response = go_to("/" if session.reviewer else "/?name=missing")
        self._site.door.set_name(response, session.reviewer)
        return response

    def invite(self, request: Request, form: Form) -> Response:
        """A link for another reviewer's browser."""
        del form
        link = f"{request.url.scheme}://{request.headers['host']}/?token={self._site.door.new_link()}"
        return self._site.page(request, "invite.html", link=link)


def request_of(values: Mapping[str, str]) -> SampleRequest:
    """The sample that a form asks for. Raises UsageError for values that are none."""
    aim = values.get("aim", "rate")
    if aim not in AIMS:
        raise UsageError("unknown aim", value=aim, allowed=", ".join(AIMS))
    return SampleRequest(
        rule_id=values.get("rule", ""),
        sample=_whole("sample", values.get("sample", str(SAMPLE)), 1, MOST),
        seed=_whole("seed", values.get("seed", "1"), 0, 2**53),
        since=_day("from", values.get("from", "")),
        until=_day("to", values.get("to", "")),
        queue=values.get("queue") or None,
        agent=values.get("agent") or None,
        aim=aim,
        second_share=SECOND_SHARE if "second" in values else 0.0,
    )


def _whole(name: str, text: str, least: int, most: int) -> int:
    if text.isascii() and text.isdecimal() and least <= int(text[:20]) <= most:
        return int(text)
    raise UsageError("no whole number", where=name, value=text[:20], allowed=f"{least} to {most}")


def _day(name: str, text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise UsageError("no day", where=name, value=text[:20], allowed="YYYY-MM-DD") from None


def _first_with_findings(rules: Sequence[Mapping[str, Any]]) -> str | None:
    return next((str(rule["rule_id"]) for rule in rules if rule["passes"] + rule["fails"]), None)


def _latest(works: list[Any]) -> dict[str, Any]:
    """The last drawing of each rule."""
    return {work.drawing.rule_id: work for work in reversed(works)}
