"""The report of a call in a real browser: sound, words, links, and accessibility.

Needs Chromium and Playwright, without which these tests are skipped.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeEngine, Recites, Watcher, write_call

from pipeline import settings
from pipeline.archive import night
from pipeline.archive.plan import RunRequest
from pipeline.audit.call_page import write_report
from pipeline.store import reading

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
if CHROMIUM is None:
    pytest.skip("Chromium is not installed", allow_module_level=True)

AGENT = "Thanks for calling Northwind, how can I help you today with your account please?"
CUSTOMER = "my card number is 4929 1184 7702 3316 <img src=x onerror=alert(1)> thank you very much"
PLACE_S = "() => document.getElementById('sound').currentTime"


@dataclass(slots=True)
class Screen:
    """A page, with what it asked for and what it complained of."""

    page: Any
    requests: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_call(folder / "archive" / "a.wav", seconds=40.0)
    order = RunRequest(
        paths=(folder / "archive",), db=folder / "calls.duckdb", settings=settings.load(environ={})
    )
    night.run(order, FakeEngine(transcribe=Recites(AGENT, CUSTOMER))(), Watcher())
    with reading(order.db) as connection:
        write_report(connection, "a", folder / "a.html")
        write_report(connection, "a", folder / "beside.html", "beside")
    return folder / "a.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        yield driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


@pytest.fixture
def screen(browser: Any) -> Iterator[Screen]:
    page = browser.new_page()
    screen = Screen(page)
    page.on("request", lambda request: screen.requests.append(request.url))
    page.on(
        "console", lambda message: screen.faults.append(message.text) if message.type == "error" else None
    )
    page.on("pageerror", lambda error: screen.faults.append(str(error)))
    yield screen
    assert screen.faults == []
    assert [url for url in screen.requests if not url.startswith(("file:", "data:"))] == []
    page.close()


def ready(screen: Screen, address: str) -> None:
    screen.page.goto(address)
    screen.page.wait_for_function("() => document.getElementById('sound').readyState > 0")


def test_a_word_plays_from_its_start(screen: Screen, report: Path) -> None:
    ready(screen, f"file://{report}")
    word = screen.page.locator(".said span", has_text="number")
    start_s = float(word.get_attribute("data-t"))
    word.click()
    place_s = screen.page.evaluate(
        """() => new Promise((done) => {
            const sound = document.getElementById('sound');
            const first = () => done(sound.currentTime);
            if (sound.seeking) sound.addEventListener('seeked', first, { once: true }); else first();
        })"""
    )
    assert abs(place_s - start_s) < 0.03
    screen.page.wait_for_function(f"() => ({PLACE_S})() > {start_s + 0.2}")
    assert screen.page.locator(".said .now").count() == 1


def test_the_sound_is_there_at_its_place_and_length(screen: Screen, report: Path) -> None:
    ready(screen, f"file://{report}")
    assert abs(screen.page.evaluate("() => document.getElementById('sound').duration") - 40.0) < 0.05
    ready(screen, f"file://{report.with_name('beside.html')}")


def test_a_link_opens_at_its_second_and_does_not_play(screen: Screen, report: Path) -> None:
    ready(screen, f"file://{report}#t=29.7")
    screen.page.wait_for_function(f"() => Math.abs(({PLACE_S})() - 29.7) < 0.03")
    assert screen.page.evaluate("() => document.getElementById('sound').paused")
    assert screen.page.get_attribute("#playhead", "x1") == "74.25%"


def test_marks_and_lines_lead_to_their_second(screen: Screen, report: Path) -> None:
    ready(screen, f"file://{report}")
    screen.page.locator("rect.mark.customer").first.click()
    start_s = float(screen.page.locator("rect.mark.customer").first.get_attribute("data-t"))
    screen.page.wait_for_function(f"() => ({PLACE_S})() >= {start_s - 0.03}")
    screen.page.locator(".turn.agent .t").first.press("Enter")
    assert screen.page.evaluate("() => location.hash").startswith("#t=")


def test_words_are_found_in_order(screen: Screen, report: Path) -> None:
    ready(screen, f"file://{report}")
    screen.page.fill("#find", "how can")
    assert screen.page.inner_text("#count") == "1 found"
    assert screen.page.locator(".said .hit").all_inner_texts() == ["how", "can"]
    screen.page.fill("#find", "4929")
    assert screen.page.inner_text("#count") == "0 found"


def test_words_that_are_markup_are_words(screen: Screen, report: Path) -> None:
    ready(screen, f"file://{report}")
    assert screen.page.locator("#lines img").count() == 0
    assert "<img" in screen.page.inner_text("#lines")


def test_without_script_all_is_read(browser: Any, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"file://{report}")
    assert "Thanks for calling Northwind," in page.inner_text("#lines")
    assert page.locator(".scripted").first.is_hidden()
    context.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 360)])
def test_axe_finds_nothing_and_nothing_sticks_out(
    screen: Screen, report: Path, scheme: str, width: int
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    screen.page.emulate_media(color_scheme=scheme)
    screen.page.set_viewport_size({"width": width, "height": 800})
    ready(screen, f"file://{report}")
    options = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}}
    found = axe.run(screen.page, options=options).response["violations"]
    assert [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found] == []
    assert screen.page.evaluate("() => document.documentElement.scrollWidth") <= width
    screen.faults.clear()  # axe puts a style of its own into the page, which our policy stops
