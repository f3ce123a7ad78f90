"""The plan of the house: a room imports only from the rooms below it, and no file grows out of hand."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "cvrl_lite"
# Ground floor first.
ROOMS = [
    *("errors", "files", "limits", "folders", "progress", "processes", "reprs"),
    *("codec", "datasets", "transforms", "models", "pretext", "train", "pretrained", "evaluate"),
    *("course", "cli"),
]
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    """The room a file of the package belongs to; "" for the front door, cvrl_lite/__init__.py."""
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def imported_rooms(source: str, package: list[str]) -> set[str]:
    """The rooms a source imports; `package` is the dotted name of the package the file lies in."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            targets = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = base + (node.module.split(".") if node.module else [])
            targets = [[*base, alias.name] for alias in node.names]
        else:
            continue
        found |= {target[1] for target in targets if target[0] == "cvrl_lite" and len(target) > 1}
    return found


@pytest.mark.parametrize(
    ("source", "rooms"),
    [
        ("import cvrl_lite.codec.reader", {"codec"}),
        ("from cvrl_lite import datasets, files", {"datasets", "files"}),
        ("def f():\n    from cvrl_lite.models.tiny import Tiny", {"models"}),
        ("from . import raster", {"codec"}),
        ("from ..errors import VideoError", {"errors"}),
        ("import numpy as np", set()),
    ],
)
def test_the_import_parser_sees_every_kind(source: str, rooms: set[str]) -> None:
    assert imported_rooms(source, ["cvrl_lite", "codec"]) == rooms


def test_a_room_imports_only_from_below() -> None:
    wrong = []
    for path in MODULES:
        room = room_of(path)
        if not room:
            continue  # the front door may open on any room; what it loads is tested below
        assert room in ROOMS, f"{room} is not in the plan"
        package = ["cvrl_lite", *path.relative_to(PACKAGE).parts[:-1]]
        above = imported_rooms(path.read_text(encoding="utf-8"), package) & set(
            ROOMS[ROOMS.index(room) + 1 :]
        )
        if above:
            wrong.append(f"{path.relative_to(PACKAGE)} imports from {', '.join(sorted(above))}, above it")
    assert wrong == []


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("cvrl_lite", ("av", "matplotlib", "numpy", "sklearn", "torch", "tqdm")),
        ("cvrl_lite.codec", ("torch", "matplotlib")),
        ("cvrl_lite.datasets.moving_scenes", ("torch", "matplotlib")),
        ("cvrl_lite.train", ("av", "matplotlib", "sklearn")),
        ("cvrl_lite.cli", ("torch", "matplotlib", "sklearn")),  # so that --help answers at once
    ],
)
def test_an_import_stays_light(module: str, absent: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print(*[name for name in {absent!r} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == []


def test_what_lies_below_the_doors_of_codec_imports_none_of_them() -> None:
    doors = {path.stem for path in (PACKAGE / "codec").glob("*.py")}
    for path in (PACKAGE / "codec" / "_stream").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cvrl_lite.codec"):
                parts = f"{node.module}.{node.names[0].name}".split(".")
                assert parts[2] not in doors, f"{path.name} imports {node.module}, above it"


def too_long(path: Path) -> bool:
    """A module has at most 400 lines; a notebook 500 of code, since its prose is a text of its own."""
    lines = path.read_bytes().splitlines()
    if path.parent.name == "src":
        return sum(bool(line.strip()) and not line.startswith(b"#") for line in lines) > 500
    return len(lines) > 400


def test_no_file_is_too_long() -> None:
    folders = ("cvrl_lite", "tests", "benchmarks", "experiments", "examples", "notebooks")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert [path.relative_to(ROOT).as_posix() for path in files if too_long(path)] == []
