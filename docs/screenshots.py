"""Makes the pictures of docs/images from the demo store: `make screenshots`.

Needs Chromium. The pictures are of the sample calls, which may be shown.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from pipeline.audit.call_page import write_report
from pipeline.store import reading

IMAGES = Path(__file__).parent / "images"
CALL, MONO = "D-1006", "D-1007"
SHOTS = (
    ("call-light", CALL, "light", 1100, 900),
    ("call-dark", CALL, "dark", 1100, 900),
    ("call-narrow", CALL, "light", 390, 900),
    ("call-mono", MONO, "light", 1100, 900),
)


def main() -> None:
    """Write the pictures."""
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    if browser_path is None:
        sys.exit("no Chromium: install it first")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, reading(Path("demo.duckdb")) as connection:
        pages = {
            call: write_report(connection, call, Path(folder) / f"{call}.html")[0] for call in (CALL, MONO)
        }
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
            for name, call, scheme, width, height in SHOTS:
                page = browser.new_page(
                    viewport={"width": width, "height": height}, color_scheme=scheme, device_scale_factor=1
                )
                page.goto(f"file://{pages[call].resolve()}")
                page.wait_for_function("() => document.getElementById('sound').readyState > 0")
                page.screenshot(path=IMAGES / f"{name}.png")
                page.close()


if __name__ == "__main__":
    main()
