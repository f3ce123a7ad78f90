"""What `import cvrl_lite` gives: one small surface, the same in `dir`, `help` and the docs, loaded late."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import cvrl_lite

PAGE = (Path(__file__).resolve().parents[1] / "docs/package.md").read_text(encoding="utf-8")


def run(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_dir_help_and_the_page_show_the_same_names() -> None:
    rooms = ("models", "pretext", "transforms")
    assert dir(cvrl_lite) == sorted([*cvrl_lite.__all__, "__version__", *rooms])
    for room in (cvrl_lite.evaluate, cvrl_lite.train):
        assert dir(room) == sorted(room.__all__)
    for name in cvrl_lite.__all__:
        assert f"`{name}`" in inspect.getdoc(cvrl_lite)
        value = getattr(cvrl_lite, name)
        if not (isinstance(value, type) and issubclass(value, cvrl_lite.VideoError)):
            assert f"| `{name}` |" in PAGE or f", `{name}` |" in PAGE, f"{name} is not in the page's table"
    assert "| `VideoError`" in PAGE


def test_rooms_open_after_the_package_alone_was_imported() -> None:
    code = """
import sys, cvrl_lite
names = ("codec", "datasets", "evaluate", "models", "pretext", "train", "transforms")
assert not [name for name in names if f"cvrl_lite.{name}" in sys.modules]
print(cvrl_lite.codec.encode.__name__, "torch" in sys.modules)
print(cvrl_lite.datasets.VideoFolder.__name__, cvrl_lite.train.recipes.laptop().augmentation.size)
assert all(getattr(cvrl_lite, name) is sys.modules[f"cvrl_lite.{name}"] for name in names)
"""
    assert run(code).splitlines() == ["encode False", "VideoFolder 64"]


def test_other_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="'cvrl_lite' has no attribute 'CompresedVideo'"):
        cvrl_lite.CompresedVideo  # noqa: B018
