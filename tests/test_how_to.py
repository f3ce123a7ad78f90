"""The commands of the how-to pages and of the first page, run in their order on a few small clips."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from cvrl_lite import cli, codec
from cvrl_lite.datasets import moving_scenes

ROOT = Path(__file__).resolve().parents[1]
# Pages whose commands need nothing but a folder of videos; the search service is run by test_examples.
RUN = {"docs/how_to/my_own_videos": 11, "docs/how_to/own_backbone": 2, "docs/how_to/own_task": 1, "index": 4}


def commands(page: Path) -> list[list[str]]:
    """The words of each command that a page gives, in order."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)```", text, re.DOTALL | re.MULTILINE)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def arguments(words: list[str]) -> list[str] | None:
    """Those of `cvrl-lite`, also below torchrun; None for another program."""
    if words[0] == "cvrl-lite":
        return words[1:]
    return words[words.index("cvrl_lite.cli") + 1 :] if "cvrl_lite.cli" in words else None


PAGES = ["index", *sorted(f"docs/how_to/{path.stem}" for path in (ROOT / "docs/how_to").glob("*.md"))]


@pytest.mark.parametrize("name", PAGES)
def test_commands_are_understood(name: str) -> None:
    found = commands(ROOT / f"{name}.md")
    assert found
    for words in found:
        if (asked := arguments(words)) is not None:
            cli.parser().parse_args(asked)
        elif words[0] == "python":
            assert (ROOT / words[1]).is_file()
        else:
            assert words[0] in ("pip", "curl")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six clips of two classes, and beside the folder the `query.mp4` of the pages."""
    folder = tmp_path_factory.mktemp("how_to") / "videos"
    for number, scene in enumerate(("rings", "checks") * 3):
        (folder / scene).mkdir(parents=True, exist_ok=True)
        frames = moving_scenes.draw(scene, ("right", "down", "clockwise")[number // 2], number, frames=40)
        codec.encode(frames, folder / scene / f"{number}.mp4", gop=12)
    shutil.copy(folder / "rings" / "0.mp4", folder.parent / "query.mp4")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", RUN)
def test_commands_do_what_the_page_says(
    name: str,
    videos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(videos.parent, tmp_path, dirs_exist_ok=True)
    (tmp_path / "data").mkdir()
    shutil.copy(ROOT / "data" / "sample.mp4", tmp_path / "data")
    text = (ROOT / f"{name}.md").read_text(encoding="utf-8")
    for file, source in re.findall(r"`(\w+\.py)`:\n\n```python\n(.*?)```", text, re.DOTALL):
        (tmp_path / file).write_text(source, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = [asked for words in commands(ROOT / f"{name}.md") if (asked := arguments(words))]
    assert len(found) == RUN[name]
    for asked in found:
        few = [
            "2" if option == "--steps" else word for option, word in zip(["", *asked], asked, strict=False)
        ]
        assert cli.main(few) == 0, f"{shlex.join(few)}: {capsys.readouterr().err}"
    if name == "docs/how_to/own_backbone":
        assert recipe(tmp_path / "runs/small")["networks"]["backbone"] == "networks:small"
    if name == "docs/how_to/own_task":
        assert recipe(tmp_path / "runs/speed")["tasks"]["speed"]["kind"] == "speed:SpeedConfig"
        logged = [
            json.loads(line)
            for line in (tmp_path / "runs/speed/metrics.jsonl").read_text(encoding="utf-8").splitlines()
        ]
        assert len(logged) == 2
        assert all({"speed_loss", "speed_error", "context_loss"} <= set(row) for row in logged)


def recipe(run: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((run / "recipe.json").read_text(encoding="utf-8"))
    return values
