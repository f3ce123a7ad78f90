"""Opens explorables on pages of their own in a browser; a pytest plugin of their tests."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from cvrl_lite.course.explorables import Explorable, page
from cvrl_lite.course.figures import new, png

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
in_a_browser = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (apt-get install chromium)"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Opens an explorable's page; at the end nothing was asked of any host and no script had failed."""
    strangers: list[str] = []
    errors: list[str] = []
    contexts = []

    def open_(explorable: Explorable, **settings: object) -> Page:
        file = tmp_path / "page.html"
        still = png(new("Still"))
        file.write_text(page(explorable, title="Title", words="Words.", still=still), encoding="utf-8")
        context = browser.new_context(viewport={"width": 900, "height": 1000}, **settings)  # type: ignore[arg-type]
        contexts.append(context)
        shown = context.new_page()
        shown.on("request", lambda request: strangers.append(request.url))
        shown.on("pageerror", lambda error: errors.append(str(error)))
        shown.goto(file.as_uri())
        expect(shown.locator(".status")).not_to_be_empty()
        settle(shown)
        return shown

    yield open_
    for context in contexts:
        context.close()
    assert [url for url in strangers if not re.match("file:|blob:|data:", url)] == []
    assert errors == []


def settle(shown: Page) -> None:
    """Waits for two frames."""
    shown.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def plays(shown: Page) -> bool:
    """Whether the canvas changes by itself, several times within about a second."""
    seen = set()
    for _ in range(8):
        seen.add(pixels(shown))
        shown.wait_for_timeout(150)
    return len(seen) > 3


def pixels(shown: Page) -> str:
    """What the canvas shows."""
    settle(shown)
    return str(shown.locator("canvas").evaluate("canvas => canvas.toDataURL()"))
