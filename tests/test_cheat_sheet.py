"""The cheat sheet is true, and fits a page."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from cvrl_lite import CompressedVideo, cli, data_path

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs/cheat_sheet.md").read_text(encoding="utf-8")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """What draws it."""
    monkeypatch.syspath_prepend(str(ROOT / "experiments"))
    return importlib.import_module("cheat_sheet")


def test_commands_and_code_are_understood() -> None:
    commands = re.findall(r"`cvrl-lite ([^`]+)`", TEXT)
    assert len(commands) > 5
    for command in commands:
        cli.parser().parse_args(shlex.split(command))
    for code in re.findall(r"\| `([^`]+)` \|$", TEXT, re.M):
        if not code.startswith("cvrl-lite"):
            ast.parse(f"{code} pass" if code.endswith(":") else code)


def test_shapes_are_those_of_a_video() -> None:
    rows = re.findall(r"^\| `(video[^`]+)` \| \(([^)]+)\) (\w+)", TEXT, re.M)
    assert len(rows) == 6
    with CompressedVideo(data_path("sample.mp4")) as video:
        height, width = video[0].shape[:2]
        sizes = {"T": len(video), "K": len(video.keyframes().images), "H": height, "W": width, "2": 2, "3": 3}
        sizes |= {"H8": -(-height // 8), "W8": -(-width // 8)}
        for code, shape, dtype in rows:
            array = eval(code, {"video": video, "T": len(video)})
            assert isinstance(array, np.ndarray)
            assert (array.shape, array.dtype.name) == (tuple(sizes[n] for n in shape.split(", ")), dtype), (
                code
            )


def test_the_pdf_is_one_page_and_a_longer_text_is_refused(script: ModuleType) -> None:
    file = (ROOT / "docs/cheat_sheet.pdf").read_bytes()
    assert len(re.findall(rb"/Type /Page\b", file)) == 1 and len(file) < 100_000
    shown = {text.get_text() for text in script.drawn(TEXT).texts}
    assert {"Units and signs", "video.motion().mask", "cvrl-lite doctor"} <= shown
    with pytest.raises(ValueError, match="too long for a page"):
        script.drawn(TEXT + TEXT)
