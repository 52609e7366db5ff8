"""The review application in a real browser: sound, keys, what the page holds, and accessibility.

Needs Chromium and Playwright, without which these tests are skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from review_site import SECRET_QUOTE, a_review_store

from pipeline.store.review_log import ReviewLog, beside_store

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
if CHROMIUM is None:
    pytest.skip("Chromium is not installed", allow_module_level=True)

PROGRAM = "from pipeline.cli import main; main()"
IS_PAUSED = "() => document.getElementById('player').paused"
PLACE_S = "() => document.getElementById('player').currentTime"


@dataclass(slots=True)
class Screen:
    """A page in the browser, with all that it asked for, was answered, and complained of."""

    page: Any
    base: str
    log: ReviewLog
    hosts: set[str] = field(default_factory=set)
    answers: list[Any] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def draw(self, *, blind: bool = True, aim: str = "verdicts") -> None:
        """Draw a sample on the overview; shows its first card."""
        self.page.goto(self.base)
        self.page.fill("#sample", "6")
        self.page.check(f"input[value={aim}]")
        self.page.set_checked("input[name=blind]", blind)
        self.page.click("button.main")
        self.page.wait_for_selector(".card")

    @property
    def position(self) -> str:
        """Of the card that is shown."""
        return str(self.page.get_attribute(".card", "data-position"))

    def press(self, key: str, position: str) -> None:
        """Press a key that leads to the card of `position`."""
        self.page.keyboard.press(key)
        self.page.wait_for_selector(f".card[data-position='{position}']")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    db = a_review_store(tmp_path_factory.mktemp("browser"), ["pass"] * 8 + ["fail"] * 8)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "review", "--db", str(db), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(__file__).parents[1],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    yield db, process.stdout.readline().strip()
    process.kill()
    process.wait(timeout=30)
    process.stdout.close()


@pytest.fixture(scope="module")
def context(server: tuple[Path, str]) -> Iterator[Any]:
    """A browser in which a reviewer is known; its rules about sound are those that people meet."""
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context()
        page = context.new_page()
        page.goto(server[1])
        page.fill("#reviewer", "eve")
        page.click("form.who button")
        page.wait_for_load_state()
        assert "token" not in page.url
        page.close()
        yield context
        browser.close()


@pytest.fixture
def screen(context: Any, server: tuple[Path, str]) -> Iterator[Screen]:
    db, link = server
    page = context.new_page()
    screen = Screen(page, link.partition("?")[0], ReviewLog(beside_store(db)))
    page.on("request", lambda request: screen.hosts.add(request.url.split("/")[2]))
    page.on("response", lambda response: screen.answers.append(response))  # noqa: PLW0108 - no builtin
    page.on(
        "console", lambda message: screen.faults.append(message.text) if message.type == "error" else None
    )
    page.on("pageerror", lambda error: screen.faults.append(str(error)))
    yield screen
    assert screen.faults == []
    assert screen.hosts <= {screen.base.split("/")[2]}
    page.close()


def test_the_first_clip_waits_for_a_key_and_the_next_plays_by_itself(screen: Screen) -> None:
    screen.draw()
    assert screen.page.inner_text("#hint") == "Press Space to hear the clip."
    assert screen.page.evaluate(IS_PAUSED)
    screen.page.keyboard.press("Space")
    screen.page.wait_for_function(f"() => ({PLACE_S})() > 0.1")
    screen.press("1", "2")
    screen.page.wait_for_function(f"() => !({IS_PAUSED})() && ({PLACE_S})() > 0.1")
    judged = screen.log.standing()[-1]
    assert (judged.review.answer, judged.plays) == ("greeted", 1)


def test_until_the_answer_nothing_in_the_browser_holds_the_verdict(screen: Screen) -> None:
    screen.draw()
    first = screen.log.items(screen.log.draws()[0].draw_id)[0]
    pages = [answer for answer in screen.answers if answer.url.endswith("/review") and answer.ok]
    before = [page.text() for page in pages]
    assert before
    card = screen.page.evaluate("() => document.querySelector('.card').outerHTML")
    for secret in ("Verdict", "<mark", "93 %", "Agatha"):
        assert secret not in card
        assert not [text for text in before if secret in text]
    screen.press("1", "2")
    assert f"program: {first.verdict}" in screen.page.inner_text(".last")


def test_an_answer_is_taken_back_by_a_key(screen: Screen) -> None:
    screen.draw()
    screen.press("1", "2")
    screen.press("Backspace", "1")
    assert screen.page.inner_text(".last").startswith("Taken back")
    screen.press("2", "2")
    screen.page.reload()
    assert screen.position == "2"


def test_the_plan_is_that_of_the_form_as_it_is(screen: Screen) -> None:
    screen.page.goto(screen.base)
    for sample in ("2", "3", "4", "6"):  # faster than the answers come
        screen.page.fill("#sample", sample)
        screen.page.locator("#sample").blur()
    playwright.expect(screen.page.locator("#plan")).to_contain_text("3 passes and 3 fails of 16")
    screen.page.check("input[value=fails]")
    playwright.expect(screen.page.locator("#plan")).to_contain_text("8 fails of 8")


def test_the_line_follows_the_sound_and_a_click_on_the_lanes_moves_both(screen: Screen) -> None:
    screen.draw()
    screen.page.wait_for_function("() => document.getElementById('player').duration > 0")
    lanes = screen.page.locator("svg.times")
    box = lanes.bounding_box()
    lanes.click(position={"x": box["width"] / 2, "y": 20})
    length_s = screen.page.evaluate("() => document.getElementById('player').duration")
    assert screen.page.evaluate(PLACE_S) == pytest.approx(length_s / 2, abs=0.05)
    x = screen.page.get_attribute("#playhead", "x1")
    assert float(x.rstrip("%")) == pytest.approx(50, abs=2)


def test_letters_in_the_note_judge_nothing_and_keys_can_be_switched_off(screen: Screen) -> None:
    screen.draw(blind=False)
    screen.page.keyboard.press("n")
    screen.page.keyboard.type("1 cwu s z")
    assert (screen.page.input_value("#note"), screen.position) == ("1 cwu s z", "1")
    screen.page.keyboard.press("Escape")
    screen.page.uncheck("#keys")
    screen.page.locator("h1").click()
    screen.page.keyboard.press("1")
    screen.page.wait_for_timeout(300)
    assert screen.position == "1"
    screen.page.click("button[data-key='1']")
    screen.page.wait_for_selector(".card[data-position='2']")
    screen.page.check("#keys")
    screen.page.locator("h1").click()
    screen.press("w", "3")
    assert [one.review.judgement for one in screen.log.standing()[-1:]] == ["wrong"]
    assert screen.log.standing()[-2].review.note == "1 cwu s z"


def test_a_reviewer_can_seek_hear_more_and_put_off(screen: Screen) -> None:
    screen.draw()
    screen.page.wait_for_function("() => document.getElementById('player').duration > 0")
    screen.page.keyboard.press("ArrowRight")
    assert screen.page.evaluate(PLACE_S) == pytest.approx(1.0, abs=0.05)
    screen.page.keyboard.press("r")
    screen.page.keyboard.press("p")
    screen.page.wait_for_function("() => !document.querySelector('.card').dataset.sound.includes('speech')")
    assert screen.position == "1"
    screen.page.keyboard.press("?")
    assert screen.page.is_visible("#help")
    screen.page.keyboard.press("Escape")
    screen.press("s", "2")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 360)])
def test_axe_finds_nothing_and_nothing_sticks_out(screen: Screen, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    screen.draw()
    screen.press("1", "2")
    drawn = f"draws/{screen.log.draws()[0].draw_id}"
    finding = f"findings/{screen.log.items(1)[0].recording_id}/greeting"
    screen.page.emulate_media(color_scheme=scheme)
    screen.page.set_viewport_size({"width": width, "height": 800})
    options = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}}
    for path in ("", f"{drawn}/review", drawn, finding, "queue", "differences"):
        screen.page.goto(screen.base + path)
        found = axe.run(screen.page, options=options).response["violations"]
        assert [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found] == []
        assert screen.page.evaluate("() => document.documentElement.scrollWidth") <= width
    # Axe puts a style of its own into the page, which our policy stops.
    screen.faults.clear()


def test_where_the_verdict_is_shown_the_words_that_decided_are_marked(screen: Screen) -> None:
    screen.draw(blind=False)
    for position in range(1, 7):
        if "Verdict: pass" in screen.page.inner_text(".verdict"):
            marked = screen.page.locator(".card mark").all_inner_texts()
            assert set(marked) <= set(SECRET_QUOTE.split())
            assert marked
        screen.page.keyboard.press("c")
        screen.page.wait_for_function(
            "(p) => document.querySelector('.card')?.dataset.position !== p", arg=str(position)
        )
