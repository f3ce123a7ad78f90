"""The site, built once: complete, whole in itself, light, and alive in a browser that reaches only itself."""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import filelock
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sphinx.util.inventory import InventoryFile

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
DOCUMENTS = [path for path in (ROOT / "docs").rglob("*.md") if path != ROOT / "docs/README.md"]
EXPLORABLES = [path.stem for path in NOTEBOOKS if '"anywidget"' in path.read_text(encoding="utf-8")]
ROOMS = [
    *("codec", "datasets", "datasets.moving_scenes", "transforms", "models", "pretext", "train"),
    *("pretrained", "evaluate", "course.figures", "course.explorables"),
]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """As `make site` builds it; processes that share the tests share one build."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "site"
    with filelock.FileLock(f"{folder}.lock"):
        if not (folder / "objects.inv").exists():
            command = re.search(r"-m (sphinx .*) build/site", (ROOT / "Makefile").read_text(encoding="utf-8"))
            assert command is not None
            words = command[1].replace("build/doctrees", f"{folder}.doctrees").split()
            environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
            done = subprocess.run(
                [sys.executable, "-m", *words, folder],
                cwd=ROOT,
                capture_output=True,
                text=True,
                env=environment,
                timeout=300,
            )
            assert done.returncode == 0, done.stderr[-3000:]
    return folder


class _Anatomy(HTMLParser):
    """The ids of a page, where its links lead, and what it loads."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.ids.add(named.get("id", ""))
        if tag == "a" and "href" in named:
            self.links.append(named["href"])
        elif tag == "link" and named.get("rel") in ("stylesheet", "icon", "preload"):
            self.loaded.append(named["href"])
        elif "src" in named:
            self.loaded.append(named["src"])


@functools.cache
def anatomy(page: Path) -> _Anatomy:
    parser = _Anatomy()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser


def pages(site: Path) -> list[Path]:
    """Without the templates that the theme leaves beside its scripts."""
    return sorted(path for path in site.rglob("*.html") if "_static" not in path.parts)


def test_every_notebook_and_document_has_its_page(site: Path) -> None:
    sources = [path.relative_to(ROOT) for path in (*NOTEBOOKS, *DOCUMENTS)]
    assert len(sources) > 30
    assert [path for path in sources if not (site / path.with_suffix(".html")).exists()] == []


def test_links_lead_somewhere_and_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    broken, foreign, checked = [], [], 0
    for page in pages(site):
        found = anatomy(page)
        foreign += [f"{page.name}: {one}" for one in found.loaded if urlsplit(one).netloc]
        for link in (*found.links, *found.loaded):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            checked += 1
            if not target.is_file() or (
                parts.fragment and target.suffix == ".html" and parts.fragment not in anatomy(target).ids
            ):
                broken.append(f"{page.relative_to(site)}: {link}")
    for sheet in site.rglob("*.css"):
        loaded = re.findall(r"url\(\s*[\"']?([^)\"']+)", sheet.read_text(encoding="utf-8"))
        foreign += [f"{sheet.name}: {one}" for one in loaded if urlsplit(one).netloc]
    assert checked > 1000
    assert broken == []
    assert foreign == []


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    inventory = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="").data
    described = {name for kind, names in inventory.items() if kind.startswith("py:") for name in names}
    missing = []
    for room in ROOMS:
        module = importlib.import_module(f"cvrl_lite.{room}")
        for name in module.__all__:
            value = getattr(module, name)
            places = {f"cvrl_lite.{other}.{name}" for other in ROOMS}  # a name may be at home in another room
            documented = inspect.isfunction(value) or isinstance(value, type)
            if documented and not places & described:
                missing.append(f"{room}.{name}")
    assert missing == []


def test_terms_are_linked_once_a_page_and_explained(site: Path) -> None:
    glossary = anatomy(site / "docs/glossary.html").ids
    page = (site / "notebooks/02_inside_a_video_file.html").read_text(encoding="utf-8")
    terms = re.findall(
        r'<a class="[^"]*\bterm\b[^"]*" href="\.\./docs/glossary\.html#([\w-]+)" title="([^"]+)"', page
    )
    places = [place for place, _ in terms]
    assert len(places) == len(set(places)) > 12
    assert {"term-packet", "term-gop", "term-motion-vector"} <= set(places) <= glossary
    assert dict(terms)["term-packet"].startswith("A piece of a stream")
    # An author's links from terms lead to the entries, too; a word without an entry keeps its chapter.
    chapter = re.findall(r'glossary\.html#a-video-as-a-file"[^>]*>(?:<[^>]+>)*([^<]+)', page)
    assert chapter and not {f"term-{word.lower().removesuffix('s')}" for word in chapter} & glossary


def test_exercises_are_folded_and_answers_too(site: Path) -> None:
    page = (site / "notebooks/02_inside_a_video_file.html").read_text(encoding="utf-8")
    folded = re.findall(r'<details class="[^"]*above-input">.*?</details>', page, re.DOTALL)
    assert len(folded) >= 6  # three exercises and their checks, and figures
    assert "mean_frames_to_decode" in "".join(folded)
    assert page.count("<details><summary>Solution</summary>") == 3


# In a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (apt-get install chromium)")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class Visit:
    """A page, the bytes it took, and what it complained of."""

    def __init__(self, page: Page, here: str) -> None:
        self.page, self.here = page, here
        self.bytes = 0
        self.faults: list[str] = []
        page.route("**/*", self._here_only)
        page.on("response", self._count)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda said: self.faults.append(said.text) if said.type == "error" else None)

    def _here_only(self, route) -> None:  # type: ignore[no-untyped-def]
        if route.request.url.startswith((self.here, "data:", "blob:")):
            route.continue_()
        else:
            self.faults.append(f"asks for {route.request.url}")
            route.abort()

    def _count(self, response) -> None:  # type: ignore[no-untyped-def]
        if response.url.startswith(self.here):
            self.bytes += int(response.headers["content-length"])


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Callable[..., Visit]]:
    contexts, visits = [], []

    def open_page(path: str, *, width: int = 1280, **options: object) -> Visit:
        contexts.append(browser.new_context(viewport={"width": width, "height": 800}, **options))  # type: ignore[arg-type]
        visits.append(Visit(contexts[-1].new_page(), address))
        visits[-1].page.goto(address + path, wait_until="load")
        return visits[-1]

    yield open_page
    for context in contexts:
        context.close()
    assert [fault for one in visits for fault in one.faults] == []


def test_search_finds_a_page_and_the_page_opens(visit: Callable[..., Visit]) -> None:
    page = visit("search.html?q=occlusion").page
    result = page.locator("#search-results a").filter(has_text="Glossary").first
    expect(result).to_be_visible(timeout=30_000)
    result.click()
    expect(page).to_have_title(re.compile("Glossary"))


def pixels(page: Page, place: int) -> str:
    canvas = page.locator(".explorable-place canvas").nth(place)
    return str(canvas.evaluate("canvas => canvas.toDataURL()"))


@pytest.mark.parametrize("name", EXPLORABLES)
def test_explorables_answer_without_a_kernel(visit: Callable[..., Visit], name: str) -> None:
    page = visit(f"notebooks/{name}.html", reduced_motion="reduce").page
    places = page.locator(".explorable-place")
    assert places.count() > 0
    for place in range(places.count()):
        canvas = places.nth(place).locator("canvas")
        canvas.scroll_into_view_if_needed()
        expect(places.nth(place).locator(".status")).to_contain_text(re.compile(r"\w"))
        page.wait_for_timeout(300)  # until its pictures are decoded
        assert any(changes(page, place, key) for key in ("ArrowRight", "ArrowLeft", "ArrowDown", None))


def changes(page: Page, place: int, key: str | None) -> bool:
    """Whether an explorable's canvas looks otherwise after a key; None: after a click on its first button."""
    here, before = page.locator(".explorable-place").nth(place), pixels(page, place)
    if key is None:
        here.get_by_role("button").first.click()
    else:
        here.locator("canvas").press(key)
    page.wait_for_timeout(500)
    return pixels(page, place) != before


def test_every_page_fits_a_phone(visit: Callable[..., Visit], site: Path) -> None:
    phone = visit("index.html", width=390)
    wide = []
    for path in pages(site):
        phone.page.goto(phone.here + path.relative_to(site).as_posix(), wait_until="load")
        if phone.page.evaluate("document.documentElement.scrollWidth") > 390:
            wide.append(path.name)
    assert wide == []


def test_light_and_dark_follow_the_system_and_the_button(visit: Callable[..., Visit]) -> None:
    def brightness(page: Page, selector: str) -> int:
        color = page.locator(selector).first.evaluate("part => getComputedStyle(part).backgroundColor")
        return sum(map(int, re.findall(r"\d+", color)[:3]))

    for scheme, low, high in (("light", 700, 765), ("dark", 0, 150)):
        page = visit("notebooks/06_infonce.html", color_scheme=scheme).page
        explorable = page.locator(".explorable")
        explorable.scroll_into_view_if_needed()
        page.wait_for_timeout(200)
        assert low <= brightness(page, "body") <= high
        assert low <= brightness(page, ".explorable") <= high
    page.locator(".theme-switch-button:visible").first.click()
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.dataset.theme") in ("light", "dark")


def test_the_first_screen_moves_unless_motion_is_not_wanted(visit: Callable[..., Visit]) -> None:
    page = visit("index.html", width=390).page
    canvas = page.locator(".explorable-place canvas").first
    box = canvas.bounding_box()
    assert box is not None and box["y"] < 600
    expect(page.locator(".explorable .status")).to_contain_text("Query 1")
    seen = set()
    for _ in range(6):
        page.wait_for_timeout(200)
        seen.add(pixels(page, 0))
    assert len(seen) > 2
    page.get_by_role("button", name="Another clip").click()
    expect(page.locator(".explorable .status")).to_contain_text("Query 2")
    page.get_by_role("button", name="Pause").click()
    page.wait_for_timeout(300)
    before = pixels(page, 0)
    page.wait_for_timeout(300)
    assert pixels(page, 0) == before
    calm = visit("index.html", reduced_motion="reduce").page
    calm.wait_for_timeout(800)
    before = pixels(calm, 0)
    calm.wait_for_timeout(300)
    assert pixels(calm, 0) == before


def test_the_first_page_is_light(visit: Callable[..., Visit]) -> None:
    first = visit("index.html")
    first.page.wait_for_load_state("networkidle")
    assert 50_000 < first.bytes < 1_000_000
