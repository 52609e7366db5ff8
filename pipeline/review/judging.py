"""Judging one finding after the other, settling differences, and the queue of what people should decide."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from pipeline.errors import RecordingError
from pipeline.records import Review, ReviewKind, Verdict
from pipeline.report.text import as_dicts
from pipeline.review.cards import Card, card_of, find_verdict
from pipeline.review.questions import VERDICT_ANSWERS, Question, judgement_of
from pipeline.review.site import Form, Site, go_to, session_of
from pipeline.review.work import Work, minutes_for
from pipeline.store import ask
from pipeline.store.review_log import Item, Judged

LONGEST_NOTE = 2000
LONGEST_S = 3600.0
"""Somebody who takes longer went away: the time is not kept, in seconds."""
QUEUE_SHOWN = 200

_QUEUE = """
SELECT review_queue.*, coalesce(rule.title, review_queue.rule_id) AS title
FROM review_queue
LEFT JOIN rule ON rule.rule_id = review_queue.rule_id AND rule.active
"""
_QUEUE_SIZE = "SELECT kind, count(*) FROM review_queue GROUP BY kind ORDER BY kind"


class Judging:
    """Pages on which something is heard and answered."""

    def __init__(self, site: Site) -> None:
        """The pages of `site`."""
        self._site = site

    # --- a drawing ---------------------------------------------------------------------------------------

    def review(self, request: Request) -> Response:
        """The next card of a drawing."""
        if not session_of(request).reviewer:
            return go_to("/?name=missing")
        return self._next(request, self._site.work(request.path_params["draw_id"]), None)

    def answer(self, request: Request, form: Form) -> Response:
        """Keep an answer and show the next card."""
        site, reviewer = self._site, session_of(request).reviewer
        work, item = self._place(request)
        if any(judged.review.reviewer == reviewer for judged in work.of(item.position)):
            return self._next(request, work, None)  # sent twice
        with site.reading() as connection:
            found = find_verdict(connection, item.recording_id, work.drawing.rule_id)
        review = _review(
            form,
            found.question if found else None,
            recording_id=item.recording_id,
            rule_id=work.drawing.rule_id,
            rule_version=item.rule_version,
            verdict=item.verdict,
            reviewer=reviewer,
            draw_id=work.drawing.draw_id,
            blind=work.drawing.blind,
        )
        seconds, plays = _effort(form)
        judged = Judged(review=review, position=item.position, seconds=seconds, plays=plays)
        site.log.add(judged)
        last = {"position": item.position, "review": review, "told": found}
        return self._next(request, site.work(work.drawing.draw_id), last)

    def undo(self, request: Request, form: Form) -> Response:
        """Take back the reviewer's last answer and show its card again."""
        del form
        site, session = self._site, session_of(request)
        work = site.work(request.path_params["draw_id"])
        last = work.last_of(session.reviewer)
        if last is not None:
            site.log.undo(last.judgement_id, session.reviewer)
            session.put_off.discard((work.drawing.draw_id, last.position or 0))
        return self._next(request, site.work(work.drawing.draw_id), None, back=last is not None)

    def put_off(self, request: Request, form: Form) -> Response:
        """Leave an item for later."""
        del form
        work, item = self._place(request)
        session_of(request).put_off.add((work.drawing.draw_id, item.position))
        return self._next(request, work, None)

    def card(self, request: Request) -> Response:
        """The card of an item again, with more or less around it."""
        work, item = self._place(request)
        return self._next(request, work, None, item=item)

    def prepare(self, request: Request) -> Response:
        """Cut the clip of an item that comes next."""
        work, item = self._place(request)
        site = self._site
        with site.reading() as connection:
            case = site.case(connection, item.recording_id, work.drawing.rule_id)
        card = card_of(case, shown=False) if case else None
        if card is not None and card.parts:
            try:
                site.clips.path(card.case.recording, card.case.files, card.parts, card.case.hidden)
            except RecordingError:
                return Response(status_code=204)  # told when it is played
        return Response(status_code=204)

    def _place(self, request: Request) -> tuple[Work, Item]:
        work = self._site.work(request.path_params["draw_id"])
        item = work.item(request.path_params["position"])
        if item is None:
            raise HTTPException(404, "This drawing has no such item.")
        return work, item

    def _next(
        self,
        request: Request,
        work: Work,
        last: Mapping[str, Any] | None,
        *,
        back: bool = False,
        item: Item | None = None,
    ) -> Response:
        site, session = self._site, session_of(request)
        put_off = {position for draw_id, position in session.put_off if draw_id == work.drawing.draw_id}
        item = item or work.next_for(session.reviewer, put_off)
        card = None
        with site.reading() as connection:
            if item is not None:
                case = site.case(connection, item.recording_id, work.drawing.rule_id)
                card = card_of(case, shown=not work.drawing.blind, **_choices(request)) if case else None
        todo = [one for one in work.open_for(session.reviewer) if item and one.position != item.position]
        part = bool(request.headers.get("hx-request"))
        return site.page(
            request,
            "_card.html" if part else "review.html",
            work=work,
            item=item,
            card=card,
            fault=None if card is None else self._fault(card),
            upcoming=todo[0] if todo else None,
            last=last,
            back=back,
            minutes=minutes_for(len(todo) + (item is not None), site.log.seconds_each()),
            shown_at=int(time.time() * 1000),
            judgements=VERDICT_ANSWERS,
            action=f"/draws/{work.drawing.draw_id}/items/{item.position}" if item else None,
        )

    def _fault(self, card: Card) -> str | None:
        """Why there is nothing to hear; None where there is."""
        if card.window is None:
            return "There is nothing to hear in this call."
        try:
            self._site.clips.path(card.case.recording, card.case.files, card.parts, card.case.hidden)
        except RecordingError as error:
            return str(error)
        return None

    # --- differences -------------------------------------------------------------------------------------

    def differences(self, request: Request) -> Response:
        """What reviewers differ on."""
        site = self._site
        works = [site.work(drawing.draw_id) for drawing in site.log.draws()]
        rows = [(work, item, work.of(item.position)) for work in works for item in work.differing()]
        return site.page(request, "differences.html", rows=rows)

    def difference(self, request: Request) -> Response:
        """Both answers, the clip and the verdict."""
        work, item = self._place(request)
        site = self._site
        with site.reading() as connection:
            case = site.case(connection, item.recording_id, work.drawing.rule_id)
        card = card_of(case, shown=True, **_choices(request)) if case else None
        return site.page(
            request,
            "settle.html",
            work=work,
            item=item,
            card=card,
            fault=self._fault(card) if card else None,
            judged=work.of(item.position),
            shown_at=int(time.time() * 1000),
            judgements=VERDICT_ANSWERS,
            action=f"/differences/{work.drawing.draw_id}/{item.position}",
        )

    def settle(self, request: Request, form: Form) -> Response:
        """Keep the answer that decides; it needs a note."""
        if not form.get("note", "").strip():
            raise HTTPException(400, "Say in a note why it is so: others will want to know.")
        site = self._site
        work, item = self._place(request)
        with site.reading() as connection:
            found = find_verdict(connection, item.recording_id, work.drawing.rule_id)
        review = _review(
            form,
            found.question if found else None,
            recording_id=item.recording_id,
            rule_id=work.drawing.rule_id,
            rule_version=item.rule_version,
            verdict=item.verdict,
            reviewer=session_of(request).reviewer,
            draw_id=work.drawing.draw_id,
            kind="settled",
        )
        site.log.add(Judged(review=review, position=item.position))
        return go_to("/differences")

    # --- the queue ---------------------------------------------------------------------------------------

    def queue(self, request: Request) -> Response:
        """Possible wordings, misheard notices and disputes, compliance first."""
        site = self._site
        sizes, rows = site.published.once("queue", self._queue)
        judged = {(one.review.recording_id, one.review.rule_id) for one in site.log.standing()}
        rows = [row for row in rows if _is_waiting(row, judged)]
        return site.page(request, "queue.html", rows=rows, sizes=sizes)

    def _queue(self) -> tuple[dict[str, int], list[dict[str, Any]]]:
        with self._site.reading() as connection:
            sizes = dict(ask(connection, _QUEUE_SIZE).rows)
            return sizes, as_dicts(ask(connection, f"{_QUEUE} LIMIT {QUEUE_SHOWN}"))

    def finding(self, request: Request) -> Response:
        """One finding by itself, with its verdict."""
        site = self._site
        recording_id, rule_id = request.path_params["recording_id"], request.path_params["rule_id"]
        with site.reading() as connection:
            case = site.case(connection, recording_id, rule_id)
        if case is None:
            raise HTTPException(404, "There is no such finding in the store.")
        card = card_of(case, shown=True, **_choices(request))
        return site.page(
            request,
            "finding.html",
            card=card,
            fault=self._fault(card),
            judged=site.log.of_finding(recording_id, rule_id),
            shown_at=int(time.time() * 1000),
            judgements=VERDICT_ANSWERS,
            action=f"/findings/{recording_id}/{rule_id}",
        )

    def judge_finding(self, request: Request, form: Form) -> Response:
        """Keep a judgement of a finding that was not drawn: it is in no estimate."""
        site = self._site
        recording_id, rule_id = request.path_params["recording_id"], request.path_params["rule_id"]
        with site.reading() as connection:
            found = find_verdict(connection, recording_id, rule_id)
        if found is None:
            raise HTTPException(404, "There is no such finding in the store.")
        earlier = {one.review.judgement for one in site.log.of_finding(recording_id, rule_id)}
        kind: ReviewKind = "settled" if len(earlier) > 1 or earlier == {"unclear"} else "unsampled"
        review = _review(
            form,
            found.question,
            recording_id=recording_id,
            rule_id=rule_id,
            rule_version=found.rule_version,
            verdict=found.verdict,
            reviewer=session_of(request).reviewer,
            kind=kind,
        )
        seconds, plays = _effort(form)
        site.log.add(Judged(review=review, seconds=seconds, plays=plays))
        return go_to("/queue")


def _is_waiting(row: Mapping[str, Any], judged: set[tuple[str, str]]) -> bool:
    """Disputes stay until the merge; the others are gone as soon as somebody judged them."""
    return row["kind"] == "dispute" or (row["recording_id"], row["rule_id"]) not in judged


def _choices(request: Request) -> dict[str, Any]:
    """What a reviewer wants to hear: more around it, with pauses or without, the evidence alone."""
    query = request.query_params
    more = query.get("more", "0")
    return {
        "more": int(more) if more in {"0", "1", "2", "3", "4", "5", "6"} else 0,
        "pauses": None if "pauses" not in query else query["pauses"] == "1",
        "evidence": query.get("evidence") == "1",
    }


def _review(
    form: Form, question: Question | None, *, verdict: Verdict, blind: bool = False, **place: Any
) -> Review:
    """The review that a form holds: an answer by its number, or a judgement of the verdict shown.

    400 for neither.
    """
    note = form.get("note", "").strip()[:LONGEST_NOTE] or None
    common = {"reviewed_at": datetime.now(UTC), "note": note, "verdict": verdict, "blind": blind, **place}
    judgement = form.get("judgement", "")
    if not blind and judgement in VERDICT_ANSWERS:
        return Review(judgement=judgement, **common)
    number = form.get("answer", "")
    answers = question.answers if question else ()
    if number.isascii() and number.isdecimal() and int(number[:3]) < len(answers):
        answer = answers[int(number)]
        return Review(judgement=judgement_of(answer.means, verdict), answer=answer.text, **common)
    if question is None and judgement == "unclear":
        return Review(judgement="unclear", **common)
    raise HTTPException(400, "Choose one of the answers.")


def _effort(form: Form) -> tuple[float | None, int | None]:
    """Seconds since the card was shown, and how often the clip was started."""
    shown, plays = form.get("shown_at", ""), form.get("plays", "")
    seconds = time.time() - int(shown[:16]) / 1000 if shown.isascii() and shown.isdecimal() else None
    if seconds is not None and not 0 <= seconds <= LONGEST_S:
        seconds = None
    return seconds, int(plays[:4]) if plays.isascii() and plays.isdecimal() else None
