"""The review application as a browser without script sees it."""

from __future__ import annotations

import io
import re
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import an_id, stored
from readback import row_of
from review_site import PORT, SECRET_QUOTE, Browser, a_heard_call, a_review_store, position_on, sound_on
from starlette.testclient import TestClient

from pipeline.audit.protocol import verify
from pipeline.records import Verdict
from pipeline.store import query, reading, writing
from pipeline.store.merge import merge_reviews

VERDICTS: tuple[Verdict, ...] = ("pass",) * 6 + ("fail",) * 3


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_review_store(tmp_path_factory.mktemp("made"), VERDICTS)


@pytest.fixture
def db(made: Path, tmp_path: Path) -> Path:
    """A store of its own, whose recordings are shared."""
    copy = tmp_path / "calls.duckdb"
    copy.write_bytes(made.read_bytes())
    return copy


@pytest.fixture
def eve(db: Path) -> Browser:
    return Browser.of(db)


def merge(db: Path, browser: Browser) -> None:
    with writing(db) as writer:
        merge_reviews(writer, browser.log)
        writer.publish()


# --- who gets in -----------------------------------------------------------------------------------------


def test_a_link_lets_one_browser_in_once(db: Path) -> None:
    browser = Browser.of(db)
    link = f"/queue?token={browser.door.new_link()}&kind=x"
    visitor = TestClient(browser.client.app, base_url=f"http://127.0.0.1:{PORT}", follow_redirects=False)
    assert visitor.get("/").status_code == 401
    entered = visitor.get(link)
    assert (entered.status_code, entered.headers["location"]) == (303, "/queue?kind=x")
    cookie = entered.headers["set-cookie"]
    assert cookie.startswith(f"earwitness-{PORT}=")
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert visitor.get("/").status_code == 200
    again = TestClient(browser.client.app, base_url=f"http://127.0.0.1:{PORT}", follow_redirects=False)
    assert again.get(link).status_code == 401
    assert again.get("/").status_code == 401


def test_a_link_leads_to_no_other_host(eve: Browser) -> None:
    visitor = TestClient(eve.client.app, base_url=f"http://127.0.0.1:{PORT}", follow_redirects=False)
    entered = visitor.get(f"//evil.example/x?token={eve.door.new_link()}")
    assert not entered.headers.get("location", "/").startswith("//")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:99", "localhost.evil.example:8765", "", "[::1"])
def test_another_host_is_refused(eve: Browser, host: str) -> None:
    assert eve.get("/", host=host).status_code == 421


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8765", "localhost:8765", "LOCALHOST:8765", "[::1]:8765", "localhost"]
)
def test_our_own_names_are_known(eve: Browser, host: str) -> None:
    assert eve.get("/static/review.css", host=host).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {},
        {"Sec-Fetch-Site": "cross-site", "Origin": f"http://127.0.0.1:{PORT}"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_of_another_page_is_refused(eve: Browser, headers: dict[str, str]) -> None:
    data = {"form_token": eve.token, "reviewer": "mallory"}
    assert eve.client.post("/reviewer", data=data, headers=headers).status_code == 403
    assert 'value="eve"' in eve.get("/").text


def test_a_form_without_the_sessions_token_is_refused(eve: Browser) -> None:
    eve.token = "guessed"
    assert eve.post("/reviewer", reviewer="mallory").status_code == 403


def test_nothing_changes_by_following_a_link(eve: Browser) -> None:
    for path in ("/reviewer", "/draws", "/invite", "/draws/1/undo", "/draws/1/items/1/later"):
        assert eve.get(path).status_code in {404, 405}


def test_every_answer_has_the_headers(eve: Browser) -> None:
    for path in ("/", "/static/review.js", "/nowhere", f"/sound/{an_id('x')}.wav"):
        headers = eve.get(path).headers
        assert headers["content-security-policy"].startswith(
            "default-src 'none'; script-src 'self'; style-src 'self'"
        )
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        if not path.startswith("/static/"):
            assert headers["cache-control"] == "no-store"


def test_a_form_that_is_too_long_is_refused(eve: Browser) -> None:
    assert eve.post("/reviewer", reviewer="x" * 70_000).status_code == 413


def test_nobody_judges_without_a_name(db: Path) -> None:
    nobody = Browser.of(db, reviewer="")
    assert "Say first who judges" in nobody.draw().text
    assert nobody.log.draws() == ()


def test_pages_ask_for_nothing_elsewhere_and_have_no_inline_code(eve: Browser) -> None:
    eve.draw()
    for path in ("/", "/draws/1", "/draws/1/review", "/queue", "/differences"):
        text = eve.get(path).text
        assert not re.findall(r'(?:src|href|action|hx-\w+)="(?:https?:)?//', text)
        assert not re.findall(r"<style|\sstyle=|<script(?! src=)|\son\w+=", text)


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/draws/9",
        "/draws/9/review",
        "/draws/9/protocol.json",
        "/draws/x",
        "/differences/1/1",
        "/findings/abc/greeting",
        f"/findings/{an_id('x')}/greeting",
        "/static/../app.py",
        "/static/%2e%2e%2fapp.py",
        f"/sound/{an_id('x')}.wav?from=0&to=1",
        "/sound/..%2f..%2fetc%2fpasswd.wav?from=0&to=1",
    ],
)
def test_what_there_is_not_is_told(eve: Browser, path: str) -> None:
    response = eve.get(path)
    assert response.status_code == 404
    assert "Traceback" not in response.text


# --- drawing ---------------------------------------------------------------------------------------------


def test_what_can_be_expected_is_shown_before_drawing(eve: Browser) -> None:
    text = eve.get("/plan?rule=greeting&aim=rate&sample=8&seed=1", **{"HX-Request": "true"}).text
    assert "5 passes and 3 fails of 9" in " ".join(text.split())
    assert "Expect the true rate within" in text
    assert "no findings of this rule" in eve.get("/plan?rule=nothing").text
    for bad in ("sample=0", "sample=x", "seed=-1", "aim=all", "from=yesterday"):
        assert 'class="note"' in eve.get(f"/plan?rule=greeting&{bad}").text


def test_what_is_drawn_is_what_was_shown_and_the_same_again(eve: Browser) -> None:
    eve.draw(aim="rate", sample=8)
    eve.draw(aim="rate", sample=8)
    first, second = (eve.log.draw(number) for number in (1, 2))
    assert first.drawn == {"fail": 3, "pass": 5}
    assert (first.made_by, first.blind) == ("eve", True)
    assert eve.log.items(1) == eve.log.items(2)
    assert first.drawn == second.drawn


def test_a_bad_request_to_draw_is_told(eve: Browser) -> None:
    response = eve.draw(rule="nothing")
    assert response.status_code == 400
    assert "no findings of this rule" in response.text


# --- judging ---------------------------------------------------------------------------------------------


def test_the_verdict_is_hidden_until_the_answer(eve: Browser) -> None:
    shown = eve.draw()
    for _ in range(6):
        position = position_on(shown)
        assert "Was the caller greeted?" in shown.text
        # What comes before tells of the answer before, what comes after are the keys.
        card = shown.text.partition('class="box card"')[2].partition("<dialog")[0]
        assert card
        for secret in ("pass", "fail", "mark>", "93 %", "Agatha", "Verdict", "confirmed"):
            assert secret not in card
        sound = eve.get(sound_on(shown))
        assert not [name for name, value in sound.headers.items() if "pass" in value or "fail" in value]
        shown = eve.post(f"/draws/1/items/{position}", answer=0)
    assert "Everything of this drawing is judged." in shown.text


def test_where_the_verdict_is_shown_it_can_be_judged_itself(eve: Browser) -> None:
    shown = eve.draw(blind=None)
    assert "Verdict: <strong>" in shown.text
    eve.post("/draws/1/items/1", judgement="wrong", note=" never ")
    (judged,) = eve.log.standing()
    assert (judged.review.judgement, judged.review.note, judged.review.blind) == ("wrong", "never", False)


def test_an_answer_is_kept_and_the_next_card_shown(eve: Browser) -> None:
    first = eve.draw()
    assert position_on(first) == 1
    second = eve.post("/draws/1/items/1", answer=0, plays=2, shown_at=0)
    assert position_on(second) == 2
    (judged,) = eve.log.standing()
    item = eve.log.items(1)[0]
    review = judged.review
    assert (review.answer, review.blind, review.kind, review.draw_id) == ("greeted", True, "first", 1)
    assert review.judgement == ("confirmed" if item.verdict == "pass" else "wrong")
    assert (judged.plays, judged.seconds) == (2, None)
    assert f"1: you “greeted” · program: {item.verdict}" in " ".join(second.text.split())
    assert "1 of 6 judged" in second.text


def test_an_answer_sent_twice_counts_once(eve: Browser) -> None:
    eve.draw()
    eve.post("/draws/1/items/1", answer=0)
    assert position_on(eve.post("/draws/1/items/1", answer=1)) == 2
    assert len(eve.log.standing()) == 1


@pytest.mark.parametrize(
    "fields", [{}, {"answer": 3}, {"answer": "-1"}, {"answer": "²"}, {"judgement": "wrong"}]
)
def test_what_is_no_answer_is_refused(eve: Browser, fields: dict[str, Any]) -> None:
    eve.draw()
    assert eve.post("/draws/1/items/1", **fields).status_code == 400
    assert eve.post("/draws/1/items/99", answer=0).status_code == 404
    assert eve.log.standing() == ()


def test_the_last_answer_is_taken_back(eve: Browser) -> None:
    eve.draw()
    eve.post("/draws/1/items/1", answer=0)
    eve.post("/draws/1/items/2", answer=0)
    assert position_on(eve.post("/draws/1/undo")) == 2
    assert position_on(eve.post("/draws/1/undo")) == 1
    assert position_on(eve.post("/draws/1/undo")) == 1
    assert (eve.log.standing(), len(eve.log.withdrawn())) == ((), 2)
    eve.post("/draws/1/items/1", answer=1)
    assert [judged.review.answer for judged in eve.log.standing()] == ["not greeted"]


def test_what_is_put_off_comes_last(eve: Browser) -> None:
    eve.draw()
    assert position_on(eve.post("/draws/1/items/1/later")) == 2
    for position in range(2, 7):
        shown = eve.post(f"/draws/1/items/{position}", answer=0)
    assert position_on(shown) == 1


def test_the_same_card_after_a_reload_and_after_a_restart(db: Path, eve: Browser) -> None:
    eve.draw()
    eve.post("/draws/1/items/1", answer=0)
    assert position_on(eve.get("/draws/1/review")) == 2
    again = Browser.of(db, reviewer="eve")  # another application over the same files
    assert position_on(again.get("/draws/1/review")) == 2


def test_htmx_gets_the_card_alone(eve: Browser) -> None:
    eve.draw()
    part = eve.client.get("/draws/1/review", headers={"HX-Request": "true"}).text
    assert position_on(eve.get("/draws/1/review")) == 1
    assert "<html" not in part
    assert 'data-position="1"' in part


def test_a_reviewer_can_hear_more_and_the_pauses(eve: Browser) -> None:
    shown = eve.draw()
    item = eve.log.items(1)[0]
    wider = eve.get("/draws/1/items/1?more=1")
    assert position_on(wider) == 1
    narrow = eve.get("/draws/1/items/1?evidence=1")
    if item.verdict == "pass":
        assert "from=0.50&to=0.90" in sound_on(narrow)
    assert "from=0.00&to=3.0" in sound_on(shown)
    assert "speech=1" not in sound_on(eve.get("/draws/1/items/1?pauses=1"))
    assert eve.get("/draws/1/items/1?more=-1&pauses=x").status_code == 200


# --- two reviewers ---------------------------------------------------------------------------------------


def test_a_second_reviewer_sees_nothing_of_the_first_and_differences_are_settled(
    db: Path, eve: Browser
) -> None:
    eve.draw(second=1)
    for position in range(1, 7):
        eve.post(f"/draws/1/items/{position}", answer=0, note="my secret opinion")
    ann = Browser.of(db, reviewer="ann", other=eve)
    for number in range(6):
        shown = ann.get("/draws/1/review")
        assert "my secret opinion" not in shown.text
        assert "eve" not in shown.text.partition("<main")[2]
        ann.post(f"/draws/1/items/{position_on(shown)}", answer=1 if number == 0 else 0)
    assert "Nothing is left" in ann.get("/draws/1/review").text or "judged" in ann.get("/draws/1/review").text
    assert [judged.review.kind for judged in ann.log.standing()] == ["first"] * 6 + ["second"] * 6
    listed = ann.get("/differences").text
    assert listed.count('<li class="box">') == 1
    assert "my secret opinion" in listed
    results = " ".join(ann.get("/draws/1").text.split())
    assert "5 of 6 judged alike" in results
    assert "too few for a coefficient" in results
    place = re.findall(r'href="(/differences/1/\d)"', listed)[0]
    assert "my secret opinion" in ann.get(place).text
    assert ann.post(place, answer=1).status_code == 400
    merge(db, ann)
    open_before = row_of(db, "SELECT unclear, wrong FROM rule_quality")
    ann.post(place, answer=1, note="nobody said it")
    assert "Nothing to settle" in ann.get("/differences").text
    merge(db, ann)
    assert open_before["unclear"] == 1
    assert row_of(db, "SELECT unclear, wrong FROM rule_quality")["unclear"] == 0
    assert query(db, "SELECT count(*) FROM review WHERE kind = 'settled'").rows == ((1,),)


# --- figures ---------------------------------------------------------------------------------------------


def test_the_overview_is_that_of_rule_quality_after_a_merge(db: Path, eve: Browser) -> None:
    eve.draw(aim="fails")
    for position in range(1, 4):
        eve.post(f"/draws/1/items/{position}", answer=1 if position < 3 else 2)
    before = " ".join(eve.get("/").text.split())
    assert "3 not merged yet" in before
    assert "2 of 2" not in before
    merge(db, eve)
    after = " ".join(eve.get("/").text.split())
    assert "not merged yet" not in after
    assert "2 of 2, 1 unclear" in after
    row = row_of(db, "SELECT fail_precision, fail_fpc_low, fail_fpc_high FROM rule_quality")
    assert f"{row['fail_fpc_low']:.2f}".removeprefix("0") in after
    results = " ".join(eve.get("/draws/1").text.split())
    assert ".67 to 1.00" in results  # the unclear one wrong, and right


def test_an_interim_result_says_so(eve: Browser) -> None:
    eve.draw()
    eve.post("/draws/1/items/1", answer=0)
    assert "Interim, 1 of 6." in eve.get("/draws/1").text
    assert "1 of 6, interim" in eve.get("/").text


def test_the_protocol_of_a_drawing_can_be_verified(db: Path, eve: Browser, tmp_path: Path) -> None:
    eve.draw()
    eve.post("/draws/1/items/1", answer=0)
    path = tmp_path / "protocol.json"
    path.write_bytes(eve.get("/draws/1/protocol.json").content)
    with reading(db) as connection:
        assert verify(connection, path) == ()
    assert '"reviewer": "eve"' in path.read_text()


# --- the queue -------------------------------------------------------------------------------------------


def test_a_possible_wording_is_judged_by_itself_and_in_no_estimate(tmp_path: Path) -> None:
    call = a_heard_call(tmp_path / "audio", 1, "not_determinable")
    finding = replace(
        call.findings[0],
        start_s=0.5,
        end_s=0.9,
        quote=SECRET_QUOTE,
        turn_index=0,
        detail={"reason_code": "possible_wording", "reason": "near"},
    )
    db = stored(tmp_path / "calls.duckdb", replace(call, findings=(finding,)))
    eve = Browser.of(db)
    (link,) = re.findall(r'href="(/findings/[^"]+)"', eve.get("/queue").text)
    page = eve.get(link)
    assert f"“{SECRET_QUOTE}”" in page.text
    assert "<mark>good</mark>" in page.text
    eve.post(link, judgement="wrong")
    assert "/findings/" not in eve.get("/queue").text
    merge(db, eve)
    assert query(db, "SELECT kind, judgement FROM review").rows == (("unsampled", "wrong"),)
    assert row_of(db, "SELECT reviewed FROM rule_quality")["reviewed"] == 0


# --- sound -----------------------------------------------------------------------------------------------


def test_sound_is_served_in_ranges_and_its_hearers_are_kept(eve: Browser) -> None:
    sound = sound_on(eve.draw())
    whole = eve.get(sound)
    assert (whole.status_code, whole.headers["content-type"]) == (200, "audio/wav")
    with wave.open(io.BytesIO(whole.content)) as file:
        assert file.getnframes() / file.getframerate() > 1
    part = eve.get(sound, Range="bytes=100-199")
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert eve.get(sound, Range=f"bytes={len(whole.content)}-").status_code == 416
    assert eve.log.accesses() == (("eve", "clip", eve.log.items(1)[0].recording_id),)


@pytest.mark.parametrize(
    "query_", ["", "?from=1", "?from=2&to=1", "?from=-1&to=1", "?from=1e9&to=2e9", "?from=x&to=y"]
)
def test_a_part_that_is_none_is_refused(eve: Browser, query_: str) -> None:
    eve.draw()
    recording_id = eve.log.items(1)[0].recording_id
    assert eve.get(f"/sound/{recording_id}.wav{query_}").status_code == 400


def test_audio_that_was_replaced_is_not_played(tmp_path: Path) -> None:
    db = a_review_store(tmp_path, ["pass"])
    eve = Browser.of(db)
    for path in (tmp_path / "audio").iterdir():
        path.write_bytes(path.read_bytes()[:-8] + b"\1\2\3\4\5\6\7\x08")
    shown = eve.draw()
    assert "the file is not the one that was analysed" in shown.text
    assert "data-sound" not in shown.text
    recording_id = eve.log.items(1)[0].recording_id
    assert eve.get(f"/sound/{recording_id}.wav?from=0&to=1").status_code == 410
    assert eve.get("/").status_code == 200
    eve.post("/draws/1/items/1", answer=2)
    assert eve.log.standing()[0].review.judgement == "unclear"


# --- the store changes meanwhile ----------------------------------------------------------------------------


def test_a_night_publishes_while_somebody_judges(db: Path, eve: Browser, tmp_path: Path) -> None:
    eve.draw()
    with writing(db) as writer:
        eve.post("/draws/1/items/1", answer=0)
        writer.add(a_heard_call(tmp_path / "new", 77, "pass"))
        merge_reviews(writer, eve.log)
        writer.publish()
        eve.post("/draws/1/items/2", answer=0)
    assert "10 calls in" in eve.get("/").text
    assert len(eve.log.standing()) == 2
    assert query(db, "SELECT count(*) FROM review").rows == ((1,),)


def test_a_store_that_is_gone_is_told_on_a_page(db: Path, eve: Browser) -> None:
    db.unlink()
    response = eve.get("/")
    assert response.status_code == 503
    assert "there is no store" in response.text


def test_an_empty_store_says_what_to_run(tmp_path: Path) -> None:
    eve = Browser.of(stored(tmp_path / "calls.duckdb"))
    assert "No calls yet. Run <code>earwitness nightly" in eve.get("/").text


def test_hostile_names_and_words_stay_text(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>\"'></style>\u202e" + "x" * 10_000
    call = a_heard_call(tmp_path / "audio", 1, "pass")
    words = tuple(replace(word, text=evil) for word in call.words)
    hostile = replace(call, call=replace(call.call, call_ref=evil, queue=evil), words=words)
    eve = Browser.of(stored(tmp_path / "calls.duckdb", hostile), reviewer=evil[:60])
    eve.draw(sample=1)
    eve.post("/draws/1/items/1", answer=0, note=evil[:500])
    for path in ("/", "/draws/1", "/draws/1/review", "/draws/1/items/1", "/queue"):
        assert "<script>alert" not in eve.get(path).text
