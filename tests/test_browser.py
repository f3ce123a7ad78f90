"""What a learner does: open JupyterLab, open a notebook, run all cells, move a slider. In a real browser.

The notebooks run as copies in an empty folder, so a test never changes the course.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import nbformat
import psutil
import pytest
from explorable_samples import MAKERS
from playwright.sync_api import Browser, Error, Locator, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
COURSE = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
OPENED = {  # what to touch in a notebook when all of it has run, each kind of widget; nbval runs the others
    "03_motion_vectors": ("explorable",),
    "06_infonce": ("slider", "explorable"),
}
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
SETTINGS = {
    # Every cell in the page at once, not only those in view; no questions; nothing fetched.
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
RUN_MINUTES = 4  # for a notebook that has to make the course's clips first
BROWSER_MINUTES = 5  # then something hangs

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (apt-get install chromium)"),
]


class Lab(NamedTuple):
    """A running JupyterLab."""

    url: str
    token: str
    folder: Path


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    home = tmp_path_factory.mktemp("lab")
    course = home / "repository" / "notebooks"
    course.mkdir(parents=True)
    for name in COURSE:
        notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.execution_count = None  # so that a number beside a cell means: it was run here
        nbformat.write(notebook, course / f"{name}.ipynb")
    for plugin, values in SETTINGS.items():
        file = home / "settings" / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values), encoding="utf-8")

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = Lab(f"http://127.0.0.1:{port}", secrets.token_hex(16), course)
    command = [
        *(sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", f"--port={port}"),
        *("--ServerApp.ip=127.0.0.1", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={course.parent}"),
        *(
            f"--IdentityProvider.token={running.token}",
            "--LabApp.news_url=",
            "--LabApp.extension_manager=readonly",
        ),
    ]
    folders = {f"JUPYTER_{kind}_DIR": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")} | {
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
        # Two threads that wait for each other and a busy browser on two cores get nowhere.
        "OMP_NUM_THREADS": "1",
    }
    with open(home / "log", "w", encoding="utf-8") as log:
        server = subprocess.Popen(
            command, cwd=course.parent, env=os.environ | folders, stdout=log, stderr=log
        )
    try:
        _wait_until_it_answers(running, server, home / "log")
        yield running
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait_until_it_answers(running: Lab, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"{running.url}/api?token={running.token}", timeout=5)
            return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text(encoding='utf-8')[-3000:]}")


def _end_processes_with(marker: str) -> None:
    for process in psutil.process_iter(["cmdline"]):
        if marker in (process.info["cmdline"] or []):
            process.kill()


def in_a_browser(lab: Lab, action: Callable[[Page], None]) -> None:
    """Runs `action` on a new page of a new browser, which can reach this JupyterLab only.

    Without a graphics card Chromium's renderer now and then spins for ever, and Playwright then waits with
    it. So a watchdog ends a browser that takes too long, and a second one may try.
    """
    for _ in range(2):
        marker = f"--course-test={secrets.token_hex(8)}"  # Chromium passes over flags it does not know
        hung = threading.Event()

        def end(marker: str = marker, hung: threading.Event = hung) -> None:
            hung.set()
            _end_processes_with(marker)

        watchdog = threading.Timer(BROWSER_MINUTES * 60, end)
        watchdog.start()
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, marker])
                _on_a_page(browser, action)
                browser.close()
            return
        except (Error, AssertionError):  # `expect` turns a lost browser into the latter
            if not hung.is_set():
                raise
        finally:
            watchdog.cancel()
    pytest.fail(f"two browsers hung for {BROWSER_MINUTES} minutes each")


def _on_a_page(browser: Browser, action: Callable[[Page], None]) -> None:
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    strangers: list[str] = []

    def here_only(route) -> None:  # type: ignore[no-untyped-def]
        if urlsplit(route.request.url).hostname == "127.0.0.1":
            route.continue_()
        else:
            strangers.append(route.request.url)
            route.abort()

    context.route(re.compile("^https?:"), here_only)
    action(context.new_page())
    context.close()
    assert strangers == []


def red(panel: Locator) -> list[str]:
    """Everything JupyterLab shows as an error or a warning."""
    kinds = [f'[data-mime-type="application/vnd.jupyter.{kind}"]' for kind in ("error", "stderr")]
    return panel.locator(", ".join(kinds)).all_inner_texts()


def run_all(page: Page, lab: Lab, name: str) -> Locator:
    """Opens a notebook, runs all its cells by the menu, and returns its panel when the last has run."""
    page.goto(f"{lab.url}/lab/tree/notebooks/{name}.ipynb?token={lab.token}&reset")
    panel = page.locator(".jp-NotebookPanel:visible")
    expect(panel.locator(".jp-Cell").first).to_be_visible(timeout=60_000)
    cells = nbformat.read(lab.folder / f"{name}.ipynb", as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code" and cell.source.strip()]
    count = sum(not cell.metadata.get("jupyter", {}).get("source_hidden") for cell in code)  # have a prompt
    # Before the kernel is there, running would only ask which one to start.
    expect(page.locator("#jp-main-statusbar").get_by_text("| Idle")).to_be_visible(timeout=60_000)

    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    prompts = panel.locator(".jp-InputPrompt")
    ran = prompts.filter(has_text=re.compile(r"\[\d+\]"))
    waiting = prompts.filter(has_text="[*]")
    deadline, quiet = time.monotonic() + RUN_MINUTES * 60, 0
    while ran.count() < count and time.monotonic() < deadline and quiet < 20:
        quiet = 0 if waiting.count() else quiet + 1  # an error sends all waiting cells home
        page.wait_for_timeout(200)
    assert ran.count() == count, f"not all cells ran: {red(panel)}"
    return panel


@pytest.mark.parametrize("name", OPENED)
def test_a_notebook_runs_in_jupyterlab_and_its_widgets_answer(lab: Lab, name: str) -> None:
    def run_and_touch(page: Page) -> None:
        panel = run_all(page, lab, name)
        check_outputs(panel, name)
        for widget in OPENED[name]:
            selector, touch = WIDGETS[widget]
            check_widget(page, panel, selector, touch)

    in_a_browser(lab, run_and_touch)


def test_every_explorable_answers_in_jupyterlab(lab: Lab) -> None:
    samples = (
        f"import sys\nsys.path.insert(0, {str(ROOT / 'tests')!r})\nfrom explorable_samples import MAKERS"
    )
    shown = [f"MAKERS[{place}]()" for place in range(len(MAKERS))]
    cells = [nbformat.v4.new_code_cell(source) for source in (samples, *shown)]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), lab.folder / "explorables.ipynb")

    def run_and_touch(page: Page) -> None:
        panel = run_all(page, lab, "explorables")
        canvases = panel.locator(".explorable canvas")
        expect(canvases).to_have_count(len(MAKERS), timeout=60_000)
        for place in range(len(MAKERS)):
            canvas = canvases.nth(place)
            canvas.scroll_into_view_if_needed()
            expect(panel.locator(".explorable .status").nth(place)).not_to_be_empty(timeout=30_000)
            before = canvas.evaluate("canvas => canvas.toDataURL()")
            canvas.press("ArrowRight")
            page.wait_for_function(
                "([canvas, before]) => canvas.toDataURL() !== before",
                arg=[canvas.element_handle(), before],
                timeout=30_000,
            )
        panel.get_by_role("button", name="Train").click()
        expect(panel.locator(".explorable .status").first).to_contain_text("Spread around", timeout=60_000)
        assert red(panel) == []

    in_a_browser(lab, run_and_touch)


def check_outputs(panel: Locator, name: str) -> None:
    """Outputs are shown, and no error but those that the notebook raises on purpose."""
    expect(panel.locator(".jp-OutputArea-output").first).to_be_visible()
    on_purpose = sum(
        "raises-exception" in cell.metadata.get("tags", [])
        for cell in nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4).cells
    )
    assert len(red(panel)) == on_purpose, red(panel)
    expect(panel.get_by_text("Error displaying widget")).to_have_count(0)


def press_an_arrow(cell: Locator) -> None:
    handle = cell.locator(".noUi-handle").first
    handle.focus()
    handle.press("ArrowRight")


def press_an_arrow_on_the_canvas(cell: Locator) -> None:
    cell.locator("canvas").press("ArrowLeft")


WIDGETS = {
    "slider": (".widget-slider", press_an_arrow),
    "explorable": (".explorable canvas", press_an_arrow_on_the_canvas),
}


def check_widget(page: Page, panel: Locator, selector: str, touch: Callable[[Locator], None]) -> None:
    """Touches the first widget with this part, and waits until its image has changed."""
    cell = panel.locator(".jp-CodeCell").filter(has=page.locator(selector)).first
    expect(cell).to_be_visible(timeout=30_000)
    cell.scroll_into_view_if_needed()

    def images() -> list[str]:
        shown = cell.locator(".jp-Cell-outputArea").locator("img, canvas")
        return shown.evaluate_all("images => images.map(image => image.src ?? image.toDataURL())")

    expect(cell.locator(".jp-Cell-outputArea").locator("img, canvas").first).to_be_visible(timeout=30_000)
    before = images()
    touch(cell)
    deadline = time.monotonic() + 30
    while images() == before and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    assert images() != before, "the image did not follow"
