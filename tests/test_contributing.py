"""What CONTRIBUTING.md shows is run as it stands: a data set, an explorable, and the pages it sends to."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

import cvrl_lite
from cvrl_lite import codec
from cvrl_lite.datasets import moving_scenes

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]


def section(name: str) -> str:
    return TEXT.split(f"\n## A{'n' if name[0] in 'aeiou' else ''} {name}\n")[1].split("\n## ")[0]


def code(name: str) -> list[str]:
    blocks: list[str] = re.findall(r"```\w+\n(.*?)```", section(name), re.S)
    assert blocks and all(len(block.splitlines()) < 30 for block in blocks)
    return blocks


def run(*words: str, cwd: Path, path: Path = ROOT) -> str:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(cwd), str(path))), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *words], cwd=cwd, env=environment, capture_output=True, encoding="utf-8", timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """Eight clips, two actions by each of four cooks."""
    (tmp_path / "videos").mkdir()
    for seed, cook in enumerate(("ann", "bob", "cleo", "dan")):
        for action, name in (("right", "wipe"), ("turn", "stir")):
            clip = moving_scenes.draw(moving_scenes.SCENES[seed], action, seed=seed, frames=40, size=64)
            codec.encode(clip, tmp_path / f"videos/{cook}_{name}_01.mp4", gop=12)
    return tmp_path


@pytest.mark.parametrize(("name", "file"), [("backbone", "networks"), ("task", "speed")])
def test_a_backbone_and_a_task_are_told_on_a_page_that_is_run(name: str, file: str) -> None:
    """Told once: tests/test_how_to.py writes the page's file and trains by its command."""
    (page,) = re.findall(r"\]\((docs/how_to/\w+\.md)\)", section(name))
    text = (ROOT / page).read_text(encoding="utf-8")
    (source,) = re.findall(rf"`{file}\.py`:\n\n```python\n(.*?)```", text, re.S)
    assert len(source.splitlines()) < 30 and f"{file}:" in text.split("```sh")[1]
    assert "```" not in section(name)


@pytest.mark.slow
def test_a_data_set_is_split_by_source_embedded_and_judged(videos: Path) -> None:
    definition, use = code("data set")
    (videos / "kitchen.py").write_text(definition, encoding="utf-8")
    look = "\nparts = Kitchen('videos/').split(holdout=0.5)\nprint(*(sorted(set(p.sources)) for p in parts))"
    scores, sources = run("-c", use + look, cwd=videos).strip().splitlines()
    assert "R@1" in scores and "linear" in scores
    cooks = re.findall(r"\w+", sources)
    assert sorted(cooks) == ["ann", "bob", "cleo", "dan"]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (apt-get install chromium)")
def test_an_explorable_is_operated_in_a_browser(tmp_path: Path) -> None:
    """In a copy of the package, as a contributor adds it."""
    package = Path(cvrl_lite.__file__).parent
    shutil.copytree(package, tmp_path / "cvrl_lite", ignore=shutil.ignore_patterns("__pycache__"))
    folder = tmp_path / "cvrl_lite" / "course" / "explorables"
    for name, text in zip(("arrow.py", "arrow.js"), code("explorable"), strict=True):
        (folder / name).write_text(text, encoding="utf-8")
    run(
        "-c",
        "from pathlib import Path\n"
        "from cvrl_lite.course.explorables import page\n"
        "from cvrl_lite.course.explorables.arrow import arrow\n"
        "made = page(arrow(3, -1), title='A', words='B', still=b'')\n"
        "Path('arrow.html').write_text(made, encoding='utf-8')\n",
        cwd=tmp_path,
        path=tmp_path,
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        shown = browser.new_page()
        shown.goto((tmp_path / "arrow.html").as_uri())
        expect(shown.locator(".status")).to_have_text("3 pixels right, -1 pixels down")
        shown.locator("canvas").focus()
        shown.keyboard.press("ArrowLeft")
        expect(shown.locator(".status")).to_have_text("2 pixels right, -1 pixels down")
        browser.close()


def test_every_command_and_file_it_names_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:^    |`)make ([a-z-]+)", TEXT, re.M):
        assert f"\n{target}:" in makefile, target
    files = re.findall(r"`((?:cvrl_lite|tests|notebooks|experiments)/[\w/.]*)`", TEXT)
    assert len(files) > 8
    assert [file for file in files if not list(ROOT.glob(file.rstrip("/").replace("NN_topic", "0?_*")))] == []
    assert "NOTEBOOKS=03_motion_vectors" in TEXT and (ROOT / "notebooks/src/03_motion_vectors.py").is_file()
    links = [link.split("#")[0] for link in re.findall(r"\]\((?!\w+:)([^)]+)\)", TEXT)]
    assert all((ROOT / link).exists() for link in links)
